"""Store readers' requests for articles."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from feedproxy.model import REQUESTED, ArticleId, Request, Url
from feedproxy.store import tables as t
from feedproxy.store import waiting
from feedproxy.store.database import Connections

# Requests that the poller has queued, for articles that are not stored yet.
_is_requested = (
    (t.membership.c.channel == REQUESTED)
    & (t.membership.c.published.is_(None))
    & (t.waiting.c.article_id == t.membership.c.article_id)
)
_first = select(t.request.c.article_id).limit(1)


class Requests:
    """Readers' requests for articles that are not stored."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def original(self, article_id: ArticleId) -> Url | None:
        """Return the upstream address of a queued or linked article, None if it is unknown."""
        with self._db.reading() as db:
            return _original_of(db, article_id)

    def find(self, article_id: ArticleId) -> Request | None:
        """Return the open request for an article, None if there is none."""
        with self._db.reading() as db:
            return _find(db, article_id)

    def ask(self, article_id: ArticleId, *, limit: int, now: datetime) -> bool:
        """Queue a request for an article, once; return whether it is queued.

        It is not if the article's address is unknown, or if *limit* requests are open.
        """
        with self._db.writing() as db:
            if _find(db, article_id):
                return True
            url = _original_of(db, article_id)
            if url is None or _count(db) >= limit:
                return False
            db.execute(insert(t.request).values(article_id=article_id, url=url, requested_at=now))
            return True

    def enqueue(self) -> bool:
        """Move all requests to the fetch queue; return whether there were any.

        The articles are queued in the channel `REQUESTED`; articles that are queued already become
        due at once.
        """
        with self._db.reading() as db:
            if db.execute(_first).first() is None:
                return False
        with self._db.writing() as db:
            _enqueue(db)
        return True

    def forget(self, article_id: ArticleId) -> None:
        """Take an article off the queue if it is there only for a reader's request."""
        members = t.membership.c
        requested = (members.channel == REQUESTED) & (members.article_id == article_id)
        with self._db.writing() as db:
            db.execute(delete(t.membership).where(requested))
            if not _has(db, members.article_id == article_id):
                db.execute(delete(t.waiting).where(t.waiting.c.article_id == article_id))


def _original_of(db: Connection, article_id: ArticleId) -> Url | None:
    wanted = select(t.waiting.c.url).where(t.waiting.c.article_id == article_id)
    linked = select(t.article_link.c.target_url).where(t.article_link.c.target_id == article_id)
    found = (
        db.execute(wanted).scalar()
        or db.execute(linked.order_by(t.article_link.c.article_id).limit(1)).scalar()
    )
    return Url(found) if found else None


def _find(db: Connection, article_id: ArticleId) -> Request | None:
    new = db.execute(select(t.request.c.url).where(t.request.c.article_id == article_id)).scalar()
    if new:
        return Request(article_id, Url(new))
    row = db.execute(
        select(t.waiting).where(_is_requested, t.waiting.c.article_id == article_id)
    ).first()
    return Request(article_id, Url(row.url), row.error) if row else None


def _count(db: Connection) -> int:
    """Return the number of open requests."""
    new = db.execute(select(func.count()).select_from(t.request)).scalar()
    queued = db.execute(
        select(func.count()).select_from(t.membership, t.waiting).where(_is_requested)
    ).scalar()
    return (new or 0) + (queued or 0)


def _enqueue(db: Connection) -> None:
    for row in db.execute(
        select(t.request).order_by(t.request.c.requested_at, t.request.c.article_id)
    ).all():
        if not _has(db, t.article.c.id == row.article_id):
            if not _has(
                db,
                (t.membership.c.channel == REQUESTED)
                & (t.membership.c.article_id == row.article_id),
            ):
                db.execute(
                    insert(t.membership).values(
                        channel=REQUESTED, article_id=row.article_id, title=""
                    )
                )
            is_queued = t.waiting.c.article_id == row.article_id
            if not db.execute(
                update(t.waiting).where(is_queued).values(try_at=None, tries=0)
            ).rowcount:
                waiting.add(db, [waiting.values_of(row.article_id, row.url, row.requested_at)])
        db.execute(delete(t.request).where(t.request.c.article_id == row.article_id))


def _has(db: Connection, condition: Any) -> bool:  # noqa: ANN401 (an SQL expression)
    return db.execute(select(literal(1)).where(condition).limit(1)).first() is not None
