"""Parse another feedproxy's feeds: its subscription document and its archive. Pure.

Both are JSON Feeds (1.1). In an archive, each entry has an extension object, `_feedproxy`, with the
record of the whole article.
"""

import json
from dataclasses import dataclass
from typing import Any

from feedproxy import urls
from feedproxy.errors import ListingError
from feedproxy.model import Listing, ListingItem, Page, Site


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """A page of an archive: article records as received, newest first; a full one never changes."""

    records: tuple[dict[str, Any], ...]
    is_full: bool


def parse_subscription(page: Page, site: Site) -> Listing:
    """Return the articles of a subscription document.

    Raises:
        ListingError: it is not a JSON Feed.

    """
    items = (_item(site, each) for each in _feed(page)["items"])
    return Listing(tuple(item for item in items if item is not None))


def parse_archive(page: Page) -> ArchivePage:
    """Return the records on a page of an archive.

    Raises:
        ListingError: it is no archive page of a feedproxy.

    """
    feed = _feed(page)
    about = feed.get("_feedproxy")
    if not isinstance(about, dict) or not isinstance(about.get("archive"), int):
        raise ListingError(page.url, "is not a page of a feedproxy archive")
    records = (each.get("_feedproxy") for each in feed["items"] if isinstance(each, dict))
    return ArchivePage(
        tuple(record for record in records if isinstance(record, dict)), about.get("full") is True
    )


def _feed(page: Page) -> dict[str, Any]:
    try:
        found = json.loads(page.body)
    except (ValueError, RecursionError) as e:
        raise ListingError(page.url, f"is not JSON: {str(e)[:100]}") from e
    if not isinstance(found, dict) or not isinstance(found.get("items"), list):
        raise ListingError(page.url, "is not a JSON Feed")
    return found


def _item(site: Site, item: Any) -> ListingItem | None:  # noqa: ANN401 (any JSON value)
    address = item.get("external_url") if isinstance(item, dict) else None
    url = urls.resolve("", address) if isinstance(address, str) else None
    found = urls.identify(site, url) if url else None
    title = item.get("title") if found else None
    return ListingItem(*found, title=title if isinstance(title, str) else "") if found else None
