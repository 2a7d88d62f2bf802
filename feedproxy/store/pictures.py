"""Store pictures and their files."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)

from feedproxy.model import ArticleId, MediaFile, StoredPicture, Url, WaitingPicture
from feedproxy.store import rows
from feedproxy.store import tables as t
from feedproxy.store.database import Connections
from feedproxy.urls import picture_key

# A picture counts as due if its `try_at` is further ahead than this, as written by a wrong clock.
_LONGEST_WAIT = timedelta(days=31)
_original, _reading = t.media_file.alias("original"), t.media_file.alias("reading")
_all = (
    select(t.picture.c.url, *_original.c, *_reading.c)
    .join(_original, _original.c.name == t.picture.c.original)
    .join(_reading, _reading.c.name == t.picture.c.reading)
)
_all_of = _all.join(t.article_picture, t.article_picture.c.url == t.picture.c.url).where(
    t.article_picture.c.article_id.in_(rows.SOME)
)
_known = select(t.picture.c.url).where(t.picture.c.url.in_(rows.SOME))
_is_due = (t.picture.c.try_at <= bindparam("now")) | (t.picture.c.try_at > bindparam("horizon"))
_any_due = select(t.picture.c.url).where(t.picture.c.original.is_(None), _is_due).limit(1)
_used = exists().where(t.article_picture.c.url == t.picture.c.url)


class Pictures:
    """The pictures of articles, with their upstream addresses and their files."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def of(self, articles: Collection[ArticleId]) -> dict[Url, StoredPicture]:
        """Return the stored pictures of *articles*, by upstream address."""
        found: dict[Url, StoredPicture] = {}
        with self._db.reading() as db:
            for some in rows.chunks(articles):
                found |= {Url(row[0]): _stored(row) for row in db.execute(_all_of, {"some": some})}
        return found

    def find(self, key: str) -> StoredPicture | None:
        """Return the picture with this `urls.picture_key`, None if it is not stored."""
        with self._db.reading() as db:
            row = db.execute(_all.where(t.picture.c.key == key).limit(1)).first()
        return _stored(row) if row else None

    def known(self, urls: Collection[Url]) -> set[Url]:
        """Return those of *urls* that are known, with or without stored files."""
        with self._db.reading() as db:
            return known(db, urls)

    def due(
        self, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int
    ) -> list[WaitingPicture]:
        """Return pictures at *hosts* to fetch now, of articles in *channels*, longest due first."""
        moments = {"now": now, "horizon": now + _LONGEST_WAIT}
        query = (
            select(t.picture.c.url, t.picture.c.tries)
            .where(_is_due, *_missing(hosts, channels))
            .order_by(t.picture.c.try_at, t.picture.c.url)
            .limit(limit)
        )
        with self._db.reading() as db:
            if not db.execute(_any_due, moments).first():  # a cheap query, without the channels
                return []
            return [WaitingPicture(Url(row.url), row.tries) for row in db.execute(query, moments)]

    def used_files(self) -> set[str]:
        """Return the names of the files of pictures that an article shows."""
        query = select(t.picture.c.original, t.picture.c.reading).where(
            t.picture.c.original.is_not(None), _used
        )
        with self._db.reading() as db:
            return {name for row in db.execute(query) for name in row}

    def unused(self) -> list[Url]:
        """Return the pictures that no article shows any more."""
        query = select(t.picture.c.url).where(~_used).order_by(t.picture.c.url)
        with self._db.reading() as db:
            return [Url(url) for url in db.execute(query).scalars()]

    def keep(self, url: Url, stored: StoredPicture, now: datetime) -> None:
        """Store a picture fetched after its articles; the change counts for their channels."""
        with self._db.writing() as db:
            keep(db, {url: stored})
            _count_change(db, url, now)

    def record_failure(self, url: Url, error: str, *, tries: int, try_at: datetime) -> None:
        """Record that fetching a picture failed, the number of tries, and when to try again."""
        values = {"tries": tries, "try_at": try_at, "error": error}
        with self._db.writing() as db:
            db.execute(update(t.picture).where(t.picture.c.url == url).values(values))

    def fetch_again(self, files: Collection[str], now: datetime) -> None:
        """Queue the pictures whose *files* are missing; they are not shown until then."""
        if not files:
            return
        values = {"original": None, "reading": None, "tries": 0, "try_at": now}
        with self._db.writing() as db:
            for some in rows.chunks(files):
                lost = t.picture.c.original.in_(some) | t.picture.c.reading.in_(some)
                for url in list(db.execute(select(t.picture.c.url).where(lost)).scalars()):
                    db.execute(update(t.picture).where(t.picture.c.url == url).values(values))
                    _count_change(db, Url(url), now)

    def drop_unused(self) -> None:
        """Delete the rows of unused pictures, and of files without a picture."""
        variants = (
            exists().where(variant == t.media_file.c.name)
            for variant in (t.picture.c.original, t.picture.c.reading)
        )
        with self._db.writing() as db:
            db.execute(delete(t.picture).where(~_used))
            db.execute(delete(t.media_file).where(*(~variant for variant in variants)))


