"""Store the fetch queue and what listings show."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, or_, select, update

from feedproxy import urls
from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Entry,
    ListingItem,
    Url,
    Waiting,
    one_line,
)
from feedproxy.store import entries, rows
from feedproxy.store import tables as t
from feedproxy.store.database import Connections

_MINE = t.waiting.c.article_id == rows.MINE
_postpone, _settle = update(t.waiting).where(_MINE), delete(t.waiting).where(_MINE)
# Sets the date of an article in the rows of its channels, once it is stored.
SET_DATE = update(t.membership).where(t.membership.c.article_id == rows.MINE)
_of_channel = (
    select(t.waiting)
    .join(t.membership, t.membership.c.article_id == t.waiting.c.article_id)
    .where(t.membership.c.channel == bindparam("channel"))
    .order_by(t.waiting.c.position)
)


class FetchQueue:
    """The fetch queue: articles to fetch, to retry and to check, and what channels list.

    An article is in the queue once, and belongs to the channels whose listings show it.
    """

    def __init__(self, db: Connections) -> None:
        self._db = db

    def identify(self, site: str, items: Sequence[ListingItem]) -> list[ListingItem]:
        """Return the items of a feed of *site* with the IDs under which their entries are known."""
        with self._db.reading() as db:
            return entries.identify(db, site, items)

    def add_listing(
        self, channel: str, items: Sequence[ListingItem], now: datetime, *, site: str = ""
    ) -> int:
        """Store the items of a listing of *site*, and queue its `news` with an http(s) address.

        A stored article whose feed entry has changed is due again. Return the number of articles
        that were unknown.
        """
        unknown, joined = 0, list[ArticleId]()
        with self._db.writing() as db:
            for start in range(0, len(items), rows.CHUNK):
                some = items[start : start + rows.CHUNK]
                found = _add_items(db, channel, some, start, now)
                _make_due(db, some, entries.write(db, site, some), now)
                unknown += found[0]
                joined += found[1]
            rows.touch(db, joined, now)
        return unknown

    def news(self, channel: str, items: Sequence[ListingItem]) -> set[ArticleId]:
        """Return the articles of a listing that are not stored, or whose headline has changed.

        A change of white space does not count.
        """
        found: set[ArticleId] = set()
        with self._db.reading() as db:
            for start in range(0, len(items), rows.CHUNK):
                some = items[start : start + rows.CHUNK]
                _, stored, renamed = _compare(db, channel, some)
                found |= renamed | {item.id for item in some if item.id not in stored}
        return found

    def listed(
        self, channel: str, articles: Collection[ArticleId], until: datetime
    ) -> set[ArticleId]:
        """Return those of *articles* that the channel's listing first showed by *until*.

        Articles without a recorded time count as shown before.
        """
        found, members = set[ArticleId](), t.membership.c
        with self._db.reading() as db:
            for some in rows.chunks(articles):
                query = select(members.article_id).where(
                    (members.channel == channel) & members.article_id.in_(some),
                    members.seen.is_(None) | (members.seen <= until),
                )
                found.update(map(ArticleId, db.execute(query).scalars()))
        return found

    def of_channel(self, channel: str, only: Collection[ArticleId] | None = None) -> list[Waiting]:
        """Return a channel's queued articles, or *only* these, in the listing's order."""
        query = _of_channel if only is None else _of_channel.where(t.waiting.c.article_id.in_(only))
        with self._db.reading() as db:
            return [
                Waiting(
                    ListingItem(
                        row.article_id,
                        Url(row.url),
                        row.title,
                        row.published,
                        row.excerpt,
                        DateSource(row.dated),
                        bool(row.has_time),
                    ),
                    row.tries,
                    row.try_at,
                    row.tried_at,
                    row.seen,
                    row.error,
                )
                for row in db.execute(query, {"channel": channel})
            ]

    def entries(self, articles: Collection[ArticleId]) -> dict[ArticleId, Entry]:
        """Return the feed entries of those of *articles* that have one."""
        with self._db.reading() as db:
            return entries.read(db, articles)

    def due_channels(self, now: datetime, horizon: datetime) -> set[str]:
        """Return the channels with queued articles that are due.

        A time after *horizon* counts as due, as it was written by a clock that was wrong.
        """
        try_at = t.waiting.c.try_at
        query = (
            select(t.membership.c.channel)
            .join(t.waiting, t.waiting.c.article_id == t.membership.c.article_id)
            .where(or_(try_at.is_(None), try_at <= now, try_at > horizon))
        )
        with self._db.reading() as db:
            return set(db.execute(query.distinct()).scalars())

    def postpone(
        self, article_id: ArticleId, error: str, *, tries: int, now: datetime, try_at: datetime
    ) -> None:
        """Record that fetching an article failed, the number of tries, and when to try again."""
        values = {"tries": tries, "tried_at": now, "try_at": try_at, "error": error}
        with self._db.writing() as db:
            db.execute(_postpone, {"mine": article_id, **values})

    def settle(self, article_id: ArticleId, *, again_at: datetime | None = None) -> None:
        """Take an unchanged article off the queue, or make it due there again at *again_at*."""
        with self._db.writing() as db:
            settle(db, article_id, again_at)


def claim(
    db: Connection, seen: Mapping[ArticleId, datetime | None], until: datetime
) -> set[ArticleId]:
    """Claim the queued articles whose due time is still as *seen*; return the claimed ones.

    They are due again at *until*.
    """
    found, try_at = set(), t.waiting.c.try_at
    for article_id, at in sorted(seen.items()):
        is_unchanged = try_at.is_(None) if at is None else try_at == at
        claimed = (
            update(t.waiting)
            .where(t.waiting.c.article_id == article_id, is_unchanged)
            .values(try_at=until)
        )
        if db.execute(claimed).rowcount:
            found.add(article_id)
    return found


def next_of(channels: Collection[str]) -> Select[Any]:
    """Return the query for the time when the next article of *channels* is due."""
    shown = exists().where(
        t.membership.c.article_id == t.waiting.c.article_id, t.membership.c.channel.in_(channels)
    )
    return (
        select(t.waiting.c.try_at)
        .where(t.waiting.c.try_at.is_not(None), shown)
        .order_by(t.waiting.c.try_at)
        .limit(1)
    )


def _make_due(
    db: Connection, items: Sequence[ListingItem], changed: Collection[ArticleId], now: datetime
) -> None:
    """Make the articles due again whose feed entries have *changed*."""
    for at, item in enumerate(items):
        if item.id in changed:
            again = update(t.waiting).where(t.waiting.c.article_id == item.id).values(try_at=None)
            if not db.execute(again).rowcount:
                add(db, [values_of(item.id, item.url, now, item, at)])


def _add_items(
    db: Connection, channel: str, items: Sequence[ListingItem], start: int, now: datetime
) -> tuple[int, list[ArticleId]]:
    """Store the items of a part of a listing, *start* items below its top.

    Return the number of unknown articles, and the stored articles that are new in this channel.
    """
    ids = [item.id for item in items]
    members, queue = t.membership.c, t.waiting.c
    mine = members.channel == channel
    titles, stored, renamed = _compare(db, channel, items)
    queued = set(db.execute(select(queue.article_id).where(queue.article_id.in_(ids))).scalars())
    for item in items:
        if item.id in renamed:
            db.execute(
                update(t.membership)
                .where(mine, members.article_id == item.id)
                .values(title=item.title)
            )
            db.execute(
                update(t.waiting)
                .where(queue.article_id == item.id)
                .values(title=item.title, try_at=None)
            )
    rows.insert_all(
        db,
        t.membership,
        [
            _member(channel, item, stored.get(item.id), now)
            for item in items
            if item.id not in titles
        ],
    )
    wanted = [
        (item, at)
        for at, item in enumerate(items, start)
        if item.id not in queued and (item.id in renamed or item.id not in stored)
    ]
    add(db, [values_of(item.id, item.url, now, item, at) for item, at in wanted])
    unknown = sum(each not in stored and each not in queued for each in ids)
    return unknown, [each for each in ids if each in stored and each not in titles]


def add(db: Connection, values: list[dict[str, Any]]) -> None:
    """Queue articles, without those that have no http(s) address."""
    rows.insert_all(db, t.waiting, [each for each in values if urls.is_web(each["url"])])


def requeue(
    db: Connection, saved: Article, again_at: datetime | None, tries: int, now: datetime
) -> None:
    """Make a stored article due again at *again_at*, or take it off the queue."""
    if again_at is None:
        db.execute(_settle, {"mine": saved.id})
        return
    values = {"try_at": again_at, "tries": tries}
    if not db.execute(_postpone, {"mine": saved.id, **values}).rowcount:
        add(db, [values_of(saved.id, saved.url, now) | values | {"title": saved.title}])


def settle(db: Connection, article_id: ArticleId, again_at: datetime | None) -> None:
    """Take an article off the queue, or make it due again at *again_at*."""
    if again_at is None:
        db.execute(_settle, {"mine": article_id})
    else:
        db.execute(_postpone, {"mine": article_id, "try_at": again_at, "tries": 0, "error": ""})


def values_of(
    article_id: str, url: str, now: datetime, item: ListingItem | None = None, position: int = 0
) -> dict[str, Any]:
    """Return the row of an article to queue, with the title and dates of a listing's *item*."""
    return {
        "article_id": article_id,
        "url": url,
        "title": item.title if item else "",
        "excerpt": item.excerpt if item else "",
        "published": item.published if item else None,
        "dated": item.dated if item else DateSource.STATED,
        "has_time": int(item.has_time) if item else 1,
        "position": position,
        "tries": 0,
        "error": "",
        "seen": now,
    }


def _compare(
    db: Connection, channel: str, items: Sequence[ListingItem]
) -> tuple[dict[str, str], dict[str, datetime], set[ArticleId]]:
    """Return a channel's earlier headlines, dates of stored articles, and renamed articles."""
    ids, members, articles_ = [item.id for item in items], t.membership.c, t.article.c
    mine = (members.channel == channel) & members.article_id.in_(ids)
    titles = _pairs(db, select(members.article_id, members.title).where(mine))
    stored = _pairs(db, select(articles_.id, articles_.published).where(articles_.id.in_(ids)))
    renamed = (
        item
        for item in items
        if item.title and one_line(titles.get(item.id, item.title)) != one_line(item.title)
    )
    return titles, stored, {item.id for item in renamed}


def _pairs(db: Connection, query: Select[Any]) -> dict[str, Any]:
    return {row[0]: row[1] for row in db.execute(query)}


def _member(
    channel: str, item: ListingItem, published: datetime | None, now: datetime
) -> dict[str, Any]:
    return {
        "channel": channel,
        "article_id": item.id,
        "title": item.title,
        "published": published,
        "seen": now,
    }
