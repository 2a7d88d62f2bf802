"""Sites and their channels, as configured in `config/`."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic.dataclasses import dataclass

from feedproxy.model.texts import Url

# An unknown key is an error.
TABLE = ConfigDict(extra="forbid")

# The default date in entry IDs (RFC 4151, 2.1: a day on which the site had its name). Another date
# would change the ID of every entry, and mirrors would disagree.
ID_DATE = date(2026, 1, 1)
# The entry of the validation context that checks an XPath expression; the parser is not known here.
CHECK_XPATH = "check_xpath"


def _as_tuple(value: Any) -> Any:  # noqa: ANN401 (any TOML value)
    return (value,) if isinstance(value, str) else value


def _checked(value: str, info: ValidationInfo) -> str:
    check: Callable[[str], str] | None = (info.context or {}).get(CHECK_XPATH)
    return check(value) if check else value


def _compiled(value: Any, group: str, flags: int = 0) -> Any:  # noqa: ANN401 (any TOML value)
    if not isinstance(value, str):
        return value
    try:
        pattern = re.compile(value, flags)
    except re.error as e:
        raise ValueError(f"{value!r} is not a regular expression: {e}") from e
    if value and group not in pattern.groupindex:
        raise ValueError(f"{value!r} has no group (?P<{group}>...)")
    return pattern if value else None


Address = Annotated[Url, Field(pattern=r"^https?://.+")]
Words = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
XPaths = Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], BeforeValidator(_as_tuple)]


class TextSource(StrEnum):
    """Where the text of a channel's articles comes from.

    PAGE: from their pages; FEED: from the entries of its feed, whose pages are not fetched; AUTO:
    from whichever has the better text.
    """

    AUTO = "auto"
    FEED = "feed"
    PAGE = "page"


@dataclass(frozen=True, slots=True, config=TABLE)
class RuleTest:
    """An article to test a site's rules with (ftr-site-config's test_url and test_contains).

    *contains* is what its text must contain.
    """

    url: Address
    contains: Words = ()


@dataclass(frozen=True, slots=True, config=TABLE)
class ListingRules:
    """XPath 1.0 expressions for an HTML listing; alternatives are tried in order until one matches.

    *item* and *next_page* are evaluated on the page, the others on an item.
    """

    item: XPaths = ()
    link: XPaths = ()
    title: XPaths = ()
    date: XPaths = ()
    excerpt: XPaths = ()
    next_page: XPaths = ()


class Replacement(NamedTuple):
    """A text in an article page that is replaced before the page is parsed (replace_string)."""

    old: str
    new: str


class Wrapping(NamedTuple):
    """The elements that are wrapped in a new element, *tag* (wrap_in)."""

    tag: str
    xpath: str


@dataclass(frozen=True, slots=True, config=TABLE)
class ArticleRules:
    """Rules for an article page: those of ftr-site-config (XPath 1.0), and three additions.

    Alternatives are tried in order. The additions are *picture* and *caption* (the container and
    the caption of the lead picture), and *author_pattern* (a regular expression with a group
    ``author``, for sites whose byline is in the text). *tests* are articles and what the text of
    each must contain (test_url, test_contains). *name* is the origin of the rules.
    """

    name: str = ""
    title: XPaths = ()
    body: XPaths = ()
    date: XPaths = ()
    author: XPaths = ()
    strip: XPaths = ()
    strip_id_or_class: Words = ()
    strip_image_src: Words = ()
    strip_attr: XPaths = ()
    replace: tuple[Replacement, ...] = ()
    wrap_in: tuple[Wrapping, ...] = ()
    single_page_link: XPaths = ()
    next_page_link: XPaths = ()
    src_lazy_load_attr: Words = ()
    autodetect_on_failure: bool = True
    picture: XPaths = ()
    caption: XPaths = ()
    author_pattern: str = ""
    tests: tuple[RuleTest, ...] = ()

    @field_validator("author_pattern")
    @classmethod
    def _has_author(cls, value: str) -> str:
        _compiled(value, "author")
        return value


@dataclass(frozen=True, slots=True, config=TABLE)
class Site:
    """A news site: the form of its URLs and how to read its pages.

    *article_url* is matched against the path of a URL; its named groups fill *canonical_url*.
    Without it every URL that a listing links to is an article, with an ID made from its URL.
    *short_links* maps short URLs, in the form of `urls.bare`, to their targets. *end_marker* is the
    text at the end of a complete article. *id_date* is part of the IDs of its entries.
    """

    name: str
    title: str = Field(min_length=1)
    hosts: tuple[str, ...] = Field(min_length=1)
    picture_hosts: tuple[str, ...] = ()
    timezone: str = "UTC"
    article_url: re.Pattern[str] | None = None
    canonical_url: str = ""
    tag_url: re.Pattern[str] | None = None
    short_links: Mapping[str, Address] = Field(default_factory=dict)
    end_marker: str = ""
    id_date: date = ID_DATE
    listing: ListingRules = Field(default_factory=ListingRules)
    article: ArticleRules = Field(default_factory=ArticleRules)

    @field_validator("hosts", "picture_hosts")
    @classmethod
    def _is_lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(host.lower() for host in value)

    @field_validator("article_url", mode="before")
    @classmethod
    def _has_id(cls, value: Any) -> Any:  # noqa: ANN401 (any TOML value)
        return _compiled(value, "id", re.ASCII)

    @field_validator("canonical_url")
    @classmethod
    def _has_its_groups(cls, value: str, info: ValidationInfo) -> str:
        pattern = info.data.get("article_url")
        try:
            value.format_map(dict.fromkeys(pattern.groupindex if pattern else (), ""))
        except (KeyError, ValueError, IndexError) as e:
            raise ValueError(f"{value!r} has a field that article_url has no group for: {e}") from e
        return value

    @field_validator("tag_url", mode="before")
    @classmethod
    def _has_tag(cls, value: Any) -> Any:  # noqa: ANN401 (any TOML value)
        return _compiled(value, "tag")

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as e:
            raise ValueError(f"{value!r} is not a time zone such as Asia/Shanghai") from e
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A source of a channel's listing, and how to read it.

    *key* is the public key that must have signed it. *archive_url* is an HTML listing with older
    pages, if the listing itself has none, as a feed. *section* is the name of the section in the
    signatures of a git-hosted mirror. With *allow_older* a signed publication may be older than the
    last one seen.
    """

    kind: str
    url: Url
    archive_url: Url | None = None
    key: str = ""
    section: str = ""
    allow_older: bool = False

    @property
    def base(self) -> str:
        """The base URL of a git-hosted mirror, above its ``indexes/``; "" for other kinds."""
        return self.url.rpartition("/indexes/")[0] if self.kind == "mirror" else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Channel:
    """One listing of a site, polled separately; its ID is the same in every section that shows it.

    It is read from *source*, or, while that fails for long, from the first of *fallbacks* that
    responds. *end_marker* says whether its articles end with the site's end marker, *text* where
    their text comes from.
    """

    id: str
    title: str
    site: Site
    source: Source
    fallbacks: tuple[Source, ...] = ()
    end_marker: bool = True
    text: TextSource = TextSource.AUTO

    @property
    def kind(self) -> str:
        """The kind of its listing."""
        return self.source.kind

    @property
    def url(self) -> Url:
        """The URL of its listing."""
        return self.source.url

    @property
    def archive_url(self) -> Url | None:
        """An HTML listing with older pages, if its own has none."""
        return self.source.archive_url

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of its listing, in order of preference."""
        return (self.source, *self.fallbacks)


class Placement(NamedTuple):
    """Where an article is shown: the name of a section and the ID of one of its channels."""

    section: str
    channel: str
