"""Implement the store in SQL. Each method is one transaction, or a part of the open one."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from itertools import chain

from sqlalchemy import func, select, update

from feedproxy.errors import StoreError
from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Headline,
    ListingItem,
    Page,
    PrunableArticle,
    Request,
    StoredPicture,
    Url,
    Validators,
    Version,
    Waiting,
    WaitingPicture,
)
from feedproxy.store import articles, queries, rows, search
from feedproxy.store import pages as raw_pages
from feedproxy.store import pictures as picture_rows
from feedproxy.store import requests as request_rows
from feedproxy.store import tables as t
from feedproxy.store import waiting as waiting_rows
from feedproxy.store.archive import SqlArchive
from feedproxy.store.database import Connections, Database
from feedproxy.store.polling import HostBudget, Lease
from feedproxy.store.records import SqlRecords
from feedproxy.store.schedule import SqlSchedule
from feedproxy.store.serials import SqlSerials


class SqlStore:
    """Implements `Store`, which documents the methods."""

    def __init__(
        self,
        database: Database,
        exclusive_lock: Callable[[], AbstractContextManager[object]],
        lease: Lease,
        budget: HostBudget,
        within: Connections | None = None,
    ) -> None:
        db = within or database
        self._database, self._db, self.exclusive_lock, self.lease, self.budget = (
            database,
            db,
            exclusive_lock,
            lease,
            budget,
        )
        self.schedule, self.records, self.archive = SqlSchedule(db), SqlRecords(db), SqlArchive(db)
        self.serials = SqlSerials(db)
        self.search, self.change_counter = search.SqlSearch(db), database.change_counter.read
        self.check, self.compact, self.close = database.check, database.compact, database.close

    def probe(self, channels: Collection[str], limit: int) -> None:
        if damage := self._database.damage():
            raise StoreError(
                f"store: is damaged: {damage}; stop everything, put the file aside, "
                "and restore a backup"
            )
        self.version([])
        self.newest(channels, limit)

    @contextmanager
    def snapshot(self) -> Iterator["SqlStore"]:
        with self._db.snapshot() as snapshot:
            yield self._within(snapshot)

    @contextmanager
    def transaction(self) -> Iterator["SqlStore"]:
        with self._db.transaction() as transaction:
            yield self._within(transaction)

    def _within(self, connections: Connections) -> "SqlStore":
        return SqlStore(self._database, self.exclusive_lock, self.lease, self.budget, connections)

    # -------------------------------------------------------------- reading

    def version(self, channels: Collection[str]) -> Version:
        with self._db.reading() as db:
            return rows.version_of(db, channels)

    def newest(self, channels: Collection[str], limit: int, *, tag: str = "") -> list[Article]:
        with self._db.reading() as db:
            return articles.read(db, queries.newest_of(db, channels, limit, tag))

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        with self._db.reading() as db:
            return articles.headlines(db, queries.newest_of(db, channels, limit))

    def index(self, channel: str, offset: int, limit: int) -> list[Headline]:
        with self._db.reading() as db:
            query = queries.members_newest_first(channel).offset(offset).limit(limit)
            return articles.headlines(db, list(db.execute(query).scalars()))

    def count(self, channel: str) -> int:
        members = t.membership.c
        query = select(func.count()).where(
            members.channel == channel, members.published.is_not(None)
        )
        with self._db.reading() as db:
            return db.execute(query).scalar() or 0

    def neighbours(
        self, article_id: ArticleId, channel: str
    ) -> tuple[Headline | None, Headline | None]:
        with self._db.reading() as db:
            ids = queries.neighbours_of(db, article_id, channel)
            found = {
                each.id: each for each in articles.headlines(db, [each for each in ids if each])
            }
        before, after = (found.get(each) if each else None for each in ids)
        return before, after

    def tagged(self, tag: str, channels: Collection[str], limit: int) -> list[Headline]:
        with self._db.reading() as db:
            return articles.headlines(db, queries.newest_of(db, channels, limit, tag))

    def pictures(self, ids: Collection[ArticleId]) -> dict[Url, StoredPicture]:
        with self._db.reading() as db:
            return picture_rows.held_of(db, ids)

    def picture(self, key: str) -> StoredPicture | None:
        with self._db.reading() as db:
            return picture_rows.held_by_key(db, key)

    def article(self, article_id: ArticleId) -> Article | None:
        with self._db.reading() as db:
            return next(iter(articles.read(db, [article_id])), None)

    def channels_of(self, ids: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
        with self._db.reading() as db:
            return rows.channels_of(db, ids)

    def period(
        self, channels: Collection[str], since: datetime, until: datetime | None, limit: int | None
    ) -> list[ArticleId]:
        with self._db.reading() as db:
            query = queries.of_period(channels, since, until).limit(limit)
            return [ArticleId(each) for each in db.execute(query).scalars()]

    def original(self, article_id: ArticleId) -> Url | None:
        with self._db.reading() as db:
            return request_rows.original_of(db, article_id)

    def request(self, article_id: ArticleId) -> Request | None:
        with self._db.reading() as db:
            return request_rows.find(db, article_id)

    def ask(self, article_id: ArticleId, *, most: int, now: datetime) -> bool:
        with self._db.writing() as db:
            if request_rows.find(db, article_id):
                return True
            url = request_rows.original_of(db, article_id)
            if url is None or request_rows.count(db) >= most:
                return False
            request_rows.add(db, article_id, url, now)
            return True

    def waiting(self, channel: str, only: Collection[ArticleId] | None = None) -> list[Waiting]:
        with self._db.reading() as db:
            return waiting_rows.of_channel(db, channel, only)

    # -------------------------------------------------------------- writing

    def remember_listing(self, channel: str, items: Sequence[ListingItem], now: datetime) -> int:
        with self._db.writing() as db:
            unknown, joined = 0, list[ArticleId]()
            for start in range(0, len(items), rows.CHUNK):
                found = waiting_rows.remember_items(
                    db, channel, items[start : start + rows.CHUNK], start, now
                )
                unknown += found[0]
                joined += found[1]
            rows.touch(db, joined, now)
            return unknown

    def news(self, channel: str, items: Sequence[ListingItem]) -> set[ArticleId]:
        with self._db.reading() as db:
            return waiting_rows.news_of(db, channel, items)

    def listed(self, channel: str, ids: Collection[ArticleId], until: datetime) -> set[ArticleId]:
        with self._db.reading() as db:
            return waiting_rows.listed(db, channel, ids, until)

    def channels_waiting(self, now: datetime, horizon: datetime) -> set[str]:
        with self._db.reading() as db:
            return waiting_rows.channels_due(db, now, horizon)

    def validators(self, ids: Collection[ArticleId]) -> dict[ArticleId, Validators]:
        with self._db.reading() as db:
            return raw_pages.validators_of(db, ids)

    def pages(self, article_id: ArticleId) -> list[Page]:
        with self._db.reading() as db:
            return raw_pages.read(db, article_id)

    def versions(self, article_id: ArticleId) -> list[Article]:
        with self._db.reading() as db:
            return articles.versions_of(db, article_id)

    def ids(self, channels: Collection[str], *, since: datetime | None = None) -> list[ArticleId]:
        with self._db.reading() as db:
            return [
                ArticleId(each)
                for each in db.execute(queries.of_channels(channels, since)).scalars()
            ]

    def prunable(self, channels: Collection[str], entries: int) -> list[PrunableArticle]:
        with self._db.reading() as db:
            shown = (queries.newest_of(db, [channel], entries) for channel in channels)
            kept = set(chain.from_iterable(shown))
            found = (
                PrunableArticle(ArticleId(row.id), row.published, row.size or 0)
                for row in db.execute(queries.sizes())
            )
            return [each for each in found if each.id not in kept]

    def known_pictures(self, urls: Collection[Url]) -> set[Url]:
        with self._db.reading() as db:
            return picture_rows.known(db, urls)

    def due_pictures(
        self, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int
    ) -> list[WaitingPicture]:
        with self._db.reading() as db:
            return picture_rows.due(db, hosts, channels, now, limit)

    def unused_pictures(self) -> list[Url]:
        with self._db.reading() as db:
            return picture_rows.unused(db)

    def used_files(self) -> set[str]:
        with self._db.reading() as db:
            return picture_rows.used_files(db)

    def save(
        self,
        saved: Article,
        pages: Sequence[Page],
        pictures: Mapping[Url, StoredPicture],
        now: datetime,
        *,
        again_at: datetime | None = None,
        tries: int = 0,
        is_fetched: bool = True,
    ) -> None:
        with self._db.writing() as db:
            is_new = not articles.is_stored(db, saved.id)
            if not is_new:
                articles.keep_version(db, saved.id, now)
            articles.write(db, saved, now, is_new=is_new)
            picture_rows.write_shown(db, saved.id, saved.pictures, now, is_new=is_new)
            picture_rows.keep(db, pictures)
            raw_pages.write(db, saved.id, pages, now, is_new=is_new)
            if is_fetched:
                waiting_rows.come_again(db, saved, again_at, tries, now)
            db.execute(waiting_rows.IS_HELD, {"mine": saved.id, "published": saved.published})
            rows.touch(db, [saved.id], now)

    def redate(self, saved: Article, now: datetime) -> None:
        with self._db.writing() as db:
            articles.redate(db, saved, now)
            rows.touch(db, [saved.id], now)

    def dates(self, ids: Collection[ArticleId]) -> dict[ArticleId, tuple[datetime, DateSource]]:
        with self._db.reading() as db:
            return articles.dates(db, ids)

    def site_dates(self, site: str) -> dict[ArticleId, datetime]:
        with self._db.reading() as db:
            return {
                ArticleId(row.id): row.published for row in db.execute(queries.dates_of_site(site))
            }

    def oldest(
        self, channel: str, sources: Collection[DateSource], since: datetime | None = None
    ) -> datetime | None:
        with self._db.reading() as db:
            found = [
                db.execute(query).scalar() for query in queries.oldest(channel, sources, since)
            ]
            return min((each for each in found if each), default=None)

    def settled(self, article_id: ArticleId, *, again_at: datetime | None = None) -> None:
        with self._db.writing() as db:
            waiting_rows.settle(db, article_id, again_at)

    def mark_gone(self, article_id: ArticleId, now: datetime) -> None:
        with self._db.writing() as db:
            waiting_rows.settle(db, article_id, None)
            is_new = db.execute(
                update(t.article)
                .where(t.article.c.id == article_id, t.article.c.gone.is_(None))
                .values(gone=now)
            )
            if is_new.rowcount:
                rows.touch(db, [article_id], now)

    def drop(self, ids: Collection[ArticleId], now: datetime) -> None:
        with self._db.writing() as db:
            rows.touch(db, sorted(ids), now)
            articles.drop(db, ids)

    def articles(self, ids: Collection[ArticleId]) -> list[Article]:
        with self._db.reading() as db:
            return articles.read(db, ids)

    def dated(self, channels: Collection[str]) -> list[tuple[ArticleId, datetime]]:
        with self._db.reading() as db:
            return [
                (ArticleId(row.article_id), row.published)
                for row in db.execute(queries.dated(channels))
            ]

    def tags(self, channels: Collection[str]) -> list[str]:
        with self._db.reading() as db:
            return sorted(db.execute(queries.tags_of(channels)).scalars())

    def put_off(
        self, article_id: ArticleId, error: str, *, tries: int, now: datetime, try_at: datetime
    ) -> None:
        with self._db.writing() as db:
            waiting_rows.put_off(
                db, article_id, {"tries": tries, "tried_at": now, "try_at": try_at, "error": error}
            )

    def keep_picture(self, url: Url, stored: StoredPicture, now: datetime) -> None:
        with self._db.writing() as db:
            picture_rows.keep(db, {url: stored})
            picture_rows.touch(db, url, now)

    def picture_failed(self, url: Url, error: str, *, tries: int, try_at: datetime) -> None:
        with self._db.writing() as db:
            db.execute(
                update(t.picture)
                .where(t.picture.c.url == url)
                .values(tries=tries, try_at=try_at, error=error)
            )

    def fetch_again(self, files: Collection[str], now: datetime) -> None:
        if files:
            with self._db.writing() as db:
                picture_rows.fetch_again(db, files, now)

    def drop_unused_pictures(self) -> None:
        with self._db.writing() as db:
            picture_rows.drop_unused(db)

    def take_requests(self) -> bool:
        with self._db.reading() as db:
            if not request_rows.are_there(db):
                return False
        with self._db.writing() as db:
            request_rows.take(db)
        return True

    def forget_request(self, article_id: ArticleId) -> None:
        with self._db.writing() as db:
            request_rows.forget(db, article_id)
