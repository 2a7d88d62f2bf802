"""The mirror's own addresses: the only place that builds them. Pure.

A `MirrorPath` begins with "/" and counts from the mirror's root. Pages and exports use it `relative` to
the page it stands on, feeds make it `absolute`.
"""

import posixpath
from collections.abc import Container, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from feedproxy.model import ArticleId, MirrorPath, Section, Url
from feedproxy.urls import picture_key

# The forms of a feed, in the order in which pages offer them.
FORMATS = {"xml": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
HOME = MirrorPath("/")
OPML = MirrorPath("/feeds.opml")
STYLE = MirrorPath("/static/mirror.css")
ICON = MirrorPath("/static/mirror.svg")
# Where programs look for an icon of a page that names none, as of a feed.
WELL_KNOWN_ICON = MirrorPath("/favicon.ico")
# What git hosts show for a folder.
FIRST = "README"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where pages stand, and who shows them.

    *page_path* is an article's page, with {section}, {channel} and {id}; *index_path* a page of the list of a channel's
    articles, with {section}, {channel} and {page}.
    """

    page_path: str
    index_path: str = ""
    sections: tuple[Section, ...] = ()

    def article(self, section: str, channel: str, article_id: ArticleId) -> MirrorPath:
        """Return an article's page in one of its channels.

        >>> Layout("/{section}/blob/master/pages/{channel}/{id}.md").article("news", "c1", ArticleId("n1"))
        '/news/blob/master/pages/c1/n1.md'
        """
        return MirrorPath(self.page_path.format(section=section, channel=channel, id=article_id))

    def index(self, section: str, channel: str, number: int = 1) -> MirrorPath:
        """Return a page of the list of a channel's articles; the first has no number.

        >>> Layout("", "/{section}/blob/master/indexes/{channel}/{page}.md").index("news", "c1")
        '/news/blob/master/indexes/c1/README.md'
        """
        return MirrorPath(self.index_path.format(section=section, channel=channel, page=FIRST if number == 1 else number))

    def place(self, channels: Container[str], *, prefer: str = "") -> tuple[str, str] | None:
        """Return section and channel of the canonical page of an article that is in *channels*.

        It is the first of them, in the configured order, in section *prefer*; the first section that shows the
        article where that one does not; None where none does.
        """
        for section in sorted(self.sections, key=lambda section: section.name != prefer):
            for channel in section.channels:
                if channel.id in channels:
                    return section.name, channel.id
        return None

    @property
    def routes(self) -> tuple[str, str]:
        """The same as URL rules of the web side: of an article, of an index."""
        return (
            self.page_path.format(section="<section>", channel="<channel>", id="<article_id>"),
            self.index_path.format(section="<section>", channel="<channel>", page="<page>"),
        )


def section(name: str, *, as_folder: bool = False) -> MirrorPath:
    """Return a section's front page; *as_folder* as the relative links of article pages and file hosts name it."""
    return MirrorPath(f"/{name}/" if as_folder else f"/{name}")


def tag(name: str) -> MirrorPath:
    """Return a tag's page.

    >>> tag("A/B 台湾")
    '/tag/A%2FB%20%E5%8F%B0%E6%B9%BE'
    """
    return MirrorPath("/tag/" + quote(name, safe=""))


def media(name: str) -> MirrorPath:
    """Return a stored picture.

    >>> media("00ff.webp")
    '/media/00ff.webp'
    """
    return MirrorPath(f"/media/{name}")


def sharded(name: str) -> MirrorPath:
    """Return a stored picture's address in an export, where no folder may hold too many.

    >>> sharded("00ff.webp")
    '/media/00f/00ff.webp'
    """
    return MirrorPath(f"/media/{name[:3]}/{name}")


def media_of(url: Url) -> tuple[str, str]:
    """Return the names by which `media` leads to a picture by its upstream address, held or not: original, reading form.

    >>> media(media_of(Url("https://i.example.org/a.jpg"))[1])
    '/media/of/22b90d8dab6719910bfbcf12b2a3c2df'
    """
    key = picture_key(url)
    return f"of/{key}/original", f"of/{key}"


def tag_feed(name: str, *, form: str = "xml") -> MirrorPath:
    """Return the feed of a tag; *form* is one of FORMATS.

    >>> tag_feed("A/B", form="json")
    '/feed/tag/A%2FB.json'
    """
    return MirrorPath(f"/feed{tag(name)}.{form}")


def feed(name: str, channel: str = "", *, form: str = "xml") -> MirrorPath:
    """Return a feed: of a section, of one of its channels, or of `all`; *form* is one of FORMATS.

    >>> feed("epoch-news", "ncid277", form="atom")
    '/feed/epoch-news/ncid277.atom'
    """
    return MirrorPath(f"/feed/{name}/{channel}.{form}" if channel else f"/feed/{name}.{form}")


def merged_feed(names: Iterable[str], *, form: str = "xml") -> MirrorPath:
    """Return the feed of several feeds, each named by its section or by section and channel; *form* is one of FORMATS.

    >>> merged_feed(["epoch-comment/nsc1025", "epoch-news"])
    '/feed/merged/epoch-comment/nsc1025,epoch-news.xml'
    """
    return MirrorPath(f"/feed/merged/{','.join(names)}.{form}")


def archive(name: str, channel: str, number: int | str, *, form: str = "xml") -> MirrorPath:
    """Return a page of a feed's archive, 1 is the oldest; the feed is named as in `feed`.

    >>> archive("epoch-news", "ncid277", 2, form="json")
    '/feed/epoch-news/ncid277/archive/2.json'
    """
    return MirrorPath(f"{feed(name, channel, form='')[:-1]}/archive/{number}.{form}")


def suffixed(path: str, article_id: ArticleId) -> str:
    """Return *path* with the ``?n<ID>`` of the article that the link stands in, before any fragment.

    >>> suffixed("../c1/n1.md#note", ArticleId("n2"))
    '../c1/n1.md?n2#note'
    """
    path, mark, fragment = path.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{article_id}{mark}{fragment}"


def relative(target: MirrorPath, page: MirrorPath) -> str:
    """Return *target* as a link on *page*, without the root it may hang under.

    >>> relative(MirrorPath("/news"), MirrorPath("/news/blob/master/pages/c1/n1.md"))
    '../../../..'
    >>> relative(MirrorPath("/other"), MirrorPath("/news/blob/master/pages/c1/n1.md"))
    '../../../../../other'
    >>> relative(MirrorPath("/"), MirrorPath("/news"))
    '.'
    """
    return posixpath.relpath(target, posixpath.dirname(page))


def from_root(target: MirrorPath, page: MirrorPath) -> str:
    """Return *target* as a link on *page* by way of the root, as the navigation of the git-hosted mirrors has it.

    >>> from_root(MirrorPath("/news"), MirrorPath("/news/blob/master/pages/c1/n1.md"))
    '../../../../../news'
    """
    return "../" * (page.count("/") - 1) + target.removeprefix("/")


def absolute(target: MirrorPath, public_url: str, key: str = "", query: str = "") -> str:
    """Return *target* below the mirror's public address (which ends without "/"), with a *query* and the *key* of its reader.

    >>> absolute(MirrorPath("/news"), "https://mirror.example.org")
    'https://mirror.example.org/news'
    >>> suffixed(absolute(MirrorPath("/news"), "https://mirror.example.org", "secret"), "n13000001")
    'https://mirror.example.org/news?key=secret&n13000001'
    """
    parameters = "&".join(part for part in (query, f"key={key}" if key else "") if part)
    return public_url + target + (f"?{parameters}" if parameters else "")
