"""Values of the configuration in `config/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from feedproxy.model.sites import ID_DATE, ArticleRules, Channel, Site, Source
from feedproxy.model.texts import ArticleId, Url

# The name of the feed of everything, in the place of a section's name.
ALL = "all"


class Robots(StrEnum):
    """How to treat what robots.txt disallows: fetch it, fetch and report it, or don't fetch it."""

    IGNORE = "ignore"
    REPORT = "report"
    OBEY = "obey"


class Images(StrEnum):
    """How a section treats pictures: store copies, link to upstream, or show none."""

    STORE = "store"
    LINK = "link"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Section:
    """An ordered set of channels that readers can subscribe to."""

    name: str
    title: str
    description: str
    channels: tuple[Channel, ...]
    images: Images = Images.STORE


@dataclass(frozen=True, slots=True)
class ArchiveDefinition:
    """The content of an archive.

    *places* are the sections and channels of its articles, in order of preference.
    """

    name: str
    places: tuple[tuple[str, str], ...]

    @property
    def channels(self) -> frozenset[str]:
        """The IDs of its channels."""
        return frozenset(channel for _, channel in self.places)


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """One link at the top of every page: to a page of the mirror (*to*) or elsewhere (*url*).

    With both it leads to a neighbouring repository: *to* is its folder beside the sections on a git
    host, *url* its address in other layouts.
    """

    title: str
    to: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits, rates and timeouts of requests to upstream; the first two apply to each host."""

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
    """When to poll a channel, to retry a failed article, and to check an article for corrections.

    *check_hours* are the times of the checks after an article's publication. *patience_hours* is
    how long an article may lack its text before its excerpt is used. *keep_gone* says whether
    articles stay that upstream no longer has. *fallback_hours* is how long a channel's first source
    must have failed before its fallbacks are polled.
    """

    min_interval_minutes: float
    max_interval_minutes: float
    first_polls_minutes: float
    retry_minutes: float
    check_hours: tuple[float, ...]
    patience_hours: float
    keep_gone: bool
    lease_seconds: float
    fallback_hours: float = 6


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What `prune` keeps: articles of the last *days*, within *megabytes*; 0 means no limit."""

    days: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class ImageRules:
    """Which pictures are stored, and the maximum width of their reading size."""

    reading_width_px: int
    max_pixels: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class RequestRules:
    """How many articles readers may request: queued at one time, and per client and minute."""

    max_queued: int
    per_minute: int


class PageCopies(StrEnum):
    """How many pages an article has in a section of an export: one in each channel, or one."""

    PER_CHANNEL = "per-channel"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class ExportRules:
    """How the mirror is exported to disk.

    *max_loss* is the share of its articles that the next copy may lack.
    """

    pages: PageCopies = PageCopies.PER_CHANNEL
    max_loss: float = 0.05


class ExportFormat(StrEnum):
    """The format of an export: Markdown for git hosts, or the server's pages for file hosts."""

    GIT = "git"
    HTML = "html"


class Links(StrEnum):
    """Where links in an exported text lead.

    SEED: nowhere, as in the existing git-hosted mirrors. MIRROR: to articles and tags inside the
    mirror; links to anything else of a mirrored site lead nowhere.
    """

    SEED = "seed"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """A git remote that an export is pushed to.

    *url* contains {section} if each section is a repository of its own. *public* is the public
    address of the copy, "" if it is not announced.
    """

    name: str
    url: str
    sections: tuple[str, ...]
    format: ExportFormat
    links: Links
    every_hours: float
    branch: str
    force: bool
    public: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """The whole configuration.

    *filtered_per_minute* is how many filtered or merged feeds a client may request in a minute.
    """

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
    filtered_per_minute: int = 20
    export: ExportRules = ExportRules()
    targets: tuple[PublishTarget, ...] = ()
    addresses: tuple[str, ...] = ()

    def section(self, name: str) -> Section | None:
        """Return the section of that name, None if there is none."""
        return next((section for section in self.sections if section.name == name), None)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels in the configured order, each once."""
        return tuple(
            {
                channel.id: channel for section in self.sections for channel in section.channels
            }.values()
        )

    @property
    def sources(self) -> frozenset[Source]:
        """The sources of all listings."""
        return frozenset(source for channel in self.channels for source in channel.sources)

    @property
    def picture_hosts(self) -> frozenset[str]:
        """The hosts from which pictures may be fetched."""
        return frozenset(host for site in self.sites for host in (*site.hosts, *site.picture_hosts))

    def mirrored_at(self, url: Url) -> Source | None:
        """Return the git-hosted mirror that a URL belongs to, None if it belongs to none.

        A source that requires a signature takes precedence over others at the same address.
        """
        found = [each for each in self.sources if each.base and url.startswith(each.base + "/")]
        return max(found, key=lambda source: bool(source.key), default=None)

    @property
    def logs(self) -> tuple[ArchiveDefinition, ...]:
        """The archives: of everything, of each section and of each of its channels."""
        places = [
            (section.name, channel.id) for section in self.sections for channel in section.channels
        ]
        first = {channel: (section, channel) for section, channel in reversed(places)}
        everything = tuple(place for place in places if first[place[1]] == place)
        sections = (
            ArchiveDefinition(each.name, tuple(place for place in places if place[0] == each.name))
            for each in self.sections
        )
        return (
            ArchiveDefinition(ALL, everything),
            *sections,
            *(
                ArchiveDefinition(f"{section}/{channel}", ((section, channel),))
                for section, channel in places
            ),
        )

    def timezone_of(self, site: str) -> ZoneInfo:
        """Return the time zone of a site by its name; UTC if the site is no longer configured."""
        return ZoneInfo(next((each.timezone for each in self.sites if each.name == site), "UTC"))

    def entry_id(self, site: str, article_id: ArticleId) -> str:
        """Return an entry's permanent ID, a ``tag:`` URI (RFC 4151).

        It consists of the site, its `id_date` and the article's ID. It contains nothing that may be
        corrected later, so all mirrors of a site use the same IDs.
        """
        id_date = next((each.id_date for each in self.sites if each.name == site), ID_DATE)
        return f"tag:{site},{id_date}:{article_id}"

    def site_of(self, host: str) -> Site | None:
        """Return the site that a host belongs to, None if there is none."""
        return next((site for site in self.sites if host in site.hosts), None)
