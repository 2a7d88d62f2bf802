"""Read a channel from a git-hosted mirror that is checked out in a local folder.

Its pages have no http(s) URLs, so articles can't be queued: a poll reads all missing ones itself.
"""

from dataclasses import replace

from feedproxy.ingest.article_fetcher import ArticleFetcher
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.ingest.verification import Verifier
from feedproxy.model import ArticleId, Channel, ChannelState, ListingItem, Page, Url, Waiting
from feedproxy.parse import parse_listing

# Articles read before the exclusive lock is released to other pollers.
_BATCH = 20


def read_checkout(
    services: Services, channel: Channel, state: ChannelState, report: Report
) -> tuple[ChannelState, Page]:
    """Store the articles of a channel that are missing or have a new headline.

    The next poll tries failed ones again. Return the new state and the index's first page.

    Raises:
        UpstreamError: the index can't be read, or its required signature is missing or wrong.

    """
    page, items = _read_index(services, channel)
    report.note_listing(page.url)
    report.listed = len(items)
    wanted = services.store.queue.news(channel.id, list(items.values()))
    services.store.queue.add_listing(
        channel.id, [item for item in items.values() if item.id not in wanted], services.clock()
    )
    missing = [item for item in items.values() if item.id in wanted]
    fetcher = ArticleFetcher(services, channel, report)
    for start in range(0, len(missing), _BATCH):
        if services.is_stopping():
            break
        batch = missing[start : start + _BATCH]
        with services.store.exclusive_lock():
            fetcher.fetch([Waiting(item) for item in batch])
            stored = services.store.dates([item.id for item in batch])
            services.store.queue.add_listing(
                channel.id, [item for item in batch if item.id in stored], services.clock()
            )
    return replace(state, last_error="", listed=len(items)), page


def _read_index(services: Services, channel: Channel) -> tuple[Page, dict[ArticleId, ListingItem]]:
    """Return the first page of a channel's index, and the items of all its pages by ID."""
    items: dict[ArticleId, ListingItem] = {}
    pages: dict[Url, Page] = {}
    verifier = Verifier(services.fetcher, services.store.serials)
    url: Url | None = channel.url
    while url and url not in pages:
        pages[url] = page = verifier.check(url, services.fetcher.fetch(url), channel.source)
        listing = parse_listing(page, channel.site, channel.kind)
        items = {item.id: item for item in listing.items} | items
        url = listing.next_url
    return pages[channel.url], items
