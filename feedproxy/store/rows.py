"""What every kind of row needs, inside a transaction that the caller holds.

Here and beside a statement that runs often is made once, with parameters: making it costs more than running it (200 us, and 70).
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

# How many IDs are named in one query; SQLite takes 32,766 variables, and hostile pages have more links than that.
CHUNK = 500
# What is asked for: one ID, or some.
MINE: BindParameter[Any] = bindparam("mine")
SOME: BindParameter[Any] = bindparam("some", expanding=True)
_Text = TypeVar("_Text", bound=str)

# How often something of some channels has changed, and when last.
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
    """Yield *values*, sorted, some at a time."""
    ordered = sorted(values)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


def channels_of(db: Connection, ids: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
    """Return the channels of those of *ids* that are held."""
    found: dict[ArticleId, set[str]] = defaultdict(set)
    for some in chunks(ids):
        for article_id, channel in db.execute(_channels_of, {"some": some}):
            found[ArticleId(article_id)].add(channel)
    return {article_id: frozenset(channels) for article_id, channels in found.items()}


def put(db: Connection, table: Table, key: str, values: dict[str, Any]) -> None:
    """Write a row over the one with the same ID, if there is one."""
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
    if (
        db.dialect.name == "postgresql"
    ):  # a statement that returns is one for many rows, else each row is one of its own
        statement = statement.returning(*table.primary_key)
    db.execute(statement, values)


def touch(db: Connection, changed: Sequence[str], now: datetime) -> None:
    """Count a change for each channel that shows one of the articles *changed*, or one that links to it.

    The archives are to look at them, too.
    """
    channels: set[str] = set()
    for some in chunks(set(changed)):
        db.execute(_make_due, {"some": some})
        channels.update(db.execute(_affected, {"some": some}).scalars())
    count_change(db, channels, now)


def version_of(db: Connection, channels: Collection[str]) -> Version:
    """Return how often something of *channels* has changed, and when last."""
    number, moment = db.execute(CHANGES, {"channels": list(channels)}).one()
    return Version(source_of(db) + int(number or 0), moment)


def source_of(db: Connection) -> int:
    """Return what versions begin with where they are read, so that what a replica shows never passes for what its primary does.

    Else what is made of a replica's old rows, a moment after the primary stood in for it, would be taken for new.
    """
    return OF_REPLICA if db.get_execution_options().get("stands_in") else 0


def count_change(db: Connection, channels: set[str], now: datetime) -> None:
    """Count a change for each of *channels*."""
    if db.execute(_change, {"some": sorted(channels), "now": now}).rowcount < len(channels):
        new = channels - set(db.execute(_known, {"some": sorted(channels)}).scalars())
        insert_all(
            db, t.channel, [{"id": each, "changed": 1, "changed_at": now} for each in sorted(new)]
        )
