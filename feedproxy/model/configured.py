"""Values of the configuration in `config/`."""

import dataclasses
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from feedproxy.model.sites import (
    ID_DATE,
    TABLE,
    Address,
    ArticleRules,
    Channel,
    Placement,
    Site,
    Source,
)
from feedproxy.model.texts import ArticleId, Url

# The name of the feed of everything, in the place of a section's name.
ALL = "all"
# The name of a section, a channel or a publish target.
NAME = r"^[a-z0-9][a-z0-9-]*$"
_FIELD = re.compile(r"\{\w*\}")
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")
_MONTH_MINUTES = 31 * 24 * 60


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


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """An ordered set of channels that readers can subscribe to."""

    name: str
    title: str
    description: str
    channels: tuple[Channel, ...]
    images: Images = Images.STORE


@dataclasses.dataclass(frozen=True, slots=True)
class ArchiveDefinition:
    """The content of an archive: articles with one of *placements*, in order of preference."""

    name: str
    placements: tuple[Placement, ...]

    @property
    def channels(self) -> frozenset[str]:
        """The IDs of its channels."""
        return frozenset(placement.channel for placement in self.placements)


@dataclass(frozen=True, slots=True, config=TABLE)
class NavigationLink:
    """One link at the top of every page: to a page of the mirror (*to*) or elsewhere (*url*).

    With both it leads to a neighbouring repository: *to* is its folder beside the sections on a git
    host, *url* its address in other layouts.
    """

    title: str = Field(min_length=1)
    to: str = ""
    url: str = Field(default="", pattern=r"^(https?://.+)?$")


@dataclass(frozen=True, slots=True, config=TABLE)
class About:
    """The mirror's name, language and layout, the names of its sections, and its addresses."""

    name: str = Field(min_length=1)
    sections: tuple[str, ...] = Field(min_length=1)
    description: str = ""
    language: str = "zh-CN"
    page_path: str = "/{section}/blob/master/pages/{channel}/{id}.md"
    index_path: str = "/{section}/blob/master/indexes/{channel}/{page}.md"
    addresses: tuple[Address, ...] = ()

    @field_validator("page_path", "index_path")
    @classmethod
    def _has_its_fields(cls, value: str, info: ValidationInfo) -> str:
        last = "{id}" if info.field_name == "page_path" else "{page}"
        fields = sorted(_FIELD.findall(value))
        is_path = _PLAIN_PATH.fullmatch(_FIELD.sub("x", value))
        if (
            fields != sorted(("{section}", "{channel}", last))
            or not value.startswith("/{section}/")
            or not is_path
        ):
            reason = f"must begin with /{{section}}/ and hold {{channel}} and {last}, once each"
            raise ValueError(f"{reason}; besides, letters, digits, '.', '_', '~', '-' and '/' only")
        return value

    @field_validator("index_path")
    @classmethod
    def _is_apart(cls, value: str, info: ValidationInfo) -> str:
        if value.replace("{page}", "{id}") == info.data.get("page_path"):
            raise ValueError("must not be the same as page_path")
        return value


@dataclass(frozen=True, slots=True, config=TABLE)
class FeedRules:
    """The size of feeds, and how long readers may keep them.

    *filtered_per_minute* is how many filtered or merged feeds a client may request in a minute.
    """

    entries: int = Field(default=50, ge=1, le=1000)
    ttl_minutes: int = Field(default=30, ge=1)
    filtered_per_minute: int = Field(default=20, ge=1, le=1_000_000)


@dataclass(frozen=True, slots=True, config=TABLE)
class FetchLimits:
    """Limits, rates and timeouts of requests to upstream; the first two apply to each host."""

    requests_per_second: float = Field(default=5, gt=0, le=1000)
    requests_at_once: int = Field(default=4, ge=1, le=32)
    robots: Robots = Robots.REPORT
    ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = (80, 443)
    connect_timeout_s: float = Field(default=10, gt=0)
    read_timeout_s: float = Field(default=20, gt=0)
    total_timeout_s: float = Field(default=60, gt=0)
    max_body_bytes: int = Field(default=10_000_000, ge=1000)
    max_redirects: int = Field(default=5, ge=0)
    give_up_after: int = Field(default=3, ge=1)


