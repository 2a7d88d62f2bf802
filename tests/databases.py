"""Where a store of a test lies: in a file, and in PostgreSQL where there is a server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from serving import free_port
from sqlalchemy import create_engine, delete, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from feedproxy.store import open_store
from feedproxy.store.tables import metadata

# A server on which this user may make databases.
SERVER = os.environ.get("TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
_SORTED = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"


@cache
def trouble() -> str:
    """Return why there is no server, "" if there is one."""
    try:
        _on_server("SELECT 1")
    except (SQLAlchemyError, ImportError) as e:
        return f"needs PostgreSQL at {make_url(SERVER)!r} (TEST_POSTGRESQL names another): {str(e).splitlines()[0]}"
    return ""


@contextmanager
def new_database(name: str, how: str = _SORTED) -> Iterator[str]:
    """Make a database of its own; give its address."""
    if trouble():
        pytest.skip(trouble())
    own = f"fp_pg_{name}_{os.getpid()}"
    _on_server(f"DROP DATABASE IF EXISTS {own} WITH (FORCE)", f"CREATE DATABASE {own} {how}")
    _on_server(f"ALTER DATABASE {own} SET synchronous_commit = off")
    try:
        yield make_url(SERVER).set(database=own).render_as_string(hide_password=False)
    finally:
        _on_server(f"DROP DATABASE {own} WITH (FORCE)")


def _on_server(*statements: str) -> None:
    engine = create_engine(
        SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def shared_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database with the schema, for the tests of this process, one after the other."""
    with new_database("tests") as url:
        open_store(url, tmp_path_factory.mktemp("schema")).close()
        yield url


@pytest.fixture
def postgresql(shared_database: str) -> str:
    """The address of a store in PostgreSQL that holds nothing."""
    engine = create_engine(shared_database)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    engine.dispose()
    return shared_database


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    if trouble():
        pytest.skip(trouble())
    return str(request.getfixturevalue("postgresql"))


@dataclass(frozen=True)
class Server:
    """A server of a test's own, which may be stopped."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control(
            "start",
            "-o",
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off",
        )

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._control("stop", "-m", "immediate")

    def _control(self, *arguments: str) -> None:
        _run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-w",
            "-l",
            str(self.folder / "log"),
            *arguments,
        )


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's, which refuses to be root."""
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run(
        [*user, str(_programs() / program), *arguments],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
    )


def _programs() -> Path:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3])
    )
    if not found:
        pytest.skip("needs PostgreSQL's own programs in /usr/lib/postgresql")
    return found[-1].parent


@contextmanager
def own_server() -> Iterator[Server]:
    """Start a server of one's own."""
    with _place() as server:
        _run(
            "initdb",
            "-D",
            str(server.folder / "data"),
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        )
        server.start()
        yield server


@contextmanager
def follower(primary: Server) -> Iterator[Server]:
    """Start a server to which all that *primary* writes is streamed, and that only reads (PostgreSQL, "Hot Standby")."""
    with _place() as server:
        to = f"host=127.0.0.1 port={primary.port} user=postgres"
        _run("pg_basebackup", "-d", to, "-D", str(server.folder / "data"), "-R", "-c", "fast")
        server.start()
        yield server


@contextmanager
def _place() -> Iterator[Server]:
    """Give a server a folder and a port; stop it at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), free_port())
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):
                server.stop()
