"""What different origins state about an article, and which of them is trusted for each field. Pure.

The origins are the site's rules, the feed or listing, the page's machine-readable metadata, and
heuristics. `TRUST` is the only place that ranks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from feedproxy.model.texts import DirtyHtml, Url

_NO_HTML, _NO_URL = DirtyHtml(""), Url("")


class Origin(StrEnum):
    """Where a statement comes from.

    RULES: the site's rules find it on the page; FEED: the feed or the listing states it; PAGE: the
    page states it in machine-readable form (JSON-LD, meta elements); GUESS: heuristics find it in
    the page.
    """

    RULES = "rules"
    FEED = "feed"
    PAGE = "page"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Picture:
    """A lead picture: its upstream URL, its alternative text and its caption, both plain text."""

    url: Url
    alt: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to an article, usually audio or video.

    *size* is in bytes, *duration_s* in seconds; 0 if unknown.
    """

    url: Url
    media_type: str = ""
    size: int = 0
    duration_s: int = 0


@dataclass(frozen=True, slots=True)
class Details:
    """What feeds and pages state about an article besides its text, for our feeds.

    *language* is a language tag (RFC 5646). *comments* is the URL of the comments' page.
    *source_title* and *source_url* name the feed that the article was taken from (RSS 2.0,
    "source").
    """

    enclosures: tuple[Enclosure, ...] = ()
    language: str = ""
    comments: str = ""
    source_title: str = ""
    source_url: str = ""

    def to_json(self) -> str:
        """Return the details as a JSON object without empty values, "" if all are empty."""
        return (
            "" if self == NO_DETAILS else _DETAILS.dump_json(self, exclude_defaults=True).decode()
        )

    @staticmethod
    def from_json(text: str) -> "Details":
        """Return the details in a JSON object; raises ValueError if it has another structure."""
        return _DETAILS.validate_json(text) if text else NO_DETAILS


NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class Statement:
    """What one origin states about an article; fields that it does not state are empty.

    *has_time* is whether *published* was stated with a time of day.
    """

    title: str = ""
    published: datetime | None = None
    has_time: bool = True
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    summary: str = ""
    picture: Picture | None = None
    enclosures: tuple[Enclosure, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a feed as it is stored until its article is made, and to make it again.

    *stated* is what it states about the article; the summary is plain text. *guid* is its id in the
    feed, *link* its URL with the fragment; one of them may be "". *content* is its own text, whose
    relative URLs are relative to *base*; *is_full* is whether the feed gives it as the content, not
    as a description, or gives no title. Without *has_page* the article has no page of its own: its
    text is the entry's. *comments*, *source_title* and *source_url* are as in `Details`.
    """

    stated: Statement = Statement()
    guid: str = ""
    link: str = ""
    content: DirtyHtml = _NO_HTML
    base: Url = _NO_URL
    is_full: bool = False
    updated: datetime | None = None
    has_page: bool = True
    comments: str = ""
    source_title: str = ""
    source_url: str = ""

    def to_json(self) -> bytes:
        """Return the entry as a JSON object without empty values."""
        return _ENTRY.dump_json(self, exclude_defaults=True)

    @staticmethod
    def from_json(data: bytes) -> "Entry":
        """Return the entry in a JSON object; raises ValueError if it has another structure."""
        return _ENTRY.validate_json(data)


_ENTRY, _DETAILS = TypeAdapter(Entry), TypeAdapter(Details)

_ALL = (Origin.RULES, Origin.FEED, Origin.PAGE, Origin.GUESS)
# The origins of each field, the most trusted first. A guess never replaces a statement. The text
# itself is not in the table: see `policy.choose_text`.
TRUST: Mapping[str, tuple[Origin, ...]] = {
    "title": _ALL,
    "published": _ALL,
    "authors": _ALL,
    "tags": _ALL,
    "summary": _ALL,
    "picture": _ALL,
    "enclosures": _ALL,
    "language": _ALL,
}
# The origins whose dates are statements of upstream.
STATING = (Origin.RULES, Origin.FEED, Origin.PAGE)


def merge_statements(statements: Mapping[Origin, Statement], timezone: str) -> Statement:
    """Return the most trusted value of each field.

    A date without a time yields to one of the same day, in *timezone*, with a time.
    """
    values: dict[str, Any] = {}
    for field, origins in TRUST.items():
        found = (getattr(statements[each], field) for each in origins if each in statements)
        if value := next((each for each in found if each), None):
            values[field] = value
    if dated := date_origin(statements, timezone):
        values |= {
            "published": statements[dated].published,
            "has_time": statements[dated].has_time,
        }
    return Statement(**values)


def date_origin(statements: Mapping[Origin, Statement], timezone: str) -> Origin | None:
    """Return the origin of the most trusted date, None if no origin states one."""
    dated = [
        origin
        for origin in TRUST["published"]
        if origin in statements and statements[origin].published
    ]
    if not dated:
        return None
    first = statements[dated[0]]
    if first.has_time:
        return dated[0]
    zone = ZoneInfo(timezone)
    return next(
        (
            origin
            for origin in dated
            if statements[origin].has_time and _day(statements[origin], zone) == _day(first, zone)
        ),
        dated[0],
    )


def _day(statement: Statement, zone: ZoneInfo) -> object:
    return statement.published.astimezone(zone).date() if statement.published else None
