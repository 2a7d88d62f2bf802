"""The values that are rendered: a feed and its entries, independent of the format. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from feedproxy.model import NO_DETAILS, Details, SafeHtml

# The date of the last change of an empty feed, as Atom requires one (RFC 4287, section 4.1.1). Feed
# validators warn about dates before 1990.
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
# Media types of pictures by the extension in the address. A server that sends none of these types
# sends no picture.
_PICTURE_TYPES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead picture as printed, with its size in pixels; without *src* only its texts appear."""

    src: str
    alt: str
    caption: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file attached to an entry.

    *url* is absolute, *length* is in bytes, *width* and *height* are in pixels; 0 means unknown.
    """

    url: str
    media_type: str
    length: int = 0
    width: int = 0
    height: int = 0
    duration_s: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in a feed.

    *link* is its page on the mirror, *via* the original page. *content* includes the lead picture.
    *details* are its enclosures and what else its own feed states. *record* is the article's
    replication record for other mirrors, made by `replication`.
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
    details: Details = NO_DETAILS
    record: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The links between the documents of a feed (RFC 5005, section 4).

    Addresses are absolute, "" if there is none. *page* is the number of an archive document; 0 is
    the subscription document, whose address is *current*. *is_full* marks an archive document that
    will not change.
    """

    older: str = ""
    newer: str = ""
    current: str = ""
    page: int = 0
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, newest entry first; links are absolute.

    *id* is the same in all formats and on all hosts. *updated* is the time of the last change of an
    entry, never the time of rendering. *hub* is the address of the hub that notifies subscribers of
    changes (WebSub, section 4), "" for none.
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
    """Return a picture's media type by the extension of its address; JPEG if that tells nothing.

    >>> picture_type("https://example.org/a.PNG?x=1")
    'image/png'
    """
    path = url.partition("?")[0].lower()
    return _PICTURE_TYPES.get(path[path.rfind(".") :], "image/jpeg")
