"""Estimate publication dates of undated articles: by neighbours, ID, or first sighting. Pure."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from feedproxy.model import Article, ArticleId, DateSource, ListingItem

# The date of an article whose date is unknown. No credible date is earlier, so such an article is
# never on top of a feed.
NEVER_DATED = datetime(1990, 1, 1, tzinfo=UTC)
# The date sources that are upstream's own, and all sources except UNKNOWN.
DATED = tuple(each for each in DateSource if not each.is_guess)
ALL_KNOWN = tuple(each for each in DateSource if each is not DateSource.UNKNOWN)
# The resolution of dates in feeds is one second.
_STEP, _DAY = timedelta(seconds=1), timedelta(days=1)
# Maximum number of pinned articles: articles that are stored already and stand above a new one.
_MOST_PINNED = 3
_NUMBERED = re.compile(r"(?P<prefix>\D*)(?P<number>\d{1,30})")
Date = tuple[datetime, DateSource]


class Sighting(StrEnum):
    """The occasion on which a listing was read.

    NEW: a poll of a channel that was polled before, so unknown articles are new. GAP: a further
    page, read to close a gap down to articles seen before. PAST: any other, such as the first poll
    or a page of a backfill.
    """

    NEW = "new"
    GAP = "gap"
    PAST = "past"


def interpolate(dates: Sequence[datetime | None]) -> list[datetime | None]:
    """Return *dates*, newest first, with each None replaced by a date interpolated from neighbours.

    Between two dates the new ones are spread evenly. Beyond the first or last date, and between
    dates in the wrong order, they are a second apart. Without any date the result is all None.

    >>> day = datetime(2031, 5, 6)
    >>> [
    ...     each and each.hour
    ...     for each in interpolate([day.replace(hour=9), None, day.replace(hour=7), None])
    ... ]
    [9, 8, 7, 6]
    """
    filled = list(dates)
    known = [at for at, date in enumerate(dates) if date]
    if not known:
        return filled
    for above, below in pairwise((None, *known, None)):
        first = 0 if above is None else above + 1
        last = len(filled) if below is None else below
        newer = filled[above] if above is not None else None
        older = filled[below] if below is not None else None
        for at in range(first, last):
            filled[at] = _between(newer, older, at - first + 1, last - first + 1)
    return filled


def _between(
    newer: datetime | None, older: datetime | None, place: int, parts: int
) -> datetime | None:
    if newer and older and newer > older:
        return (newer - (newer - older) * place / parts).replace(microsecond=0)
    # also if the one above is older than the one below, as with pinned articles
    if newer:
        return newer - place * _STEP
    return older + (parts - place) * _STEP if older else None


def date_items(
    items: Sequence[ListingItem],
    stored: Mapping[ArticleId, Date],
    sighting: Sighting,
    anchor: datetime,
) -> list[ListingItem]:
    """Return a listing's items, newest first, each with a date.

    Args:
        items: the items of the listing; their dates are upstream's or from their URLs.
        held: the dates of the stored articles among them.
        sighting: the occasion on which the listing was read.
        anchor: the time of the poll; for further pages, the date of the oldest article above them.

    Returns:
        New, undated items on top of a polled listing get *anchor* (SEEN), minus a second per
        position. Other undated items get a date interpolated from their neighbours (ESTIMATED).
        Without any dated neighbour they get dates before *anchor* that only preserve the order
        (ESTIMATED on a page of a gap, else UNKNOWN).

    """
    anchor = anchor.replace(microsecond=0)
    seen = _date_new(items, stored, anchor) if sighting is Sighting.NEW else list(items)
    spread = _spread_days(seen)
    known = [item.published or _known(stored.get(item.id)) for item in spread]
    filled = interpolate(known)
    mark = DateSource.ESTIMATED if any(known) or sighting is Sighting.GAP else DateSource.UNKNOWN
    return [
        item
        if item.published
        else replace(item, published=date or anchor - place * _STEP, dated=mark)
        for place, (item, date) in enumerate(zip(spread, filled, strict=True))
    ]


def _known(date: Date | None) -> datetime | None:
    return date[0] if date and date[1] is not DateSource.UNKNOWN else None


def _date_new(
    items: Sequence[ListingItem], stored: Mapping[ArticleId, Date], anchor: datetime
) -> list[ListingItem]:
    """Return the items with dates for new items, which stand above all items with a date.

    Up to `_MOST_PINNED` stored articles may be pinned above a new item. A new item without a date
    gets *anchor*, minus a second per position. So does one whose URL has only the day of *anchor*.
    """
    positions = [at for at, item in enumerate(items) if item.id in stored]
    end = positions[min(_MOST_PINNED, len(positions) - 1)] if positions else len(items)
    dated = list(items)
    for at, item in enumerate(items[:end]):
        moment = anchor - at * _STEP
        is_of_today = (
            item.dated is DateSource.ADDRESS
            and item.published
            and item.published <= moment < item.published + _DAY
        )
        if item.id in stored:
            continue
        if is_of_today:
            dated[at] = replace(item, published=moment)
        elif item.published:
            break
        else:
            dated[at] = replace(item, published=moment, dated=DateSource.SEEN)
    return dated


def _spread_days(items: Sequence[ListingItem]) -> list[ListingItem]:
    """Return the items with dates from URLs, exact to the day, adjusted to the listing's order."""
    spread = list(items)
    for at in range(len(spread) - 2, -1, -1):
        item, below = spread[at], spread[at + 1]
        if (
            item.published is None
            or below.published is None
            or not item.dated is below.dated is DateSource.ADDRESS
        ):
            continue
        if item.published <= below.published < item.published + _DAY:
            spread[at] = replace(item, published=below.published + _STEP)
    return spread


