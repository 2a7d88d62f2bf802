"""Feeds in RSS 2.0, Atom 1.0 and JSON Feed 1.1: values in, bytes out. Pure; the only module that imports feedgen.

feedgen stamps the clock wherever a date is missing, so every date is given, and says its own name and version,
so ours is given without a version: the same articles make the same bytes whatever renders them.
"""

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension
from feedgen.feed import FeedGenerator
from feedgen.util import xml_elem

from feedproxy.render.values import Enclosure, Entry, Feed

_GENERATOR = "feedproxy"


def render_rss(feed: Feed) -> bytes:
    """Return RSS 2.0, by the specification and the RSS Advisory Board's profile."""
    made = _begin(feed, "application/rss+xml")
    made.ttl(feed.ttl_minutes)
    made.load_extension("dc")
    made.load_extension("media", rss=True, atom=False)
    for entry in feed.entries:
        item = _add(made, entry)
        item.guid(entry.id, permalink=False)
        item.link(href=entry.link)
        item.description(escape(entry.summary, quote=False))  # RSS reads it as HTML
        item.content(entry.content, type="CDATA")
        item.pubDate(entry.published)
        item.dc.dc_creator(entry.author)
        if entry.enclosure:
            # a length that is not known is 0 (RSS profile, "enclosure")
            item.enclosure(entry.enclosure.url, str(entry.enclosure.length), entry.enclosure.media_type)
            item.media.content(**_media_content(entry.enclosure), group=None)
    return bytes(made.rss_str())


def render_atom(feed: Feed) -> bytes:
    """Return Atom 1.0 (RFC 4287)."""
    made = _begin(feed, "application/atom+xml")
    made.author(name=feed.title)
    for entry in feed.entries:
        item = _add(made, entry)
        item.id(entry.id)
        item.updated(entry.updated)
        item.published(entry.published)
        item.author(name=entry.author)
        item.register_extension("links", _Links, atom=True, rss=False)
        item.links.add(rel="alternate", type="text/html", href=entry.link)
        item.links.add(rel="via", href=entry.via)
        item.summary(entry.summary)
        item.content(entry.content, type="html")
        if entry.enclosure:
            length = {"length": str(entry.enclosure.length)} if entry.enclosure.length else {}
            item.links.add(rel="enclosure", type=entry.enclosure.media_type, href=entry.enclosure.url, **length)
    return bytes(made.atom_str())


def render_json_feed(feed: Feed) -> bytes:
    """Return JSON Feed 1.1."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.link,
        "feed_url": feed.self_link,
        "description": feed.description,
        "language": feed.language,
        "items": [_json_item(entry) for entry in feed.entries],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


FORMS: Mapping[str, Callable[[Feed], bytes]] = {"atom": render_atom, "json": render_json_feed, "xml": render_rss}


class _Links(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """The links of an Atom entry; feedgen 1.0 itself loses every attribute of theirs but the address."""

    def __init__(self) -> None:
        self._links: list[dict[str, str]] = []

    def add(self, **attributes: str) -> None:
        """Add a link (RFC 4287, 4.2.7)."""
        self._links.append(attributes)

    def extend_atom(self, entry: Any) -> Any:  # noqa: ANN401 (feedgen's tree)
        """Write the links into an entry."""
        for attributes in self._links:
            xml_elem("link", entry, **attributes)
        return entry


def _begin(feed: Feed, media_type: str) -> FeedGenerator:
    made = FeedGenerator()
    made.id(feed.id)
    made.title(feed.title)
    made.description(feed.description)
    made.link(href=feed.self_link, rel="self", type=media_type)
    made.link(href=feed.link, rel="alternate", type="text/html")  # RSS takes the last one for its <link>
    made.language(feed.language)
    made.generator(_GENERATOR)
    made.updated(feed.updated)
    return made


def _add(made: FeedGenerator, entry: Entry) -> FeedEntry:
    item = made.add_entry(order="append")
    item.title(entry.title)
    for tag in entry.tags:
        item.category(term=tag)
    return item


def _media_content(enclosure: Enclosure) -> dict[str, str]:
    """Return the attributes of media:content (Media RSS 1.5.1); what is not known is left out."""
    sizes = {"fileSize": enclosure.length, "width": enclosure.width, "height": enclosure.height}
    known = {name: str(value) for name, value in sizes.items() if value}
    return {"url": enclosure.url, "medium": "image", "type": enclosure.media_type, **known}


def _json_item(entry: Entry) -> dict[str, object]:
    item: dict[str, object] = {
        "id": entry.id,
        "url": entry.link,
        "external_url": entry.via,
        "title": entry.title,
        "content_html": entry.content,
        "summary": entry.summary,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.updated.isoformat(),
        "authors": [{"name": entry.author}],
    }
    if entry.tags:
        item["tags"] = list(entry.tags)
    if entry.enclosure:
        item["image"] = entry.enclosure.url
    return item
