"""Tables of the TOML files in `config/`. Pure.

Each class is one table, and each field is one key. Any other key is an error.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from feedproxy.configuration.exports import ExportTable, PublishTable
from feedproxy.markup import check_xpath
from feedproxy.model import ID_DATE, Images, Robots

Kind = Literal["html", "feed", "mirror", "feedproxy"]
NAME = r"^[a-z0-9][a-z0-9-]*$"
_FIELD = re.compile(r"\{\w*\}")
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


def _as_tuple(value: Any) -> Any:  # noqa: ANN401 (any TOML value)
    return (value,) if isinstance(value, str) else value


def _pattern(value: str, group: str) -> str:
    try:
        names = re.compile(value).groupindex
    except re.error as e:
        raise ValueError(f"{value!r} is not a regular expression: {e}") from e
    if value and group not in names:
        raise ValueError(f"{value!r} has no group (?P<{group}>...)")
    return value


XPaths = Annotated[
    tuple[Annotated[str, AfterValidator(check_xpath)], ...], BeforeValidator(_as_tuple)
]
Address = Annotated[str, Field(pattern=r"^https?://.+")]
# A minisign public key: 42 bytes in base64, the first two of which are "Ed".
SigningKey = Annotated[str, Field(pattern=r"^(RW[A-Za-z0-9+/]{54})?$")]
SectionName = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]*)?$")]
# A URL, or an absolute path on this machine: a mirror may be a local folder.
NavigationPlace = Annotated[str, Field(pattern=r"^(https?://.+|/.+)$")]
Words = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class MirrorTable(_Table):
    """The mirror's name, language, addresses and sections."""

    name: str = Field(min_length=1)
    description: str = ""
    language: str = "zh-CN"
    page_path: str = "/{section}/blob/master/pages/{channel}/{id}.md"
    index_path: str = "/{section}/blob/master/indexes/{channel}/{page}.md"
    sections: tuple[str, ...] = Field(min_length=1)
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


class NavigationTable(_Table):
    """One link of the navigation at the top of every page."""

    title: str = Field(min_length=1)
    to: str = ""
    url: str = Field(default="", pattern=r"^(https?://.+)?$")


class FeedsTable(_Table):
    """Settings of the feeds."""

    entries: int = Field(default=50, ge=1, le=1000)
    ttl_minutes: int = Field(default=30, ge=1)
    filtered_per_minute: int = Field(default=20, ge=1, le=1_000_000)


_MONTH_MINUTES = 31 * 24 * 60


class FetchTable(_Table):
    """Limits, rates and timeouts of requests to upstream."""

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


class PollTable(_Table):
    """When to poll a channel, to retry a failed article, and to check one for corrections."""

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


class KeepTable(_Table):
    """What `prune` keeps."""

    days: float = Field(default=0, ge=0, le=36_500)
    megabytes: float = Field(default=0, ge=0)


class ImagesTable(_Table):
    """Which pictures are stored, and the maximum width of their reading size."""

    reading_width_px: int = Field(default=1200, ge=100, le=10_000)
    max_pixels: int = Field(default=9_000_000, ge=1)
    max_bytes: int = Field(default=8_000_000, ge=1)


class RequestsTable(_Table):
    """How many articles readers may request."""

    max_queued: int = Field(default=100, ge=0)
    per_minute: int = Field(default=5, ge=1)


class MirrorFile(_Table):
    """feedproxy.toml."""

    mirror: MirrorTable
    navigation: tuple[NavigationTable, ...] = ()
    feeds: FeedsTable = FeedsTable()
    fetch: FetchTable = FetchTable()
    poll: PollTable = PollTable()
    keep: KeepTable = KeepTable()
    images: ImagesTable = ImagesTable()
    requests: RequestsTable = RequestsTable()
    export: ExportTable = ExportTable()
    publish: tuple[PublishTable, ...] = ()


class ChannelTable(_Table):
    """A channel whose settings differ from its section's."""

    title: str = Field(min_length=1)
    kind: Kind | None = None
    url: str = Field(default="", pattern=r"^(https?://.+|/.+)?$")
    site: str = ""
    end_marker: bool = True


class FallbackTable(_Table):
    """A source to use while the first source fails; {channel} stands for the channel's ID."""

    kind: Kind
    listing: NavigationPlace
    key: SigningKey = ""
    section: SectionName = ""
    allow_older: bool = False


class SectionFile(_Table):
    """sections/<name>.toml."""

    title: str = Field(min_length=1)
    description: str = ""
    site: str
    kind: Kind
    images: Images = Images.STORE
    listing: dict[Kind, NavigationPlace] = Field(default_factory=dict)
    key: SigningKey = ""
    section: SectionName = ""
    allow_older: bool = False
    fallback: tuple[FallbackTable, ...] = ()
    channels: dict[Annotated[str, Field(pattern=NAME)], str | ChannelTable] = Field(min_length=1)


class ListingTable(_Table):
    """How to read an HTML listing."""

    item: XPaths = ()
    link: XPaths = ()
    title: XPaths = ()
    date: XPaths = ()
    excerpt: XPaths = ()
    next_page: XPaths = ()


class ArticleTable(_Table):
    """How to read an article page: directives of ftr-site-config, and additional keys."""

    title: XPaths = ()
    body: XPaths = ()
    date: XPaths = ()
    author: XPaths = ()
    strip: XPaths = ()
    strip_id_or_class: Words = ()
    strip_image_src: Words = ()
    strip_attr: XPaths = ()
    src_lazy_load_attr: Words = ()
    single_page_link: XPaths = ()
    next_page_link: XPaths = ()
    autodetect_on_failure: bool = True
    picture: XPaths = ()
    caption: XPaths = ()
    author_pattern: str = ""

    @field_validator("author_pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        return _pattern(value, "author")


class TestTable(_Table):
    """An article to test a site's rules with (ftr-site-config's test_url and test_contains).

    *contains* is what its text must contain.
    """

    url: Address
    contains: Words = Field(min_length=1)


class SiteFile(_Table):
    """sites/<name>.toml."""

    title: str = Field(min_length=1)
    hosts: tuple[str, ...] = Field(min_length=1)
    picture_hosts: tuple[str, ...] = ()
    timezone: str = "UTC"
    article_url: str = ""
    canonical_url: str = ""
    tag_url: str = ""
    short_links: dict[Address, Address] = Field(default_factory=dict)
    end_marker: str = ""
    id_date: date = ID_DATE
    listing: ListingTable = ListingTable()
    article: ArticleTable = ArticleTable()
    test: tuple[TestTable, ...] = ()

    @field_validator("article_url")
    @classmethod
    def _has_id(cls, value: str) -> str:
        return _pattern(value, "id")

    @field_validator("canonical_url")
    @classmethod
    def _has_its_groups(cls, value: str, info: ValidationInfo) -> str:
        try:
            value.format_map(
                dict.fromkeys(re.compile(info.data.get("article_url", "")).groupindex, "")
            )
        except (KeyError, ValueError, IndexError) as e:
            raise ValueError(f"{value!r} has a field that article_url has no group for: {e}") from e
        return value

    @field_validator("tag_url")
    @classmethod
    def _has_tag(cls, value: str) -> str:
        return _pattern(value, "tag")

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as e:
            raise ValueError(f"{value!r} is not a time zone such as Asia/Shanghai") from e
        return value
