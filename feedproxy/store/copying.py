"""Move a store to another database, possibly of another engine.

Each table is copied in the order of its primary key, in batches of rows, and compared at the end.
Each batch is one transaction, so the last key in the target tells how far a table was copied, and
a move that was killed can continue. No sequences have to be set, as every key is a name or a number
that this program chooses.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    delete,
    func,
    insert,
    inspect,
    literal,
    make_url,
    select,
    tuple_,
)
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.store import Clock
from feedproxy.store import engine as engines
from feedproxy.store import tables as t
from feedproxy.store.database import Database, describe_error
from feedproxy.store.indexed import search_doc, search_due
from feedproxy.store.opening import LOCK_FILE, open_database
from feedproxy.store.schedule import COPYING, SqlLease
from feedproxy.store.schema import revision
from feedproxy.store.search import Search

_ROWS = 500
# Tables that are not copied: the lease belongs to a process, and the target engine builds its own
# search index.
_LEFT = frozenset((t.lease.name, search_doc.name, search_due.name))
_Key = tuple[Any, ...]


def move(
    source_url: str,
    target_url: str,
    folder: Path,
    *,
    clock: Clock,
    lease: timedelta,
    on_progress: Callable[[str, int, int], None],
) -> dict[str, int]:
    """Copy the present content of a store to another database; return the rows of each table.

    The search index is not copied; the poller rebuilds it in the target.

    Until all rows are there, the target holds the source's address, so that nobody polls into an
    incomplete store. Pollers of the source are kept out by its lease and by a lock file in
    *folder*. After each batch *on_progress* is called with the name of the table, the number of its
    rows in the target, and their number in the source.

    Raises:
        StoreError: there is no store at *source_url*; a poller has its lease; the target holds
            other data, or differs from the source at the end; or a database fails.

    """
    source, target = _open_ends(source_url, target_url, folder)
    name = engines.without_password(source_url)
    try:
        with _quiet(source, folder, clock, lease) as renew:
            _claim(target, name, clock())
            with source.reading() as reader:  # one snapshot, as readers' requests still come in
                if reader.dialect.name != "sqlite":  # it is idle while the target writes
                    reader.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                tables = list(_tables())
                copied = {
                    each.name: _copy(reader, target, tables[at:], renew, on_progress)
                    for at, each in enumerate(tables)
                }
            _compare(target, copied, renew)
            _release(target)
    finally:
        source.close()
        target.close()
    return {table: each.rows for table, each in copied.items()}


def _open_ends(source: str, target: str, folder: Path) -> tuple[Database, Database]:
    """Return the source and the target database, both with the present schema."""
    if _place_of(source) == _place_of(target):
        raise StoreError("store: both addresses are the same")
    if not _survey(source)[0]:
        raise StoreError(f"store: there is no store at {engines.without_password(source)}")
    is_ours, is_empty = _survey(target)
    if not is_ours and not is_empty:
        raise StoreError(
            f"store: {engines.without_password(target)} contains something else; "
            "name an empty database"
        )
    return open_database(source, folder), open_database(target, folder)


def _place_of(url: str) -> str:
    """Return a form of an address that is equal for two addresses of the same database."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as e:
        raise StoreError(f"store: {describe_error(e)}") from e
    is_file = parsed.get_backend_name() == "sqlite"
    return (
        str(Path(parsed.database or "").resolve())
        if is_file
        else parsed.set(query={}).render_as_string()
    )


