"""Engines: how a database is opened, and what a transaction is there."""

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

# How long a writer waits for another one, in ms; a transaction here takes a few. Who asks the web side waits less.
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
# What SQLite asks for when it opens a virtual table, that of search; nobody else can have it without `writable_schema`.
_OPENS = (sqlite3.SQLITE_UPDATE, "sqlite_master")
_CHANGES = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))


def create(url: str, only: frozenset[str] | None = None) -> Engine:
    """Return an engine for an SQLAlchemy *url*; the folder of an SQLite file is made.

    With *only* it is the web side's: it writes to no other tables (SQLite; elsewhere that is what roles are for), and waits less.
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
    """Return an engine for an SQLite file on a file system that can only be read, None for any other *url*.

    WAL wants to write beside the file; what nobody can change can be read without (SQLite, "Read-Only Databases").
    """
    file = file_of(url)
    if file is None or not file.is_file() or not os.statvfs(file).f_flag & os.ST_RDONLY:
        return None
    return create_engine(f"sqlite:///file:{quote(str(file))}?mode=ro&immutable=1&uri=true")


def size_of(db: Connection) -> int:
    """Return how many bytes a database's rows take; what was deleted does not count."""
    if db.dialect.name == "sqlite":
        pages, free, page_size = (
            int(db.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page_size
    return postgres.size_of(db)


def without_password(url: str) -> str:
    """Return a database's address as it may be shown."""
    try:
        return (
            make_url(url).set(query={}).render_as_string(hide_password=True)
        )  # a password may stand in the query, too
    except (ArgumentError, ValueError):
        return "the database"


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 (a DB-API connection)
    """Have readers never wait (WAL), writers wait for each other, and SQLAlchemy say when a transaction begins."""
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _hold_transaction(connection: Connection, _name: str) -> None:
    """Raise where SQLite has undone a transaction by itself, as it may on a full disk.

    A savepoint would begin another one then, and be committed without the rest ("SAVEPOINT").
    """
    if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        raise StoreError(
            "store: the database has undone this transaction after an error; nothing of it is stored"
        )


def _restrict(only: frozenset[str], connection: Any, _record: object) -> None:  # noqa: ANN401 (the same)
    """Have a connection change no table but these, and no schema (SQLite, "Compile-Time Authorization Callbacks")."""

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
    """Take the write lock at the start of a writing transaction: upgrading to it later can fail at once (SQLite, WAL)."""
    options = connection.get_execution_options()
    if not options.get("alone"):  # what can't be part of a transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")
