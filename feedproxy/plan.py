"""What is new, what is due, when to come back: decide apart from doing. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest

from feedproxy.model import HEURISTICS, Article, ArticleId, Channel, ChannelState, ListingItem, PollRules, Section, Waiting

_MAX_DOUBLINGS = 16
# A picture's longest wait, in longest waits of an article.
_PICTURE_DAYS = 30
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
# Headlines are shortened and edited, but half of their characters stay.
_MIN_LIKENESS = 0.5


class Outcome(StrEnum):
    """What became of an article that was fetched."""

    NEW = "new"
    UPDATED = "updated"
    SAME = "same"


def due_channels(channels: Iterable[Channel], states: dict[str, ChannelState], now: datetime) -> list[Channel]:
    """Return the channels whose time has come, the longest overdue first, never polled ones in the configured order."""
    due = [(states[channel.id].next_poll_at or now, channel) if channel.id in states else (None, channel) for channel in channels]
    overdue = sorted(((at, channel) for at, channel in due if at is not None and at <= now), key=lambda pair: pair[0])
    return [channel for at, channel in due if at is None] + [channel for _, channel in overdue]


def in_turns(sections: Iterable[Section]) -> list[Channel]:
    """Return all channels, each once: the first of every section, then the second, so that no section waits for another."""
    rounds = zip_longest(*(section.channels for section in sections))
    return list({channel.id: channel for turn in rounds for channel in turn if channel}.values())


def due_articles(waiting: Iterable[Waiting], now: datetime, *, round_began: datetime | None = None) -> list[Waiting]:
    """Return what to fetch now, oldest first, so that a feed grows in order; *waiting* is in the listing's order.

    With *round_began* everything is due that was not tried since then, whatever its back-off says.
    """
    if round_began is None:
        due = [each for each in waiting if each.try_at is None or each.try_at <= now]
    else:
        due = [each for each in waiting if each.tried_at is None or each.tried_at < round_began]
    return due[::-1]


def after_poll(state: ChannelState, rules: PollRules, now: datetime, *, was_asked: bool = True) -> ChannelState:
    """Return a channel's state after a poll: due on time after a success, later and later after failures, never not at all.

    A poll in which nobody was asked is no failure of the channel's.
    """
    failures = state.failures + was_asked if state.last_error else 0
    wait = min(rules.interval_minutes * 2 ** min(failures, _MAX_DOUBLINGS), rules.max_interval_minutes)
    return replace(state, polled_at=now, next_poll_at=now + timedelta(minutes=wait), failures=failures)


def next_try(tries: int, rules: PollRules, now: datetime) -> datetime:
    """Return when to fetch an article again that has just failed, after *tries* failures before."""
    return now + timedelta(minutes=min(rules.retry_minutes * 2 ** min(tries, _MAX_DOUBLINGS), rules.max_interval_minutes))


def next_picture_try(tries: int, rules: PollRules, now: datetime) -> datetime:
    """Return when to fetch a picture again; most of those that are gone stay gone, so it goes on being rarer for a month."""
    wait = min(rules.retry_minutes * 2 ** min(tries, _MAX_DOUBLINGS), _PICTURE_DAYS * rules.max_interval_minutes)
    return now + timedelta(minutes=wait)


def settle(held: Article | None, fetched: Article, now: datetime) -> tuple[Article, Outcome]:
    """Return what to store: an article that is held keeps its identity and its date; a change moves `updated`."""
    if held is None:
        return fetched, Outcome.NEW
    kept = replace(fetched, entry_id=held.entry_id, published=held.published, updated=held.updated)
    if replace(kept, rule=held.rule) == held:
        return held, Outcome.SAME
    return replace(kept, updated=max(now, held.updated)), Outcome.UPDATED


def doubt(held: Article | None, fetched: Article, item: ListingItem, *, has_rules: bool) -> str:
    """Return why a fetched article is not to be believed, "" if it is.

    Where a site has rules, what only heuristics find may be an error page: it never takes the place of what the
    rules found, and must have the headline that the listing promised; of one that was asked for, none did.
    """
    if held and held.site != fetched.site:
        return f"its ID {item.id} is taken by an article of {held.site}; give one of the sites other IDs"
    if fetched.rule != HEURISTICS or not has_rules:
        return ""
    if held and held.rule != HEURISTICS:
        return "the site's rules match no more; the copy that is held stays"
    if SequenceMatcher(None, item.title, fetched.title).ratio() < _MIN_LIKENESS:
        return f"the site's rules don't match, and its headline {fetched.title[:50]!r} is not the listing's"
    return ""


def credible(published: datetime | None, now: datetime) -> datetime | None:
    """Return a date of publication if it can be one: not from before the Web, and not from tomorrow on."""
    is_credible = published is not None and _FIRST <= published <= now + timedelta(days=1)
    return published.replace(microsecond=0) if published and is_credible else None


def entry_id(site: str, published: datetime, article_id: ArticleId) -> str:
    """Return an entry's permanent ID, a ``tag:`` URI (RFC 4151) of the site, the day in its time zone, and the article's ID.

    >>> entry_id("example.org", datetime(2021, 11, 9), ArticleId("n1"))
    'tag:example.org,2021-11-09:n1'
    """
    return f"tag:{site},{published:%Y-%m-%d}:{article_id}"