def estimate_by_id(
    wanted: Collection[ArticleId], dated: Mapping[ArticleId, datetime]
) -> dict[ArticleId, datetime]:
    """Return dates for the *wanted* articles with numbered IDs.

    They are interpolated from the dated articles with the nearest numbers.

    >>> day = datetime(2031, 5, 6)
    >>> estimate_by_id(["n5"], {"n4": day.replace(hour=8), "n9": day.replace(hour=10)})
    {'n5': datetime.datetime(2031, 5, 6, 9, 0)}
    """
    numbered: dict[str, list[tuple[int, ArticleId]]] = defaultdict(list)
    for article_id in {*wanted, *dated}:
        if match := _NUMBERED.fullmatch(article_id):
            numbered[match["prefix"]].append((int(match["number"]), article_id))
    found: dict[ArticleId, datetime] = {}
    for series in numbered.values():
        ids = [article_id for _, article_id in sorted(series, reverse=True)]
        dates = interpolate([None if each in wanted else dated[each] for each in ids])
        found.update(
            (each, date) for each, date in zip(ids, dates, strict=True) if date and each in wanted
        )
    return found


def estimate_all(
    orders: Sequence[Sequence[ArticleId]],
    dates: Mapping[ArticleId, Date],
    by_id: Mapping[ArticleId, datetime],
) -> dict[ArticleId, Date]:
    """Return new dates for the articles whose source in *dates* is UNKNOWN.

    A date is interpolated from neighbours in the first of *orders* (each newest first) with a dated
    article, else taken from *by_id*. Else the article gets a date near `NEVER_DATED`, which stays
    UNKNOWN and only preserves the order.
    """
    found: dict[ArticleId, Date] = {}
    shown = [[each for each in order if each in dates] for order in orders]
    unknown = {each for each, (_, dated) in dates.items() if dated is DateSource.UNKNOWN}
    for order in shown:
        for article_id, date in zip(
            order, interpolate([_known(dates[each]) for each in order]), strict=True
        ):
            if date and article_id in unknown:
                found.setdefault(article_id, (date, DateSource.ESTIMATED))
    for article_id in unknown - found.keys():
        if article_id in by_id:
            found[article_id] = (by_id[article_id], DateSource.ESTIMATED)
    for order in shown:
        rest = [each for each in order if each in unknown - found.keys()]
        found.update(
            (article_id, (NEVER_DATED + place * _STEP, DateSource.UNKNOWN))
            for place, article_id in enumerate(reversed(rest))
        )
    return found


def is_better_date(dated: DateSource, stored: DateSource) -> bool:
    """Return whether a date of source *dated* replaces a stored one of source *stored*.

    Upstream's date replaces an estimate, and any known date replaces an unknown one.
    """
    return stored.is_guess and (
        not dated.is_guess or (stored is DateSource.UNKNOWN and dated is not DateSource.UNKNOWN)
    )


def redate(stored: Article, published: datetime, dated: DateSource) -> Article:
    """Return an article with the given date if that is better than its own, else unchanged.

    An UNKNOWN date also replaces a different UNKNOWN one, to keep the order. A new date does not
    count as an update of the article.
    """
    is_order = stored.dated is dated is DateSource.UNKNOWN and published != stored.published
    if not is_order and not is_better_date(dated, stored.dated):
        return stored
    updated = published if stored.updated == stored.published else max(stored.updated, published)
    return replace(stored, published=published, updated=updated, dated=dated)
