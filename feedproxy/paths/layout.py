"""Paths of pages on the live server, on git hosts and on file hosts. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import quote, unquote

from feedproxy.model import ArticleId, MirrorPath, Placement, Section
from feedproxy.paths.places import HOME, SHARD_DIGITS, SUBSCRIBE

# The files that git hosts, and file hosts, show for a folder.
FIRST, _FILE_FIRST = "README", "index"
# The path below which a git host shows the files of a repository.
_BLOB = "/blob/master/"
# File names of tags. A tag of the first pattern is its own file name (60 characters of four bytes
# fit into the 255 bytes of a file name). Any other is cut to _TAG_CHARACTERS characters and gets a
# hash of _TAG_DIGITS digits.
_PLAIN_TAG, _NOT_PLAIN, _TAG_CHARACTERS, _TAG_DIGITS = (
    re.compile(r"\w{1,60}"),
    re.compile(r"\W+"),
    30,
    16,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of pages on one kind of host.

    *page_path* is the path of an article's page, with {section}, {channel} and {id}. *index_path*
    is that of a page of the list of a channel's articles, with {section}, {channel} and {page};
    *first* is the {page} of its first page. *tag_path* is "" where tags have no pages. *media_path*
    is the path of a picture, with {name}, and optionally {section} and {shard}. *blob* is a part of
    paths that is not in the names of files.
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
        """Return the path of an article's page in one of its channels.

        >>> Layout("/{section}/blob/master/pages/{channel}/{id}.md").article(
        ...     "news", "c1", ArticleId("n1")
        ... )
        '/news/blob/master/pages/c1/n1.md'
        """
        return MirrorPath(self.page_path.format(section=section, channel=channel, id=article_id))

    def index(self, section: str, channel: str, number: int = 1) -> MirrorPath:
        """Return the path of a page of a channel's list of articles; the first has no number.

        >>> Layout("", "/{section}/blob/master/indexes/{channel}/{page}.md").index("news", "c1")
        '/news/blob/master/indexes/c1/README.md'
        """
        return MirrorPath(
            self.index_path.format(
                section=section, channel=channel, page=self.first if number == 1 else number
            )
        )

    def section(self, section: str) -> MirrorPath:
        """Return the path of a section's front page."""
        return MirrorPath(self.section_path.format(section=section))

    def readme(self, section: str) -> MirrorPath:
        """Return the path of the page that a git host shows as a section's front page."""
        return MirrorPath(f"/{section}{_BLOB}{FIRST}.md")

    def tag(self, name: str) -> MirrorPath | None:
        """Return the path of a tag's page, None where tags have no pages.

        >>> file_layout("/{section}/{channel}/{id}.md", "", ()).tag("台湾")
        '/tag/%E5%8F%B0%E6%B9%BE.html'
        """
        name_shown = _tag_file(name) if self.plain_tags else name
        return (
            MirrorPath(self.tag_path.format(tag=quote(name_shown, safe="")))
            if self.tag_path
            else None
        )

    def media(self, name: str, section: str) -> MirrorPath:
        """Return the path of a stored picture for the pages of *section*.

        >>> git_layout(()).media("00ffee.webp", "news")
        '/news/blob/master/media/00f/00ffee.webp'
        """
        return MirrorPath(
            self.media_path.format(name=name, section=section, shard=name[:SHARD_DIGITS])
        )

    def file(self, path: MirrorPath) -> str:
        """Return the file of a page, relative to the folder of an export.

        >>> git_layout(()).file(MirrorPath("/news/blob/master/pages/c1/n1.md"))
        'news/pages/c1/n1.md'
        """
        found = unquote(path).removeprefix("/")
        return found.replace(self.blob, "/", 1) if self.blob else found

    def placement(self, channels: Container[str], *, prefer: str = "") -> Placement | None:
        """Return the placement of the canonical page of an article in *channels*.

        It is the first of these channels, in configured order, in section *prefer*. If that section
        does not show the article, the first section that does takes its place; None if none does.
        """
        for section in sorted(self.sections, key=lambda section: section.name != prefer):
            for channel in section.channels:
                if channel.id in channels:
                    return Placement(section.name, channel.id)
        return None

    @property
    def is_git_hosted(self) -> bool:
        """Whether the pages are those of a git host."""
        return bool(self.blob)

    @property
    def page_files(self) -> re.Pattern[str]:
        """The pattern of the files of articles' pages, with a group `id`."""
        whole = re.escape(self.file(MirrorPath(self.page_path)))
        names = {"section": "[^/]+", "channel": "[^/]+", "id": "(?P<id>[^/]+)"}
        for name, pattern in names.items():
            whole = whole.replace(re.escape(f"{{{name}}}"), pattern)
        return re.compile(whole)

    @property
    def article_route(self) -> str:
        """*page_path* as a URL rule of the web application."""
        return self.page_path.format(section="<section>", channel="<channel>", id="<article_id>")

    @property
    def index_route(self) -> str:
        """*index_path* as a URL rule of the web application."""
        return self.index_path.format(section="<section>", channel="<channel>", page="<page>")


def git_layout(sections: tuple[Section, ...]) -> Layout:
    """Return the layout of git-hosted mirrors, where each section is a repository."""
    return Layout(
        page_path=f"/{{section}}{_BLOB}pages/{{channel}}/{{id}}.md",
        index_path=f"/{{section}}{_BLOB}indexes/{{channel}}/{{page}}.md",
        sections=sections,
        tag_path="",
        media_path=f"/{{section}}{_BLOB}media/{{shard}}/{{name}}",
        blob=_BLOB,
    )


def file_layout(page_path: str, index_path: str, sections: tuple[Section, ...]) -> Layout:
    """Return the live server's layout for plain files.

    File hosts derive the type of a page from its extension, and do not serve a folder as a page.
    """
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


def _tag_file(name: str) -> str:
    """Return the file name of a tag, within 255 bytes.

    It is unique among tags on every file system, also on those that ignore case.

    >>> _tag_file("台湾"), _tag_file("A/B 台湾")
    ('台湾', 'a-b-台湾-0ef4787d51fc07de')
    """
    folded = unicodedata.normalize("NFC", name.casefold())
    if _PLAIN_TAG.fullmatch(name) and name == folded != _FILE_FIRST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_TAG_DIGITS]
    return f"{_NOT_PLAIN.sub('-', folded)[:_TAG_CHARACTERS].strip('-')}-{digest}"
