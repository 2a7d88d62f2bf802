"""What is rendered: a feed with its entries, ready to be written in any form. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from feedproxy.model import SafeHtml

# What an empty feed says of its last change, as Atom demands a date (RFC 4287, 4.1.1); validators doubt any before 1990.
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
# Picture types by the end of the address; a server sends one of these, or it sends no picture.
_PICTURE_TYPES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead picture as it is printed, with its size in pixels; without *src* only what is said of it."""

    src: str
    alt: str
    caption: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A picture beside an entry: its absolute address, type, length in bytes and size in pixels; 0 is not known."""

    url: str
    media_type: str
    length: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One article in a feed; *link* is its mirror page, *via* its original, *content* holds the lead picture too.

    *record* is the article as other mirrors take it, by `exchange`.
    """

    id: str
    link: str
    via: str
    title: str
    summary: str
    content: SafeHtml
    published: datetime
    updated: datetime
    authors: tuple[str, ...]
    tags: tuple[str, ...] = ()
    enclosure: Enclosure | None = None
    record: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Where a feed's documents go on (RFC 5005, 4): absolute addresses, "" where there is none.

    *page* is the number of an archive document, 0 of the subscription document; *current* is the address of the latter.
    """

    older: str = ""
    newer: str = ""
    current: str = ""
    page: int = 0
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, newest entry first; *id* is the same in all forms and on all hosts, links are absolute.

    *updated* is when an entry changed last, never the time of rendering.
    *hub* tells subscribers of changes (WebSub, 4), "" where none does.
    """

    id: str
    title: str
    description: str
    link: str
    self_link: str
    language: str
    ttl_minutes: int
    updated: datetime = NEVER
    entries: tuple[Entry, ...] = ()
    history: History = History()
    hub: str = ""


def picture_type(url: str) -> str:
    """Return a picture's media type, as far as its address tells.

    >>> picture_type("https://example.org/a.PNG?x=1")
    'image/png'
    """
    path = url.partition("?")[0].lower()
    return _PICTURE_TYPES.get(path[path.rfind(".") :], "image/jpeg")
