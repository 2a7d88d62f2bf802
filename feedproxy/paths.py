"""The mirror's own addresses: the only place that builds them. Pure.

A `MirrorPath` begins with "/" and counts from the mirror's root. Pages and exports use it `relative` to
the page it stands on, feeds make it `absolute`.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from feedproxy.model import ArticleId, MirrorPath, Section, Url
from feedproxy.urls import picture_key

# The forms of a feed, in the order in which pages offer them.
FORMATS = {"xml": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
HOME = MirrorPath("/")
SUBSCRIBE = MirrorPath("/subscribe")
OPML = MirrorPath("/feeds.opml")
STYLE = MirrorPath("/static/mirror.css")
ICON = MirrorPath("/static/mirror.svg")
SEARCH = MirrorPath("/search")
OPENSEARCH = MirrorPath("/opensearch.xml")
# Where programs look for an icon of a page that names none, as of a feed.
WELL_KNOWN_ICON = MirrorPath("/favicon.ico")
# Where else the mirror is, as an export says.
ADDRESSES = MirrorPath("/mirrors.html")
# What git hosts, and file hosts, show for a folder.
FIRST, _FILE_FIRST = "README", "index"
# Where a git host has the files of a repository.
_BLOB = "/blob/master/"
# Pictures lie in 4,096 folders by so many digits of their names: a thousand in each are four million.
_SHARD_DIGITS = 3
# What belongs to a channel in a repository of the git-hosted mirrors.
_OF_CHANNEL = re.compile(r"(?:pages|indexes)/(?P<channel>[A-Za-z0-9_-]+)(?:\.csv\Z|/)")
# Of a tag in a file's name: such words stand as they are (60 characters of four bytes are within a name's 255), others with a
# number of so many digits.
_PLAIN_TAG, _NOT_PLAIN, _TAG_CHARACTERS, _TAG_DIGITS = re.compile(r"\w{1,60}"), re.compile(r"\W+"), 30, 16


@dataclass(frozen=True, slots=True)
class Layout:
    """Where pages stand, and who shows them.

    *page_path* is an article's page, with {section}, {channel} and {id}; *index_path* a page of the list of a channel's
    articles, with {section}, {channel} and {page}, the *first* of which has a name for its number. *tag_path* is "" where
    tags have no pages; *media_path* is a picture's, with {name}, and {section} and {shard} where it has them. *blob* is a part
    of paths that files have not.
    """

    page_path: str
    index_path: str = ""
    sections: tuple[Section, ...] = ()
    first: str = FIRST
    home: MirrorPath = HOME
    subscribe: MirrorPath = SUBSCRIBE
    section_path: str = "/{section}"
    tag_path: str = "/tag/{tag}"
    media_path: str = "/media/{name}"
    blob: str = ""
    plain_tags: bool = False

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
        return MirrorPath(self.index_path.format(section=section, channel=channel, page=self.first if number == 1 else number))

    def section(self, section: str) -> MirrorPath:
        """Return a section's front page."""
        return MirrorPath(self.section_path.format(section=section))

    def readme(self, section: str) -> MirrorPath:
        """Return the page that a git host shows as a section's front page."""
        return MirrorPath(f"/{section}{_BLOB}{FIRST}.md")

    def tag(self, name: str) -> MirrorPath | None:
        """Return a tag's page, None where tags have none.

        >>> file_layout("/{section}/{channel}/{id}.md", "", ()).tag("台湾")
        '/tag/%E5%8F%B0%E6%B9%BE.html'
        """
        shown = _tag_file(name) if self.plain_tags else name
        return MirrorPath(self.tag_path.format(tag=quote(shown, safe=""))) if self.tag_path else None

    def media(self, name: str, section: str) -> MirrorPath:
        """Return a stored picture, as a section shows it.

        >>> git_layout(()).media("00ffee.webp", "news")
        '/news/blob/master/media/00f/00ffee.webp'
        """
        return MirrorPath(self.media_path.format(name=name, section=section, shard=name[:_SHARD_DIGITS]))

    def file(self, path: MirrorPath) -> str:
        """Return where a page lies below the folder of an export.

        >>> git_layout(()).file(MirrorPath("/news/blob/master/pages/c1/n1.md"))
        'news/pages/c1/n1.md'
        """
        found = unquote(path).removeprefix("/")
        return found.replace(self.blob, "/", 1) if self.blob else found

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
    def page_files(self) -> re.Pattern[str]:
        """What matches the files of articles' pages, with a group `id`."""
        whole = re.escape(self.file(MirrorPath(self.page_path)))
        names = {"section": "[^/]+", "channel": "[^/]+", "id": "(?P<id>[^/]+)"}
        for name, pattern in names.items():
            whole = whole.replace(re.escape(f"{{{name}}}"), pattern)
        return re.compile(whole)

    @property
    def routes(self) -> tuple[str, str]:
        """The same as URL rules of the web side: of an article, of an index."""
        return (
            self.page_path.format(section="<section>", channel="<channel>", id="<article_id>"),
            self.index_path.format(section="<section>", channel="<channel>", page="<page>"),
        )


