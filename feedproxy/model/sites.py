"""Sites and their channels, as configured in `config/`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from feedproxy.model.texts import Url

# The default date in entry IDs (RFC 4151, 2.1: a day on which the site had its name). Another date
# would change the ID of every entry, and mirrors would disagree.
ID_DATE = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class ListingRules:
    """XPath 1.0 expressions for an HTML listing; alternatives are tried in order until one matches.

    *item* and *next_page* are evaluated on the page, the others on an item.
    """

    item: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    excerpt: tuple[str, ...] = ()
    next_page: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArticleRules:
    """Rules for an article page: those of ftr-site-config (XPath 1.0), and three additions.

    Alternatives are tried in order. The additions are *picture* and *caption* (the container and
    the caption of the lead picture), and *author_pattern* (a regular expression with a group
    ``author``, for sites whose byline is in the text). *tests* are articles and what the text of
    each must contain (test_url, test_contains). *name* is the origin of the rules.
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
    tests: tuple[tuple[Url, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A news site: the form of its URLs and how to read its pages.

    *article_url* is matched against the path of a URL; its named groups fill *canonical_url*.
    Without it every URL that a listing links to is an article, with an ID made from its URL.
    *short_links* maps short URLs, in the form of `urls.bare`, to their targets. *end_marker* is the
    text at the end of a complete article. *id_date* is part of the IDs of its entries.
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
    id_date: date = ID_DATE
    listing: ListingRules = field(default_factory=ListingRules)
    article: ArticleRules = field(default_factory=ArticleRules)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Channel:
    """One listing of a site, polled separately; its ID is the same in every section that shows it.

    It is read from *source*, or, while that fails for long, from the first of *fallbacks* that
    responds. *end_marker* says whether its articles end with the site's end marker.
    """

    id: str
    title: str
    site: Site
    source: Source
    fallbacks: tuple[Source, ...] = ()
    end_marker: bool = True

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
