"""Write articles with their pictures as an EPUB 3 book for offline reading."""

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5

from feedproxy import markup, paths
from feedproxy.media import PictureFile
from feedproxy.model import Article, ArticleId, Images, MediaFile, MirrorPath, StoredPicture, Url
from feedproxy.output import render
from feedproxy.output.context import ArticleContext, RenderContext, context_of
from feedproxy.output.pages import note_of
from feedproxy.output.render import books
from feedproxy.output.selectors import FeedSelector
from feedproxy.rewrite import LinkContext

# Returns the file that a book contains for a stored picture; None if the picture can't be shown.
Forms = Callable[[StoredPicture], PictureFile | None]
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
    ground: RenderContext,
    scope: FeedSelector,
    period: Period,
    *,
    ids: Collection[ArticleId],
    out: BinaryIO,
    forms: Forms | None,
) -> Iterator[BookContents]:
    """Write the articles *ids* of a period, newest first, as a book into *out*.

    Yield the numbers of articles and pictures written so far after each article. Articles are read
    one by one, so memory does not grow with their number. The same articles make the same bytes.
    Links to articles and tags lead to pages of the book; others lead to the mirror if its public
    address is known, otherwise the link is removed. Without *forms* the book has no pictures.
    """
    zone, days = ground.mirror.timezone_of(scope.channels[0].site.name), list[books.Day]()
    held = (article for article in map(ground.library.article, ids) if article)
    with zipfile.ZipFile(out, "w") as archive:
        binder = _Binder(ground, scope, frozenset(ids), archive, forms)
        for date, articles in groupby(
            held, key=lambda article: article.published.astimezone(zone).date()
        ):
            file, links = f"day-{date}.xhtml", list[render.Link]()
            for article in articles:
                links.append(binder.bind(article, file))
                yield BookContents(
                    sum(len(day.articles) for day in days) + len(links), len(binder.pictures)
                )
            days.append(books.Day(file, str(date), tuple(links)))
            binder.put(file, books.render_day(days[-1], ground.mirror.language))
        binder.finish(_book(ground, scope, period, tuple(days)))


class _Binder:
    """Writes articles and their pictures into a zip file, in reading order."""

    def __init__(
        self,
        ground: RenderContext,
        scope: FeedSelector,
        ids: frozenset[ArticleId],
        archive: zipfile.ZipFile,
        forms: Forms | None,
    ) -> None:
        self._ground, self._scope, self._ids, self._archive, self._forms = (
            ground,
            scope,
            ids,
            archive,
            forms,
        )
        self._files: dict[StoredPicture, MediaFile | None] = {}
        self._modified: datetime = render.NEVER
        self.pictures: dict[str, str] = {}
        # The mimetype file comes first and is not compressed (EPUB OCF 3.2, section 4.3).
        self._put("mimetype", books.MEDIA_TYPE, zipfile.ZIP_STORED)
        self._put("META-INF/container.xml", books.render_container(f"{_FOLDER}/{books.PACKAGE}"))

    def bind(self, article: Article, day: str) -> render.Link:
        """Write an article and its pictures that are not in the book yet; return a link to it."""
        context = context_of(self._ground, [article], self._scope.name)
        at = self._ground.place_of(context.channels.get(article.id, ()), self._scope.name)
        shows = self._forms is not None and self._ground.images_of(at[0]) is Images.STORE
        context = replace(context, pictures=self._bring(context.pictures) if shows else {})
        place = self._place(article, context, at, Images.STORE if shows else Images.NONE)
        body = self._body(article, context, place)
        link = render.Link(body.title, _file_of(article.id))
        self.put(link.href, books.render_article(body, self._ground.mirror.language, day))
        self._modified = max(self._modified, article.updated)
        return link

    def put(self, file: str, body: bytes) -> None:
        """Write a document into the content folder."""
        self._put(f"{_FOLDER}/{file}", body)

    def finish(self, book: books.Book) -> None:
        """Write the title page, tables of contents, package document and style sheet."""
        for file, body in books.render_covers(book, self._modified, self.pictures).items():
            self.put(file, body)

    def _place(
        self, article: Article, context: ArticleContext, at: tuple[str, str], images: Images
    ) -> LinkContext:
        targets = (
            {article.id, *(target for target, _ in article.links)}
            & self._ids
            & context.channels.keys()
        )
        inside = {
            self._ground.page_of(each, context.channels[each], self._scope.name): _file_of(each)
            for each in targets
        }
        media = {
            paths.media(stored.reading.name): _picture_of(stored.reading)
            for stored in context.pictures.values()
        }

        def write(path: MirrorPath) -> str:
            public = self._ground.public_url and paths.suffixed(
                self._ground.absolute(path), article.id
            )
            return inside.get(path) or media.get(path) or public

        place = context.place(article, at, write, only_held=not self._ground.public_url)
        return replace(place, images=images, bound=True)

    def _body(
        self, article: Article, context: ArticleContext, place: LinkContext
    ) -> render.ArticleBody:
        timezone = self._ground.mirror.timezone_of(article.site)
        return render.ArticleBody(
            title=markup.plain(article.title) or article.id,
            authors=article.authors,
            published=article.published.astimezone(timezone),
            updated=article.updated.astimezone(timezone),
            dated=article.dated,
            content=context.body(article, place),
            original=article.url,
            lead=context.lead(article, place),
            tags=tuple(render.Link(tag, place.write(paths.tag(tag))) for tag in article.tags),
            channels=(),
            before=None,
            after=None,
            note=note_of(article, timezone),
        )

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
        form = self._forms(stored) if self._forms else None
        if form is None:
            return None
        name = _picture_of(form.file)
        if name not in self.pictures:
            self.pictures[name] = form.file.media_type
            self._put(f"{_FOLDER}/{name}", form.body, zipfile.ZIP_STORED)
        return form.file

    def _put(self, name: str, body: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
        entry = zipfile.ZipInfo(name, _DATE)
        entry.create_system, entry.external_attr = _UNIX, _MODE
        self._archive.writestr(entry, body, compression)


def _book(
    ground: RenderContext, scope: FeedSelector, period: Period, days: tuple[books.Day, ...]
) -> books.Book:
    section = ground.mirror.section(scope.name)
    site, *bounds = (
        scope.channels[0].site.name,
        period.since.isoformat(),
        period.until and period.until.isoformat(),
        period.limit,
    )
    name = " ".join([site + scope.path(), *(str(bound or "") for bound in bounds)])
    dates = [day.title for day in reversed(days)]
    return books.Book(
        identifier=f"urn:uuid:{uuid5(NAMESPACE_URL, name)}",
        language=ground.mirror.language,
        mirror=ground.mirror.name,
        heading=f"{section.title} · {scope.label}" if section and scope.channel else scope.label,
        period=" – ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "",
        description=scope.description,
        address=ground.absolute(scope.home(ground.layout)) if ground.public_url else "",
        days=days,
    )


def _file_of(article_id: ArticleId) -> str:
    return f"article-{article_id}.xhtml"


def _picture_of(file: MediaFile) -> str:
    return f"media/{file.name}"