def git_layout(sections: tuple[Section, ...]) -> Layout:
    """Return the layout of the git-hosted mirrors, each section a repository beside the others."""
    return Layout(
        page_path=f"/{{section}}{_BLOB}pages/{{channel}}/{{id}}.md",
        index_path=f"/{{section}}{_BLOB}indexes/{{channel}}/{{page}}.md",
        sections=sections,
        tag_path="",
        media_path=f"/{{section}}{_BLOB}media/{{shard}}/{{name}}",
        blob=_BLOB,
    )


def file_layout(page_path: str, index_path: str, sections: tuple[Section, ...]) -> Layout:
    """Return the live server's layout for plain files: file hosts know by the ending what a page is, and see no folder as one."""
    return Layout(
        page_path=page_path.removesuffix(".md") + ".html" * (not page_path.endswith(".html")),
        index_path=index_path.removesuffix(".md") + ".html" * (not index_path.endswith(".html")),
        sections=sections,
        first=_FILE_FIRST,
        home=MirrorPath("/index.html"),
        subscribe=MirrorPath("/subscribe.html"),
        section_path="/{section}/index.html",
        tag_path="/tag/{tag}.html",
        media_path="/media/{shard}/{name}",
        plain_tags=True,
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


def _tag_file(name: str) -> str:
    """Return a tag as a file's name: one that differs from any other tag's on every file system, in case too, in 255 bytes.

    >>> _tag_file("台湾"), _tag_file("A/B 台湾")
    ('台湾', 'a-b-台湾-0ef4787d51fc07de')
    """
    folded = unicodedata.normalize("NFC", name.casefold())
    if _PLAIN_TAG.fullmatch(name) and name == folded != _FILE_FIRST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_TAG_DIGITS]
    return f"{_NOT_PLAIN.sub('-', folded)[:_TAG_CHARACTERS].strip('-')}-{digest}"


def media(name: str) -> MirrorPath:
    """Return a stored picture.

    >>> media("00ff.webp")
    '/media/00ff.webp'
    """
    return MirrorPath(f"/media/{name}")


def channel_of(file: str) -> str:
    """Return the channel that a file of a git-hosted mirror belongs to, by its place in the repository, "" if to none.

    >>> channel_of("pages/c1/n1.md"), channel_of("indexes/c1.csv"), channel_of("indexes/c1/2.md"), channel_of("README.md")
    ('c1', 'c1', 'c1', '')
    """
    match = _OF_CHANNEL.match(file)
    return match["channel"] if match else ""


def channel_manifest(channel: str) -> str:
    """Return the file that names the index and pages of a channel by their hashes, by its place in the repository."""
    return f"indexes/{channel}.sha256"


def sharded(name: str) -> MirrorPath:
    """Return a stored picture's address in an export, where no folder may hold too many.

    >>> sharded("00ff.webp")
    '/media/00f/00ff.webp'
    """
    return MirrorPath(f"/media/{name[:_SHARD_DIGITS]}/{name}")


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


def book(name: str, channel: str = "") -> MirrorPath:
    """Return the book of a feed, which is named as in `feed`.

    >>> book("epoch-news", "ncid277")
    '/book/epoch-news/ncid277.epub'
    """
    return MirrorPath(f"/book/{name}/{channel}.epub" if channel else f"/book/{name}.epub")


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


def suffixed(path: str, article_id: str) -> str:
    """Return *path* with the ``?n<ID>`` of the article that the link stands in, before any fragment.

    >>> suffixed("../c1/n1.md#note", ArticleId("n2"))
    '../c1/n1.md?n2#note'
    """
    path, mark, fragment = path.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{article_id}{mark}{fragment}"


def chosen(path: str, parameter: str) -> str:
    """Return *path* with a parameter of the reader's choice, before whatever its query says.

    >>> chosen("../c1/n1.md?n2#note", "opencc=s2t"), chosen("?", "opencc=s2t")
    ('../c1/n1.md?opencc=s2t&n2#note', '?opencc=s2t')
    """
    before, mark, fragment = path.partition("#")
    page, _, query = before.partition("?")
    return f"{page}?{'&'.join(filter(None, (parameter, query)))}{mark}{fragment}"


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
