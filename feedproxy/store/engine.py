"""Create database engines, and define how their transactions begin."""

import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from feedproxy.errors import StoreError
from feedproxy.store import damage, postgres

# Milliseconds that a writer waits for another one; a transaction takes a few. The web side waits
# less, as a client waits for the response.
_BUSY_TIMEOUT_MS, _SHORT_TIMEOUT_MS = 5_000, 1_000
_READS = frozenset(
    (
        *(
            sqlite3.SQLITE_SELECT,
            sqlite3.SQLITE_READ,
            sqlite3.SQLITE_FUNCTION,
            sqlite3.SQLITE_RECURSIVE,
        ),
        *(sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_PRAGMA),
    )
)
# The action that SQLite's authorizer is called with when a virtual table is opened, here the search
# index. No statement can use it otherwise, as that needs `writable_schema`.
_OPENS = (sqlite3.SQLITE_UPDATE, "sqlite_master")
_CHANGES = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))


def create(url: str, only: frozenset[str] | None = None) -> Engine:
    """Return an engine for an SQLAlchemy *url*; create the folder of an SQLite file.

    With *only*, the engine is for the web side: it waits less for locks, and an SQLite database
    refuses writes to all but these tables. With PostgreSQL, restrict writes by the role in the URL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return postgres.create(parsed, is_hasty=only is not None)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    damage.watch(engine)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "savepoint", _hold_transaction)
    if only is not None:
        event.listen(engine, "connect", partial(_restrict, only))
    return engine


def file_of(url: str) -> Path | None:
    """Return the SQLite file at an SQLAlchemy *url*, None for any other database."""
    parsed = make_url(url)
    name = parsed.database or ""
    return (
        Path(name)
        if parsed.get_backend_name() == "sqlite" and name and not name.startswith((":", "file:"))
        else None
    )


def create_frozen(url: str) -> Engine | None:
    """Return an engine for an SQLite file on a read-only file system, None for any other *url*.

    WAL mode needs to write beside the file. A file that nobody can change is opened as immutable,
    without WAL (SQLite, "Read-Only Databases").
    """
    file = file_of(url)
    if file is None or not file.is_file() or not os.statvfs(file).f_flag & os.ST_RDONLY:
        return None
    return create_engine(f"sqlite:///file:{quote(str(file))}?mode=ro&immutable=1&uri=true")


def size_of(db: Connection) -> int:
    """Return the bytes that the rows of a database take, without those of deleted rows."""
    if db.dialect.name == "sqlite":
        pages, free, page_size = (
            int(db.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page_size
    return postgres.size_of(db)


def without_password(url: str) -> str:
    """Return a database's address without passwords, for display."""
    try:
        # The query may hold a password, too.
        return make_url(url).set(query={}).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "the database"


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401
    """Set up a DB-API connection: WAL mode, the busy timeout, and no implicit transactions.

    With WAL readers never wait, and writers wait for each other only. SQLAlchemy's events begin the
    transactions.
    """
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _hold_transaction(connection: Connection, _name: str) -> None:
    """Raise if SQLite has rolled back the transaction by itself, as it may when the disk is full.

    The savepoint would begin a new transaction then, which would be committed without the earlier
    writes (SQLite, "SAVEPOINT").
    """
    if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        raise StoreError(
            "store: the database rolled this transaction back after an error; nothing was stored"
        )


def _restrict(only: frozenset[str], connection: Any, _record: object) -> None:  # noqa: ANN401
    """Make a DB-API connection refuse changes to the schema and to all tables but *only*.

    See SQLite, "Compile-Time Authorization Callbacks".
    """

    def judge(action: int, name: str | None, *_: object) -> int:
        is_fine = (
            (action in _READS and name != "writable_schema")
            or (action in _CHANGES and name in only)
            or (action, name) == _OPENS
        )
        return sqlite3.SQLITE_OK if is_fine else sqlite3.SQLITE_DENY

    connection.execute(f"PRAGMA busy_timeout={_SHORT_TIMEOUT_MS}")
    connection.set_authorizer(judge)


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction, with the write lock if it writes.

    Upgrading a read transaction to a write transaction can fail at once (SQLite, WAL).
    """
    options = connection.get_execution_options()
    if not options.get("alone"):  # set for statements that can't run in a transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")
