"""Sites, and the channels that are taken from them, as `config/` says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from feedproxy.model.texts import Url

# The date in the entry IDs of sites that name no other (RFC 4151, 2.1: a day on which the site had its name).
# Another one would change the ID of every entry, and mirrors would disagree.
ID_DATE = date(2026, 1, 1)


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

    *tests* are articles and what the text of each must hold (test_url, test_contains).
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
    tests: tuple[tuple[Url, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A news site: what its addresses look like and how its pages are read.

    *article_url* is matched against the path of an address; its named groups fill *canonical_url*.
    Without it every address that a listing links to is an article, with an ID made from its address.
    *short_links* says where short addresses lead, each by `urls.bare`. *end_marker* is what stands at the end of a whole
    article. *id_date* is part of its entries' IDs.
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
    """Where a channel's listing is had, and how it is read; *key* is the public key that what comes must be signed by.

    *archive_url* is an HTML listing with older pages, where the listing itself has none, as a feed has not.
    *section* is what a git-hosted mirror calls the section, as its signatures name it. With *allow_older* a
    signed publication may be older than one that was seen before.
    """

    kind: str
    url: Url
    archive_url: Url | None = None
    key: str = ""
    section: str = ""
    allow_older: bool = False

    @property
    def base(self) -> str:
        """Where a git-hosted mirror's own addresses begin, "" for other kinds; its listings stand in ``indexes/`` there."""
        return self.url.rpartition("/indexes/")[0] if self.kind == "mirror" else ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One listing of the site, polled by itself; its ID is the same in every section that shows it.

    It is had at *source*, or where that fails for long, at one of *fallbacks*, in that order.
    *end_marker* says whether its articles have the site's.
    """

    id: str
    title: str
    site: Site
    source: Source
    fallbacks: tuple[Source, ...] = ()
    end_marker: bool = True

    @property
    def kind(self) -> str:
        """How its listing is read."""
        return self.source.kind

    @property
    def url(self) -> Url:
        """Where its listing is had."""
        return self.source.url

    @property
    def archive_url(self) -> Url | None:
        """An HTML listing with older pages, where its own has none."""
        return self.source.archive_url

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where its listing is had, in order."""
        return (self.source, *self.fallbacks)
