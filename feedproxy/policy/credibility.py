"""Decide whether a fetched article is credible, and merge it with the stored one. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum

from feedproxy.model import EXCERPT, FEED, HEURISTICS, MIRRORED, Article, ListingItem
from feedproxy.policy.dating import NEVER_DATED, redate

_FIRST = NEVER_DATED
# How far in the future a date may be, to allow for differences of time zones.
MOST_AHEAD = timedelta(days=1)
# Minimum similarity of an article's headline and the listing's: headlines are shortened and edited,
# but half of their characters stay.
_MIN_LIKENESS = 0.5


class ArticleOutcome(StrEnum):
    """The outcome for a fetched article; REDATED means that only an estimated date has changed."""

    NEW = "new"
    UPDATED = "updated"
    REDATED = "redated"
    SAME = "same"


def merge(
    stored: Article | None, fetched: Article, now: datetime
) -> tuple[Article, ArticleOutcome]:
    """Return the article to store and the outcome.

    A stored article keeps its date unless that is an estimate. Any other change sets `updated`.
    """
    if stored is None:
        return fetched, ArticleOutcome.NEW
    dated = redate(stored, fetched.published, fetched.dated)
    kept = replace(fetched, published=dated.published, updated=dated.updated, dated=dated.dated)
    if replace(kept, rule=stored.rule) == dated:
        return dated, ArticleOutcome.SAME if dated == stored else ArticleOutcome.REDATED
    return replace(kept, updated=max(now, dated.updated)), ArticleOutcome.UPDATED


def is_better_copy(stored: Article, copy: Article, *, has_record: bool) -> bool:
    """Return whether a copy from another mirror replaces the stored article.

    An excerpt, or a text found by heuristics only, is replaced by any copy that is no excerpt. If
    the other mirror gave the time of the last change (*has_record*), a copy that changed later
    replaces any article. Without that time, a copy replaces only another copy.
    """
    if stored.rule in (EXCERPT, FEED, HEURISTICS):
        return copy.rule != EXCERPT
    return copy.updated > stored.updated if has_record else stored.rule == MIRRORED


def rejection_reason(
    stored: Article | None, fetched: Article, item: ListingItem, *, has_rules: bool
) -> str:
    """Return why a fetched article is rejected, "" if it is accepted.

    If a site has rules, a text found by heuristics only may be an error page. It never replaces a
    text found by the rules, and its headline must resemble the listing's. An article requested by
    a reader has no headline from a listing, so such a text is rejected.
    """
    if stored and stored.site != fetched.site:
        return (
            f"its ID {item.id} belongs to an article of {stored.site}; "
            "give one of the sites other IDs"
        )
    if fetched.rule != HEURISTICS or not has_rules:
        return ""
    if stored and stored.rule not in (HEURISTICS, EXCERPT, FEED):
        return "the site's rules no longer match; the stored copy stays"
    if SequenceMatcher(None, item.title, fetched.title).ratio() < _MIN_LIKENESS:
        return (
            f"the site's rules don't match, and its headline {fetched.title[:50]!r} "
            "is not the listing's"
        )
    return ""


def credible(published: datetime | None, now: datetime) -> datetime | None:
    """Return a publication date if it is credible, else None.

    A credible date is not before the Web (1990), and at most a day in the future.
    """
    is_credible = published is not None and _FIRST <= published <= now + MOST_AHEAD
    return published.replace(microsecond=0) if published and is_credible else None
