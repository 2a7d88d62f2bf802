"""Provide PostgreSQL engines with timeouts, locks across machines, and change notifications."""

import os
import select
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, literal, text
from sqlalchemy import select as select_
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.store.tables import metadata

# The connection pool of a process: connections kept, more at peaks, and the seconds that a thread
# waits when all are in use. One more connection listens.
_KEPT, _MORE, _POOL_TIMEOUT_S = 5, 5, 10
# Timeouts for servers that accept no connection, and for hosts that are gone from the network.
_CONNECT: dict[str, str | int] = {
    "connect_timeout": 3,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "feedproxy",
    "client_encoding": "utf8",
}
# Timeouts of a statement, and of its wait for the lock of another transaction; readers wait less. A
# hung process or a lost machine loses its transaction (`_BOUNDS`), and with it the locks that
# others wait for.
_PATIENCE = "statement_timeout=60s lock_timeout=10s"
_LITTLE_PATIENCE = "statement_timeout=10s lock_timeout=1s"
# Otherwise a plan made while a table was small is kept when the table has grown.
_PLANS = "plan_cache_mode=force_custom_plan"
_BOUNDS = (
    "idle_in_transaction_session_timeout=120s tcp_keepalives_idle=15 "
    "tcp_keepalives_interval=5 tcp_keepalives_count=3"
)
# The first key of every advisory lock: "feed" in ASCII, and the next number for hosts.
_OURS, _HOSTS = 0x66656564, 0x66656565
_WRITER, _TURN = 1, 2
CHANNEL = "feedproxy"
# Silence on a connection may mean that no notification reaches it: a replica lags, or a pooler
# drops them. So after this time the change counter differs in any case.
_TICK_S = 1.0
# Seconds before a failed listener connects again: at first, and at most; doubled with each failure.
_RETRY_S = (1.0, 30.0)
# The header of a row, and its pointer on the page (PostgreSQL, "Database Page Layout").
_ROW_BYTES = 28
_PROBE = text(
    "SELECT current_setting('server_encoding'), "
    "'B' < 'a' AND 'z' < 'é' AND 'n-2' < 'n1' AND 'n1' < 'n_'"
)
_MADE_SO = (
    "CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
)


def create(url: URL, *, is_hasty: bool) -> Engine:
    """Return an engine with timeouts, short ones if it *is_hasty*.

    Each connection is tested before use, as the server may have been restarted. The test takes a
    fifth of the time of the shortest use of a connection, measured on one machine; responses from
    the cache need no connection.
    """
    bounds = f"{_LITTLE_PATIENCE if is_hasty else _PATIENCE} {_BOUNDS} {_PLANS}"
    own = " ".join(f"-c {bound}" for bound in bounds.split())
    theirs = url.query.get("options", "")
    arguments = {key: value for key, value in _CONNECT.items() if key not in url.query}
    arguments["options"] = (
        f"{own} {theirs if isinstance(theirs, str) else ' '.join(theirs)}".strip()
    )
    size = {
        "pool_size": _KEPT,
        "max_overflow": _MORE,
        "pool_timeout": _POOL_TIMEOUT_S,
        "pool_use_lifo": True,
    }
    engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, **size)
    event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """Return an engine over the same connections whose transactions are read-only snapshots."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _begin(connection: Connection) -> None:
    """Make a writing transaction wait for any other, as in SQLite, and notify listeners at its end.

    A transaction over the budget of a host (`host`) waits only for others over the same host, and
    notifies nobody. With `patient` there are no timeouts.
    """
    options = connection.get_execution_options()
    if options.get("patient"):
        connection.execute(
            text(
                "SELECT set_config('lock_timeout', '0', true), "
                "set_config('statement_timeout', '0', true)"
            )
        )
    if host := options.get("host"):
        connection.execute(select_(func.pg_advisory_xact_lock(_HOSTS, _number_of(host))))
    elif options.get("write"):
        connection.execute(
            select_(func.pg_advisory_xact_lock(_OURS, _WRITER), func.pg_notify(CHANNEL, ""))
        )


def _number_of(host: str) -> int:
    return zlib.crc32(host.encode()) - (1 << 31)


@contextmanager
def exclusive_lock(engine: Engine, *, shared: bool) -> Iterator[None]:
    """Keep out the pollers of all machines, or with *shared* those that want the exclusive lock.

    The server releases the lock when the process ends, in whatever way.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # leaving the block closes the connection, and so releases the lock
        connection.execute(
            text(
                "SELECT set_config('lock_timeout', '0', false), "
                "set_config('statement_timeout', '0', false)"
            )
        )
        take = func.pg_advisory_lock_shared if shared else func.pg_advisory_lock
        connection.execute(select_(take(_OURS, _TURN)))
        yield


