"""Parse listings: RSS, Atom and JSON Feed, HTML pages, and the indexes of mirrors. Pure.

Only this package knows how to read each kind of listing: a new kind is one more row in `PARSERS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from feedproxy import markup
from feedproxy.errors import ListingError
from feedproxy.model import ArticleId, Listing, ListingItem, Page, Site
from feedproxy.parse import feeds
from feedproxy.parse.feeds import FeedDescription, is_feed, parse_feed
from feedproxy.parse.mirrored import parse_index
from feedproxy.parse.pages import parse_page
from feedproxy.parse.replicas import ArchivePage, parse_archive, parse_subscription

__all__ = [
    "ArchivePage",
    "FeedDescription",
    "describe_feed",
    "is_feed",
    "parse_archive",
    "parse_listing",
]

PARSERS: Mapping[str, Callable[[Page, Site], Listing]] = {
    "feed": parse_feed,
    "html": parse_page,
    "mirror": parse_index,
    "feedproxy": parse_subscription,
}


def parse_listing(page: Page, site: Site, kind: str) -> Listing:
    """Return the articles of the listing *page*, newest first as upstream orders them.

    Each article is returned once.

    Raises:
        ListingError: the page is no listing of that kind, or lists no article.

    """
    try:
        listing = PARSERS[kind](page, site)
    except markup.ERRORS as e:
        raise ListingError(page.url, f"listing can't be read: {e}") from e
    if not listing.items:
        raise ListingError(
            page.url,
            f"no article found in this listing (read as {kind!r} with the rules of {site.name})",
        )
    first: dict[ArticleId, ListingItem] = {}
    for item in listing.items:
        plain = replace(item, title=markup.plain(item.title), excerpt=markup.plain(item.excerpt))
        first.setdefault(item.id, plain)
    return replace(listing, items=tuple(first.values()))


def describe_feed(page: Page) -> FeedDescription:
    """Return what a feed says of itself; raises as `parse_listing` does."""
    try:
        return feeds.describe_feed(page)
    except markup.ERRORS as e:
        raise ListingError(page.url, f"feed can't be read: {e}") from e
