"""Open a store: the whole one for the poller, or one for the web side."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.errors import StoreError
from feedproxy.store import damage
from feedproxy.store import engine as engines
from feedproxy.store import tables as t
from feedproxy.store.database import Database, describe_error
from feedproxy.store.schedule import SqlBudget, SqlLease
from feedproxy.store.schema import HEAD, locked, migrate, revision, upgrade
from feedproxy.store.sql import Store

# Advice to the operator, by a part of the error message of the database.
_ADVICE = {
    "malformed": "stop everything, put the file aside, and restore a backup",
    "not a database": "stop everything, put the file aside, and restore a backup",
    "disk is full": "make room",
    "locked": "another process has locked it; stop that process",
    "Connection refused": "start the server, or check its address",
    "No module named 'psycopg": (
        "install what PostgreSQL needs: pip install -r requirements-scale.txt"
    ),
}
# The pollers of this machine lock this file in the data folder, with SQLite
# (`Database.exclusive_lock`).
LOCK_FILE = "poller.lock"
_CHECK = "check FEEDPROXY_DATA and FEEDPROXY_DATABASE_URL"


def open_store(url: str, folder: Path, *, redis_url: str = "", shares_lock: bool = False) -> Store:
    """Return the store at an SQLAlchemy *url*, with its schema up to date.

    Its lock files lie in *folder*, which is created. With *redis_url* the lease and the budgets of
    hosts are in Redis. With *shares_lock* the store's `exclusive_lock` is a shared one: it can be
    held together with other processes that set this, which all claim polls and articles before they
    work on them.

    Raises:
        StoreError: the store can't be opened, or a later version created it.

    """
    return _store(open_database(url, folder), folder, redis_url, shares_lock=shares_lock)


def open_database(url: str, folder: Path) -> Database:
    """Return the database of a store, as `open_store` opens it.

    Also clear the report of damage to an SQLite file that was repaired or replaced since.
    """
    with _error_context(url):
        folder.mkdir(parents=True, exist_ok=True)
        lock_file, file = folder / "schema.lock", engines.file_of(url)
        if file:
            _create(file, lock_file)
        with _disposed_of_on_error(engines.create(url)) as engine:
            if file and revision(engine) is None:
                raise StoreError(
                    f"store: {file} is not a store of feedproxy; name another file, "
                    "or delete it to start with an empty store"
                )
            migrate(engine, lock_file)
    database = Database(engine)
    with suppress(StoreError):  # the readable part of a damaged file is served
        if database.damage() and not database.check():
            damage.clear(engine)
    return database


def _create(file: Path, lock_file: Path) -> None:
    """Create an SQLite file if there is none, under another name first, so that none is incomplete.

    Raises:
        StoreError: there was a store, and its data is lost.

    """
    wal, new = Path(f"{file}-wal"), f"{file}.new"
    if not file.exists():
        with locked(lock_file):
            if file.exists():
                return
            if wal.exists() and wal.stat().st_size:
                raise StoreError(
                    f"store: {file} is missing, but {wal.name} is there; "
                    "restore a backup, or delete it to start with an empty store"
                )
            for ending in ("", "-wal", "-shm", "-journal"):
                Path(f"{new}{ending}").unlink(missing_ok=True)
            with _disposed_of_on_error(engines.create(f"sqlite:///{new}")) as engine:
                upgrade(engine)
            engine.dispose()  # closing the last connection writes the WAL into the file
            Path(new).replace(file)
    elif not file.stat().st_size:
        raise StoreError(
            f"store: {file} is empty, so its data is lost; "
            "restore a backup, or delete it to start with an empty store"
        )


@contextmanager
def _disposed_of_on_error(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def open_web_store(url: str, folder: Path, read_url: str = "", *, redis_url: str = "") -> Store:
    """Return the store at *url* for the web side: it reads everything, and writes only requests.

    Reads go to the replica at *read_url*, if one is given, and to *url* while the replica does not
    answer.

    If *url* can't be opened, a replica with the present schema is enough, and so is an SQLite file
    on a read-only file system.

    Raises:
        StoreError: as in `open_store`.

    """
    only = frozenset((t.request.name,))
    replica = None
    if read_url:
        with _error_context(read_url):
            replica = engines.create(read_url, only)
    try:
        open_store(url, folder).close()  # brings the schema up to date
        engine = engines.create(url, only)
    except StoreError:
        frozen = (
            engines.create(url, only)
            if replica and _is_ready(replica)
            else engines.create_frozen(url)
        )
        if frozen is None:
            raise
        engine = frozen
    return _store(Database(engine, replica), folder, redis_url)


def _store(db: Database, folder: Path, redis_url: str, *, shares_lock: bool = False) -> Store:
    """Return the store over a database, with the lease and the budgets in Redis if there is one."""
    exclusive_lock = partial(db.exclusive_lock, folder / LOCK_FILE, shared=shares_lock)
    if not redis_url:
        return Store(db, exclusive_lock, SqlLease(db), SqlBudget(db, folder))
    from feedproxy import redis_backend  # noqa: PLC0415

    client = redis_backend.connect(redis_url)
    return Store(
        db, exclusive_lock, redis_backend.RedisLease(client), redis_backend.RedisBudget(client)
    )


@contextmanager
def _error_context(url: str) -> Iterator[None]:
    """Raise errors while opening a database as one line with its address and advice."""
    try:
        yield
    except (SQLAlchemyError, OSError, ImportError, ValueError) as e:
        shown, words = engines.without_password(url), describe_error(e)
        advice = next((advice for sign, advice in _ADVICE.items() if sign in words), _CHECK)
        raise StoreError(f"store: {shown} can't be opened: {words}; {advice}") from e


def _is_ready(replica: Engine) -> bool:
    try:
        return revision(replica) == HEAD
    except SQLAlchemyError:
        return False
