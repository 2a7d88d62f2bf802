"""Render the documents of an EPUB 3.2 book, with the EPUB 2 NCX for old e-readers. Pure.

All documents are in one folder, pictures in a folder below it.
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
# The file names of the documents that every book has.
TITLE, NAVIGATION, NCX, STYLE, PACKAGE = (
    "title.xhtml",
    "nav.xhtml",
    "toc.ncx",
    "book.css",
    "package.opf",
)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a book: the file of its table of contents, and links to its articles in order."""

    file: str
    title: str
    articles: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """The metadata and days of a book.

    *heading* names the part of the *mirror* that the book covers. *address* is the mirror's
    address, "" if it is not known.
    """

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
        """The title that e-readers list it by."""
        return f"{self.mirror}：{self.heading} {self.period}"


def render_article(article: ArticleBody, language: str, day: str) -> bytes:
    """Return an article's page, which links back to the file of its *day*.

    Raises:
        ValueError: the article's text has too many tags.

    """
    return _render("book-article.xhtml", language, title=article.title, article=article, day=day)


def render_day(day: Day, language: str) -> bytes:
    """Return the page in front of a day's articles."""
    return _render("book-day.xhtml", language, title=day.title, day=day)


def render_covers(book: Book, modified: datetime, pictures: Mapping[str, str]) -> dict[str, bytes]:
    """Return the documents around a book's days, by file.

    They are the title page, the tables of contents, the package document and the style sheet. There
    are two tables: EPUB 3's navigation document (EPUB Packages 3.2, section 5) and the NCX of EPUB
    2 (OPF 2.0.1, section 2.4.1). The package document holds the metadata, the list of files and the
    reading order (EPUB Packages 3.2, section 3).

    Args:
        book: the metadata and days of the book.
        modified: the time of the last change of an article, in UTC; never the time of rendering.
        pictures: the pictures' media types, by file.

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
    """Return the container file, which names the package document (EPUB OCF 3.2, 3.5.2.1)."""
    return _render("book-container.xml", "", package=package)


def _render(template: str, language: str, **values: object) -> bytes:
    return markup.without_controls(
        _environment.get_template(template).render(language=language, **values)
    ).encode()


def _xhtml(content: SafeHtml) -> Markup:
    return Markup(markup.as_xhtml(content))  # noqa: S704 (sanitised before it was stored)


_environment = make_environment(xhtml=_xhtml)