def known(db: Connection, urls: Collection[Url]) -> set[Url]:
    """Return those of *urls* that have a row, with or without stored files."""
    found: set[Url] = set()
    for some in rows.chunks(urls):
        found.update(map(Url, db.execute(_known, {"some": some}).scalars()))
    return found


def next_of(hosts: Collection[str], channels: Collection[str]) -> Select[Any]:
    """Return the query for the time when the next picture is due."""
    return (
        select(t.picture.c.try_at)
        .where(*_missing(hosts, channels))
        .order_by(t.picture.c.try_at)
        .limit(1)
    )


def write_shown(
    db: Connection, article_id: ArticleId, shown: Sequence[Url], now: datetime, *, is_new: bool
) -> None:
    """Write which pictures an article shows, and queue the unknown ones to be fetched.

    Rows of an earlier state are replaced, unless the article *is_new*.
    """
    if not is_new:
        db.execute(delete(t.article_picture).where(t.article_picture.c.article_id == article_id))
    rows.insert_all(
        db, t.article_picture, [{"article_id": article_id, "url": url} for url in shown]
    )
    new = sorted(set(shown) - known(db, shown))
    begun = {"tries": 0, "try_at": now, "error": ""}
    values = [
        {"url": url, "key": picture_key(url), "host": urlsplit(url).hostname or "", **begun}
        for url in new
    ]
    rows.insert_all(db, t.picture, values)


def keep(db: Connection, pictures: Mapping[Url, StoredPicture]) -> None:
    """Write the files of pictures."""
    for url, stored in sorted(pictures.items(), key=lambda pair: pair[0]):
        for file in {
            stored.original.name: stored.original,
            stored.reading.name: stored.reading,
        }.values():
            _write_file(db, file)
        values = {"original": stored.original.name, "reading": stored.reading.name, "error": ""}
        db.execute(update(t.picture).where(t.picture.c.url == url).values(values))


def _count_change(db: Connection, url: Url, now: datetime) -> None:
    """Count a change for each channel that lists an article with this picture."""
    query = (
        select(t.membership.c.channel)
        .join(t.article_picture, t.article_picture.c.article_id == t.membership.c.article_id)
        .where(t.article_picture.c.url == url)
    )
    rows.count_change(db, set(db.execute(query).scalars()), now)


def _missing(hosts: Collection[str], channels: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for pictures without files, at *hosts*, of articles in *channels*."""
    shown = (
        exists()
        .where(
            t.article_picture.c.url == t.picture.c.url,
            t.membership.c.article_id == t.article_picture.c.article_id,
        )
        .where(t.membership.c.channel.in_(channels))
    )
    return t.picture.c.original.is_(None), t.picture.c.host.in_(hosts), shown


def _stored(row: Row[Any]) -> StoredPicture:
    columns = row[1:]
    half = len(columns) // 2
    return StoredPicture(MediaFile(*columns[:half]), MediaFile(*columns[half:]))


def _write_file(db: Connection, file: MediaFile) -> None:
    values: dict[str, Any] = {
        "media_type": file.media_type,
        "size": file.size,
        "width": file.width,
        "height": file.height,
    }
    if not db.execute(
        update(t.media_file).where(t.media_file.c.name == file.name).values(values)
    ).rowcount:
        db.execute(insert(t.media_file).values(name=file.name, **values))
