"""Detect whether a database has changed at all, at next to no cost."""

import sqlite3
import threading
from itertools import count
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError

# `data_version` has 32 bits, and starts anew with each connection.
_BITS = 32


class ChangeCounter:
    """Counts the commits to an SQLite database through a connection that never writes.

    `PRAGMA data_version` reports commits of other connections only; as this one never writes, that
    includes all commits of this process. The value belongs to one connection, so all threads share
    that connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock, self._numbers = engine, threading.Lock(), count(1)
        self._connection: sqlite3.Connection | None = None
        self._number = 0

    def read(self) -> int:
        """Return a number that differs after each commit.

        Databases other than SQLite can't tell; the number then differs with every call.

        Raises:
            StoreError: the database can't be read.

        """
        if self._engine.dialect.name != "sqlite":
            return next(self._numbers)
        with self._lock:
            try:
                connection = self._connection or self._connect()
                row = connection.execute("PRAGMA data_version").fetchone()
            except (SQLAlchemyError, sqlite3.Error) as e:
                self._drop()
                raise StoreError(f"store: {e}") from e
            return int((self._number << _BITS) + row[0])

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _connect(self) -> sqlite3.Connection:
        pooled = self._engine.raw_connection()
        pooled.detach()
        self._connection, self._number = (
            cast("sqlite3.Connection", pooled.dbapi_connection),
            next(self._numbers),
        )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
