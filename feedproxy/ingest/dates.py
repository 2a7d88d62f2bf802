"""Dates for articles that upstream gives none: in a listing, in a batch that was fetched, and after an import."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from feedproxy import policy
from feedproxy.dates import date_in_address
from feedproxy.ingest.services import Services
from feedproxy.model import REQUESTED, Article, ArticleId, Channel, DateSource, ListingItem, Site
from feedproxy.store import Store


@dataclass(frozen=True, slots=True)
class ListingPosition:
    """An article's place in a listing: when that was *seen*, and the article's *date*, if one is known."""

    seen: datetime | None
    date: datetime | None


def date_listing(
    services: Services,
    channel: Channel,
    items: Sequence[ListingItem],
    sighting: policy.Sighting,
    anchor: datetime,
) -> list[ListingItem]:
    """Return a listing's items, each with a date; *sighting* and *anchor* are as `policy.date_items` has them.

    What is held with a guess gets a date that the listing gives now.
    """
    store, now = services.store, services.clock()
    held = store.dates([item.id for item in items])
    dated = policy.date_items(
        [_with_date(item, channel.site, now) for item in items], held, sighting, anchor
    )
    for item in dated:
        if (
            item.published
            and item.id in held
            and policy.is_better_date(item.dated, held[item.id][1])
        ):
            _redate(store, item.id, item.published, item.dated, now)
    return dated


def known_date(article: Article | None) -> datetime | None:
    """Return an article's date, None for one of which none is known."""
    return article.published if article and article.dated is not DateSource.UNKNOWN else None


def estimate_batch(
    services: Services,
    channel: str,
    undated: Mapping[int, Article],
    places: Sequence[ListingPosition],
) -> dict[int, Article]:
    """Return the articles of a batch that have no date with one, as far as anything is known.

    Dates come from the neighbours in the listing; else the articles precede all that the channel shows. Where nothing there has
    a date, it is that of the IDs before and after, or else keeps the listing's order as it was first seen.

    Args:
        kit: where articles are held.
        channel: whose batch it is.
        undated: the articles, by their indexes in *places*.
        places: what was taken so far, oldest first.

    """
    by_place, oldest = {}, None
    if channel != REQUESTED:
        by_place = _by_place(undated.keys(), places)
        oldest = services.store.oldest(channel, policy.DATED) and services.store.oldest(
            channel, policy.ALL_KNOWN
        )
    rest = [] if oldest else [article for at, article in undated.items() if not by_place.get(at)]
    by_id = _by_id(
        services,
        {article.site: {each.id for each in rest if each.site == article.site} for article in rest},
    )
    found = dict(undated)
    for place, at in enumerate(sorted(undated, reverse=True), 1):
        article = undated[at]
        below = oldest - timedelta(seconds=place) if oldest else None
        as_listed = article.published if article.published > policy.NEVER_DATED else None
        date = by_place.get(at) or below or by_id.get(article.id) or as_listed
        found[at] = policy.redate(article, date, DateSource.ESTIMATED) if date else article
    return found


def _by_place(
    wanted: Collection[int], places: Sequence[ListingPosition]
) -> dict[int, datetime | None]:
    """Return dates by those of the neighbours, which are what the same listing showed at the same moment."""
    found: dict[int, datetime | None] = {}
    for seen in {places[at].seen for at in wanted}:
        order = [at for at in reversed(range(len(places))) if places[at].seen == seen]
        found.update(zip(order, policy.interpolate([places[at].date for at in order]), strict=True))
    return found


def estimate_imported(
    services: Services, orders: Mapping[str, Sequence[ArticleId]]
) -> Counter[DateSource]:
    """Give dates to imported articles that have none; return where the dates of all of them come from.

    *orders* are the channels' listings, newest first. It is done when all pages are stored, so that it makes no difference in
    which order they came.
    """
    store = services.store
    dates = store.dates(list(dict.fromkeys(each for order in orders.values() for each in order)))
    unknown = {each for each, (_, dated) in dates.items() if dated is DateSource.UNKNOWN}
    if unknown:
        sites = {channel.id: channel.site.name for channel in services.mirror.channels}
        wanted: dict[str, set[ArticleId]] = {}
        for channel, order in orders.items():
            wanted.setdefault(sites[channel], set()).update(unknown.intersection(order))
        found = policy.estimate_all(list(orders.values()), dates, _by_id(services, wanted))
        with store.exclusive_lock(), store.transaction() as transaction:
            for article_id, (date, dated) in found.items():
                _redate(transaction, article_id, date, dated, services.clock())
        dates = {**dates, **found}
    return Counter(dated for _, dated in dates.values())


def _by_id(
    services: Services, wanted: Mapping[str, Collection[ArticleId]]
) -> dict[ArticleId, datetime]:
    """Return dates by the IDs before and after, for articles of each site."""
    found: dict[ArticleId, datetime] = {}
    for site, ids in wanted.items():
        if ids:
            found |= policy.estimate_by_id(ids, services.store.site_dates(site))
    return found


def _redate(
    store: Store, article_id: ArticleId, date: datetime, dated: DateSource, now: datetime
) -> None:
    article = store.article(article_id)
    if article:
        changed = policy.redate(article, date, dated)
        if changed != article:
            store.redate(changed, now)


def _with_date(item: ListingItem, site: Site, now: datetime) -> ListingItem:
    """Return an item with the date that its listing or its address gives, None if that can't be one."""
    if published := policy.credible(item.published, now):
        return replace(item, published=published)
    address = policy.credible(date_in_address(item.url, site), now)
    return replace(item, published=address, dated=DateSource.ADDRESS if address else item.dated)
