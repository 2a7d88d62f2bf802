"""Bring a store's schema up to date, under a lock."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from feedproxy.errors import StoreError
from feedproxy.store import postgres

HEAD = "0001"


def migrate(engine: Engine, lock_file: Path) -> None:
    """Apply the missing migrations, if any, one process at a time.

    Raises:
        StoreError: a later version created the store, or the database is not suitable.

    """
    if revision(engine) == HEAD:
        return
    with locked(lock_file):
        upgrade(engine)


def upgrade(engine: Engine) -> None:
    """Apply the missing migrations in one transaction, without a lock on a file."""
    with (
        engine.connect().execution_options(write=True, patient=True) as connection,
        connection.begin(),
    ):
        if connection.dialect.name != "sqlite":
            postgres.check_order(connection)
        _upgrade(connection)


@contextmanager
def locked(file: Path, *, wait: bool = True, shared: bool = False) -> Iterator[bool]:
    """Hold a lock on *file*, exclusive or *shared*; yield whether it was acquired.

    Without *wait* it is not acquired while another process holds it. It is released when the
    process ends.
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
    """Return the schema's revision of a database, None if it holds no store."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def _upgrade(connection: Connection) -> None:
    # Imported here, as it is needed only when the schema is old.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as e:
        raise StoreError(f"store: its schema is not one of this version's: {e}") from e
