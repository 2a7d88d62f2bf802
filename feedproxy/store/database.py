"""Run transactions and snapshots over one engine, or over a primary and a replica.

An open transaction or snapshot is a value that callers pass on, not a state of the thread. Errors
of the database are raised as `StoreError`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NoReturn, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.store import damage, postgres
from feedproxy.store.change_counter import ChangeCounter
from feedproxy.store.schema import locked

# After a failed connection no other is tried for this long, so that readers get the last good copy
# at once.
_REST_S = 1.0


class Connections(Protocol):
    """Runs reads and writes, each in its own transaction (`Database`) or all in an open one."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Yield a connection for reading."""

    def writing(self, host: str = "") -> AbstractContextManager[Connection]:
        """Yield a connection for writing; undo all of the block's writes if it raises."""

    def snapshot(self) -> AbstractContextManager["Connections"]:
        """Begin a snapshot: all its reads show the state at the first; it refuses writes."""

    def transaction(self) -> AbstractContextManager["Connections"]:
        """Begin a transaction: it is committed at the end, or undone if the block raises."""


class Snapshot:
    """Implements `Connections` by one read-only transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Connections`."""
        with _translated():
            yield self._connection

    def writing(self, host: str = "") -> NoReturn:
        """See `Connections`."""
        raise StoreError(
            f"store: a snapshot can't write{host and f' for {host}'}; "
            "use the store it was opened from"
        )

    @contextmanager
    def snapshot(self) -> Iterator["Snapshot"]:
        """See `Connections`."""
        yield self

    def transaction(self) -> NoReturn:
        """See `Connections`."""
        self.writing()


class Transaction:
    """Implements `Connections` by one writing transaction.

    Each write, and each inner transaction, is a savepoint.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Connections`."""
        with _translated():
            yield self._connection

    @contextmanager
    # The open transaction's write lock covers every host.
    def writing(self, host: str = "") -> Iterator[Connection]:  # noqa: ARG002
        """See `Connections`."""
        with _translated(), self._connection.begin_nested():
            yield self._connection

    @contextmanager
    def snapshot(self) -> Iterator["Snapshot"]:
        """See `Connections`."""
        yield Snapshot(self._connection)

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """See `Connections`."""
        with self.writing():
            yield self


class Database:
    """Implements `Connections`. Reads go to *replica*, if there is one and it answers.

    While the replica does not answer, the primary is read, with the execution option
    `stands_in` (see `rows.source_of`).
    """

    def __init__(self, engine: Engine, replica: Engine | None = None) -> None:
        self._is_file, self._writers = engine.dialect.name == "sqlite", set[int]()
        self._engine, self._primary = engine, _Circuit(engine)
        self.change_counter = (
            ChangeCounter(engine) if self._is_file else postgres.NotifyListener(engine)
        )
        self._readers: tuple[_Circuit, ...]
        if self._is_file:
            self._readers = (self._primary,)
        elif replica is None:
            self._readers = (_Circuit(postgres.reading(engine)),)
        else:
            self._readers = (
                _Circuit(postgres.reading(replica)),
                _Circuit(postgres.reading(engine).execution_options(stands_in=True)),
            )

    def close(self) -> None:
        """Close all connections."""
        self.change_counter.close()
        for way in {self._primary, *self._readers}:
            way.engine.dispose()

    @contextmanager
    def exclusive_lock(self, file: Path, *, shared: bool = False) -> Iterator[None]:
        """Hold the lock that keeps out other pollers.

        With SQLite it is a lock on *file*, for this machine. With PostgreSQL it is an advisory lock
        in the database, for all machines. A *shared* lock keeps out only those that want the
        exclusive one.
        """
        self._refuse_inside()
        with (
            _translated(),
            locked(file, shared=shared)
            if self._is_file
            else postgres.exclusive_lock(self._engine, shared=shared),
        ):
            yield

    def compact(self) -> None:
        """Return the space of deleted rows to the file system."""
        if not self._is_file:  # PostgreSQL vacuums by itself
            return
        self._refuse_inside()
        with _translated(), self._engine.connect().execution_options(alone=True) as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def check(self) -> str:
        """Check the structure of an SQLite file; return the first fault, "" if there is none."""
        with self.reading() as db:
            found = db.exec_driver_sql("PRAGMA quick_check(1)").scalar() if self._is_file else "ok"
        return "" if found == "ok" else str(found)

    def damage(self) -> str:
        """Return the damage that a query of any process found in an SQLite file, "" if none did."""
        return damage.found(self._engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Connections`."""
        with _translated(), self._reader() as connection:
            yield connection

    @contextmanager
    def writing(self, host: str = "") -> Iterator[Connection]:
        """Begin a writing transaction; it waits for any other one to end.

        With PostgreSQL, a transaction over the budget of a *host* waits only for others over the
        same host, and listeners are not notified of it, as it changes nothing that readers see.
        """
        self._refuse_inside()
        options = {"write": True, "host": host}
        with (
            _translated(),
            self._primary.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            self._writers.add(threading.get_ident())
            try:
                yield connection
            finally:
                self._writers.discard(threading.get_ident())

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """See `Connections`."""
        with self.reading() as connection:
            yield Snapshot(connection)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See `Connections`."""
        with self.writing() as connection:
            yield Transaction(connection)

    def _refuse_inside(self) -> None:
        """Raise if this thread would wait for a transaction that it has open itself."""
        if threading.get_ident() in self._writers:
            raise StoreError(
                "store: this thread has an open transaction; "
                "write through it, and acquire the lock before it"
            )

    def _reader(self) -> Connection:
        for way in self._readers[:-1]:
            try:
                return way.connect()
            except (SQLAlchemyError, StoreError):
                continue
        return self._readers[-1].connect()


class _Circuit:
    """Connects to one server, with a circuit breaker.

    While the server does not answer, only one thread at a time tries to connect; the others get the
    last error at once.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self._lock = engine, threading.Lock()
        self._last_error, self._retry_at = "", 0.0

    def connect(self) -> Connection:
        """Return a connection.

        Raises:
            StoreError: the last attempt failed less than `_REST_S` ago, or another thread is
                trying.
            SQLAlchemyError: the server does not answer.

        """
        if not self._last_error:
            return self._try()
        if time.monotonic() < self._retry_at or not self._lock.acquire(blocking=False):
            raise StoreError(f"store: {self._last_error}")
        try:
            return self._try()
        finally:
            self._lock.release()

    def _try(self) -> Connection:
        try:
            connection = self.engine.connect()
        except DBAPIError as e:
            self._last_error, self._retry_at = describe_error(e), time.monotonic() + _REST_S
            raise
        self._last_error = ""
        return connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as e:
        raise StoreError(f"store: {describe_error(e)}") from e


def describe_error(error: Exception) -> str:
    """Return the message of a database error, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
