"""An article's stages of life, from upstream to the store: Page -> ListingItem -> Extract -> Article."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from feedproxy.model.texts import ArticleId, DirtyHtml, SafeHtml, Url

# The rule of what no site's rules found.
HEURISTICS = "heuristics"
# The rule of what is only a listing's excerpt, until the text comes.
EXCERPT = "excerpt"
# The rule of what came from the page of a mirror.
MIRRORED = "mirror"


class DateSource(StrEnum):
    """Where a date of publication comes from.

    STATED by upstream, on the page or in the listing; ADDRESS of the article; SEEN: the moment at which
    a polled listing showed it as new; ESTIMATED from its neighbours in a listing or by ID; UNKNOWN.
    """

    STATED = "stated"
    ADDRESS = "address"
    SEEN = "seen"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"

    @property
    def is_guess(self) -> bool:
        """Whether a date that upstream gives takes its place."""
        return self not in (DateSource.STATED, DateSource.ADDRESS)


@dataclass(frozen=True, slots=True)
class Validators:
    """What a conditional request says of the copy that is held (RFC 9110, 8.8), "" where upstream gave none."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer from upstream: the address it came from, the decompressed body, its declared type and its validators.

    *fresh_s* is for how many seconds upstream says it is fresh, *moved* whether only permanent redirects led to *url*,
    *sent* upstream's clock.
    """

    url: Url
    body: bytes
    content_type: str = ""
    validators: Validators = Validators()
    fresh_s: float = 0
    moved: bool = False
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListingItem:
    """One article as a listing shows it; *dated* says where *published*, if there is one, comes from."""

    id: ArticleId
    url: Url
    title: str
    published: datetime | None = None
    excerpt: str = ""
    dated: DateSource = DateSource.STATED


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing shows, newest first, where it goes on, and for how many seconds it says that it holds.

    *lost* says what of it could not be read, each in a line.
    """

    items: tuple[ListingItem, ...]
    next_url: Url | None = None
    ttl_s: float = 0
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A lead picture: its upstream address, its alternative text and its caption, both plain text."""

    url: Url
    alt: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file of the mirror's own: its name is the hash of its content, *size* is in bytes, the others in pixels."""

    name: str
    media_type: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture that is held: in its original size, and in the form that pages and entries show."""

    original: MediaFile
    reading: MediaFile


@dataclass(frozen=True, slots=True)
class Extract:
    """What was found on an article page, not yet clean; *rule* names what found it.

    *single_url* is a page that holds the whole of an article in parts, *next_url* one that holds its next part. *visible* is
    how many characters the page shows in all, white space apart.
    """

    title: str
    body: DirtyHtml
    rule: str
    published: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    single_url: Url | None = None
    next_url: Url | None = None
    visible: int = 0


@dataclass(frozen=True, slots=True)
class Article:
    """An article as the store holds it: clean, with upstream addresses.

    *published* is set once and never moves (RFC 4287, 4.2.9), unless *dated* says that it is a guess: then a date from upstream
    takes its place. *updated* moves with its text, *links* are the articles it links to, *pictures* the addresses of all
    pictures it shows, *rule* is what found it, *gone* when upstream first said that it has it no more.
    """

    id: ArticleId
    site: str
    url: Url
    title: str
    body: SafeHtml
    summary: str
    published: datetime
    updated: datetime
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    links: tuple[tuple[ArticleId, Url], ...] = ()
    pictures: tuple[Url, ...] = ()
    rule: str = ""
    gone: datetime | None = None
    dated: DateSource = DateSource.STATED


@dataclass(frozen=True, slots=True)
class ReplicatedArticle:
    """An article as another mirror gives it: what a store holds of one, nothing of it clean or believed yet.

    *files* names the files of its pictures, in the original size and for reading, by their upstream addresses; *links* tells
    where links in its text lead upstream, where they lead inside a mirror there.
    """

    id: ArticleId
    url: Url
    title: str
    body: DirtyHtml
    published: datetime
    updated: datetime
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    rule: str = ""
    gone: datetime | None = None
    channels: tuple[str, ...] = ()
    files: Mapping[Url, tuple[str, str]] = field(default_factory=dict)
    links: Mapping[ArticleId, Url] = field(default_factory=dict)
    dated: DateSource = DateSource.STATED


@dataclass(frozen=True, slots=True)
class Headline:
    """An article as lists show it: enough to link to its page."""

    id: ArticleId
    site: str
    title: str
    published: datetime
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """An article in an archive: as it is shown there, and the section and channel that it was taken in for."""

    article: Article
    section: str
    channel: str


# What is added to the number of a version that was read while the primary stands in for a replica; no count comes near.
OF_REPLICA = 1 << 62


@dataclass(frozen=True, slots=True)
class Version:
    """The state of a set of channels: a number that grows with every change, and when the last one was stored.

    Of what has a log, *length* is how long that is.
    """

    number: int
    moment: datetime | None
    length: int = 0

    @property
    def serial(self) -> int:
        """The number without what marks a replica, so that it is the same on every node.

        >>> Version(OF_REPLICA + 3, None).serial
        3
        """
        return self.number % OF_REPLICA
