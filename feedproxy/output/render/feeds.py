"""Render feeds as RSS 2.0, Atom 1.0 and JSON Feed 1.1. Pure; only this module imports feedgen.

feedgen writes the current time for every missing date, so all dates are given. It also writes its
own name and version as the generator, so ours is given, without a version: the same articles make
the same bytes on every installation.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.ext.dc import DcEntryExtension, DcExtension
from feedgen.ext.media import MediaEntryExtension, MediaExtension
from feedgen.feed import FeedGenerator
from feedgen.util import xml_elem

from feedproxy.model import Enclosure as Attachment
from feedproxy.output.render.values import Enclosure, Entry, Feed, History

_GENERATOR = "feedproxy"
_ANY_TYPE = "application/octet-stream"
_ATOM = "http://www.w3.org/2005/Atom"
_HISTORY = "http://purl.org/syndication/history/1.0"


def render_rss(feed: Feed) -> bytes:
    """Return RSS 2.0, following the specification and the RSS Advisory Board's profile."""
    made = _begin(feed, "application/rss+xml")
    made.ttl(feed.ttl_minutes)
    made.register_extension("dc", DcExtension, DcEntryExtension)
    made.register_extension("media", MediaExtension, MediaEntryExtension, atom=False)
    for entry in feed.entries:
        item = _add(made, entry)
        item.guid(entry.id, permalink=False)
        item.link(href=entry.link)
        item.description(escape(entry.summary, quote=False))  # RSS defines the description as HTML
        item.content(entry.content, type="CDATA")
        item.pubDate(entry.published)
        item.dc.dc_creator(list(entry.authors))
        files = _enclosures(entry)
        if files:
            # An unknown length is 0 (RSS profile, "enclosure"); an item has one enclosure at most.
            item.enclosure(files[0].url, str(files[0].length), files[0].media_type)
        for file in files:
            item.media.content(**_media_content(file), group=None)
        if entry.details.comments:
            item.comments(entry.details.comments)
        if entry.details.source_url:
            source = entry.details
            item.source(url=source.source_url, title=source.source_title or source.source_url)
    return bytes(made.rss_str())


def render_atom(feed: Feed) -> bytes:
    """Return Atom 1.0 (RFC 4287)."""
    made = _begin(feed, "application/atom+xml")
    made.author(name=feed.title)
    made.updated(max(map(_unique, feed.entries), default=feed.updated))
    for entry in feed.entries:
        item = _add(made, entry)
        item.id(entry.id)
        item.updated(_unique(entry))
        item.published(entry.published)
        item.author([{"name": name} for name in entry.authors])
        item.register_extension("links", _Links, atom=True, rss=False)
        item.links.add(rel="alternate", type="text/html", href=entry.link)
        item.links.add(rel="via", href=entry.via)
        item.summary(entry.summary)
        item.content(entry.content, type="html")
        for file in _enclosures(entry):
            length = {"length": str(file.length)} if file.length else {}
            item.links.add(rel="enclosure", type=file.media_type, href=file.url, **length)
        if entry.details.comments:
            item.links.add(rel="replies", type="text/html", href=entry.details.comments)
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
        **({"hubs": [{"type": "WebSub", "url": feed.hub}]} if feed.hub else {}),
        **_json_history(feed.history),
        "items": [_json_item(entry) for entry in feed.entries],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


FEED_FORMATS: Mapping[str, Callable[[Feed], bytes]] = {
    "atom": render_atom,
    "json": render_json_feed,
    "xml": render_rss,
}


