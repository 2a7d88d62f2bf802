"""Decide whether a fetched article is credible, and merge it with the stored one. Pure."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum

from feedproxy.model import EXCERPT, FEED, HEURISTICS, MIRRORED, Article, ListingItem
from feedproxy.policy.dating import NEVER_DATED, redate
from feedproxy.policy.quality import covered

_FIRST = NEVER_DATED
# How far in the future a date may be, to allow for differences of time zones.
MOST_AHEAD = timedelta(days=1)
# Minimum similarity of an article's headline and the listing's: headlines are shortened and edited,
# but half of their characters stay.
_MIN_LIKENESS = 0.5
# Longer texts are articles; and the share of an excerpt by which a page is known to be the one.
_MAX_WALL_CHARACTERS, _MIN_EXCERPT_SHARE = 300, 0.3
# How many more characters of an alphabet say as much as an ideograph.
_WORD_CHARACTERS, _IDEOGRAPHS = 2, re.compile("[\u3400-\u9fff]")


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


def is_other_page(item: ListingItem, titles: Collection[str], text: str) -> bool:
    """Return whether a page without rules is another one than the listing promised.

    Walls, consent pages and error pages with the status 200 are short, and have neither the
    listing's headline nor words of its excerpt.
    """
    size = len("".join(text.split())) + _WORD_CHARACTERS * len(_IDEOGRAPHS.findall(text))
    if not item.title or size > _MAX_WALL_CHARACTERS:
        return False
    wanted, page = _squeezed(item.title), _squeezed(text)
    if wanted in page or (item.excerpt and covered(item.excerpt, text) >= _MIN_EXCERPT_SHARE):
        return False
    likeness = (SequenceMatcher(None, wanted, _squeezed(title)).ratio() for title in titles)
    is_named = any(wanted in _squeezed(title) for title in titles)
    return bool(titles) and not is_named and max(likeness, default=0) < _MIN_LIKENESS


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
