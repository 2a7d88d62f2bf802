"""Read and write pictures and their files, in the caller's transaction."""

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
from feedproxy.urls import picture_key

# A picture counts as due if its `try_at` is further ahead than this, as written by a wrong clock.
_LONGEST_WAIT = timedelta(days=31)
_original, _reading = t.media_file.alias("original"), t.media_file.alias("reading")
_held = (
    select(t.picture.c.url, *_original.c, *_reading.c)
    .join(_original, _original.c.name == t.picture.c.original)
    .join(_reading, _reading.c.name == t.picture.c.reading)
)
_held_of = _held.join(t.article_picture, t.article_picture.c.url == t.picture.c.url).where(
    t.article_picture.c.article_id.in_(rows.SOME)
)
_known = select(t.picture.c.url).where(t.picture.c.url.in_(rows.SOME))
_is_due = (t.picture.c.try_at <= bindparam("now")) | (t.picture.c.try_at > bindparam("horizon"))
_any_due = select(t.picture.c.url).where(t.picture.c.original.is_(None), _is_due).limit(1)
_used = exists().where(t.article_picture.c.url == t.picture.c.url)


def held_of(db: Connection, articles: Collection[ArticleId]) -> dict[Url, StoredPicture]:
    """Return the stored pictures of *articles*."""
    found: dict[Url, StoredPicture] = {}
    for some in rows.chunks(articles):
        found |= {Url(row[0]): _stored(row) for row in db.execute(_held_of, {"some": some})}
    return found


def held_by_key(db: Connection, key: str) -> StoredPicture | None:
    """Return the stored picture whose upstream address has this key, None if there is none."""
    row = db.execute(_held.where(t.picture.c.key == key).limit(1)).first()
    return _stored(row) if row else None


def known(db: Connection, urls: Collection[Url]) -> set[Url]:
    """Return those of *urls* that have a row, with or without stored files."""
    found: set[Url] = set()
    for some in rows.chunks(urls):
        found.update(map(Url, db.execute(_known, {"some": some}).scalars()))
    return found


def due(
    db: Connection, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int
) -> list[WaitingPicture]:
    """Return pictures at *hosts* to fetch now, of articles in *channels*, longest due first."""
    moments = {"now": now, "horizon": now + _LONGEST_WAIT}
    if not db.execute(_any_due, moments).first():  # a cheap query, without the channels
        return []
    query = (
        select(t.picture.c.url, t.picture.c.tries)
        .where(_is_due, *_missing(hosts, channels))
        .order_by(t.picture.c.try_at, t.picture.c.url)
        .limit(limit)
    )
    return [WaitingPicture(Url(row.url), row.tries) for row in db.execute(query, moments)]


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


def touch(db: Connection, url: Url, now: datetime) -> None:
    """Count a change for each channel that lists an article with this picture."""
    query = (
        select(t.membership.c.channel)
        .join(t.article_picture, t.article_picture.c.article_id == t.membership.c.article_id)
        .where(t.article_picture.c.url == url)
    )
    rows.count_change(db, set(db.execute(query).scalars()), now)


def used_files(db: Connection) -> set[str]:
    """Return the names of the files of pictures that an article shows."""
    query = select(t.picture.c.original, t.picture.c.reading).where(
        t.picture.c.original.is_not(None), _used
    )
    return {name for row in db.execute(query) for name in row}


def unused(db: Connection) -> list[Url]:
    """Return the pictures that no article shows any more."""
    return [
        Url(url)
        for url in db.execute(
            select(t.picture.c.url).where(~_used).order_by(t.picture.c.url)
        ).scalars()
    ]


def fetch_again(db: Connection, files: Collection[str], now: datetime) -> None:
    """Queue the pictures whose *files* are missing to be fetched; they are not shown until then."""
    for some in rows.chunks(files):
        lost = t.picture.c.original.in_(some) | t.picture.c.reading.in_(some)
        for url in list(db.execute(select(t.picture.c.url).where(lost)).scalars()):
            values = {"original": None, "reading": None, "tries": 0, "try_at": now}
            db.execute(update(t.picture).where(t.picture.c.url == url).values(values))
            touch(db, Url(url), now)


def drop_unused(db: Connection) -> None:
    """Delete the pictures that no article shows any more, and the files without a picture."""
    db.execute(delete(t.picture).where(~_used))
    variants = (
        exists().where(variant == t.media_file.c.name)
        for variant in (t.picture.c.original, t.picture.c.reading)
    )
    db.execute(delete(t.media_file).where(*(~variant for variant in variants)))


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