class _Links(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """The links of an Atom entry; feedgen 1.0 drops all their attributes except the address."""

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


class _Pages(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """The links of a feed document to its archive (RFC 5005, section 4) and its hub (WebSub, 4)."""

    def __init__(self) -> None:
        self.history, self.media_type, self.hub = History(), "", ""

    def extend_ns(self) -> dict[str, str]:
        """Return the namespace of the archive element, for archive documents."""
        return {"fh": _HISTORY} if self.history.page else {}

    def extend_rss(self, feed: Any) -> None:  # noqa: ANN401
        """Write the links and the archive element into a channel."""
        self._write(feed[0], f"{{{_ATOM}}}link")

    def extend_atom(self, feed: Any) -> None:  # noqa: ANN401
        """Write the links and the archive element into a feed."""
        self._write(feed, "link")

    def _write(self, parent: Any, link: str) -> None:  # noqa: ANN401
        history = self.history
        links = {
            "current": history.current,
            "prev-archive": history.older,
            "next-archive": history.newer,
        }
        for relation, href in links.items():
            if href:
                xml_elem(link, parent, rel=relation, type=self.media_type, href=href)
        if self.hub:
            xml_elem(link, parent, rel="hub", href=self.hub)
        if history.page:
            xml_elem(f"{{{_HISTORY}}}archive", parent)


def _begin(feed: Feed, media_type: str) -> FeedGenerator:
    made = FeedGenerator()
    made.id(feed.id)
    made.title(feed.title)
    made.description(feed.description)
    made.link(href=feed.self_link, rel="self", type=media_type)
    # feedgen writes the last link as the channel's <link> in RSS.
    made.link(href=feed.link, rel="alternate", type="text/html")
    made.language(feed.language)
    made.generator(_GENERATOR)
    made.updated(feed.updated)
    made.register_extension("pages", _Pages, BaseEntryExtension)
    made.pages.history, made.pages.media_type, made.pages.hub = feed.history, media_type, feed.hub
    return made


def _add(made: FeedGenerator, entry: Entry) -> FeedEntry:
    item = made.add_entry(order="append")
    item.title(entry.title)
    for tag in entry.tags:
        item.category(term=tag)
    return item


def _unique(entry: Entry) -> datetime:
    """Return when an entry was last changed, with a fraction of a second that follows from its ID.

    Entries of a feed should not have the same time (Feed Validator, "DuplicateUpdated"), but many
    articles are dated to the day or the minute.
    """
    digest = hashlib.sha256(entry.id.encode()).digest()
    return entry.updated.replace(microsecond=int.from_bytes(digest[:4]) % 1_000_000)


def _enclosures(entry: Entry) -> list[Enclosure]:
    """Return an entry's files: those of its own feed, then its lead picture."""
    files = [
        Enclosure(each.url, each.media_type or _ANY_TYPE, each.size, duration_s=each.duration_s)
        for each in entry.details.enclosures
    ]
    return [*files, entry.enclosure] if entry.enclosure else files


def _media_content(file: Enclosure) -> dict[str, str]:
    """Return the attributes of media:content (Media RSS 1.5.1), without unknown ones."""
    kind = file.media_type.partition("/")[0]
    numbers = {
        "fileSize": file.length,
        "width": file.width,
        "height": file.height,
        "duration": file.duration_s,
    }
    known = {name: str(value) for name, value in numbers.items() if value}
    medium = {"medium": kind} if kind in ("image", "audio", "video") else {}
    return {"url": file.url, **medium, "type": file.media_type, **known}


def _json_history(history: History) -> dict[str, object]:
    """Return the members that link a JSON Feed to its archive.

    They are `next_url` (JSON Feed 1.1) and, in archive documents, our extension `_feedproxy`.
    """
    found: dict[str, object] = {"next_url": history.older} if history.older else {}
    if history.page:
        newer = {"newer": history.newer} if history.newer else {}
        found["_feedproxy"] = {"archive": history.page, "full": history.is_full, **newer}
    return found


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
        "authors": [{"name": name} for name in entry.authors],
    }
    if entry.tags:
        item["tags"] = list(entry.tags)
    if entry.enclosure:
        item["image"] = entry.enclosure.url
    if entry.details.enclosures:
        item["attachments"] = [_attachment(each) for each in entry.details.enclosures]
    if entry.details.language:
        item["language"] = entry.details.language
    if entry.record is not None:
        item["_feedproxy"] = entry.record
    return item


def _attachment(file: Attachment) -> dict[str, object]:
    """Return an attachment (JSON Feed 1.1, "Attachments"), without unknown numbers."""
    numbers = {"size_in_bytes": file.size, "duration_in_seconds": file.duration_s}
    known = {name: value for name, value in numbers.items() if value}
    return {"url": file.url, "mime_type": file.media_type or _ANY_TYPE, **known}
