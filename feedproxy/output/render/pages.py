"""Pages: values in, HTML bytes out. Pure, but for the templates that are read once."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from feedproxy.model import DateSource, Mirror, SafeHtml
from feedproxy.output.render.environment import make_environment
from feedproxy.output.render.values import Lead

# What every page needs, by the file's name: its style sheet and its icon.
STATIC = {
    file.name: file.read_bytes() for file in sorted((Path(__file__).parent / "static").iterdir())
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is printed; *is_here* says that it leads to the page itself, *language* is that of what it leads to."""

    title: str
    href: str = ""
    is_here: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page announces, in all its forms: pairs of media type and address, RSS first.

    *label* is its name among its neighbours, *title* its own; *anchor* is what links to this place name, *home* the
    page that shows the same articles; *address* is what readers copy; *book* leads to its articles as a book, if there is one.
    """

    label: str
    title: str
    anchor: str
    home: str
    address: str
    forms: tuple[tuple[str, str], ...]
    book: str = ""


@dataclass(frozen=True, slots=True)
class FeedGroup:
    """Feeds below one heading."""

    heading: str
    feeds: tuple[FeedLink, ...]


@dataclass(frozen=True, slots=True)
class PageLayout:
    """What stands around every page; *properties* are those of the Open Graph protocol that only it has.

    *home* leads to the front page, *subscribe* to the page about feeds, *scripts* are a switch between scripts. *search* is
    where to search, *opensearch* what tells browsers so, "" where nobody answers; *asked* is what was searched for.
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
    asked: str = ""


@dataclass(frozen=True, slots=True)
class ListedArticle:
    """One row of a list of articles; its date is in the zone in which it is shown."""

    link: Link
    published: datetime
    summary: str = ""


@dataclass(frozen=True, slots=True)
class ListBlock:
    """A heading, where it leads, and articles below it."""

    heading: Link
    articles: tuple[ListedArticle, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """An article that a search has found: title and part of the text in pieces, each with whether it was searched for."""

    href: str
    title: tuple[tuple[str, bool], ...]
    excerpt: tuple[tuple[str, bool], ...]
    published: datetime


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What a search has found; *newest* and *older* lead to its beginning and on, "" where there is nothing."""

    matches: tuple[SearchResult, ...]
    newest: str
    older: str


@dataclass(frozen=True, slots=True)
class ArticleBody:
    """An article as its page shows it: dates in the zone in which they are shown, *content* already rewritten.

    *note* says what readers are to know of it.
    """

    title: str
    authors: tuple[str, ...]
    published: datetime
    updated: datetime
    content: SafeHtml
    original: str
    lead: Lead | None
    tags: tuple[Link, ...]
    channels: tuple[Link, ...]
    before: Link | None
    after: Link | None
    note: str = ""
    dated: DateSource = DateSource.STATED


def render_home(
    frame: PageLayout, blocks: tuple[ListBlock, ...], opml: str, addresses: str = ""
) -> bytes:
    """Return the front page; *opml* is where the list of all feeds stands, *addresses* leads to where else the mirror is."""
    return _render("home.html", frame, blocks=blocks, opml=opml, addresses=addresses)


def render_addresses(
    frame: PageLayout, sites: tuple[tuple[str, str], ...], addresses: tuple[str, ...]
) -> bytes:
    """Return the page that says what the mirror is a mirror of, each site's title and host, and where else it is."""
    return _render("addresses.html", frame, sites=sites, addresses=addresses)


def robots(*, is_indexed: bool) -> bytes:
    """Return robots.txt (RFC 9309): all or nothing."""
    return b"User-agent: *\nAllow: /\n" if is_indexed else b"User-agent: *\nDisallow: /\n"


def render_list(
    frame: PageLayout,
    blocks: tuple[ListBlock, ...],
    channels: tuple[FeedLink, ...] = (),
    pager: tuple[Link, ...] = (),
) -> bytes:
    """Return a page that lists articles: of a section, with its channels; of a channel, page by page; of a tag."""
    return _render("list.html", frame, blocks=blocks, channels=channels, pager=pager)


def render_subscribe(
    frame: PageLayout, groups: tuple[FeedGroup, ...], opml: str, *, is_live: bool
) -> bytes:
    """Return the page about feeds; *is_live* says that a server makes those that a reader chooses."""
    return _render("subscribe.html", frame, groups=groups, opml=opml, is_live=is_live)


def render_feed(
    frame: PageLayout,
    home: Link,
    address: str,
    raw: str,
    articles: tuple[ListedArticle, ...],
    *,
    pager: tuple[Link, ...],
) -> bytes:
    """Return a feed as a page: *home* shows the same articles, *raw* leads to the feed itself."""
    return _render(
        "feed.html", frame, home=home, address_of=address, raw=raw, articles=articles, pager=pager
    )


def render_article(frame: PageLayout, article: ArticleBody) -> bytes:
    """Return an article's page."""
    return _render("article.html", frame, article=article)


def render_search(frame: PageLayout, found: SearchResults | None) -> bytes:
    """Return the page of a search; where nothing was searched for, it says how to."""
    return _render("search.html", frame, found=found)


def render_opensearch(mirror: Mirror, search: str, icon: str) -> bytes:
    """Return what browsers need to search the mirror (OpenSearch 1.1): *search* is an address with {searchTerms}."""
    return (
        _environment.get_template("opensearch.xml")
        .render(mirror=mirror, search=search, icon=icon)
        .encode()
    )


def render_message(frame: PageLayout, text: str, original: str = "", *, ask: bool = False) -> bytes:
    """Return a page that says one thing: not held, not found, an error; *ask* has it offer to fetch the original."""
    return _render("message.html", frame, text=text, original=original, ask=ask)


def lead_figure(lead: Lead) -> SafeHtml:
    """Return a lead picture with its caption as HTML, as it stands in front of an entry's content."""
    return SafeHtml(_environment.get_template("lead.html").render(lead=lead).strip())


def _render(template: str, frame: PageLayout, **values: object) -> bytes:
    return _environment.get_template(template).render(frame=frame, **values).encode()


_environment = make_environment(safe_html=Markup)
