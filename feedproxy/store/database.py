"""A database: reading and writing transactions over one engine or two; what it raises is a `StoreError`."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.store import postgres
from feedproxy.store.pulse import Pulse
from feedproxy.store.schema import locked

# A server that could not be reached is let be so long, so that readers get the last good copy at once.
_REST_S = 1.0


class Database:
    """Transactions: each happens wholly or not at all. What only reads goes to *replica*, if there is one and it answers."""

    def __init__(self, engine: Engine, replica: Engine | None = None) -> None:
        self._own, self._is_file = threading.local(), engine.dialect.name == "sqlite"
        self._engine, self._primary = engine, _Way(engine)
        self._readers: tuple[_Way, ...]
        if self._is_file:
            self._readers = (self._primary,)
        elif replica is None:
            self._readers = (_Way(postgres.reading(engine)),)
        else:
            self._readers = (_Way(postgres.reading(replica)), _Way(postgres.reading(engine).execution_options(stands_in=True)))

    def close(self) -> None:
        """Give the connections back."""
        for way in {self._primary, *self._readers}:
            way.engine.dispose()

    def pulse(self) -> "Pulse | postgres.Ear":
        """Return what feels whether the database has changed."""
        return Pulse(self._engine) if self._is_file else postgres.Ear(self._engine)

    @contextmanager
    def turn(self, file: Path, *, shared: bool = False) -> Iterator[None]:
        """Hold off the other pollers: of this machine by a lock on *file*, of all by one in the database.

        A turn that is *shared* holds off only those that take one alone.
        """
        try:
            with locked(file, shared=shared) if self._is_file else postgres.turn(self._engine, shared=shared):
                yield
        except SQLAlchemyError as e:
            raise StoreError(f"store: {in_words(e)}") from e

    def compact(self) -> None:
        """Give back the room that what was deleted took."""
        if not self._is_file:  # others do it by themselves
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
            found = db.exec_driver_sql("PRAGMA quick_check(1)").scalar() if self._is_file else "ok"
        return "" if found == "ok" else str(found)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Begin a transaction that only reads, or go on with this thread's own one."""
        if outer := getattr(self._own, "connection", None):
            yield outer
            return
        try:
            with self._reader() as connection:
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
    def writing(self, host: str = "") -> Iterator[Connection]:
        """Begin a transaction that writes, or go on with this thread's own one; it waits for any other that does.

        One that is over the budget of a *host* only, and so changes nothing that readers see, need wait for those over it only.
        """
        if outer := getattr(self._own, "connection", None):
            yield outer
            return
        try:
            with self._primary.connect().execution_options(write=True, host=host) as connection, connection.begin():
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

    def _reader(self) -> Connection:
        for way in self._readers[:-1]:
            try:
                return way.connect()
            except (SQLAlchemyError, StoreError):
                continue
        return self._readers[-1].connect()


class _Way:
    """The way to a server: while nobody answers there, one thread at a time tries, and the others are told so at once."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self._lock = engine, threading.Lock()
        self._trouble, self._again_at = "", 0.0

    def connect(self) -> Connection:
        """Return a connection.

        Raises:
            StoreError: nobody answered a moment ago.
            SQLAlchemyError: nobody answers.

        """
        if not self._trouble:
            return self._try()
        if time.monotonic() < self._again_at or not self._lock.acquire(blocking=False):
            raise StoreError(f"store: {self._trouble}")
        try:
            return self._try()
        finally:
            self._lock.release()

    def _try(self) -> Connection:
        try:
            connection = self.engine.connect()
        except DBAPIError as e:
            self._trouble, self._again_at = in_words(e), time.monotonic() + _REST_S
            raise
        self._trouble = ""
        return connection


def in_words(error: Exception) -> str:
    """Return what the database said, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
