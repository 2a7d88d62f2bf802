"""A database: reading and writing transactions over one engine; what it raises is a `StoreError`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.store.pulse import Pulse


class Database:
    """Transactions: each happens wholly or not at all."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._own = engine, threading.local()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def pulse(self) -> Pulse:
        """Return what feels whether the database has changed."""
        return Pulse(self._engine)

    def compact(self) -> None:
        """Give back the room that what was deleted took."""
        if self._engine.dialect.name != "sqlite":  # others do it by themselves
            return
        try:
            with self._engine.connect().execution_options(alone=True) as connection:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLAlchemyError as e:
            raise StoreError(f"store: {in_words(e)}") from e

    def check(self) -> str:
        """Return what is wrong with the database's own structure, "" if nothing is."""
        with self.reading() as db:
            found = db.exec_driver_sql("PRAGMA quick_check(1)").scalar() if db.dialect.name == "sqlite" else "ok"
        return "" if found == "ok" else str(found)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Begin a transaction that only reads, or go on with this thread's own one."""
        if outer := getattr(self._own, "connection", None):
            yield outer
            return
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as e:
            raise StoreError(f"store: {in_words(e)}") from e

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Have all that this thread reads be of one moment."""
        with self.reading() as connection:
            outer, self._own.connection = getattr(self._own, "connection", None), connection
            try:
                yield
            finally:
                self._own.connection = outer

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Begin a transaction that writes, or go on with this thread's own one; it waits for any other that does."""
        if outer := getattr(self._own, "connection", None):
            yield outer
            return
        try:
            with self._engine.connect().execution_options(write=True) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as e:
            raise StoreError(f"store: {in_words(e)}") from e

    @contextmanager
    def together(self) -> Iterator[None]:
        """Have all that this thread reads and writes be one transaction."""
        with self.writing() as connection:
            self._own.connection = connection
            try:
                yield
            finally:
                self._own.connection = None


def in_words(error: Exception) -> str:
    """Return what the database said, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
