"""What `config/` says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from feedproxy.model.sites import ID_DATE, ArticleRules, Channel, Site, Source
from feedproxy.model.texts import ArticleId, Url

# What a feed of everything is called in its address, as a section's is by its name.
ALL = "all"


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
class ArchiveDefinition:
    """What an archive holds: its *name*, and the *places* (section, channel) whose articles it takes, the preferred first."""

    name: str
    places: tuple[tuple[str, str], ...]

    @property
    def channels(self) -> frozenset[str]:
        """The IDs of its channels."""
        return frozenset(channel for _, channel in self.places)


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
    text before its excerpt stands in, *keep_gone* whether what upstream has no more stays. *fallback_hours* is how long a
    channel's first source must have failed before its others are asked.
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
class PublishTarget:
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
    """Everything that `config/` says; *filtered_per_minute* is how many chosen or merged feeds one client may have made."""

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
        """Return the section of that name."""
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
        """Where listings are had."""
        return frozenset(source for channel in self.channels for source in channel.sources)

    @property
    def picture_hosts(self) -> frozenset[str]:
        """The hosts that pictures are fetched from."""
        return frozenset(host for site in self.sites for host in (*site.hosts, *site.picture_hosts))

    def mirrored_at(self, url: Url) -> Source | None:
        """Return the git-hosted mirror that an address belongs to, None if it is no such one's.

        If any source there demands a signature, that one is returned.
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
        """Return the time zone of a site by its name; UTC for one that is configured no more."""
        return ZoneInfo(next((each.timezone for each in self.sites if each.name == site), "UTC"))

    def entry_id(self, site: str, article_id: ArticleId) -> str:
        """Return an entry's permanent ID: a ``tag:`` URI (RFC 4151) of the site, its `id_date`, and the article's ID.

        Nothing that may be corrected later is part of it, so all mirrors of a site have the same.
        """
        id_date = next((each.id_date for each in self.sites if each.name == site), ID_DATE)
        return f"tag:{site},{id_date}:{article_id}"

    def site_of(self, host: str) -> Site | None:
        """Return the site that a host belongs to."""
        return next((site for site in self.sites if host in site.hosts), None)