@dataclass(frozen=True, slots=True, config=TABLE)
class PollRules:
    """When to poll a channel, to retry a failed article, and to check an article for corrections.

    *check_hours* are the times of the checks after an article's publication. *patience_hours* is
    how long an article may lack its text before its excerpt is used. *keep_gone* says whether
    articles stay that upstream no longer has. *fallback_hours* is how long a channel's first source
    must have failed before its fallbacks are polled.
    """

    min_interval_minutes: float = Field(default=10, gt=0, le=_MONTH_MINUTES)
    max_interval_minutes: float = Field(default=6 * 60, gt=0, le=_MONTH_MINUTES)
    first_polls_minutes: float = Field(default=2, ge=0, le=_MONTH_MINUTES)
    retry_minutes: float = Field(default=5, gt=0, le=_MONTH_MINUTES)
    check_hours: tuple[Annotated[float, Field(gt=0, le=24 * 366)], ...] = (1, 6, 24)
    patience_hours: float = Field(default=24, ge=0)
    keep_gone: bool = True
    lease_seconds: float = Field(default=30, ge=3, le=86_400)
    fallback_hours: float = Field(default=6, ge=0, le=24 * 366)

    @field_validator("max_interval_minutes")
    @classmethod
    def _is_longest(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("min_interval_minutes", 0):
            raise ValueError("must not be less than min_interval_minutes")
        return value

    @field_validator("check_hours")
    @classmethod
    def _grows(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted(value))


@dataclass(frozen=True, slots=True, config=TABLE)
class KeepRules:
    """What `prune` keeps: articles of the last *days*, within *megabytes*; 0 means no limit."""

    days: float = Field(default=0, ge=0, le=36_500)
    megabytes: float = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True, config=TABLE)
class ImageRules:
    """Which pictures are stored, and the maximum width of their reading size."""

    reading_width_px: int = Field(default=1200, ge=100, le=10_000)
    max_pixels: int = Field(default=9_000_000, ge=1)
    max_bytes: int = Field(default=8_000_000, ge=1)


@dataclass(frozen=True, slots=True, config=TABLE)
class RequestRules:
    """How many articles readers may request: queued at one time, and per client and minute."""

    max_queued: int = Field(default=100, ge=0)
    per_minute: int = Field(default=5, ge=1)


class PageCopies(StrEnum):
    """How many pages an article has in a section of an export: one in each channel, or one."""

    PER_CHANNEL = "per-channel"
    ONCE = "once"


@dataclass(frozen=True, slots=True, config=TABLE)
class ExportRules:
    """How the mirror is exported to disk.

    *max_loss* is the share of its articles that the next copy may lack.
    """

    pages: PageCopies = PageCopies.PER_CHANNEL
    max_loss: float = Field(default=0.05, ge=0, le=1)


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


@dataclass(frozen=True, slots=True, config=TABLE)
class PublishTarget:
    """A git remote that an export is pushed to.

    *url* contains {section} if each section is a repository of its own. *public* is the public
    address of the copy, "" if it is not announced.
    """

    name: str = Field(pattern=NAME)
    url: str = Field(min_length=1)
    sections: tuple[str, ...] = ()
    format: ExportFormat = ExportFormat.GIT
    links: Links = Links.MIRROR
    every_hours: float = Field(default=24, gt=0, le=24 * 366)
    branch: str = Field(default="master", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    force: bool = False
    public: str = Field(default="", pattern=r"^(https?://.+)?$")

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, value: str) -> str:
        if _PASSWORD.search(value):
            raise ValueError(
                "must not hold a password; git asks its credential helpers and ssh its keys"
            )
        if value.startswith("-") or "::" in value:
            raise ValueError(
                f"{value!r} is not a git remote: https://..., ssh://..., host:path, or a folder"
            )
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Mirror:
    """The whole configuration: the tables of feedproxy.toml, the sections and the sites.

    *rules* are those of the text files in ``sites/``, by file name. *addresses* are the public
    addresses of the mirror and of its published copies.
    """

    about: About
    sections: tuple[Section, ...]
    sites: tuple[Site, ...]
    rules: Mapping[str, ArticleRules]
    navigation: tuple[NavigationLink, ...] = ()
    feeds: FeedRules = dataclasses.field(default_factory=FeedRules)
    fetch: FetchLimits = dataclasses.field(default_factory=FetchLimits)
    poll: PollRules = dataclasses.field(default_factory=PollRules)
    keep: KeepRules = dataclasses.field(default_factory=KeepRules)
    images: ImageRules = dataclasses.field(default_factory=ImageRules)
    requests: RequestRules = dataclasses.field(default_factory=RequestRules)
    export: ExportRules = dataclasses.field(default_factory=ExportRules)
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
        placements = [
            Placement(section.name, channel.id)
            for section in self.sections
            for channel in section.channels
        ]
        first = {placement.channel: placement for placement in reversed(placements)}
        everything = tuple(each for each in placements if first[each.channel] == each)
        sections = (
            ArchiveDefinition(
                section.name, tuple(each for each in placements if each.section == section.name)
            )
            for section in self.sections
        )
        channels = (
            ArchiveDefinition(f"{each.section}/{each.channel}", (each,)) for each in placements
        )
        return (ArchiveDefinition(ALL, everything), *sections, *channels)

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
