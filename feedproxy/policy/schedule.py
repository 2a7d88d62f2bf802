"""When: which channels and articles are due, and when to come back to each. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest

from feedproxy.model import Channel, ChannelState, Page, PollRules, Section, Url, Waiting
from feedproxy.policy.credibility import MOST_AHEAD

_MAX_DOUBLINGS = 16
# A picture's longest wait.
_PICTURE_MINUTES = 30 * 24 * 60
# How often a channel is polled between two articles: on average an article is seen after a sixteenth of their distance.
_POLLS_FOR_AN_ARTICLE = 8
# By how much of itself a wait may be longer, so that what began together does not stay together.
_JITTER = 0.1
_ADOPTED_AFTER = timedelta(days=1)
# What upstream says of its freshness counts up to here, as its patience does.
_MOST_SAID = timedelta(days=1)
# From so many failures of an article on, its waits grow beyond the longest interval, up to so many of it.
MANY_TRIES, _MOST_INTERVALS = 12, 28


def due_channels(
    channels: Iterable[Channel], states: Mapping[str, ChannelState], now: datetime, rules: PollRules
) -> list[Channel]:
    """Return the channels whose time has come, the longest overdue first, never polled ones in the configured order.

    A time that was set by a clock that has jumped back since has come: what was done last lies ahead, or the time lies further
    ahead than any wait.
    """
    times = [
        (_due_at(states[channel.id], now, rules), channel)
        if channel.id in states
        else (None, channel)
        for channel in channels
    ]
    overdue = sorted(
        ((at, channel) for at, channel in times if at is not None and at <= now),
        key=lambda pair: pair[0],
    )
    return [channel for at, channel in times if at is None] + [channel for _, channel in overdue]


def first_polls(
    channels: Sequence[Channel], states: Mapping[str, ChannelState], now: datetime, rules: PollRules
) -> dict[str, datetime]:
    """Return when to poll the channels that never were: one after the other, so that a fresh start is no burst."""
    never = [
        channel.id
        for channel in channels
        if channel.id not in states or states[channel.id].next_poll_at is None
    ]
    step = timedelta(minutes=rules.first_polls_minutes) / max(1, len(never))
    return {channel: now + at * step for at, channel in enumerate(never)}


def horizon(now: datetime, rules: PollRules) -> datetime:
    """Return the latest moment that a wait of a channel or article may have set: what lies beyond is not believed."""
    longest_wait = max(timedelta(minutes=rules.max_interval_minutes * _MOST_INTERVALS), _MOST_SAID)
    return now + longest_wait + MOST_AHEAD + timedelta(hours=max(rules.check_hours, default=0))


def in_turns(sections: Iterable[Section]) -> list[Channel]:
    """Return all channels, each once: the first of every section, then the second, so that no section waits for another."""
    rounds = zip_longest(*(section.channels for section in sections))
    return list({channel.id: channel for turn in rounds for channel in turn if channel}.values())


def due_articles(
    waiting: Iterable[Waiting],
    now: datetime,
    rules: PollRules,
    *,
    round_began: datetime | None = None,
) -> list[Waiting]:
    """Return what to fetch now, oldest first, so that a feed grows in order; *waiting* is in the listing's order.

    With *round_began* everything is due that was not tried since then, whatever its back-off says, but for what is only
    to be looked at again.
    """
    latest = horizon(now, rules)
    due = [
        each
        for each in waiting
        if each.try_at is None
        or each.try_at <= now
        or each.try_at > latest
        or _was_later(each, now)
    ]
    if round_began is not None:
        due = [
            each
            for each in waiting
            if each in due or (each.tries and each.tried_at and each.tried_at < round_began)
        ]
        due = [each for each in due if each.tried_at is None or each.tried_at < round_began]
    return due[::-1]


def after_poll(
    state: ChannelState,
    rules: PollRules,
    now: datetime,
    *,
    published: Sequence[datetime] = (),
    fresh_s: float = 0,
    quiet_until: datetime | None = None,
    was_asked: bool = True,
) -> ChannelState:
    """Return a channel's state after a poll: when it is due follows how often it publishes, and what upstream says.

    Args:
        state: its state; with `last_error` the poll has failed.
        rules: the bounds.
        now: when the poll ended.
        published: when its latest articles were published, newest first.
        fresh_s: for how many seconds upstream says that the listing is fresh.
        quiet_until: how long its host wants to be left alone.
        was_asked: a poll in which nobody was asked is no failure of the channel's: it is due once its host may be asked.

    After failures it is due later and later, up to the longest interval, but never not at all; one success resets that.

    """
    if not was_asked:
        return replace(
            state,
            polled_at=now,
            next_poll_at=quiet_until or now + timedelta(minutes=rules.min_interval_minutes),
        )
    if state.last_error:
        failures = state.failures + 1
        minutes = _doubled(rules.min_interval_minutes, failures, rules.max_interval_minutes)
        state = replace(state, failures=failures)
    else:
        state = replace(state, failures=0, succeeded_at=now)
        own_minutes = max(_interval_minutes(published, rules, now), rules.min_interval_minutes)
        minutes = min(own_minutes, rules.max_interval_minutes)
    said = (
        timedelta(0)
        if state.last_error
        else min(timedelta(seconds=max(fresh_s, state.ttl_s)), _MOST_SAID)
    )
    next_poll_at = now + max(timedelta(minutes=_jittered(minutes, f"{state.channel} {now}")), said)
    return replace(
        state,
        polled_at=now,
        next_poll_at=max(next_poll_at, quiet_until) if quiet_until else next_poll_at,
    )


def is_fallback_due(state: ChannelState, rules: PollRules, now: datetime) -> bool:
    """Tell whether a channel's first source has failed for so long that another is to be asked; one that never answered has."""
    return state.own_at is None or now - state.own_at >= timedelta(hours=rules.fallback_hours)


