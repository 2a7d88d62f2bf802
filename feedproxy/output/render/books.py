"""The documents of a book for e-readers (EPUB 3.2, with the NCX of EPUB 2 for old ones): values in, bytes out. Pure.

All documents lie in one folder, pictures in one below it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from feedproxy import markup
from feedproxy.model import SafeHtml
from feedproxy.output.render.environment import make_environment
from feedproxy.output.render.pages import ArticleBody, Link

MEDIA_TYPE = b"application/epub+zip"
# Where the documents are that stand in every book.
TITLE, NAVIGATION, NCX, STYLE, PACKAGE = (
    "title.xhtml",
    "nav.xhtml",
    "toc.ncx",
    "book.css",
    "package.opf",
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a book: the file of its own table of contents, and its articles' files, in the order of reading."""

    file: str
    title: str
    articles: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """What a book says of itself: *heading* names its part of the *mirror*, *address* is the mirror's, "" if none is known."""

    identifier: str
    language: str
    mirror: str
    heading: str
    period: str
    description: str
    address: str
    days: tuple[Day, ...]

    @property
    def title(self) -> str:
        """The title under which libraries show it."""
        return f"{self.mirror}：{self.heading} {self.period}"


def render_article(article: ArticleBody, language: str, day: str) -> bytes:
    """Return an article's page, which leads back to the file of its *day*.

    Raises:
        ValueError: its text has too many tags.

    """
    return _render("book-article.xhtml", language, title=article.title, article=article, day=day)


def render_day(day: Day, language: str) -> bytes:
    """Return the page in front of a day's articles."""
    return _render("book-day.xhtml", language, title=day.title, day=day)


def render_covers(book: Book, modified: datetime, pictures: Mapping[str, str]) -> dict[str, bytes]:
    """Return what stands around a book's days, by file: title page, tables of contents, package document, style sheet.

    The tables are EPUB 3's own (EPUB Packages 3.2, 5) and the NCX of EPUB 2 (OPF 2.0.1, 2.4.1). The package document says what
    the book is, which files it has, and in which order they are read (EPUB Packages 3.2, 3).

    Args:
        book: what it says of itself, and its days.
        modified: when an article changed last, in UTC; never the time of rendering.
        pictures: their media types, by file.

    """
    count = sum(len(day.articles) for day in book.days)
    return {
        TITLE: _render("book-title.xhtml", book.language, title=book.title, book=book, count=count),
        NAVIGATION: _render("book-nav.xhtml", book.language, title=book.title, book=book),
        NCX: _render("book.ncx", book.language, book=book),
        PACKAGE: _render(
            "book.opf", book.language, book=book, modified=modified, pictures=pictures
        ),
        STYLE: _render(STYLE, book.language),
    }


def render_container(package: str) -> bytes:
    """Return what tells readers where the package document is (EPUB OCF 3.2, 3.5.2.1)."""
    return _render("book-container.xml", "", package=package)


def _render(template: str, language: str, **values: object) -> bytes:
    return markup.without_controls(
        _environment.get_template(template).render(language=language, **values)
    ).encode()


def _xhtml(content: SafeHtml) -> Markup:
    return Markup(markup.as_xhtml(content))  # noqa: S704 (clean since it was stored)


_environment = make_environment(xhtml=_xhtml)
