"""A git-hosted mirror in a folder of this machine, as the source of a channel.

Its pages have no upstream addresses, so none is queued: a poll reads at once what is missing.
"""

from dataclasses import replace

from feedproxy.harvest.kit import Kit
from feedproxy.harvest.reports import Report
from feedproxy.harvest.taking import Taker
from feedproxy.harvest.trust import Trust
from feedproxy.model import ArticleId, Channel, ChannelState, ListingItem, Page, Url, Waiting
from feedproxy.parse import parse_listing

# Articles that are read before another poller may have its turn.
_BATCH = 20


def take_checkout(kit: Kit, channel: Channel, state: ChannelState, report: Report) -> tuple[ChannelState, Page]:
    """Take the articles of a channel that are not held or have a new headline.

    Those that fail are tried again by the next poll.

    Raises:
        UpstreamError: the index can't be read, or is not signed as it is to be.

    """
    page, items = _read_index(kit, channel)
    report.note_listing(page.url)
    report.listed = len(items)
    wanted = kit.store.news(channel.id, list(items.values()))
    kit.store.remember_listing(channel.id, [item for item in items.values() if item.id not in wanted], kit.clock())
    missing = [item for item in items.values() if item.id in wanted]
    taker = Taker(kit, channel, report)
    for start in range(0, len(missing), _BATCH):
        if kit.is_stopping():
            break
        batch = missing[start : start + _BATCH]
        with kit.store.turn():
            taker.take([Waiting(item) for item in batch])
            held = {article.id for article in kit.store.articles([item.id for item in batch])}
            kit.store.remember_listing(channel.id, [item for item in batch if item.id in held], kit.clock())
    return replace(state, last_error="", listed=len(items)), page


def _read_index(kit: Kit, channel: Channel) -> tuple[Page, dict[ArticleId, ListingItem]]:
    """Return the first page of a channel's index, and what all its pages list."""
    items: dict[ArticleId, ListingItem] = {}
    pages: dict[Url, Page] = {}
    trust = Trust(kit.fetcher, kit.store.serials)
    url: Url | None = channel.url
    while url and url not in pages:
        pages[url] = page = trust.check(url, kit.fetcher.fetch(url), channel.source)
        listing = parse_listing(page, channel.site, channel.kind)
        items = {item.id: item for item in listing.items} | items
        url = listing.next_url
    return pages[channel.url], items