def next_try(tries: int, rules: PollRules, now: datetime) -> datetime:
    """Return when to fetch an article again that has just failed, after *tries* failures before.

    What has failed very often will hardly come, and is asked for less and less, but not never.
    """
    longest = rules.max_interval_minutes * (1 if tries < MANY_TRIES else _MOST_INTERVALS)
    return now + timedelta(minutes=_doubled(rules.retry_minutes, tries, longest))


def next_picture_try(tries: int, rules: PollRules, now: datetime) -> datetime:
    """Return when to fetch a picture again; most of those that are gone stay gone, so it goes on being rarer for a month."""
    return now + timedelta(minutes=_doubled(rules.retry_minutes, tries, _PICTURE_MINUTES))


def next_check(published: datetime, rules: PollRules, now: datetime) -> datetime | None:
    """Return when to look whether an article was corrected, None if it is too old for that.

    >>> rules = PollRules(10, 360, 2, 5, (1, 6, 24), 24, True, 30)
    >>> next_check(datetime(2031, 5, 6, 7), rules, datetime(2031, 5, 6, 9))
    datetime.datetime(2031, 5, 6, 13, 0)
    """
    checks = (published + timedelta(hours=hours) for hours in rules.check_hours)
    return next((check for check in checks if check > now), None)


def is_young(waiting: Waiting, published: datetime | None, rules: PollRules, now: datetime) -> bool:
    """Tell whether an article is so young that what it lacks may still be added."""
    return _is_patient(published or waiting.item.published or waiting.seen or now, rules, now)


def is_waited_for(waiting: Waiting, rules: PollRules, now: datetime) -> bool:
    """Tell whether an article's text may still be waited for: since it was published and seen."""
    return _is_patient(
        max(filter(None, (waiting.item.published, waiting.seen)), default=now), rules, now
    )


def remember_redirect(
    channel: Channel, state: ChannelState, asked: Url, page: Page, now: datetime
) -> ChannelState:
    """Return a channel's state with where permanent redirects lead, since when; one that leads nowhere else ends that."""
    if not page.moved or page.url == asked:
        return (
            state
            if asked == state.moved_to
            else replace(state, moved_from="", moved_to="", moved_since=None)
        )
    since = (
        state.moved_since if state.moved_to == page.url and state.moved_from == channel.url else now
    )
    return replace(state, moved_from=channel.url, moved_to=page.url, moved_since=since)


def effective_url(channel: Channel, state: ChannelState, now: datetime) -> Url:
    """Return where to ask for a channel's listing: where a permanent redirect has led for a day, if one has.

    An operator's mistake upstream, or an attack, is seldom as old (RFC 9110, 15.4.2, lets a client choose). The first poll of a
    day asks at the configured address all the same, which may answer by itself again.
    """
    is_ours = (
        state.moved_from == channel.url
    )  # and not that of an address that was configured before
    is_adopted = (
        is_ours
        and state.moved_to
        and state.moved_since
        and state.moved_since + _ADOPTED_AFTER <= now
    )
    is_first = state.polled_at is None or state.polled_at.date() != now.date()
    return Url(state.moved_to) if is_adopted and not is_first else channel.url


def _is_patient(since: datetime, rules: PollRules, now: datetime) -> bool:
    return (now - since) / timedelta(hours=1) < rules.patience_hours


def _doubled(minutes: float, times: int, longest: float) -> float:
    """Return a wait that was doubled so many times, up to the longest one."""
    return min(minutes * 2.0 ** min(times, _MAX_DOUBLINGS), longest)


def _due_at(state: ChannelState, now: datetime, rules: PollRules) -> datetime:
    at = state.next_poll_at or now
    was_later = state.polled_at is not None and state.polled_at > now
    return now if was_later or at > horizon(now, rules) else at


def _was_later(waiting: Waiting, now: datetime) -> bool:
    return waiting.tried_at is not None and waiting.tried_at > now


def _interval_minutes(published: Sequence[datetime], rules: PollRules, now: datetime) -> float:
    """Return how long to wait at a channel's own pace; the time since its last article counts as a part of it."""
    past = [moment for moment in published if moment <= now]
    if not past:
        return rules.max_interval_minutes
    distance = (now - min(past)) / len(past)
    return distance / timedelta(minutes=1) / _POLLS_FOR_AN_ARTICLE


def _jittered(minutes: float, seed: str) -> float:
    """Return a wait that is up to a tenth longer, by chance that is the same for the same *seed*."""
    chance = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") / 2**32
    return minutes * (1 + _JITTER * chance)
