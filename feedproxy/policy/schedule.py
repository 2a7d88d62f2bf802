"""Decide which channels and articles are due, and when each is due next. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest

from feedproxy.model import Channel, ChannelState, Page, PollRules, Section, Url, Waiting
from feedproxy.policy.credibility import MOST_AHEAD

_MAX_DOUBLINGS = 16
# Longest back-off for a picture.
_PICTURE_MINUTES = 30 * 24 * 60
# Polls of a channel per article that it publishes: on average an article is seen after a sixteenth
# of the interval between two articles.
_POLLS_FOR_AN_ARTICLE = 8
# Maximum jitter as a fraction of a wait; it spreads channels that were first polled together.
_JITTER = 0.1
# Age at which a permanent redirect is adopted.
_ADOPTED_AFTER = timedelta(days=1)
# Upper bound for the freshness lifetime that upstream gives; Retry-After has the same bound.
_MOST_SAID = timedelta(days=1)
# From MANY_TRIES failures on, an article's back-off grows beyond the longest polling interval, up
# to _MOST_INTERVALS times that interval.
MANY_TRIES, _MOST_INTERVALS = 12, 28


def due_channels(
    channels: Iterable[Channel], states: Mapping[str, ChannelState], now: datetime, rules: PollRules
) -> list[Channel]:
    """Return the due channels, the longest overdue first.

    Channels without a state come before all others, in the configured order. If the clock was set
    back, due times stored before are wrong; a channel counts as due if its last poll is in the
    future, or its due time is further ahead than any wait.
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
    """Return the first poll times of channels that were never polled.

    They are spread over `first_polls_minutes`, to avoid a burst of requests after the first start.
    """
    never = [
        channel.id
        for channel in channels
        if channel.id not in states or states[channel.id].next_poll_at is None
    ]
    step = timedelta(minutes=rules.first_polls_minutes) / max(1, len(never))
    return {channel: now + at * step for at, channel in enumerate(never)}


def horizon(now: datetime, rules: PollRules) -> datetime:
    """Return the latest plausible due time of a channel or article; later ones are ignored."""
    longest_wait = max(timedelta(minutes=rules.max_interval_minutes * _MOST_INTERVALS), _MOST_SAID)
    return now + longest_wait + MOST_AHEAD + timedelta(hours=max(rules.check_hours, default=0))


def in_turns(sections: Iterable[Section]) -> list[Channel]:
    """Return all channels once, in round-robin order of the sections, so that none has to wait."""
    rounds = zip_longest(*(section.channels for section in sections))
    return list({channel.id: channel for turn in rounds for channel in turn if channel}.values())


def due_articles(
    waiting: Iterable[Waiting],
    now: datetime,
    rules: PollRules,
    *,
    round_began: datetime | None = None,
) -> list[Waiting]:
    """Return the due articles, oldest first, so that a feed grows in order.

    *waiting* is in the listing's order. With *round_began*, ignore back-off for failed articles
    last tried before *round_began*, and leave out articles tried since. Articles that wait for a
    check, without a failure, are due at their own time.
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
    """Return a channel's state after a poll, with the time of the next poll.

    That time depends on how often the channel publishes, and on upstream's freshness information.
    After failures the interval doubles each time, up to the longest interval; polling never stops.
    A success resets it.

    Args:
        state: the channel's state; `last_error` is set if the poll has failed.
        rules: the bounds of the interval.
        now: the time at which the poll ended.
        published: the publication times of the latest articles, newest first.
        fresh_s: the freshness lifetime of the listing in seconds, as given by upstream.
        quiet_until: the time before which the host accepts no requests, for example by Retry-After.
        was_asked: False if no request was sent. This is no failure of the channel; it is due again
            when requests to its host are allowed.

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
    requested_wait = (
        timedelta(0)
        if state.last_error
        else min(timedelta(seconds=max(fresh_s, state.ttl_s)), _MOST_SAID)
    )
    next_poll_at = now + max(
        timedelta(minutes=_jittered(minutes, f"{state.channel} {now}")), requested_wait
    )
    return replace(
        state,
        polled_at=now,
        next_poll_at=max(next_poll_at, quiet_until) if quiet_until else next_poll_at,
    )


def is_fallback_due(state: ChannelState, rules: PollRules, now: datetime) -> bool:
    """Return whether a channel's first source has failed for at least `fallback_hours`.

    True also for a source that has never answered.
    """
    return state.own_at is None or now - state.own_at >= timedelta(hours=rules.fallback_hours)


