"""What to believe of an article that was fetched, and what it becomes. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum

from feedproxy.model import EXCERPT, HEURISTICS, MIRRORED, Article, ListingItem
from feedproxy.policy.dating import NEVER_DATED, redate

_FIRST = NEVER_DATED
# How far ahead one may lie: sites have time zones.
MOST_AHEAD = timedelta(days=1)
# Headlines are shortened and edited, but half of their characters stay.
_MIN_LIKENESS = 0.5


class ArticleOutcome(StrEnum):
    """What became of an article that was fetched; of one that was REDATED only a date that was a guess has changed."""

    NEW = "new"
    UPDATED = "updated"
    REDATED = "redated"
    SAME = "same"


def merge(held: Article | None, fetched: Article, now: datetime) -> tuple[Article, ArticleOutcome]:
    """Return what to store: an article that is held keeps its date, unless that was a guess; a change moves `updated`."""
    if held is None:
        return fetched, ArticleOutcome.NEW
    dated = redate(held, fetched.published, fetched.dated)
    kept = replace(fetched, published=dated.published, updated=dated.updated, dated=dated.dated)
    if replace(kept, rule=held.rule) == dated:
        return dated, ArticleOutcome.SAME if dated == held else ArticleOutcome.REDATED
    return replace(kept, updated=max(now, dated.updated)), ArticleOutcome.UPDATED


def is_better_copy(held: Article, copy: Article, *, is_told: bool) -> bool:
    """Tell whether what another mirror has takes the place of what is held.

    Of an excerpt, or what only heuristics found, any copy does; of another copy, a later one; of what came from upstream
    itself, only one of which the other mirror has told (*is_told*) that it changed later.
    """
    if held.rule in (EXCERPT, HEURISTICS):
        return copy.rule != EXCERPT
    return copy.updated > held.updated if is_told else held.rule == MIRRORED


def rejection_reason(
    held: Article | None, fetched: Article, item: ListingItem, *, has_rules: bool
) -> str:
    """Return why a fetched article is not to be believed, "" if it is.

    Where a site has rules, what only heuristics find may be an error page: it never takes the place of what the
    rules found, and must have the headline that the listing promised; of one that was asked for, none did.
    """
    if held and held.site != fetched.site:
        return f"its ID {item.id} is taken by an article of {held.site}; give one of the sites other IDs"
    if fetched.rule != HEURISTICS or not has_rules:
        return ""
    if held and held.rule not in (HEURISTICS, EXCERPT):
        return "the site's rules match no more; the copy that is held stays"
    if SequenceMatcher(None, item.title, fetched.title).ratio() < _MIN_LIKENESS:
        return f"the site's rules don't match, and its headline {fetched.title[:50]!r} is not the listing's"
    return ""


def credible(published: datetime | None, now: datetime) -> datetime | None:
    """Return a date of publication if it can be one: not from before the Web, and not from tomorrow on."""
    is_credible = published is not None and _FIRST <= published <= now + MOST_AHEAD
    return published.replace(microsecond=0) if published and is_credible else None
