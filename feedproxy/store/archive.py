"""Keep archives: logs of published articles, in pages that never change once full (RFC 5005, 4)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from feedproxy.model import ArchiveDefinition, ArchiveEntry, ArticleId, Placement, Version
from feedproxy.store import articles, rows
from feedproxy.store import tables as t
from feedproxy.store.database import Connections

# Positions on a page. Never change this: pages that clients keep for ever would change with it.
PAGE_ENTRIES = 100
# When more articles than this are due, as after an import, each log is completed in a transaction
# of its own, so that other writers need not wait for all logs.
_MANY = 2_000
_CHUNK = 5_000
_logs, _due = select(t.archive_log), select(t.archive_due.c.article_id)
_few_due = select(func.count()).select_from(_due.limit(bindparam("most")).subquery())
_since = and_(
    t.article_version.c.article_id == t.archive.c.article_id,
    t.article_version.c.number == t.archive.c.version,
)
# Conditions on these columns come last: they lie behind the body text in the row of an article.
_own = t.article.c.id == t.archive.c.article_id
_updated, _published = (
    select(each).where(_own).scalar_subquery()
    for each in (t.article.c.updated, t.article.c.published)
)
_is_current = and_(
    t.article_version.c.updated == _updated, t.article_version.c.published == _published
)
_is_archived = (
    exists()
    .select_from(t.archive.outerjoin(t.article_version, _since))
    .where(t.archive.c.article_id == t.membership.c.article_id, t.archive.c.log == bindparam("log"))
    .where(or_(t.article_version.c.number.is_(None), _is_current))
    .correlate(t.membership)
)
# Articles that a log lacks, or has in an older state than the present one, once for each channel
# that lists them.
_missing = (
    select(t.membership.c.article_id, t.membership.c.channel)
    .where(
        t.membership.c.channel.in_(rows.SOME), t.membership.c.published.is_not(None), ~_is_archived
    )
    .order_by(t.membership.c.published, t.membership.c.article_id)
)
_missing_due = _missing.where(t.membership.c.article_id.in_(bindparam("due", expanding=True)))

_entries = t.archive.c
_last = (
    select(_entries.position)
    .where(_entries.log == bindparam("log"))
    .order_by(_entries.position.desc())
    .limit(1)
)
_version = rows.CHANGES.add_columns(
    _last.scalar_subquery(), _last.with_only_columns(_entries.added).scalar_subquery()
)


class Archive:
    """The archives, page by page.

    Every method raises StoreError if the store can't be read or written.
    """

    def __init__(self, db: Connections) -> None:
        self._db = db

    def append(self, logs: Sequence[ArchiveDefinition], now: datetime) -> int:
        """Append to each log the articles of its channels that it lacks.

        Return the number of new entries. They are appended in the order of date and ID. An article
        that was corrected, or got a better date, after its page was full is appended again (RFC
        5005, 4: the newer entry counts).
        """
        added = 0
        with self._db.reading() as db:
            known, is_due = _known(db), _count_due(db, 1) > 0
        if is_due or known.keys() - {log.name for log in logs}:
            with self._db.writing() as db:
                added += _append_due(db, logs, now)
                known = _known(db)
        for log in logs:
            if known.get(log.name) != _written(log):
                with self._db.writing() as db:
                    added += _append(db, log, now, log.channels)
                    _remember(db, log)
        return added

    def is_due(self) -> bool:
        """Return whether any article was stored since the last call of `append`."""
        with self._db.reading() as db:
            return _count_due(db, 1) > 0

    def length(self, log: str) -> int:
        """Return the number of positions in a log; `PAGE_ENTRIES` of them make a full page."""
        with self._db.reading() as db:
            return _length(db, log)

    def page(self, log: str, number: int) -> list[ArchiveEntry]:
        """Return the stored articles of a page, newest first; page 1 is the oldest.

        A full page shows each article as it was when the page became full.
        """
        with self._db.reading() as db:
            return _read(db, log, number)

    def version(self, log: str, channels: Collection[str]) -> Version:
        """Return a version that changes with each change to *channels* and each new log entry."""
        with self._db.reading() as db:
            number, changed_at, last, added = db.execute(
                _version, {"channels": list(channels), "log": log}
            ).one()
            source = rows.source_of(db)
        length = 0 if last is None else last + 1
        # Neither the count of changes nor the length ever falls, so the sum changes with each.
        return Version(
            source + int(number or 0) + length,
            max((each for each in (changed_at, added) if each), default=None),
            length,
        )

    def page_version(self, log: str, number: int) -> Version:
        """Return a version that changes only when an article of the full page is deleted."""
        with self._db.reading() as db:
            stored = db.execute(
                select(func.count(t.archive.c.article_id)).where(*_on_page(log, number))
            ).scalar()
        return Version(rows.source_of(db) + (stored or 0), None)


# ---------------------------------------------------------------- reading


def _length(db: Connection, log: str) -> int:
    last = db.execute(_last, {"log": log}).scalar()
    return 0 if last is None else last + 1


def _on_page(log: str, number: int) -> tuple[ColumnElement[bool], ...]:
    start = (number - 1) * PAGE_ENTRIES
    return (
        t.archive.c.log == log,
        t.archive.c.position >= start,
        t.archive.c.position < start + PAGE_ENTRIES,
    )


def _read(db: Connection, log: str, number: int) -> list[ArchiveEntry]:
    entries, versions = t.archive.c, t.article_version.c
    on_page = _on_page(log, number)
    query = select(entries.article_id, entries.section, entries.channel).where(
        *on_page, entries.article_id.is_not(None)
    )
    listed = db.execute(query.order_by(entries.position.desc())).all()
    stored = {
        article.id: article for article in articles.read(db, [row.article_id for row in listed])
    }
    shown = and_(versions.article_id == entries.article_id, versions.number == entries.version)
    for row in db.execute(select(t.article_version).join(t.archive, shown).where(*on_page)):
        stored[row.article_id] = articles.as_it_was(stored[row.article_id], row)
    return [
        ArchiveEntry(stored[row.article_id], Placement(row.section, row.channel)) for row in listed
    ]


# ---------------------------------------------------------------- appending


def _known(db: Connection) -> dict[str, str]:
    return {row.name: row.channels for row in db.execute(_logs)}


def _written(log: ArchiveDefinition) -> str:
    return " ".join(sorted(log.channels))


def _remember(db: Connection, log: ArchiveDefinition) -> None:
    db.execute(delete(t.archive_log).where(t.archive_log.c.name == log.name))
    db.execute(insert(t.archive_log).values(name=log.name, channels=_written(log)))


def _count_due(db: Connection, limit: int) -> int:
    return db.execute(_few_due, {"most": limit}).scalar() or 0


def _append_due(db: Connection, logs: Sequence[ArchiveDefinition], now: datetime) -> int:
    """Append the due articles to the logs that lack nothing else.

    If more than `_MANY` articles are due, delete the rows of `archive_log` instead, so that
    `append` completes every log from all articles of its channels. Delete the rows of logs that are
    no longer configured as well; such a log is completed in the same way if it is ever configured
    again.
    """
    known = _known(db)
    for gone in rows.chunks(known.keys() - {log.name for log in logs}):
        db.execute(delete(t.archive_log).where(t.archive_log.c.name.in_(gone)))
    added = 0
    if _count_due(db, _MANY + 1) > _MANY:
        db.execute(delete(t.archive_log))
    else:
        due = list(db.execute(_due).scalars())
        showing = set().union(*rows.channels_of(db, due).values())
        complete = [log for log in logs if known.get(log.name) == _written(log)]
        added = sum(
            _append(db, log, now, channels, due)
            for log in complete
            if (channels := showing & log.channels)
        )
    db.execute(delete(t.archive_due))
    return added


def _append(
    db: Connection,
    log: ArchiveDefinition,
    now: datetime,
    channels: Collection[str],
    due: Sequence[ArticleId] = (),
) -> int:
    """Append the articles of *channels* that a log lacks; return their number.

    With *due* only these articles are considered, otherwise all. Pages that become full are
    frozen.
    """
    start = _length(db, log.name)
    ranks = {placement.channel: rank for rank, placement in enumerate(log.placements)}
    query, only = (_missing_due, {"due": due}) if due else (_missing, {})
    found: dict[str, int] = {}  # the rank of the most preferred placement of each article
    for article_id, channel in db.execute(query, {"log": log.name, "some": list(channels), **only}):
        found[article_id] = min(ranks[channel], found.get(article_id, len(ranks)))
    entries = [
        {
            "log": log.name,
            "position": position,
            "article_id": article_id,
            "section": log.placements[rank].section,
            "channel": log.placements[rank].channel,
            "added": now,
        }
        for position, (article_id, rank) in enumerate(found.items(), start)
    ]
    for at in range(0, len(entries), _CHUNK):
        db.execute(insert(t.archive), entries[at : at + _CHUNK])
    _freeze(db, log.name, start, start + len(found))
    return len(found)


def _freeze(db: Connection, log: str, start: int, end: int) -> None:
    """Keep the pages that became full at the present state of their articles.

    Each entry gets the number of the version in which the present state will be kept when the
    article changes.
    """
    entries, versions = t.archive.c, t.article_version.c
    first, last = start // PAGE_ENTRIES * PAGE_ENTRIES, end // PAGE_ENTRIES * PAGE_ENTRIES
    number = (
        select(func.count() + 1).where(versions.article_id == entries.article_id).scalar_subquery()
    )
    on_page = (entries.log == log, entries.position >= first, entries.position < last)
    if first < last:
        db.execute(update(t.archive).where(*on_page).values(version=number))
