"""Parse feeds as listings: RSS and Atom by feedparser, JSON Feed by json. Pure.

The only module that imports feedparser.
"""

import json
import re
import sys
from calendar import timegm
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from time import struct_time
from typing import Any

import feedparser

from feedproxy import markup, urls
from feedproxy.errors import ListingError
from feedproxy.model import Listing, ListingItem, Page, Site

_DECLARED_ENCODING = re.compile(r"(<\?xml[^>]*?)\s+encoding\s*=\s*([\"'])[\w.:-]+\2")
_HEAD_CHARACTERS = 1_000
# A feed of a thousand entries has 20,000 elements; feedparser takes 0.1 ms for each.
_MAX_ELEMENTS = 100_000
_MAX_REFERENCES = 500_000
_REFERENCE = re.compile(r"&#(x[0-9a-f]{1,40}|[0-9]{1,40});?", re.IGNORECASE)
_SURROGATES = range(0xD800, 0xE000)
_MINUTES = re.compile(r"[0-9]{1,7}")
# A document type declaration is in the prolog, after the XML declaration, instructions and comments
# (XML 1.0, 2.8).
_DOCTYPE = re.compile(
    r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!(?:DOCTYPE|ENTITY)", re.IGNORECASE | re.DOTALL
)
# Strings near the beginning of a feed that a page does not have there.
_MARKS, _SNIFFED_BYTES = (b"<rss", b"<feed", b"<rdf:RDF", b"jsonfeed.org/version"), 500


@dataclass(frozen=True, slots=True)
class _Feed:
    """A parsed feed.

    *ttl_s* is its declared time to live in seconds (RSS 2.0, "ttl"). *cut* says where the document
    ends too early, "" if it is complete.
    """

    title: str
    items: tuple[dict[str, Any], ...]
    ttl_s: float = 0
    cut: str = ""


def is_feed(page: Page) -> bool:
    """Return whether a page looks like a feed, regardless of its declared type."""
    return any(mark in page.body[:_SNIFFED_BYTES] for mark in _MARKS)


def parse_feed(page: Page, site: Site) -> Listing:
    """Return the articles of a feed.

    Raises:
        ListingError: the page is neither RSS, Atom nor JSON Feed.

    """
    text = markup.decode(page.body, page.content_type)
    feed = _read(page, text)
    lost = [markup.undecodable(text), feed.cut]
    items = tuple(
        item for item in (_item(page, site, each, lost) for each in feed.items) if item is not None
    )
    return Listing(items, ttl_s=feed.ttl_s, lost=tuple(filter(None, lost)))


def describe_feed(page: Page) -> tuple[str, tuple[str, ...]]:
    """Return a feed's title and the hosts of its entries; raises the errors of `parse_feed`."""
    feed = _read(page, markup.decode(page.body, page.content_type))
    links = (
        urls.resolve(page.url, str(each.get("link") or ""))
        for each in feed.items
        if each.get("link")
    )
    return _plain(feed.title, []), tuple(urls.host_of(link) for link in links if link)


def _read(page: Page, text: str) -> _Feed:
    return _json_feed(page, text) if text.lstrip().startswith("{") else _xml_feed(page, text)


def _item(page: Page, site: Site, raw: dict[str, Any], lost: list[str]) -> ListingItem | None:
    """Return an entry as an item, None if it links to no article of the site.

    The reasons for parts that can't be read are appended to *lost*.
    """
    url = urls.resolve(page.url, str(raw.get("link") or ""))
    found = urls.identify(site, url) if url and raw.get("link") else None
    if found is None:
        return None
    title, excerpt = (_plain(raw.get(part), lost) for part in ("title", "summary"))
    return ListingItem(*found, title=title, published=raw.get("published"), excerpt=excerpt)


def _plain(value: object, lost: list[str]) -> str:
    """Return the text of a part of an entry, "" if it can't be read: *lost* then says why."""
    text = str(value or "")
    if "<" not in text and "&" not in text:
        return markup.plain(text)
    try:
        return markup.text_of(markup.fragment(text))
    except markup.LostError as e:
        lost.append(f"an entry's text can't be read: {e}")
        return ""


def _xml_feed(page: Page, text: str) -> _Feed:
    if (count := text.count("&")) > _MAX_REFERENCES:
        raise ListingError(
            page.url, f"{count} character references are more than {_MAX_REFERENCES}"
        )
    if _DOCTYPE.match(text):
        raise ListingError(page.url, "is not a feed: it begins with a document type declaration")
    # The text is decoded already, so the encoding in its declaration must not be applied again.
    head, rest = text[:_HEAD_CHARACTERS], text[_HEAD_CHARACTERS:]
    text = _REFERENCE.sub(_bearable, _DECLARED_ENCODING.sub(r"\1", head, count=1) + rest)
    data = text.encode()
    markup.check_xml(data, _MAX_ELEMENTS)
    feed = feedparser.parse(
        BytesIO(data),
        sanitize_html=False,
        resolve_relative_uris=False,
        response_headers={"content-type": "application/xml; charset=utf-8"},
    )
    if not feed.get("version"):
        raise ListingError(
            page.url,
            f"is not an RSS or Atom feed ({feed.get('bozo_exception', 'no root element of one')})",
        )
    if feed.bozo and not feed.entries:
        raise ListingError(page.url, f"is a broken feed: {feed.bozo_exception}")
    items = tuple(
        {
            **entry,
            "published": _moment(
                dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
            ),
        }
        for entry in feed.entries
    )
    ttl = str(feed.feed.get("ttl", "")).strip()
    ttl_s = int(ttl) * 60.0 if _MINUTES.fullmatch(ttl) else 0.0
    return _Feed(
        str(feed.feed.get("title", "")), items, ttl_s, markup.cut_off(text) if feed.bozo else ""
    )


def _bearable(reference: re.Match[str]) -> str:
    """Return a character reference, "" for an invalid one (XML 1.0, 2.2 and 4.1).

    References to NUL, to surrogates and beyond Unicode are invalid.
    """
    digits = reference[1].lower().lstrip("0")
    number = int(digits[1:] or "0", 16) if digits.startswith("x") else int(digits or "0")
    is_none = number == 0 or number in _SURROGATES or number > sys.maxunicode
    return "" if is_none else reference[0]


def _moment(parsed: struct_time | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError):
        return None


def _rfc3339(value: object) -> datetime | None:
    """Return the time of a JSON Feed 1.1 date (RFC 3339), None if it is invalid or has no zone."""
    try:
        moment = datetime.fromisoformat(str(value or ""))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _json_feed(page: Page, text: str) -> _Feed:
    if (count := text.count("{") + text.count("[")) > _MAX_ELEMENTS:
        raise ListingError(page.url, f"{count} objects are more than {_MAX_ELEMENTS}")
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise ListingError(page.url, f"is not JSON: {e}") from e
    items = feed.get("items") if isinstance(feed, dict) else None
    if "jsonfeed.org/version" not in str(feed.get("version")) or not isinstance(items, list):
        raise ListingError(page.url, "is not a JSON Feed")
    return _Feed(str(feed.get("title") or ""), tuple(_json_items(items)))


def _json_items(items: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, dict):
            yield {
                "link": item.get("url") or item.get("external_url"),
                "title": item.get("title"),
                "summary": item.get("summary"),
                "published": _rfc3339(item.get("date_published") or item.get("date_modified")),
            }
