"""Write articles with their pictures as an EPUB 3 book for offline reading."""

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5

from feedproxy import paths
from feedproxy.media import PictureFile
from feedproxy.model import (
    Article,
    ArticleId,
    Images,
    MediaFile,
    MirrorPath,
    Placement,
    StoredPicture,
    Url,
)
from feedproxy.output import render
from feedproxy.output.articles import describe
from feedproxy.output.context import ArticleContext, RenderContext, context_of
from feedproxy.output.render import books
from feedproxy.output.selectors import FeedSelector
from feedproxy.rewrite import LinkContext

# Returns the file that a book contains for a stored picture; None if the picture can't be shown.
MakePicture = Callable[[StoredPicture], PictureFile | None]
_FOLDER = "EPUB"
# The earliest date that the zip format can express, for every file in the archive.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Period:
    """The articles of a book by their date of publication.

    *since* is inclusive, *until* is exclusive (None: no end). Only the newest *limit* articles are
    included (None: all).
    """

    since: datetime
    until: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class BookContents:
    """The number of articles and of pictures in a book."""

    articles: int
    pictures: int


def write_bundle(
    context: RenderContext,
    selector: FeedSelector,
    period: Period,
    *,
    ids: Collection[ArticleId],
    out: BinaryIO,
    make_picture: MakePicture | None,
) -> Iterator[BookContents]:
    """Write the articles *ids* of a period, newest first, as a book into *out*.

    Yield the numbers of articles and pictures written so far after each article. Articles are read
    one by one, so memory does not grow with their number. The same articles make the same bytes.
    Links to articles and tags lead to pages of the book; others lead to the mirror if its public
    address is known, otherwise the link is removed. Without *make_picture* the book has no
    pictures.
    """
    zone, days = context.mirror.timezone_of(selector.channels[0].site.name), list[books.Day]()
    stored = (article for article in map(context.store.article, ids) if article)
    with zipfile.ZipFile(out, "w") as archive:
        binder = _Binder(context, selector, frozenset(ids), archive, make_picture)
        for date, articles in groupby(
            stored, key=lambda article: article.published.astimezone(zone).date()
        ):
            file, links = f"day-{date}.xhtml", list[render.Link]()
            for article in articles:
                links.append(binder.bind(article, file))
                yield BookContents(
                    sum(len(day.articles) for day in days) + len(links), len(binder.pictures)
                )
            days.append(books.Day(file, str(date), tuple(links)))
            binder.put(file, books.render_day(days[-1], context.mirror.about.language))
        binder.finish(_book(context, selector, period, tuple(days)))


class _Binder:
    """Writes articles and their pictures into a zip file, in reading order."""

    def __init__(
        self,
        context: RenderContext,
        selector: FeedSelector,
        ids: frozenset[ArticleId],
        archive: zipfile.ZipFile,
        make_picture: MakePicture | None,
    ) -> None:
        self._context, self._selector, self._ids = context, selector, ids
        self._archive, self._make_picture = archive, make_picture
        self._files: dict[StoredPicture, MediaFile | None] = {}
        self._modified: datetime = render.NEVER
        self.pictures: dict[str, str] = {}
        # The mimetype file comes first and is not compressed (EPUB OCF 3.2, section 4.3).
        self._put("mimetype", books.MEDIA_TYPE, zipfile.ZIP_STORED)
        self._put("META-INF/container.xml", books.render_container(f"{_FOLDER}/{books.PACKAGE}"))

    def bind(self, article: Article, day: str) -> render.Link:
        """Write an article and its pictures that are not in the book yet; return a link to it."""
        article_context = context_of(self._context, [article], self._selector.name)
        at = self._context.placement_of(
            article_context.channels.get(article.id, ()), self._selector.name
        )
        shows = self._make_picture is not None and self._context.images_of(at[0]) is Images.STORE
        article_context = replace(
            article_context, pictures=self._bring(article_context.pictures) if shows else {}
        )
        link_context = self._link_context(
            article, article_context, at, Images.STORE if shows else Images.NONE
        )
        body = describe(article_context, article, link_context)
        link = render.Link(body.title, _file_of(article.id))
        self.put(link.href, books.render_article(body, self._context.mirror.about.language, day))
        self._modified = max(self._modified, article.updated)
        return link

    def put(self, file: str, body: bytes) -> None:
        """Write a document into the content folder."""
        self._put(f"{_FOLDER}/{file}", body)

    def finish(self, book: books.Book) -> None:
        """Write the title page, tables of contents, package document and style sheet."""
        for file, body in books.render_covers(book, self._modified, self.pictures).items():
            self.put(file, body)

    def _link_context(
        self,
        article: Article,
        article_context: ArticleContext,
        placement: Placement,
        images: Images,
    ) -> LinkContext:
        targets = (
            {article.id, *(target for target, _ in article.links)}
            & self._ids
            & article_context.channels.keys()
        )
        inside = {
            self._context.page_of(
                each, article_context.channels[each], self._selector.name
            ): _file_of(each)
            for each in targets
        }
        media = {
            paths.media(stored.reading.name): _picture_of(stored.reading)
            for stored in article_context.pictures.values()
        }

        def write(path: MirrorPath) -> str:
            public = self._context.public_url and paths.suffixed(
                self._context.absolute(path), article.id
            )
            return inside.get(path) or media.get(path) or public

        link_context = article_context.link_context(
            article, placement, write, only_stored=not self._context.public_url
        )
        return replace(link_context, images=images, is_in_book=True)

    def _bring(self, pictures: Mapping[Url, StoredPicture]) -> dict[Url, StoredPicture]:
        """Return the pictures that the book shows, by upstream address; write new ones into it."""
        shown = {}
        for url, stored in sorted(pictures.items()):
            if stored not in self._files:
                self._files[stored] = self._bring_one(stored)
            file = self._files[stored]
            if file:
                shown[url] = replace(stored, reading=file)
        return shown

    def _bring_one(self, stored: StoredPicture) -> MediaFile | None:
        picture = self._make_picture(stored) if self._make_picture else None
        if picture is None:
            return None
        name = _picture_of(picture.file)
        if name not in self.pictures:
            self.pictures[name] = picture.file.media_type
            self._put(f"{_FOLDER}/{name}", picture.body, zipfile.ZIP_STORED)
        return picture.file

    def _put(self, name: str, body: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
        entry = zipfile.ZipInfo(name, _DATE)
        entry.create_system, entry.external_attr = _UNIX, _MODE
        self._archive.writestr(entry, body, compression)


def _book(
    context: RenderContext, selector: FeedSelector, period: Period, days: tuple[books.Day, ...]
) -> books.Book:
    section = context.mirror.section(selector.name)
    site, *bounds = (
        selector.channels[0].site.name,
        period.since.isoformat(),
        period.until and period.until.isoformat(),
        period.limit,
    )
    name = " ".join([site + selector.path(), *(str(is_in_book or "") for is_in_book in bounds)])
    dates = [day.title for day in reversed(days)]
    return books.Book(
        identifier=f"urn:uuid:{uuid5(NAMESPACE_URL, name)}",
        language=context.mirror.about.language,
        mirror=context.mirror.about.name,
        heading=f"{section.title} · {selector.label}"
        if section and selector.channel
        else selector.label,
        period=" – ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "",
        description=selector.description,
        address=context.absolute(selector.home(context.layout)) if context.public_url else "",
        days=days,
    )


def _file_of(article_id: ArticleId) -> str:
    return f"article-{article_id}.xhtml"


def _picture_of(file: MediaFile) -> str:
    return f"media/{file.name}"
