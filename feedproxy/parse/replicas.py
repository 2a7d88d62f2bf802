"""Another feedproxy's feeds: its subscription document, and the pages of its archive with articles as it holds them. Pure.

Both are JSON Feeds (1.1). Those of an archive have an object of ours, `_feedproxy`, which says what an article is.
"""

import json
from dataclasses import dataclass
from typing import Any

from feedproxy import urls
from feedproxy.errors import ListingError
from feedproxy.model import Listing, ListingItem, Page, Site


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """A page of an archive: records of articles, newest first, as they came; a *full* page never changes."""

    records: tuple[dict[str, Any], ...]
    is_full: bool


def parse_subscription(page: Page, site: Site) -> Listing:
    """Return what a subscription document shows.

    Raises:
        ListingError: it is none of a feedproxy's.

    """
    items = (_item(site, each) for each in _feed(page)["items"])
    return Listing(tuple(item for item in items if item is not None))


def parse_archive(page: Page) -> ArchivePage:
    """Return what a page of an archive holds.

    Raises:
        ListingError: it is none of a feedproxy's.

    """
    feed = _feed(page)
    about = feed.get("_feedproxy")
    if not isinstance(about, dict) or not isinstance(about.get("archive"), int):
        raise ListingError(page.url, "is no page of a feedproxy's archive")
    records = (each.get("_feedproxy") for each in feed["items"] if isinstance(each, dict))
    return ArchivePage(
        tuple(record for record in records if isinstance(record, dict)), about.get("full") is True
    )


def _feed(page: Page) -> dict[str, Any]:
    try:
        found = json.loads(page.body)
    except (ValueError, RecursionError) as e:
        raise ListingError(page.url, f"is no JSON: {str(e)[:100]}") from e
    if not isinstance(found, dict) or not isinstance(found.get("items"), list):
        raise ListingError(page.url, "is no JSON Feed")
    return found


def _item(site: Site, item: Any) -> ListingItem | None:  # noqa: ANN401 (whatever JSON may be)
    address = item.get("external_url") if isinstance(item, dict) else None
    url = urls.resolve("", address) if isinstance(address, str) else None
    found = urls.identify(site, url) if url else None
    title = item.get("title") if found else None
    return ListingItem(*found, title=title if isinstance(title, str) else "") if found else None
