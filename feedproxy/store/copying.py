"""Move a store to another database, of another engine too: each table by its key, some rows at a time, and compared at the end.

How far a table has come is its last key there, as rows come in their keys' order and each lot is one transaction: so a move that
was killed goes on. There are no sequences to set, as every key is a name or a number of ours.
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
from feedproxy.store import engine as engines
from feedproxy.store import tables as t
from feedproxy.store.database import Database, in_words
from feedproxy.store.indexed import search_doc, search_due
from feedproxy.store.opening import LOCK_FILE, open_database
from feedproxy.store.ports import Clock
from feedproxy.store.schedule import MOVING, SqlLease
from feedproxy.store.schema import revision
from feedproxy.store.search import SqlSearch

_ROWS = 500
# Who polls is not moved, and an index is its engine's own: it is made anew.
_LEFT = frozenset((t.lease.name, search_doc.name, search_due.name))
_Key = tuple[Any, ...]


def move(
    source_url: str,
    target_url: str,
    folder: Path,
    *,
    clock: Clock,
    lease: timedelta,
    told: Callable[[str, int, int], None],
) -> dict[str, int]:
    """Copy all that a store holds at this moment to another database; return how many rows each table has at both ends.

    What search finds is indexed anew there, by whoever polls.

    Where it comes from stands in the target until all is there, so that nobody polls into a part. Pollers of the source are held
    off, by its lease and by a lock in *folder*. *told* is called after each lot: the table, how many of its rows are there, and
    how many there are to be.

    Raises:
        StoreError: there is no store, it is being polled, the target holds something else, or not the same at the end; or
            one of them fails.

    """
    source, target = _open_ends(source_url, target_url, folder)
    name = engines.without_password(source_url)
    try:
        with _quiet(source, folder, clock, lease) as renew:
            _claim(target, name, clock())
            with source.reading() as reader:  # one state of it, whatever readers ask for meanwhile
                if reader.dialect.name != "sqlite":  # while it waits for the target
                    reader.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                tables = list(_tables())
                copied = {
                    each.name: _copy(reader, target, tables[at:], renew, told)
                    for at, each in enumerate(tables)
                }
            _compare(target, copied, renew)
            _release(target)
    finally:
        source.close()
        target.close()
    return {table: each.rows for table, each in copied.items()}


def _open_ends(source: str, target: str, folder: Path) -> tuple[Database, Database]:
    """Return the databases to move from and to, both with the present schema."""
    if _place_of(source) == _place_of(target):
        raise StoreError("store: both addresses are the same")
    if not _survey(source)[0]:
        raise StoreError(f"store: there is no store at {engines.without_password(source)}")
    is_ours, is_empty = _survey(target)
    if not is_ours and not is_empty:
        raise StoreError(
            f"store: {engines.without_password(target)} holds something else; name an empty database"
        )
    return open_database(source, folder), open_database(target, folder)


def _place_of(url: str) -> str:
    """Return an address as two of one database compare."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as e:
        raise StoreError(f"store: {in_words(e)}") from e
    is_file = parsed.get_backend_name() == "sqlite"
    return (
        str(Path(parsed.database or "").resolve())
        if is_file
        else parsed.set(query={}).render_as_string()
    )


def _survey(url: str) -> tuple[bool, bool]:
    """Return whether a database holds a store, and whether it holds nothing; a file that is not there is not made."""
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
            f"store: {engines.without_password(url)} can't be opened: {in_words(e)}"
        ) from e


@dataclass(slots=True)
class _Sum:
    """How many rows there are, and a hash over them in their keys' order."""

    rows: int = 0
    hash: str = ""
    _digest: Any = field(default_factory=hashlib.sha256, compare=False)

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for row in rows:
            self._digest.update(repr(row).encode("utf-8", "surrogatepass"))
        self.rows, self.hash = self.rows + len(rows), self._digest.hexdigest()


def _tables() -> Iterator[Table]:
    """Yield the tables that are moved, those that others refer to first, with moments as the numbers they are."""
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
    """Hold off whoever fills a store; yield what is to be called now and then, so that it stays so."""
    leasing, owner = (
        SqlLease(source),
        "migrate-store",
    )  # one that was killed is no other; the turn is for one at a time
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
    """Have *target* be ours until all is there."""
    with target.writing() as db:
        from_where = db.execute(select(t.lease.c.owner).where(t.lease.c.name == MOVING)).scalar()
        if from_where == name:
            return
        if from_where:
            raise StoreError(
                f"store: a move from {from_where} was not brought to its end there; name that, or an empty database"
            )
        for table in _tables():
            if db.execute(select(literal(1)).select_from(table).limit(1)).first():
                raise StoreError(
                    f"store: it holds a store already ({table.name} has rows); name an empty database"
                )
        db.execute(insert(t.lease).values(name=MOVING, owner=name, until=now))


def _compare(target: Database, copied: Mapping[str, _Sum], renew: Callable[[], None]) -> None:
    """Hold that every table has as many rows as were copied, and the same."""
    for table in _tables():
        with target.reading() as db:
            found = _sum(_walk(db, table), renew)
        if found != copied[table.name]:
            raise StoreError(
                f"store: {table.name} came over otherwise than it was; run the same command again"
            )


def _release(target: Database) -> None:
    SqlSearch(target).forget()
    with target.writing() as db:
        db.execute(delete(t.lease).where(t.lease.c.name == MOVING))
        if db.dialect.name != "sqlite":
            db.exec_driver_sql("ANALYZE")  # else it plans for empty tables


def _copy(
    reader: Connection,
    target: Database,
    tables: Sequence[Table],
    renew: Callable[[], None],
    told: Callable[[str, int, int], None],
) -> _Sum:
    """Copy what is not there yet of the first of *tables*.

    If what is there is not the same, as the source has changed since, it is copied anew, with the others, which may refer to it.
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
        told(table.name, done.rows, total)
    return done


def _walk(
    db: Connection, table: Table, after: _Key | None = None, until: _Key | None = None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a table by its key, some at a time."""
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
    """Return a row with no fractions: SQLite keeps some where a column is of whole numbers."""
    return tuple(int(value) if isinstance(value, float) else value for value in row)


def _typed(table: Table, key: _Key) -> Any:  # noqa: ANN401 (an SQL expression)
    return tuple_(
        *(literal(value, column.type) for value, column in zip(key, table.primary_key, strict=True))
    )


def _last_key(db: Connection, table: Table) -> _Key | None:
    key = list(table.primary_key)
    row = db.execute(select(*key).order_by(*(column.desc() for column in key)).limit(1)).first()
    return tuple(row) if row else None


def _sum(lots: Iterator[list[tuple[Any, ...]]], renew: Callable[[], None]) -> _Sum:
    total = _Sum()
    for rows in lots:
        total.add(rows)
        renew()
    return total
