"""What PostgreSQL has where SQLite has a file: engines that give up in time, locks for all machines, word of changes."""

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

# A process holds at most so many connections, and one more that listens; who finds all in use waits so long.
_KEPT, _MORE, _POOL_TIMEOUT_S = 5, 5, 10
# Whoever does not answer is given up: a server that takes no connection, a host that is gone from the network.
_CONNECT: dict[str, str | int] = {
    "connect_timeout": 3,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "feedproxy",
    "client_encoding": "utf8",
}
# How long a statement may take, and how long it may wait for another transaction's lock; readers wait less. A process that has
# hung, or a machine that is gone, loses its transaction, and so the lock that others wait for.
_PATIENCE = "statement_timeout=60s lock_timeout=10s"
_LITTLE_PATIENCE = "statement_timeout=10s lock_timeout=1s"
# Else a plan that was made while a table was small is kept for one that has grown.
_PLANS = "plan_cache_mode=force_custom_plan"
_BOUNDS = "idle_in_transaction_session_timeout=120s tcp_keepalives_idle=15 tcp_keepalives_interval=5 tcp_keepalives_count=3"
# The first number of every advisory lock: "feed" in ASCII, and the next one for hosts.
_OURS, _HOSTS = 0x66656564, 0x66656565
_WRITER, _TURN = 1, 2
CHANNEL = "feedproxy"
# A connection that hears nothing may be one that nothing comes through: a replica that lags, a pooler. So whatever was heard, all
# is asked for again so often.
_TICK_S = 1.0
# A listener that fails is tried again so much later, twice as late the next time.
_RETRY_S = (1.0, 30.0)
# A row's own header, and its place on the page (PostgreSQL, "Database Page Layout").
_ROW_BYTES = 28
_PROBE = text(
    "SELECT current_setting('server_encoding'), 'B' < 'a' AND 'z' < 'é' AND 'n-2' < 'n1' AND 'n1' < 'n_'"
)
_MADE_SO = (
    "CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
)


def create(url: URL, *, is_hasty: bool) -> Engine:
    """Return an engine; each connection is tried before it is used, so a server may have been started anew.

    That takes a fifth of the least that is done with one, on one machine; and what was made already asks for none.
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
    """Return an engine over the same connections whose transactions see one state of the database, and only read."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _begin(connection: Connection) -> None:
    """Have a transaction that writes wait for any other that does, as in SQLite, and tell all who listen when it is done.

    One over a host's budget (`host`) waits only for those over the same host, and tells nobody.
    """
    options = connection.get_execution_options()
    if options.get("patient"):
        connection.execute(
            text(
                "SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)"
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
    """Hold off the pollers of all machines, or those that share no turns; it ends with the process, however that ends."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # so that the end closes it
        connection.execute(
            text(
                "SELECT set_config('lock_timeout', '0', false), set_config('statement_timeout', '0', false)"
            )
        )
        take = func.pg_advisory_lock_shared if shared else func.pg_advisory_lock
        connection.execute(select_(take(_OURS, _TURN)))
        yield


def check_order(db: Connection) -> None:
    """Hold that text is in UTF-8 and in the order of its code points, as everywhere else, so that all nodes list alike.

    Raises:
        StoreError: it is not.

    """
    encoding, is_plain = db.execute(_PROBE).one()
    if encoding != "UTF8" or not is_plain:
        raise StoreError(
            f"store: the database sorts text in the order of a language; make another one: {_MADE_SO}"
        )


def size_of(db: Connection) -> int:
    """Return how many bytes rows take; what was deleted does not count, and neither do indexes."""
    total = 0
    for table in metadata.sorted_tables:
        row = sum(
            (func.coalesce(func.pg_column_size(column), 0) for column in table.c),
            start=literal(_ROW_BYTES),
        )
        total += int(db.execute(select_(func.sum(row)).select_from(table)).scalar() or 0)
    return total


class NotifyListener:
    """A connection that listens (PostgreSQL, NOTIFY): the pulse of a database on another machine, in some µs and without a query.

    While it can't be had, each number is another one, and whoever asks has to look. It is opened when it is asked for first, so
    after a fork, and not in processes that never ask.
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
        """Return a number that is another one after each change that was heard of, and after a second."""
        if not self._lock.acquire(blocking=False):  # another thread is connecting
            return next(self._numbers)
        try:
            return self._listen(self._monotonic())
        finally:
            self._lock.release()

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._drop()

    def _listen(self, now: float) -> int:
        if self._process != os.getpid():  # a fork's connection is its parent's
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
        """Return whether anything was told; it never waits (libpq, "Asynchronous Notification")."""
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
