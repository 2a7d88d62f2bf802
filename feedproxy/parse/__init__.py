"""A listing to `ListingItem`s: RSS, Atom and JSON Feed, or an HTML page by the site's rules. Pure.

Nothing else knows how a kind of listing is read: a new kind is one more row of the table.
"""

from collections.abc import Callable, Mapping

from feedproxy.errors import ListingError
from feedproxy.model import Listing, Page, Site
from feedproxy.parse.feeds import parse_feed
from feedproxy.parse.pages import parse_page

__all__ = ["parse_listing"]

PARSERS: Mapping[str, Callable[[Page, Site], Listing]] = {"feed": parse_feed, "html": parse_page}


def parse_listing(page: Page, site: Site, kind: str) -> Listing:
    """Return what the listing *page* shows, newest first as upstream has it, each article once.

    Raises:
        ListingError: the page is no such listing, or shows no article.

    """
    listing = PARSERS[kind](page, site)
    if not listing.items:
        raise ListingError(page.url, f"no article found in this listing (read as {kind!r} with the rules of {site.name})")
    return Listing(tuple({item.id: item for item in reversed(listing.items)}.values())[::-1], listing.next_url)
