"""The store in SQL: one class over one engine, every method one transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import zstandard
from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.model import (
    Article,
    ArticleId,
    ChannelState,
    Headline,
    ListingItem,
    Page,
    Request,
    StoredPicture,
    Url,
    Version,
    Waiting,
    WaitingPicture,
)
from feedproxy.store import engine as engines
from feedproxy.store import pictures as picture_rows
from feedproxy.store import requests as request_rows
from feedproxy.store import rows
from feedproxy.store import tables as t
from feedproxy.store.schema import locked, migrate

# zstandard's own default: 25 KB pages shrink to a fifth in 0.1 ms.
_ZSTD_LEVEL = 3


def open_store(url: str, folder: Path) -> "SqlStore":
    """Return the store at an SQLAlchemy *url*, its schema up to date; its locks lie in *folder*, which is made.

    Raises:
        StoreError: it can't be opened, or a later version made it.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        engine = engines.create(url)
        migrate(engine, folder / "schema.lock")
    except (SQLAlchemyError, OSError, ImportError, ValueError) as e:
        shown = engines.without_password(url)
        raise StoreError(
            f"store: {shown} can't be opened: {_in_words(e)}; check FEEDPROXY_DATA and FEEDPROXY_DATABASE_URL"
        ) from e
    return SqlStore(engine, folder / "poller.lock")


