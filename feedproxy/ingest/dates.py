"""Estimate dates for undated articles: in a listing, in a fetched batch, and after an import."""

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
    """An article's position in a listing: when the listing was *seen*, and the article's *date*.

    *date* is None if unknown.
    """

    seen: datetime | None
    date: datetime | None


def date_listing(
    services: Services,
    channel: Channel,
    items: Sequence[ListingItem],
    sighting: policy.Sighting,
    anchor: datetime,
) -> list[ListingItem]:
    """Return a listing's items, each with a date.

    Stored articles with an estimated date get a better one from the listing. See
    `policy.date_items` for *sighting* and *anchor*.
    """
    store, now = services.store, services.clock()
    stored = store.dates([item.id for item in items])
    dated = policy.date_items(
        [_with_date(item, channel.site, now) for item in items], stored, sighting, anchor
    )
    for item in dated:
        if (
            item.published
            and item.id in stored
            and policy.is_better_date(item.dated, stored[item.id][1])
        ):
            _redate(store, item.id, item.published, item.dated, now)
    return dated


def known_date(article: Article | None) -> datetime | None:
    """Return an article's date, None if there is no article or its date is unknown."""
    return article.published if article and article.dated is not DateSource.UNKNOWN else None


def estimate_batch(
    services: Services,
    channel: str,
    undated: Mapping[int, Article],
    positions: Sequence[ListingPosition],
) -> dict[int, Article]:
    """Return the undated articles of a batch with estimated dates, where an estimate is possible.

    A date comes from the first of these that gives one: the neighbours in the listing; a time just
    before the oldest dated article of the channel; the articles with the nearest IDs; the date
    assigned when the listing was first read, which preserves its order.

    Args:
        services: give access to the stored articles.
        channel: the channel of the batch.
        undated: the articles, by their indexes in *positions*.
        positions: the listing positions of all articles fetched so far, oldest first.

    """
    by_place, oldest = {}, None
    if channel != REQUESTED:
        by_place = _by_place(undated.keys(), positions)
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
    wanted: Collection[int], positions: Sequence[ListingPosition]
) -> dict[int, datetime | None]:
    """Return dates interpolated from the neighbours that the listing first showed at that time."""
    found: dict[int, datetime | None] = {}
    for seen in {positions[at].seen for at in wanted}:
        order = [at for at in reversed(range(len(positions))) if positions[at].seen == seen]
        found.update(
            zip(order, policy.interpolate([positions[at].date for at in order]), strict=True)
        )
    return found


def estimate_imported(
    services: Services, orders: Mapping[str, Sequence[ArticleId]]
) -> Counter[DateSource]:
    """Estimate and store dates for undated imported articles; count all articles by date source.

    *orders* are the channels' listings, newest first. Call this after all pages are stored, so that
    the result does not depend on the order of their import.
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
    """Return dates interpolated from the articles with the nearest IDs, for each site."""
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
    """Return an item with the credible date of its listing or its URL, None if there is none."""
    if published := policy.credible(item.published, now):
        return replace(item, published=published)
    address = policy.credible(date_in_address(item.url, site), now)
    return replace(item, published=address, dated=DateSource.ADDRESS if address else item.dated)