def check_order(db: Connection) -> None:
    """Check that text is UTF-8 and sorted by code points, so that all nodes sort alike.

    Raises:
        StoreError: it is not.

    """
    encoding, is_plain = db.execute(_PROBE).one()
    if encoding != "UTF8" or not is_plain:
        raise StoreError(
            "store: the database sorts text by the rules of a language; "
            f"create another one: {_MADE_SO}"
        )


def size_of(db: Connection) -> int:
    """Return the bytes that rows take, without those of deleted rows and of indexes."""
    total = 0
    for table in metadata.sorted_tables:
        row = sum(
            (func.coalesce(func.pg_column_size(column), 0) for column in table.c),
            start=literal(_ROW_BYTES),
        )
        total += int(db.execute(select_(func.sum(row)).select_from(table)).scalar() or 0)
    return total


class NotifyListener:
    """Counts changes of a database on another machine, by its notifications (PostgreSQL, NOTIFY).

    Reading the number takes a few µs and no query. While there is no connection, each number is a
    new one, so that callers query the database. The connection is opened by the first call of
    `read`, so after a fork, and only in processes that call it.
    """

    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._monotonic, self._lock, self._numbers = (
            engine,
            monotonic,
            threading.Lock(),
            count(1),
        )
        self._connection: Any = None
        self._poll = select.poll()
        self._process, self._number, self._moved_at = os.getpid(), 0, 0.0
        self._again_at, self._wait_s = 0.0, _RETRY_S[0]

    def read(self) -> int:
        """Return a number that differs after each notified change, and at least every second."""
        if not self._lock.acquire(blocking=False):  # another thread is connecting
            return next(self._numbers)
        try:
            return self._listen(self._monotonic())
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _listen(self, now: float) -> int:
        if self._process != os.getpid():  # after a fork the connection belongs to the parent
            self._process, self._connection, self._again_at = os.getpid(), None, 0.0
        try:
            if self._connection is None:
                if now < self._again_at:
                    return next(self._numbers)
                self._connect()
            elif not self._has_heard() and now < self._moved_at + _TICK_S:
                return self._number
        except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error, OSError):
            self._drop()
            self._again_at, self._wait_s = (
                self._monotonic() + self._wait_s,
                min(2 * self._wait_s, _RETRY_S[1]),
            )
            return next(self._numbers)
        self._number, self._moved_at = next(self._numbers), now
        return self._number

    def _connect(self) -> None:
        pooled = self._engine.raw_connection()
        pooled.detach()
        self._connection = cast("Any", pooled.dbapi_connection)
        self._connection.autocommit = True
        self._connection.execute(f"LISTEN {CHANNEL}")
        self._poll = select.poll()
        self._poll.register(self._connection.fileno(), select.POLLIN)
        self._wait_s = _RETRY_S[0]

    def _has_heard(self) -> bool:
        """Return whether notifications came; never wait (libpq, "Asynchronous Notification")."""
        if not self._poll.poll(0):
            return False
        libpq = self._connection.pgconn
        libpq.consume_input()
        heard = False
        while libpq.notifies() is not None:
            heard = True
        return heard

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