def _survey(url: str) -> tuple[bool, bool]:
    """Return whether a database holds a store, and whether it is empty.

    A missing SQLite file is not created.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        return False, True
    try:
        engine = engines.create(url)
        try:
            return revision(engine) is not None, not inspect(engine).get_table_names()
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, ValueError) as e:
        raise StoreError(
            f"store: {engines.without_password(url)} can't be opened: {describe_error(e)}"
        ) from e


@dataclass(slots=True)
class _Sum:
    """The number of rows, and a hash over them in the order of their keys."""

    rows: int = 0
    hash: str = ""
    _digest: Any = field(default_factory=hashlib.sha256, compare=False)

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for row in rows:
            self._digest.update(repr(row).encode("utf-8", "surrogatepass"))
        self.rows, self.hash = self.rows + len(rows), self._digest.hexdigest()


def _tables() -> Iterator[Table]:
    """Yield the tables to copy, in the order of their foreign keys.

    Moments are declared as plain integers, so that they are copied unchanged.
    """
    for table in t.metadata.sorted_tables:
        if table.name not in _LEFT:
            columns = (
                Column(
                    each.name,
                    BigInteger() if isinstance(each.type, t.Moment) else each.type,
                    primary_key=each.primary_key,
                )
                for each in table.c
            )
            yield Table(table.name, MetaData(), *columns)


@contextmanager
def _quiet(
    source: Database, folder: Path, clock: Clock, lease: timedelta
) -> Iterator[Callable[[], None]]:
    """Keep pollers out of a store; yield a function that renews the lease, to be called often."""
    # The owner is the same in each process, so that a new move takes over the lease of a killed
    # one; the exclusive lock ensures that only one move runs.
    leasing, owner = SqlLease(source), "migrate-store"
    renewed = clock()

    def renew() -> None:
        nonlocal renewed
        if clock() - renewed > lease / 3:
            renewed = clock()
            _lead(leasing, owner, renewed, lease)

    _lead(leasing, owner, renewed, lease)
    try:
        with source.exclusive_lock(folder / LOCK_FILE):
            yield renew
    finally:
        leasing.resign(owner)


def _lead(leasing: SqlLease, owner: str, now: datetime, lease: timedelta) -> None:
    if not leasing.lead(owner, now, now + lease):
        who = leasing.leader()
        raise StoreError(
            f"store: it is being polled by {who[0] if who else 'somebody'}; stop that first"
        )


def _claim(target: Database, name: str, now: datetime) -> None:
    """Mark *target* as incomplete; it must be empty or an incomplete copy of the same source."""
    with target.writing() as db:
        origin = db.execute(select(t.lease.c.owner).where(t.lease.c.name == COPYING)).scalar()
        if origin == name:
            return
        if origin:
            raise StoreError(
                f"store: a move from {origin} was not brought to its end there; "
                "name that, or an empty database"
            )
        for table in _tables():
            if db.execute(select(literal(1)).select_from(table).limit(1)).first():
                raise StoreError(
                    f"store: it contains a store already ({table.name} has rows); "
                    "name an empty database"
                )
        db.execute(insert(t.lease).values(name=COPYING, owner=name, until=now))


def _compare(target: Database, copied: Mapping[str, _Sum], renew: Callable[[], None]) -> None:
    """Raise unless every table of *target* has the same rows as were copied."""
    for table in _tables():
        with target.reading() as db:
            found = _sum(_walk(db, table), renew)
        if found != copied[table.name]:
            raise StoreError(
                f"store: {table.name} differs from the original; run the same command again"
            )


def _release(target: Database) -> None:
    Search(target).forget()
    with target.writing() as db:
        db.execute(delete(t.lease).where(t.lease.c.name == COPYING))
        if db.dialect.name != "sqlite":
            db.exec_driver_sql("ANALYZE")  # otherwise queries are planned for empty tables


def _copy(
    reader: Connection,
    target: Database,
    tables: Sequence[Table],
    renew: Callable[[], None],
    on_progress: Callable[[str, int, int], None],
) -> _Sum:
    """Copy the rows of the first of *tables* that are not in *target* yet.

    If the rows that are there differ from the source, which may have changed since, delete them,
    and those of the other tables, which may refer to them, and copy all.
    """
    table = tables[0]
    with target.reading() as db:
        last = _last_key(db, table)
        there = _sum(_walk(db, table), renew)
    done = _sum(_walk(reader, table, until=last), renew) if last else _Sum()
    if there != done:
        with target.writing() as db:
            for each in reversed(tables):
                db.execute(delete(each))
        last, done = None, _Sum()
    total = reader.execute(select(func.count()).select_from(table)).scalar() or 0
    names = [column.name for column in table.c]
    for rows in _walk(reader, table, after=last):
        with target.writing() as db:
            db.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        done.add(rows)
        renew()
        on_progress(table.name, done.rows, total)
    return done


def _walk(
    db: Connection, table: Table, after: _Key | None = None, until: _Key | None = None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield batches of rows of a table in the order of its primary key."""
    key = list(table.primary_key)
    query = select(table).order_by(*key).limit(_ROWS)
    if until:
        query = query.where(tuple_(*key) <= _typed(table, until))
    while True:
        rows = [
            _whole(row)
            for row in db.execute(
                query.where(tuple_(*key) > _typed(table, after)) if after else query
            )
        ]
        if not rows:
            return
        yield rows
        after = tuple(rows[-1][table.c.keys().index(column.name)] for column in key)


def _whole(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return a row with floats as integers: SQLite may store floats in integer columns."""
    return tuple(int(value) if isinstance(value, float) else value for value in row)


def _typed(table: Table, key: _Key) -> Any:  # noqa: ANN401 (an SQL expression)
    return tuple_(
        *(literal(value, column.type) for value, column in zip(key, table.primary_key, strict=True))
    )


def _last_key(db: Connection, table: Table) -> _Key | None:
    key = list(table.primary_key)
    row = db.execute(select(*key).order_by(*(column.desc() for column in key)).limit(1)).first()
    return tuple(row) if row else None


def _sum(batches: Iterator[list[tuple[Any, ...]]], renew: Callable[[], None]) -> _Sum:
    total = _Sum()
    for rows in batches:
        total.add(rows)
        renew()
    return total
