"""Engines: how a database is opened, and what a transaction is there."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

# How long a writer waits for another one, in ms; a transaction here takes a few.
_BUSY_TIMEOUT_MS = 30_000


def create(url: str) -> Engine:
    """Return an engine for an SQLAlchemy *url*; the folder of an SQLite file is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def size_of(db: Connection) -> int:
    """Return how many bytes a database's rows take; what was deleted does not count."""
    if db.dialect.name == "sqlite":
        pages, free, page_size = (
            int(db.exec_driver_sql(f"PRAGMA {name}").scalar() or 0) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page_size
    return int(db.execute(text("SELECT pg_database_size(current_database())")).scalar() or 0)


def without_password(url: str) -> str:
    """Return a database's address as it may be shown."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "the database"


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 (a DB-API connection)
    """Have readers never wait (WAL), writers wait for each other, and SQLAlchemy say when a transaction begins."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start of a writing transaction: upgrading to it later can fail at once (SQLite, WAL)."""
    options = connection.get_execution_options()
    if not options.get("alone"):  # what can't be part of a transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")
