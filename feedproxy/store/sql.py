"""Implement the store in SQL. Each method is one transaction, or a part of the open one."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from itertools import chain

from sqlalchemy import func, select, update

from feedproxy.errors import StoreError
from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Headline,
    Page,
    PrunableArticle,
    StoredPicture,
    Url,
    Validators,
    Version,
)
from feedproxy.store import articles, queries, rows
from feedproxy.store import pages as raw_pages
from feedproxy.store import pictures as picture_rows
from feedproxy.store import tables as t
from feedproxy.store import waiting as waiting_rows
from feedproxy.store.archive import Archive
from feedproxy.store.coordination import HostBudget, Lease
from feedproxy.store.database import Connections, Database
from feedproxy.store.records import Records
from feedproxy.store.requests import Requests
from feedproxy.store.schedule import Schedule
from feedproxy.store.search import Search
from feedproxy.store.serials import Serials


class Store:
    """The articles, and the other parts of the store as attributes.

    Every method is one transaction, or a part of the open one. Every method raises StoreError if
    the store can't be read or written.

    *exclusive_lock* keeps every other poller of this store out for the length of a `with` block.
    *lease* makes one poller the leader, *budget* limits the rate of requests to each host.
    *change_counter* returns, within a few µs, a number that differs after each change; numbers of
    different processes can't be compared. *check* returns the first fault in the structure of the
    database, "" if there is none; *compact* returns the space of deleted rows to the file system.
    """

    def __init__(
        self,
        database: Database,
        exclusive_lock: Callable[[], AbstractContextManager[object]],
        lease: Lease,
        budget: HostBudget,
        within: Connections | None = None,
    ) -> None:
        self._database, self._db = database, within or database
        self.exclusive_lock, self.lease, self.budget = exclusive_lock, lease, budget
        self.change_counter = database.change_counter.read
        self.check, self.compact, self.close = database.check, database.compact, database.close

    @cached_property
    def queue(self) -> waiting_rows.FetchQueue:
        """The fetch queue, and what listings show."""
        return waiting_rows.FetchQueue(self._db)

    @cached_property
    def requests(self) -> Requests:
        """Readers' requests for articles."""
        return Requests(self._db)

    @cached_property
    def pictures(self) -> picture_rows.Pictures:
        """The pictures of articles, and their files."""
        return picture_rows.Pictures(self._db)

    @cached_property
    def archive(self) -> Archive:
        """The archives, page by page."""
        return Archive(self._db)

    @cached_property
    def search(self) -> Search:
        """Full-text search."""
        return Search(self._db)

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of polls."""
        return Schedule(self._db)

    @cached_property
    def records(self) -> Records:
        """Counters, figures and alarms."""
        return Records(self._db)

    @cached_property
    def serials(self) -> Serials:
        """The serials of signed publications."""
        return Serials(self._db)

    def probe(self, channels: Collection[str], limit: int) -> None:
        """Read the newest articles of *channels*, as a feed does.

        Raises:
            StoreError: they can't be read, or any process has found damage to the store.

        """
        if damage := self._database.damage():
            raise StoreError(
                f"store: is damaged: {damage}; stop everything, put the file aside, "
                "and restore a backup"
            )
        self.version([])
        self.newest(channels, limit)

    @contextmanager
    def snapshot(self) -> Iterator["Store"]:
        """Open a store whose reads all show the state of the store at the first read."""
        with self._db.snapshot() as snapshot:
            yield self._within(snapshot)

    @contextmanager
    def transaction(self) -> Iterator["Store"]:
        """Open a store whose reads and writes are one transaction, undone if the block raises.

        A transaction opened on that store is nested, and can be undone alone. While a transaction
        is open, its thread can neither write through the outer store nor acquire the exclusive
        lock.
        """
        with self._db.transaction() as transaction:
            yield self._within(transaction)

    def _within(self, connections: Connections) -> "Store":
        return Store(self._database, self.exclusive_lock, self.lease, self.budget, connections)

    # -------------------------------------------------------------- reading

    def version(self, channels: Collection[str]) -> Version:
        """Return a version that changes with *channels*.

        It changes with every change to one of their entries, or to an article that one of them
        links to.
        """
        with self._db.reading() as db:
            return rows.version_of(db, channels)

    def newest(self, channels: Collection[str], limit: int, *, tag: str = "") -> list[Article]:
        """Return the newest articles of *channels*, newest first, without duplicates.

        With *tag* only articles with this tag are returned.
        """
        with self._db.reading() as db:
            return articles.read(db, queries.newest_of(db, channels, limit, tag))

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the headlines of the newest articles of *channels*, with all channels of each."""
        with self._db.reading() as db:
            return articles.headlines(db, queries.newest_of(db, channels, limit))

    def index(self, channel: str, offset: int, limit: int) -> list[Headline]:
        """Return *limit* headlines of a channel, newest first, without the *offset* newest."""
        with self._db.reading() as db:
            query = queries.members_newest_first(channel).offset(offset).limit(limit)
            return articles.headlines(db, list(db.execute(query).scalars()))

    def count(self, channel: str) -> int:
        """Return the number of stored articles of a channel."""
        members = t.membership.c
        query = select(func.count()).where(
            members.channel == channel, members.published.is_not(None)
        )
        with self._db.reading() as db:
            return db.execute(query).scalar() or 0

    def neighbours(
        self, article_id: ArticleId, channel: str
    ) -> tuple[Headline | None, Headline | None]:
        """Return the headlines before and after an article in the order of a channel's dates."""
        with self._db.reading() as db:
            ids = queries.neighbours_of(db, article_id, channel)
            found = {
                each.id: each for each in articles.headlines(db, [each for each in ids if each])
            }
        before, after = (found.get(each) if each else None for each in ids)
        return before, after

    def tagged(self, tag: str, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the newest headlines of *channels* with a tag."""
        with self._db.reading() as db:
            return articles.headlines(db, queries.newest_of(db, channels, limit, tag))

    def article(self, article_id: ArticleId) -> Article | None:
        """Return a stored article, None if it is not stored."""
        with self._db.reading() as db:
            return next(iter(articles.read(db, [article_id])), None)

    def channels_of(self, ids: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
        """Return the channels of each stored article among *ids*."""
        with self._db.reading() as db:
            return rows.channels_of(db, ids)

    def period(
        self, channels: Collection[str], since: datetime, until: datetime | None, limit: int | None
    ) -> list[ArticleId]:
        """Return the articles of *channels* published from *since* on and before *until*.

        The newest come first; *limit* of them are returned at most.
        """
        with self._db.reading() as db:
            query = queries.of_period(channels, since, until).limit(limit)
            return [ArticleId(each) for each in db.execute(query).scalars()]

    def validators(self, ids: Collection[ArticleId]) -> dict[ArticleId, Validators]:
        """Return the validators of the stored articles *ids* that came as a single page."""
        with self._db.reading() as db:
            return raw_pages.validators_of(db, ids)

    def pages(self, article_id: ArticleId) -> list[Page]:
        """Return the pages that an article was extracted from."""
        with self._db.reading() as db:
            return raw_pages.read(db, article_id)

    def versions(self, article_id: ArticleId) -> list[Article]:
        """Return an article as it was before each of its changes, oldest first."""
        with self._db.reading() as db:
            return articles.versions_of(db, article_id)

    def ids(self, channels: Collection[str], *, since: datetime | None = None) -> list[ArticleId]:
        """Return the IDs of all stored articles of *channels*, or those dated *since* or later."""
        with self._db.reading() as db:
            return [
                ArticleId(each)
                for each in db.execute(queries.of_channels(channels, since)).scalars()
            ]

    def prunable(self, channels: Collection[str], entries: int) -> list[PrunableArticle]:
        """Return the articles not among the newest *entries* of any of *channels*, oldest first."""
        with self._db.reading() as db:
            shown = (queries.newest_of(db, [channel], entries) for channel in channels)
            kept = set(chain.from_iterable(shown))
            found = (
                PrunableArticle(ArticleId(row.id), row.published, row.size or 0)
                for row in db.execute(queries.sizes())
            )
            return [each for each in found if each.id not in kept]

    def dates(self, ids: Collection[ArticleId]) -> dict[ArticleId, tuple[datetime, DateSource]]:
        """Return publication date and date source of each stored article among *ids*."""
        with self._db.reading() as db:
            return articles.dates(db, ids)

    def site_dates(self, site: str) -> dict[ArticleId, datetime]:
        """Return the publication dates of a site's articles, as far as upstream gave them."""
        with self._db.reading() as db:
            return {
                ArticleId(row.id): row.published for row in db.execute(queries.dates_of_site(site))
            }

    def oldest(
        self, channel: str, sources: Collection[DateSource], since: datetime | None = None
    ) -> datetime | None:
        """Return the earliest date of a channel's stored and queued articles, None without any.

        Only dates from one of *sources*, and after *since*, are considered.
        """
        with self._db.reading() as db:
            found = [
                db.execute(query).scalar() for query in queries.oldest(channel, sources, since)
            ]
            return min((each for each in found if each), default=None)

    def articles(self, ids: Collection[ArticleId]) -> list[Article]:
        """Return those of the articles *ids* that are stored, in their order."""
        with self._db.reading() as db:
            return articles.read(db, ids)

    def dated(self, channels: Collection[str]) -> list[tuple[ArticleId, datetime]]:
        """Return the IDs and dates of all stored articles of *channels*, oldest first."""
        with self._db.reading() as db:
            return [
                (ArticleId(row.article_id), row.published)
                for row in db.execute(queries.dated(channels))
            ]

    def tags(self, channels: Collection[str]) -> list[str]:
        """Return the tags of the articles of *channels*, sorted by name."""
        with self._db.reading() as db:
            return sorted(db.execute(queries.tags_of(channels)).scalars())

    # -------------------------------------------------------------- writing

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
        """Store an article with its pages and its fetched *pictures*; queue its other pictures.

        If the article *is_fetched*, it leaves the queue, or is due there again at *again_at*. Its
        earlier state is kept as a version. The change counts for every channel that lists the
        article, or one that links to it.
        """
        with self._db.writing() as db:
            is_new = not articles.is_stored(db, saved.id)
            if not is_new:
                articles.keep_version(db, saved.id, now)
            articles.write(db, saved, now, is_new=is_new)
            picture_rows.write_shown(db, saved.id, saved.pictures, now, is_new=is_new)
            picture_rows.keep(db, pictures)
            raw_pages.write(db, saved.id, pages, now, is_new=is_new)
            if is_fetched:
                waiting_rows.requeue(db, saved, again_at, tries, now)
            db.execute(waiting_rows.SET_DATE, {"mine": saved.id, "published": saved.published})
            rows.touch(db, [saved.id], now)

    def redate(self, saved: Article, now: datetime) -> None:
        """Store a better date for an article whose date was a guess.

        The change counts for every channel that lists the article, or one that links to it.
        """
        with self._db.writing() as db:
            articles.redate(db, saved, now)
            rows.touch(db, [saved.id], now)

    def mark_gone(self, article_id: ArticleId, now: datetime) -> None:
        """Record that upstream has deleted an article; it stays stored, and leaves the queue."""
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
        """Delete articles, with all rows that belong to them alone.

        The change counts for every channel that listed one of them, or an article that links to
        one.
        """
        with self._db.writing() as db:
            rows.touch(db, sorted(ids), now)
            articles.drop(db, ids)
