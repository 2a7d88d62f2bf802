"""Stages of an article, from upstream to the store: Page -> ListingItem -> Extract -> Article."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from feedproxy.model.sites import Placement
from feedproxy.model.statements import (
    NO_DETAILS,
    Details,
    Entry,
    Origin,
    Picture,
    Statement,
    merge_statements,
)
from feedproxy.model.texts import ArticleId, DirtyHtml, SafeHtml, Url

# The `rule` of an article that was found by heuristics.
HEURISTICS = "heuristics"
# The `rule` of an article whose text is that of its feed entry.
FEED = "feed"
# The `rule` of an article that consists of a listing's excerpt, until its text is fetched.
EXCERPT = "excerpt"
# The `rule` of an article that was read from another mirror's page.
MIRRORED = "mirror"


class DateSource(StrEnum):
    """The origin of a publication date.

    STATED by upstream, on the page or in the listing; ADDRESS: from the article's URL; SEEN: the
    time at which a poll found the article as new; GUESSED: found in the page by heuristics;
    ESTIMATED from its neighbours in a listing or by ID; UNKNOWN.
    """

    STATED = "stated"
    ADDRESS = "address"
    SEEN = "seen"
    GUESSED = "guessed"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"

    @property
    def is_guess(self) -> bool:
        """Whether a date that upstream states replaces it."""
        return self not in (DateSource.STATED, DateSource.ADDRESS)


@dataclass(frozen=True, slots=True)
class Validators:
    """Validators for conditional requests (RFC 9110, 8.8); "" if upstream sent none."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A response from upstream: its URL, decompressed body, declared type and validators.

    *fresh_s* is for how many seconds upstream says it is fresh. *moved* is whether permanent
    redirects, and no others, led to *url*. *sent* is the time of the response by upstream's clock.
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
    """One article in a listing.

    *dated* is the origin of *published*, if there is a date; *has_time* is whether the date has a
    time of day. *entry* is the rest of its entry, if the listing is a feed; *own_id* is its ID if
    *id* turns out to belong to another entry.
    """

    id: ArticleId
    url: Url
    title: str
    published: datetime | None = None
    excerpt: str = ""
    dated: DateSource = DateSource.STATED
    has_time: bool = True
    entry: Entry | None = None
    own_id: ArticleId | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The articles of a listing, newest first.

    *next_url* is its next page, *ttl_s* its declared time to live in seconds. *lost* describes the
    parts that could not be read, one line each.
    """

    items: tuple[ListingItem, ...]
    next_url: Url | None = None
    ttl_s: float = 0
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A stored file, named by the hash of its content.

    *size* is in bytes, *width* and *height* are in pixels.
    """

    name: str
    media_type: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A stored picture: in its original size, and in the reading size for pages and entries."""

    original: MediaFile
    reading: MediaFile


@dataclass(frozen=True, slots=True)
class Extract:
    """An article extracted from its page, not sanitised yet; *rule* names the rules that found it.

    *statements* are what the rules, the page and heuristics state about it. *single_url* is a page
    with the whole of an article in several parts, *next_url* the page with its next part. *visible*
    is the number of characters that the page shows, without white space.
    """

    body: DirtyHtml
    rule: str
    statements: Mapping[Origin, Statement]
    single_url: Url | None = None
    next_url: Url | None = None
    visible: int = 0

    def merged(self, timezone: str = "UTC") -> Statement:
        """Return the most trusted statements of the page alone."""
        return merge_statements(self.statements, timezone)


@dataclass(frozen=True, slots=True)
class Article:
    """An article as stored: sanitised, with upstream URLs.

    *published* is set once and never changes (RFC 4287, 4.2.9), unless *dated* marks it as a guess:
    then a date from upstream replaces it. *updated* changes with the text. *links* are the articles
    that it links to, *pictures* the URLs of all pictures in it. *rule* names the rules that found
    it. *gone* is when upstream first said that it no longer exists.
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
    details: Details = NO_DETAILS


@dataclass(frozen=True, slots=True)
class ReplicatedArticle:
    """An article as another mirror publishes it, neither sanitised nor verified yet.

    *files* maps the upstream URLs of its pictures to file names, in original and reading size.
    *links* maps the articles that its text links to inside that mirror to their upstream URLs.
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
    details: Details = NO_DETAILS


@dataclass(frozen=True, slots=True)
class Headline:
    """The parts of an article that lists show, to link to its page."""

    id: ArticleId
    site: str
    title: str
    published: datetime
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """An article in an archive, with the placement under which it was archived."""

    article: Article
    placement: Placement


# Added to the number of a version that was read from the primary in place of a replica; larger than
# any count of changes.
OF_REPLICA = 1 << 62


@dataclass(frozen=True, slots=True)
class Version:
    """The state of a set of channels.

    *number* grows with every change, *moment* is when the last change was stored. *length* is the
    length of its archive, if it has one.
    """

    number: int
    moment: datetime | None
    length: int = 0

    @property
    def serial(self) -> int:
        """The number without the mark of `OF_REPLICA`, so that it is the same on every node.

        >>> Version(OF_REPLICA + 3, None).serial
        3
        """
        return self.number % OF_REPLICA