def next_try(tries: int, rules: PollRules, now: datetime) -> datetime:
    """Return when to retry an article that has just failed, after *tries* earlier failures.

    The interval doubles up to the longest polling interval. After MANY_TRIES failures success is
    unlikely, and the interval may grow further, but retries never stop.
    """
    longest = rules.max_interval_minutes * (1 if tries < MANY_TRIES else _MOST_INTERVALS)
    return now + timedelta(minutes=_doubled(rules.retry_minutes, tries, longest))


def next_picture_try(tries: int, rules: PollRules, now: datetime) -> datetime:
    """Return when to retry a picture; the interval doubles up to 30 days, as most never return."""
    return now + timedelta(minutes=_doubled(rules.retry_minutes, tries, _PICTURE_MINUTES))


def next_check(published: datetime, rules: PollRules, now: datetime) -> datetime | None:
    """Return the time of the next check for corrections, None if the article is too old for one.

    >>> rules = PollRules(10, 360, 2, 5, (1, 6, 24), 24, True, 30)
    >>> next_check(datetime(2031, 5, 6, 7), rules, datetime(2031, 5, 6, 9))
    datetime.datetime(2031, 5, 6, 13, 0)
    """
    checks = (published + timedelta(hours=hours) for hours in rules.check_hours)
    return next((check for check in checks if check > now), None)


def is_young(waiting: Waiting, published: datetime | None, rules: PollRules, now: datetime) -> bool:
    """Return whether an article is young enough for upstream to add missing content."""
    return _is_patient(published or waiting.item.published or waiting.seen or now, rules, now)


def is_waited_for(waiting: Waiting, rules: PollRules, now: datetime) -> bool:
    """Return whether to keep waiting for an article's text: `patience_hours` have not passed.

    They begin when the article was published or first seen, whichever is later.
    """
    return _is_patient(
        max(filter(None, (waiting.item.published, waiting.seen)), default=now), rules, now
    )


def note_redirect(
    channel: Channel, state: ChannelState, requested: Url, page: Page, now: datetime
) -> ChannelState:
    """Return a channel's state with the target of its permanent redirects and their first time.

    A response without a permanent redirect clears both, unless the recorded target was requested.
    """
    if not page.moved or page.url == requested:
        return (
            state
            if requested == state.moved_to
            else replace(state, moved_from="", moved_to="", moved_since=None)
        )
    since = (
        state.moved_since if state.moved_to == page.url and state.moved_from == channel.url else now
    )
    return replace(state, moved_from=channel.url, moved_to=page.url, moved_since=since)


def effective_url(channel: Channel, state: ChannelState, now: datetime) -> Url:
    """Return the URL to request for a channel's listing.

    This is the target of a permanent redirect that has lasted for a day, else the configured URL.
    A mistake of upstream's operator, or an attack, seldom lasts as long (RFC 9110, 15.4.2, lets a
    client choose). The first poll of each day requests the configured URL anyway, as it may answer
    by itself again.
    """
    # a redirect of a URL that was configured before does not count
    is_ours = state.moved_from == channel.url
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
    """Return *minutes* doubled *times* times, at most *longest*."""
    return min(minutes * 2.0 ** min(times, _MAX_DOUBLINGS), longest)


def _due_at(state: ChannelState, now: datetime, rules: PollRules) -> datetime:
    at = state.next_poll_at or now
    was_later = state.polled_at is not None and state.polled_at > now
    return now if was_later or at > horizon(now, rules) else at


def _was_later(waiting: Waiting, now: datetime) -> bool:
    return waiting.tried_at is not None and waiting.tried_at > now


def _interval_minutes(published: Sequence[datetime], rules: PollRules, now: datetime) -> float:
    """Return the polling interval that follows from a channel's publication times.

    The mean distance between articles includes the time since the last one, so that the interval
    grows while nothing is published.
    """
    past = [moment for moment in published if moment <= now]
    if not past:
        return rules.max_interval_minutes
    distance = (now - min(past)) / len(past)
    return distance / timedelta(minutes=1) / _POLLS_FOR_AN_ARTICLE


def _jittered(minutes: float, seed: str) -> float:
    """Return *minutes* plus a jitter of up to a tenth, derived from *seed* by a hash."""
    chance = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") / 2**32
    return minutes * (1 + _JITTER * chance)
