"""Another feedproxy's feeds: its subscription document, and the pages of its archive with articles as it holds them. Pure.

Both are JSON Feeds (1.1) with an object of ours, `_feedproxy`, which says where the archive stands, and what an article is.
"""

import json
from dataclasses import dataclass
from typing import Any

from feedproxy import urls
from feedproxy.errors import ListingError
from feedproxy.model import Listing, ListingItem, Page, Site, Url


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """A page of an archive: records of articles, newest first, as they came; a *full* page never changes."""

    records: tuple[dict[str, Any], ...]
    is_full: bool


def parse_subscription(page: Page, site: Site) -> Listing:
    """Return what a subscription document shows, and the newest page of its archive.

    Raises:
        ListingError: it is none of a feedproxy's.

    """
    feed = _feed(page)
    items = tuple(item for item in (_item(site, each) for each in feed["items"]) if item is not None)
    newest = feed.get("next_url")
    url = urls.resolve(page.url, newest) if isinstance(newest, str) else None
    if url and urls.host_of(url) != urls.host_of(page.url):
        raise ListingError(page.url, "its archive is at another host")
    return Listing(items, url)


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
    return ArchivePage(tuple(record for record in records if isinstance(record, dict)), about.get("full") is True)


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


def page_number(url: Url) -> int:
    """Return the number of a page of an archive by its address, 0 if it has none.

    >>> page_number(Url("https://mirror.example/feed/news/c1/archive/12.json?key=x"))
    12
    """
    name = url.partition("?")[0].rpartition("/archive/")[2]
    digits = name.removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0  # noqa: PLR2004 (a hostile one may be long)


def page_url(newest: Url, number: int) -> Url:
    """Return the address of another page of the archive that *newest* belongs to.

    >>> page_url(Url("https://mirror.example/feed/news/c1/archive/12.json?key=x"), 3)
    'https://mirror.example/feed/news/c1/archive/3.json?key=x'
    """
    path, mark, query = newest.partition("?")
    return Url(f"{path.rpartition('/archive/')[0]}/archive/{number}.json{mark}{query}")
