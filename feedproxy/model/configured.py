"""What `config/` says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from feedproxy.model.texts import Url


@dataclass(frozen=True, slots=True)
class ListingRules:
    """XPath 1.0 expressions for an HTML listing; alternatives are tried in order, the first that matches counts.

    *item* is evaluated on the page, the others on an item (*next_page* on the page).
    """

    item: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    excerpt: tuple[str, ...] = ()
    next_page: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArticleRules:
    """Rules for an article page in the vocabulary of ftr-site-config (XPath 1.0), and three of ours.

    Alternatives are tried in order. Ours: *picture* and *caption* (the lead picture's container and text), and
    *author_pattern* (a regular expression with a group ``author``, for sites whose byline stands in the text).
    *name* is where the rules come from.
    """

    name: str = ""
    title: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    strip_id_or_class: tuple[str, ...] = ()
    strip_image_src: tuple[str, ...] = ()
    strip_attr: tuple[str, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()
    wrap_in: tuple[tuple[str, str], ...] = ()
    single_page_link: tuple[str, ...] = ()
    next_page_link: tuple[str, ...] = ()
    src_lazy_load_attr: tuple[str, ...] = ()
    autodetect_on_failure: bool = True
    picture: tuple[str, ...] = ()
    caption: tuple[str, ...] = ()
    author_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A news site: what its addresses look like and how its pages are read.

    *article_url* is matched against the path of an address; its named groups fill *canonical_url*.
    Without it every address that a listing links to is an article, with an ID made from its address.
    *short_links* says where short addresses lead, each by `urls.bare`. *end_marker* is what stands at the end of a whole
    article.
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    picture_hosts: tuple[str, ...] = ()
    timezone: str = "UTC"
    article_url: re.Pattern[str] | None = None
    canonical_url: str = ""
    tag_url: re.Pattern[str] | None = None
    short_links: Mapping[str, Url] = field(default_factory=dict)
    end_marker: str = ""
    listing: ListingRules = field(default_factory=ListingRules)
    article: ArticleRules = field(default_factory=ArticleRules)


@dataclass(frozen=True, slots=True)
class Channel:
    """One listing of the site, polled by itself; its ID is the same in every section that shows it.

    *archive_url* is an HTML listing with older pages, where the listing itself has none, as a feed has not.
    *end_marker* says whether its articles have the site's.
    """

    id: str
    title: str
    site: Site
    kind: str
    url: Url
    archive_url: Url | None = None
    end_marker: bool = True


class Robots(StrEnum):
    """What is done with what a host's robots.txt disallows: fetched without a word, fetched and told, or not fetched."""

    IGNORE = "ignore"
    REPORT = "report"
    OBEY = "obey"


class Images(StrEnum):
    """What a section does with pictures: keep copies, leave them where they are, or show none."""

    STORE = "store"
    LINK = "link"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Section:
    """What readers subscribe to: an ordered set of channels."""

    name: str
    title: str
    description: str
    channels: tuple[Channel, ...]
    images: Images = Images.STORE


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """One link of the line on top of every page: to a place of the mirror (*to*), or elsewhere (*url*).

    With both it leads to a neighbour: *to* is its folder beside the sections on a git host, *url* where it is elsewhere.
    """

    title: str
    to: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much is taken from upstream, how fast, and how patiently; the first two for each host."""

    requests_per_second: float
    requests_at_once: int
    robots: Robots
    ports: tuple[int, ...]
    connect_timeout_s: float
    read_timeout_s: float
    total_timeout_s: float
    max_body_bytes: int
    max_redirects: int
    give_up_after: int


@dataclass(frozen=True, slots=True)
class PollRules:
    """When a channel is asked again, and an article that failed, or that may have been corrected.

    *check_hours* are distances from an article's publication; *patience_hours* is how long an article may be without its
    text before its excerpt stands in, *keep_gone* whether what upstream has no more stays.
    """

    min_interval_minutes: float
    max_interval_minutes: float
    first_polls_minutes: float
    retry_minutes: float
    check_hours: tuple[float, ...]
    patience_hours: float
    keep_gone: bool
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What `prune` leaves: articles of so many days, in so many megabytes; 0 is without a limit."""

    days: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class ImageRules:
    """Which pictures are kept, and how wide their reading form is at most."""

    reading_width_px: int
    max_pixels: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class RequestRules:
    """How many articles readers may ask for: waiting at one time, and by one client in a minute."""

    max_queued: int
    per_minute: int


class PageCopies(StrEnum):
    """How many pages an article has in an export's section: one in each of its channels, or one."""

    PER_CHANNEL = "per-channel"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class ExportRules:
    """How the mirror is written to disk; *max_loss* is the share of its articles that the next copy may do without."""

    pages: PageCopies = PageCopies.PER_CHANNEL
    max_loss: float = 0.05


class ExportForm(StrEnum):
    """What an export is for: the git-hosted mirrors' Markdown, or the live server's pages for any file host."""

    GIT = "git"
    HTML = "html"


class Links(StrEnum):
    """Where links in a text lead: nowhere, as in the seed; or inside the mirror as far as it holds their targets."""

    SEED = "seed"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True)
class Target:
    """A git remote that an export is pushed to: *url* with {section}, where each section is a repository of its own.

    *public* is where readers see it, "" if nobody is to be told.
    """

    name: str
    url: str
    sections: tuple[str, ...]
    form: ExportForm
    links: Links
    every_hours: float
    branch: str
    force: bool
    public: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """Everything that `config/` says."""

    name: str
    description: str
    language: str
    page_path: str
    index_path: str
    entries: int
    ttl_minutes: int
    navigation: tuple[NavigationLink, ...]
    sections: tuple[Section, ...]
    sites: tuple[Site, ...]
    rules: Mapping[str, ArticleRules]
    fetch: FetchLimits
    poll: PollRules
    keep: KeepRules
    images: ImageRules
    requests: RequestRules
    export: ExportRules = field(default_factory=ExportRules)
    targets: tuple[Target, ...] = ()
    addresses: tuple[str, ...] = ()

    def section(self, name: str) -> Section | None:
        """Return the section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels in the configured order, each once."""
        return tuple({channel.id: channel for section in self.sections for channel in section.channels}.values())

    def timezone_of(self, site: str) -> ZoneInfo:
        """Return the time zone of a site by its name; UTC for one that is configured no more."""
        return ZoneInfo(next((each.timezone for each in self.sites if each.name == site), "UTC"))

    def site_of(self, host: str) -> Site | None:
        """Return the site that a host belongs to."""
        return next((site for site in self.sites if host in site.hosts), None)
