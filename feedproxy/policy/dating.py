"""When an article was published that gives no date itself: by its neighbours, by its ID, or as it was first seen. Pure."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from feedproxy.model import Article, ArticleId, DateSource, ListingItem

# The date of an article of which nothing is known. It leads no feed, as no credible date is earlier.
NEVER_DATED = datetime(1990, 1, 1, tzinfo=UTC)
# The sources of dates that upstream gives, and of all dates.
DATED = tuple(each for each in DateSource if not each.is_guess)
ALL_KNOWN = tuple(each for each in DateSource if each is not DateSource.UNKNOWN)
# Dates in feeds are exact to the second.
_STEP, _DAY = timedelta(seconds=1), timedelta(days=1)
# So many articles that were listed before may stand above one that is new, as they are pinned there.
_MOST_PINNED = 3
_NUMBERED = re.compile(r"(?P<prefix>\D*)(?P<number>\d{1,30})")
Date = tuple[datetime, DateSource]


class Sighting(StrEnum):
    """How a listing came to be read.

    NEW: by a poll of a channel that was polled before, so what it had not is new. GAP: a page below that, down to
    what was seen before. PAST: whatever else, as the first poll, and pages that are walked down.
    """

    NEW = "new"
    GAP = "gap"
    PAST = "past"


def interpolate(dates: Sequence[datetime | None]) -> list[datetime | None]:
    """Return *dates*, newest first, with those that are None filled in by their neighbours; all None if there is none.

    Between two they are spread evenly; beyond the first or last, and where the order is wrong, they are a second apart.

    >>> day = datetime(2031, 5, 6)
    >>> [each and each.hour for each in interpolate([day.replace(hour=9), None, day.replace(hour=7), None])]
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
    if newer:  # or older, where the one above is older than the one below: as pinned articles are
        return newer - place * _STEP
    return older + (parts - place) * _STEP if older else None


def date_items(
    items: Sequence[ListingItem],
    held: Mapping[ArticleId, Date],
    sighting: Sighting,
    anchor: datetime,
) -> list[ListingItem]:
    """Return a listing's items, newest first, each with a date.

    Args:
        items: what the listing shows; a date is upstream's, or that of the address.
        held: those that are held, with their dates.
        sighting: how the listing came to be read.
        anchor: the moment of the poll; for pages below, the date of the oldest article that the channel shows above.

    Returns:
        What gives no date and is new on top of a polled listing gets *anchor* (SEEN), all else a date by its neighbours
        (ESTIMATED). Where there are none, dates before *anchor* only keep the order (UNKNOWN).

    """
    anchor = anchor.replace(microsecond=0)
    seen = _date_new(items, held, anchor) if sighting is Sighting.NEW else list(items)
    spread = _spread_days(seen)
    known = [item.published or _known(held.get(item.id)) for item in spread]
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
    items: Sequence[ListingItem], held: Mapping[ArticleId, Date], anchor: datetime
) -> list[ListingItem]:
    """Have items that are new on top, above all others that give a date, have been published at *anchor*.

    So have those whose address has only the day of *anchor*.
    """
    places = [at for at, item in enumerate(items) if item.id in held]
    end = places[min(_MOST_PINNED, len(places) - 1)] if places else len(items)
    dated = list(items)
    for at, item in enumerate(items[:end]):
        moment = anchor - at * _STEP
        is_of_today = (
            item.dated is DateSource.ADDRESS
            and item.published
            and item.published <= moment < item.published + _DAY
        )
        if item.id in held:
            continue
        if is_of_today:
            dated[at] = replace(item, published=moment)
        elif item.published:
            break
        else:
            dated[at] = replace(item, published=moment, dated=DateSource.SEEN)
    return dated


def _spread_days(items: Sequence[ListingItem]) -> list[ListingItem]:
    """Have items that only their addresses date, to the day, keep the listing's order within a day."""
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
    """Return dates for those of *wanted* whose IDs are numbered, between those of the articles with the next numbers.

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
    """Return dates for those of *dates* that are UNKNOWN.

    They come from the neighbours in the first of *orders* (newest first) that tells, else from *by_id*; else dates near
    `NEVER_DATED`, which stay UNKNOWN, keep the order.
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


def is_better_date(dated: DateSource, held: DateSource) -> bool:
    """Tell whether a date takes the place of another: upstream's that of a guess, and any that of none."""
    return held.is_guess and (
        not dated.is_guess or (held is DateSource.UNKNOWN and dated is not DateSource.UNKNOWN)
    )


def redate(held: Article, published: datetime, dated: DateSource) -> Article:
    """Return an article with a date that is better than its own, else as it is.

    So is one that only keeps the order better. The article does not count as updated by it.
    """
    is_order = held.dated is dated is DateSource.UNKNOWN and published != held.published
    if not is_order and not is_better_date(dated, held.dated):
        return held
    updated = published if held.updated == held.published else max(held.updated, published)
    return replace(held, published=published, updated=updated, dated=dated)
