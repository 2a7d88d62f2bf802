"""Damage to an SQLite file: the process whose query meets it tells all others by a file beside it."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

# The primary codes of a file that is not what was written (SQLite, "Result and Error Codes").
_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def watch(engine: Engine) -> None:
    """Have damage that a query of an engine comes upon be noted."""
    event.listen(engine, "handle_error", _note)


def found(engine: Engine) -> str:
    """Return what was noted last, "" if nothing was."""
    try:
        return _mark(engine).read_text("utf-8").strip() if engine.dialect.name == "sqlite" else ""
    except OSError:
        return ""


def clear(engine: Engine) -> None:
    """Forget what was noted, as the file was replaced or mended."""
    with suppress(OSError):
        _mark(engine).unlink()


def _note(context: ExceptionContext) -> None:
    error = context.original_exception
    if context.engine and getattr(error, "sqlite_errorcode", 0) & 0xFF in _CODES:
        with suppress(OSError):  # what can't be written is noted nowhere, and still raised
            _mark(context.engine).write_text(f"{error}\n", "utf-8")


def _mark(engine: Engine) -> Path:
    return Path(f"{engine.url.database}-damaged")
