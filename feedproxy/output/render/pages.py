"""Render pages as HTML. Pure, except that templates and static files are read once."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from feedproxy.model import DateSource, Mirror, SafeHtml
from feedproxy.output.render.environment import make_environment
from feedproxy.output.render.values import Lead

# The static files of all pages by name: style sheet and icon.
STATIC = {
    file.name: file.read_bytes() for file in sorted((Path(__file__).parent / "static").iterdir())
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link as printed.

    *is_here* marks a link to the page itself; *language* is the language of the target.
    """

    title: str
    href: str = ""
    is_here: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page announces.

    *label* is its name among its neighbours, *title* its full title. *anchor* is the fragment
    identifier of its place on the page. *home* leads to the page that shows the same articles.
    *address* is the address to copy. *formats* are its formats, RSS first, as pairs of media type
    and address. *book* leads to its articles as a book, if there is one.
    """

    label: str
    title: str
    anchor: str
    home: str
    address: str
    formats: tuple[tuple[str, str], ...]
    book: str = ""


@dataclass(frozen=True, slots=True)
class FeedGroup:
    """A group of feeds below a heading."""

    heading: str
    feeds: tuple[FeedLink, ...]


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The layout around a page's content.

    *properties* are additional Open Graph properties of the page. *home* leads to the front page,
    *subscribe* to the page about feeds. *scripts* are the links that switch the script. *search*
    leads to the search page, *opensearch* to its description for browsers; both are "" where no
    server answers. *query_text* is the text that was searched for.
    """

    language: str
    title: str
    kind: str
    description: str
    mirror: str
    style: str
    icon: str
    canonical: str
    home: str
    navigation: tuple[Link, ...] = ()
    feeds: tuple[FeedLink, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    subscribe: str = ""
    scripts: tuple[Link, ...] = ()
    search: str = ""
    opensearch: str = ""
    query_text: str = ""


@dataclass(frozen=True, slots=True)
class ListedArticle:
    """A row of a list of articles; *published* is in the time zone to display."""

    link: Link
    published: datetime
    summary: str = ""


@dataclass(frozen=True, slots=True)
class ListBlock:
    """A heading with a link, and the articles below it."""

    heading: Link
    articles: tuple[ListedArticle, ...]


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment of a text, and whether it matches a search term."""

    text: str
    is_match: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """An article found by a search; *excerpt* is from its text."""

    href: str
    title: tuple[Fragment, ...]
    excerpt: tuple[Fragment, ...]
    published: datetime


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The results of a search.

    *newest* leads to the first page of results, *older* to the next one; "" if there is none.
    """

    matches: tuple[SearchResult, ...]
    newest: str
    older: str


@dataclass(frozen=True, slots=True)
class ArticleBody:
    """An article as its page shows it.

    Dates are in the time zone to display; links in *content* are already rewritten. *note* is a
    remark for readers above the article.
    """

    title: str
    authors: tuple[str, ...]
    published: datetime
    updated: datetime
    content: SafeHtml
    original: str
    lead: Lead | None
    tags: tuple[Link, ...] = ()
    channels: tuple[Link, ...] = ()
    before: Link | None = None
    after: Link | None = None
    note: str = ""
    dated: DateSource = DateSource.STATED
    language: str = ""


def render_home(
    page_layout: PageLayout, blocks: tuple[ListBlock, ...], opml: str, addresses: str = ""
) -> bytes:
    """Return the front page.

    *opml* leads to the list of all feeds, *addresses* to the page with the mirror's other
    addresses.
    """
    return _render("home.html", page_layout, blocks=blocks, opml=opml, addresses=addresses)


def render_addresses(
    page_layout: PageLayout, sites: tuple[tuple[str, str], ...], addresses: tuple[str, ...]
) -> bytes:
    """Return the page with titles and hosts of the mirrored sites, and the mirror's addresses."""
    return _render("addresses.html", page_layout, sites=sites, addresses=addresses)


def robots(*, is_indexed: bool) -> bytes:
    """Return a robots.txt (RFC 9309) that allows everything or nothing."""
    return b"User-agent: *\nAllow: /\n" if is_indexed else b"User-agent: *\nDisallow: /\n"


def render_list(
    page_layout: PageLayout,
    blocks: tuple[ListBlock, ...],
    channels: tuple[FeedLink, ...] = (),
    pager: tuple[Link, ...] = (),
) -> bytes:
    """Return a page that lists articles of a section, a channel or a tag.

    *channels* are the feeds of a section's channels, *pager* the links between a list's pages.
    """
    return _render("list.html", page_layout, blocks=blocks, channels=channels, pager=pager)


def render_subscribe(
    page_layout: PageLayout, groups: tuple[FeedGroup, ...], opml: str, *, is_live: bool
) -> bytes:
    """Return the page about feeds; with *is_live* a server makes feeds with options."""
    return _render("subscribe.html", page_layout, groups=groups, opml=opml, is_live=is_live)


def render_feed(
    page_layout: PageLayout,
    home: Link,
    address: str,
    raw: str,
    articles: tuple[ListedArticle, ...],
    *,
    pager: tuple[Link, ...],
) -> bytes:
    """Return a feed as a page: *home* leads to the same articles, *raw* to the feed itself."""
    return _render(
        "feed.html",
        page_layout,
        home=home,
        address_of=address,
        raw=raw,
        articles=articles,
        pager=pager,
    )


def render_article(page_layout: PageLayout, article: ArticleBody) -> bytes:
    """Return an article's page."""
    return _render("article.html", page_layout, article=article)


def render_search(page_layout: PageLayout, found: SearchResults | None) -> bytes:
    """Return the page of a search; without results (None) it explains how to search."""
    return _render("search.html", page_layout, found=found)


def render_opensearch(mirror: Mirror, search: str, icon: str) -> bytes:
    """Return the description that lets browsers search the mirror (OpenSearch 1.1).

    *search* is the address template with {searchTerms}.
    """
    return (
        _environment.get_template("opensearch.xml")
        .render(mirror=mirror, search=search, icon=icon)
        .encode()
    )


def render_message(
    page_layout: PageLayout, text: str, original: str = "", *, ask: bool = False
) -> bytes:
    """Return a page with a single message, for example an error.

    *ask* adds a button that requests the original article.
    """
    return _render("message.html", page_layout, text=text, original=original, ask=ask)


def lead_figure(lead: Lead) -> SafeHtml:
    """Return a lead picture with its caption as HTML, to precede an entry's content."""
    return SafeHtml(_environment.get_template("lead.html").render(lead=lead).strip())


def _render(template: str, page_layout: PageLayout, **values: object) -> bytes:
    return _environment.get_template(template).render(page_layout=page_layout, **values).encode()


_environment = make_environment(safe_html=Markup)
