"""Where pages stand: on the live server, on git hosts, on file hosts. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import quote, unquote

from feedproxy.model import ArticleId, MirrorPath, Section
from feedproxy.paths.places import HOME, SHARD_DIGITS, SUBSCRIBE

# What git hosts, and file hosts, show for a folder.
FIRST, _FILE_FIRST = "README", "index"
# Where a git host has the files of a repository.
_BLOB = "/blob/master/"
# Of a tag in a file's name: such words stand as they are (60 characters of four bytes are within a name's 255), others with a
# number of so many digits.
_PLAIN_TAG, _NOT_PLAIN, _TAG_CHARACTERS, _TAG_DIGITS = (
    re.compile(r"\w{1,60}"),
    re.compile(r"\W+"),
    30,
    16,
)


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
        return MirrorPath(
            self.index_path.format(
                section=section, channel=channel, page=self.first if number == 1 else number
            )
        )

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
        return (
            MirrorPath(self.tag_path.format(tag=quote(shown, safe=""))) if self.tag_path else None
        )

    def media(self, name: str, section: str) -> MirrorPath:
        """Return a stored picture, as a section shows it.

        >>> git_layout(()).media("00ffee.webp", "news")
        '/news/blob/master/media/00f/00ffee.webp'
        """
        return MirrorPath(
            self.media_path.format(name=name, section=section, shard=name[:SHARD_DIGITS])
        )

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
