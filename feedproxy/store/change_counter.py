"""Whether a database has changed at all, for next to nothing."""

import sqlite3
import threading
from itertools import count
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError

# SQLite's own number has 32 bits, and begins anew with each connection.
_BITS = 32


class ChangeCounter:
    """A connection that never writes, so that SQLite's `data_version` tells it of every commit, this process' own ones too.

    The number is that of one connection, so all threads share it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock, self._numbers = engine, threading.Lock(), count(1)
        self._connection: sqlite3.Connection | None = None
        self._number = 0

    def read(self) -> int:
        """Return a number that is another one after each commit; where the database can't tell, another one each time.

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
        """Give the connection back."""
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
