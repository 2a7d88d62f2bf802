"""What every kind of row needs, inside a transaction that the caller holds."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from feedproxy.model import ArticleId, Version
from feedproxy.store import tables as t

# How many IDs are named in one query; SQLite takes 32,766 variables, and hostile pages have more links than that.
CHUNK = 500
_Text = TypeVar("_Text", bound=str)
# No count of changes comes near.
_STANDING_IN = 1 << 62


def chunks(values: Collection[_Text]) -> Iterator[list[_Text]]:
    """Yield *values*, sorted, some at a time."""
    ordered = sorted(values)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


def channels_of(db: Connection, ids: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
    """Return the channels of those of *ids* that are held."""
    found: dict[ArticleId, set[str]] = defaultdict(set)
    members = t.membership.c
    for some in chunks(ids):
        query = select(members.article_id, members.channel).where(members.article_id.in_(some), members.published.is_not(None))
        for row in db.execute(query):
            found[ArticleId(row.article_id)].add(row.channel)
    return {article_id: frozenset(channels) for article_id, channels in found.items()}


def put(db: Connection, table: Table, key: str, values: dict[str, Any]) -> None:
    """Write a row over the one with the same ID, if there is one."""
    if not db.execute(update(table).where(table.c.id == key).values(values)).rowcount:
        db.execute(insert(table).values(id=key, **values))


def insert_all(db: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    """Insert rows, if there are any."""
    if values:
        db.execute(insert(table), values)


def touch(db: Connection, changed: Sequence[str], now: datetime) -> None:
    """Count a change for each channel that shows one of the articles *changed*, or one that links to it.

    The archives are to look at them, too.
    """
    members, links, due = t.membership.c, t.article_link.c, t.archive_due
    channels: set[str] = set()
    for ids in chunks(set(changed)):
        db.execute(delete(due).where(due.c.article_id.in_(ids)))
        insert_all(db, due, [{"article_id": article_id} for article_id in ids])
        linking = select(links.article_id).where(links.target_id.in_(ids))
        affected = members.article_id.in_(ids) | members.article_id.in_(linking)
        channels.update(db.execute(select(members.channel).where(affected).distinct()).scalars())
    count_change(db, channels, now)


def version_of(db: Connection, channels: Collection[str]) -> Version:
    """Return how often something of *channels* has changed, and when last."""
    query = select(func.sum(t.channel.c.changed), func.max(t.channel.c.changed_at)).where(t.channel.c.id.in_(channels))
    number, moment = db.execute(query).one()
    return Version(source_of(db) + int(number or 0), moment)


def source_of(db: Connection) -> int:
    """Return what versions begin with where they are read, so that what a replica shows never passes for what its primary does.

    Else what is made of a replica's old rows, a moment after the primary stood in for it, would be taken for new.
    """
    return _STANDING_IN if db.get_execution_options().get("stands_in") else 0


def count_change(db: Connection, channels: set[str], now: datetime) -> None:
    """Count a change for each of *channels*."""
    known = set(db.execute(select(t.channel.c.id).where(t.channel.c.id.in_(channels))).scalars())
    values = {"changed": t.channel.c.changed + 1, "changed_at": now}
    db.execute(update(t.channel).where(t.channel.c.id.in_(known)).values(values))
    for each in sorted(channels - known):
        db.execute(insert(t.channel).values(id=each, changed=1, changed_at=now))
