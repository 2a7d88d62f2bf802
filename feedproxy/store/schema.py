"""Bring a store's schema up to date, at start and under a lock."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from feedproxy.errors import StoreError
from feedproxy.store import postgres

HEAD = "0001"


def migrate(engine: Engine, lock_file: Path) -> None:
    """Apply the migrations that are missing; at once when none is, and one process after the other when some are.

    Raises:
        StoreError: the store was made by a later version, or the database is none that it can be made in.

    """
    if revision(engine) == HEAD:
        return
    with locked(lock_file):
        upgrade(engine)


def upgrade(engine: Engine) -> None:
    """Do the same without a lock, in one transaction."""
    with (
        engine.connect().execution_options(write=True, patient=True) as connection,
        connection.begin(),
    ):
        if connection.dialect.name != "sqlite":
            postgres.check_order(connection)
        _upgrade(connection)


@contextmanager
def locked(file: Path, *, wait: bool = True, shared: bool = False) -> Iterator[bool]:
    """Hold a lock on *file*, and tell whether it is had: waiting for it, it is; it ends with the process.

    It is exclusive, or *shared* with all that hold it so.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.open("a")
    except OSError as e:
        raise StoreError(f"store: {file} can't be locked: {e.strerror}") from e
    with handle:
        try:
            fcntl.flock(
                handle,
                (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB),
            )
        except BlockingIOError:
            yield False
            return
        except OSError as e:
            raise StoreError(f"store: {file} can't be locked: {e.strerror}") from e
        yield True


def revision(engine: Engine) -> str | None:
    """Return which schema a database has, None if it has none of ours."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 (needed only when the schema is old)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as e:
        raise StoreError(f"store: its schema is not one of this version's: {e}") from e