class SqlStore:
    """Implements `Store`; see there."""

    def __init__(self, engine: Engine, turn_file: Path) -> None:
        self._engine, self._turn_file = engine, turn_file

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # -------------------------------------------------------------- reading

    def version(self, channels: Collection[str]) -> Version:
        query = select(func.sum(t.channel.c.changed), func.max(t.channel.c.changed_at)).where(t.channel.c.id.in_(channels))
        with self._reading() as db:
            number, moment = db.execute(query).one()
        return Version(int(number or 0), moment)

    def newest(self, channels: Collection[str], limit: int) -> list[Article]:
        with self._reading() as db:
            return rows.articles(db, [row.article_id for row in db.execute(rows.newest_of(channels, limit))])

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        with self._reading() as db:
            return rows.headlines(db, [row.article_id for row in db.execute(rows.newest_of(channels, limit))])

    def index(self, channel: str, offset: int, limit: int) -> list[Headline]:
        with self._reading() as db:
            query = rows.members_newest_first(channel).offset(offset).limit(limit)
            return rows.headlines(db, list(db.execute(query).scalars()))

    def count(self, channel: str) -> int:
        members = t.membership.c
        query = select(func.count()).where(members.channel == channel, members.published.is_not(None))
        with self._reading() as db:
            return db.execute(query).scalar() or 0

    def neighbours(self, article_id: ArticleId, channel: str) -> tuple[Headline | None, Headline | None]:
        with self._reading() as db:
            ids = [db.execute(query).scalar() for query in rows.neighbours_of(article_id, channel)]
            found = {each.id: each for each in rows.headlines(db, [each for each in ids if each])}
        before, after = (found.get(each) if each else None for each in ids)
        return before, after

    def tagged(self, tag: str, limit: int) -> list[Headline]:
        with self._reading() as db:
            return rows.headlines(db, list(db.execute(rows.newest_tagged(tag, limit)).scalars()))

    def newest_tagged(self, tag: str, limit: int) -> list[Article]:
        with self._reading() as db:
            return rows.articles(db, list(db.execute(rows.newest_tagged(tag, limit)).scalars()))

    def pictures(self, articles: Collection[ArticleId]) -> dict[Url, StoredPicture]:
        with self._reading() as db:
            return picture_rows.held_of(db, articles)

    def article(self, article_id: ArticleId) -> Article | None:
        with self._reading() as db:
            return next(iter(rows.articles(db, [article_id])), None)

    def channels_of(self, articles: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
        with self._reading() as db:
            return rows.channels_of(db, articles)

    def original(self, article_id: ArticleId) -> Url | None:
        with self._reading() as db:
            return request_rows.original_of(db, article_id)

    def request(self, article_id: ArticleId) -> Request | None:
        with self._reading() as db:
            return request_rows.find(db, article_id)

    def ask(self, article_id: ArticleId, *, most: int, now: datetime) -> bool:
        with self._writing() as db:
            if request_rows.find(db, article_id):
                return True
            url = request_rows.original_of(db, article_id)
            if url is None or request_rows.count(db) >= most:
                return False
            request_rows.add(db, article_id, url, now)
            return True

    def states(self) -> dict[str, ChannelState]:
        with self._reading() as db:
            found = db.execute(select(t.channel)).all()
        return {
            row.id: ChannelState(
                row.id, row.listing_hash, row.polled_at, row.next_poll_at, row.failures, row.last_error, row.listed
            )
            for row in found
        }

    def waiting(self, channel: str) -> list[Waiting]:
        query = (
            select(t.waiting)
            .join(t.membership, t.membership.c.article_id == t.waiting.c.article_id)
            .where(t.membership.c.channel == channel)
            .order_by(t.waiting.c.position)
        )
        with self._reading() as db:
            found = db.execute(query).all()
        return [
            Waiting(
                ListingItem(row.article_id, Url(row.url), row.title, row.published, row.excerpt),
                row.tries,
                row.try_at,
                row.tried_at,
            )
            for row in found
        ]

    # -------------------------------------------------------------- writing

    def turn(self) -> AbstractContextManager[None]:
        return locked(self._turn_file)

    def remember_poll(self, state: ChannelState) -> None:
        values = {
            "listing_hash": state.listing_hash,
            "polled_at": state.polled_at,
            "next_poll_at": state.next_poll_at,
            "failures": state.failures,
            "last_error": state.last_error,
            "listed": state.listed,
        }
        with self._writing() as db:
            rows.put(db, t.channel, state.channel, values)

    def remember_listing(self, channel: str, items: Sequence[ListingItem], now: datetime) -> int:
        with self._writing() as db:
            unknown, joined = 0, list[str]()
            for start in range(0, len(items), rows.CHUNK):
                found = rows.remember_items(db, channel, items[start : start + rows.CHUNK], start)
                unknown += found[0]
                joined += found[1]
            rows.touch(db, joined, now)
            return unknown

    def known_pictures(self, urls: Collection[Url]) -> set[Url]:
        with self._reading() as db:
            return picture_rows.known(db, urls)

    def due_pictures(self, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int) -> list[WaitingPicture]:
        with self._reading() as db:
            return picture_rows.due(db, hosts, channels, now, limit)

    def unused_pictures(self) -> list[Url]:
        with self._reading() as db:
            return picture_rows.unused(db)

    def used_files(self) -> set[str]:
        with self._reading() as db:
            return picture_rows.used_files(db)

    def save(self, saved: Article, pages: Sequence[Page], pictures: Mapping[Url, StoredPicture], now: datetime) -> None:
        with self._writing() as db:
            rows.write_article(db, saved, now)
            picture_rows.write_shown(db, saved.id, saved.pictures, now)
            picture_rows.keep(db, pictures)
            rows.write_pages(db, saved.id, [(page, zstandard.compress(page.body, _ZSTD_LEVEL)) for page in pages], now)
            db.execute(delete(t.waiting).where(t.waiting.c.article_id == saved.id))
            db.execute(update(t.membership).where(t.membership.c.article_id == saved.id).values(published=saved.published))
            rows.touch(db, [saved.id], now)

    def settled(self, article_id: ArticleId) -> None:
        with self._writing() as db:
            db.execute(delete(t.waiting).where(t.waiting.c.article_id == article_id))

    def failed(self, article_id: ArticleId, error: str, *, now: datetime, try_at: datetime) -> None:
        values = {"tries": t.waiting.c.tries + 1, "tried_at": now, "try_at": try_at, "error": error}
        with self._writing() as db:
            db.execute(update(t.waiting).where(t.waiting.c.article_id == article_id).values(values))

    def keep_picture(self, url: Url, stored: StoredPicture, now: datetime) -> None:
        with self._writing() as db:
            picture_rows.keep(db, {url: stored})
            picture_rows.touch(db, url, now)

    def picture_failed(self, url: Url, error: str, *, tries: int, try_at: datetime) -> None:
        values = {"tries": tries, "try_at": try_at, "error": error}
        with self._writing() as db:
            db.execute(update(t.picture).where(t.picture.c.url == url).values(values))

    def drop_unused_pictures(self) -> None:
        with self._writing() as db:
            picture_rows.drop_unused(db)

    def take_requests(self) -> None:
        with self._reading() as db:
            if not db.execute(select(t.request.c.article_id).limit(1)).first():
                return
        with self._writing() as db:
            request_rows.take(db)

    def forget_request(self, article_id: ArticleId) -> None:
        with self._writing() as db:
            request_rows.forget(db, article_id)

    # -------------------------------------------------------------- transactions

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as e:
            raise StoreError(f"store: {_in_words(e)}") from e

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(write=True) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as e:
            raise StoreError(f"store: {_in_words(e)}") from e


def _in_words(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())
