"""Provide what all kinds of rows need, in the caller's transaction.

In this package, statements that run often are module constants with parameters: building a
statement takes longer (200 µs) than running it (70 µs).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Table,
    Update,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)

from feedproxy.model import OF_REPLICA, ArticleId, Version
from feedproxy.store import tables as t

# The number of IDs in one query. SQLite allows 32,766 variables, and hostile pages have more links
# than that.
CHUNK = 500
# The parameters for one ID, and for a list of IDs.
MINE: BindParameter[Any] = bindparam("mine")
SOME: BindParameter[Any] = bindparam("some", expanding=True)
_Text = TypeVar("_Text", bound=str)

# The number of changes of some channels, and the time of the last one.
CHANGES = select(func.sum(t.channel.c.changed), func.max(t.channel.c.changed_at)).where(
    t.channel.c.id.in_(bindparam("channels", expanding=True))
)
_members, _due, _channels = t.membership.c, t.archive_due.c, t.channel.c
_channels_of = select(_members.article_id, _members.channel).where(
    _members.article_id.in_(SOME), _members.published.is_not(None)
)
_not_due = select(t.article.c.id).where(
    t.article.c.id.in_(SOME), ~exists().where(_due.article_id == t.article.c.id)
)
_make_due = insert(t.archive_due).from_select(["article_id"], _not_due)
_linking = select(t.article_link.c.article_id).where(t.article_link.c.target_id.in_(SOME))
_affected = (
    select(_members.channel)
    .where(_members.article_id.in_(SOME) | _members.article_id.in_(_linking))
    .distinct()
)
_change = (
    update(t.channel)
    .where(_channels.id.in_(SOME))
    .values(changed=_channels.changed + 1, changed_at=bindparam("now"))
)
_known = select(_channels.id).where(_channels.id.in_(SOME))


def chunks(values: Collection[_Text]) -> Iterator[list[_Text]]:
    """Yield *values* in sorted lists of at most `CHUNK`."""
    ordered = sorted(values)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


def channels_of(db: Connection, ids: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
    """Return the channels of each stored article among *ids*."""
    found: dict[ArticleId, set[str]] = defaultdict(set)
    for some in chunks(ids):
        for article_id, channel in db.execute(_channels_of, {"some": some}):
            found[ArticleId(article_id)].add(channel)
    return {article_id: frozenset(channels) for article_id, channels in found.items()}


def put(db: Connection, table: Table, key: str, values: dict[str, Any]) -> None:
    """Update the row with the ID *key*, or insert it if there is none."""
    if not db.execute(_of_id(table), {"mine": key, **values}).rowcount:
        db.execute(insert(table), {"id": key, **values})


@cache
def _of_id(table: Table) -> Update:
    return update(table).where(table.c.id == MINE)


def insert_all(db: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    """Insert rows, if there are any."""
    if not values:
        return
    statement = insert(table)
    # With RETURNING, SQLAlchemy sends one statement for many rows, otherwise one for each row.
    if db.dialect.name == "postgresql":
        statement = statement.returning(*table.primary_key)
    db.execute(statement, values)


def touch(db: Connection, changed: Sequence[str], now: datetime) -> None:
    """Count a change for each channel that lists a *changed* article, or one that links to it.

    Also mark the changed articles as due for the archives.
    """
    channels: set[str] = set()
    for some in chunks(set(changed)):
        db.execute(_make_due, {"some": some})
        channels.update(db.execute(_affected, {"some": some}).scalars())
    count_change(db, channels, now)


def version_of(db: Connection, channels: Collection[str]) -> Version:
    """Return the version of *channels*: the number of their changes, and when the last one was."""
    number, moment = db.execute(CHANGES, {"channels": list(channels)}).one()
    return Version(source_of(db) + int(number or 0), moment)


def source_of(db: Connection) -> int:
    """Return the offset of version numbers: `OF_REPLICA` while the primary stands in for a replica.

    Otherwise it is 0. The offset keeps versions of a replica and its primary apart. Without it, a
    response made from old rows of the replica, just after the primary stood in for it, would pass
    for a current one.
    """
    return OF_REPLICA if db.get_execution_options().get("stands_in") else 0


def count_change(db: Connection, channels: set[str], now: datetime) -> None:
    """Count a change for each of *channels*."""
    if db.execute(_change, {"some": sorted(channels), "now": now}).rowcount < len(channels):
        new = channels - set(db.execute(_known, {"some": sorted(channels)}).scalars())
        insert_all(
            db, t.channel, [{"id": each, "changed": 1, "changed_at": now} for each in sorted(new)]
        )
