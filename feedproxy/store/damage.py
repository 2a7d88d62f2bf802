"""Report damage to an SQLite file to all processes.

The process whose query finds the damage writes a file beside the database, which the others read.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

# The primary result codes for a damaged file (SQLite, "Result and Error Codes").
_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def watch(engine: Engine) -> None:
    """Write down any damage that a query of an engine finds."""
    event.listen(engine, "handle_error", _note)


def found(engine: Engine) -> str:
    """Return the message of the damage found last, "" if none was found."""
    try:
        return _mark(engine).read_text("utf-8").strip() if engine.dialect.name == "sqlite" else ""
    except OSError:
        return ""


def clear(engine: Engine) -> None:
    """Delete the message, as after the file was replaced or repaired."""
    with suppress(OSError):
        _mark(engine).unlink()


def _note(context: ExceptionContext) -> None:
    error = context.original_exception
    if context.engine and getattr(error, "sqlite_errorcode", 0) & 0xFF in _CODES:
        with suppress(OSError):  # the query still raises its error
            _mark(context.engine).write_text(f"{error}\n", "utf-8")


def _mark(engine: Engine) -> Path:
    return Path(f"{engine.url.database}-damaged")
