"""A store's schema: made whole or not at all, and left alone once it is there."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from feedproxy.errors import StoreError
from feedproxy.store import open_store
from feedproxy.store.engine import create


def write(store: str, statement: str) -> None:
    """Change a store by SQL."""
    engine = create(store)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text(statement))
    engine.dispose()


def schema_of(url: str) -> list[tuple[Any, ...]]:
    """Return what SQLite says of each table and index."""
    engine = create_engine(url)
    with engine.connect() as connection:
        query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.sqlite"


def test_a_second_start_changes_nothing(url: str, tmp_path: Path) -> None:
    open_store(url, tmp_path).close()
    first = schema_of(url)
    assert {"article", "search_index", "archive"} <= {name for _, name, _ in first}
    open_store(url, tmp_path).close()
    assert schema_of(url) == first


def test_a_store_of_a_later_version_is_refused(url: str, tmp_path: Path) -> None:
    open_store(url, tmp_path).close()
    write(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="its schema is not one of this version's"):
        open_store(url, tmp_path)
