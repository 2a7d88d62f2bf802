"""`migrate-store`: what is moved is the same at the other end, however often it was interrupted, never over something else."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from newsroom import write_config
from sqlalchemy import select
from test_store import LOGS, NOW, PAGE, hold, item, make

from feedproxy.cli import cli
from feedproxy.errors import StoreError
from feedproxy.model import (
    Alarm,
    ArticleId,
    Backfill,
    ChannelState,
    DirtyHtml,
    Entry,
    MediaFile,
    Statement,
    StoredPicture,
    Url,
)
from feedproxy.search_terms import parse_query
from feedproxy.store import Store, move, open_store
from feedproxy.store.engine import create
from feedproxy.store.tables import metadata

LEASE = timedelta(seconds=30)
PICTURE = Url("https://pic.example/桥.png")
# What is not moved, but made anew.
LEFT = ("lease", "search_doc", "search_due")
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The address of a store with rows in every table: some of them many, with all that an engine might change."""
    url = f"sqlite:///{tmp_path}/source.sqlite"
    store = open_store(url, tmp_path)
    with store.transaction() as tx:
        hold(
            tx,
            *(
                make(number, links=((ArticleId("n900"), Url("https://news.example/900")),))
                for number in range(1, 8)
            ),
        )
        tx.save(make(1, title="n1 改了 ‘’\\\t%s", pictures=(PICTURE,)), [PAGE, PAGE], {}, NOW)
        tx.queue.add_listing("c2", [item(number) for number in range(1_000, 2_000)], NOW)
        entry = Entry(Statement("n1000"), "guid", content=DirtyHtml("<p>石桥</p>"))
        tx.queue.add_listing("c2", [replace(item(1_000), entry=entry)], NOW, site="s")
    fill_the_rest(store)
    store.close()
    return url


def variant(digit: str) -> MediaFile:
    return MediaFile(f"{digit * 32}.webp", "image/webp", 9, 2, 1)


def fill_the_rest(store: Store) -> None:
    store.pictures.keep(PICTURE, StoredPicture(variant("3"), variant("4")), NOW)
    store.archive.append(LOGS, NOW)
    store.search.index(4)
    store.save(make(2, title="再改"), [PAGE], {}, NOW)
    store.schedule.save_poll(ChannelState("c1", next_poll_at=NOW, ttl_s=90.5))
    store.schedule.save_backfill(Backfill("c1", None, 3))
    store.budget.reserve("news.example", 1, NOW, 60)
    store.records.add({("polls", "c1", "ok"): 3})
    store.records.put_alarm(
        Alarm("c1", "news.example", "body", Url("https://news.example/1"), "why", NOW)
    )
    store.serials.remember("https://peer.example", "/feed/town/archive/1.json", 10**15 - 1)
    assert store.serials.issue("git/town/SHA256SUMS", "00ff") == 1
    assert store.requests.ask(ArticleId("n900"), limit=9, now=NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    return (
        f"sqlite:///{tmp_path}/target.sqlite"
        if request.param == "sqlite"
        else str(request.getfixturevalue("postgresql"))
    )


def everything(url: str) -> Rows:
    """Return all rows of all tables, but for who polls and what is indexed."""
    engine = create(url)
    with engine.connect() as db:
        tables = (table for table in metadata.sorted_tables if table.name not in LEFT)
        found = {
            table.name: sorted(map(tuple, db.execute(select(table))), key=repr) for table in tables
        }
    engine.dispose()
    return found


def run(
    source: str,
    target: str,
    folder: Path,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, int]:
    return move(source, target, folder, clock=lambda: NOW, lease=LEASE, on_progress=on_progress)


def test_what_is_moved_there_and_back_is_the_same(source: str, target: str, tmp_path: Path) -> None:
    counts = run(source, target, tmp_path)
    run(target, f"sqlite:///{tmp_path}/back.sqlite", tmp_path)
    before = everything(source)
    assert before == everything(target) == everything(f"sqlite:///{tmp_path}/back.sqlite")
    assert counts == {table: len(rows) for table, rows in before.items()}
    assert all(counts.values())
    store = open_store(target, tmp_path)  # which works as any other
    assert store.lease.lead("poller", NOW, NOW + LEASE)
    hold(store, make(3_000))
    assert store.newest(["c1"], 1) == [make(3_000)]
    assert store.search.index(100) == 8
    assert [article.id for article in store.search.find(parse_query("再改"), ["c1", "c2"], 9)] == [
        "n2"
    ]
    store.close()


class Killed(BaseException):
    """Ends a move as a signal would."""


def killer(after: int) -> Callable[[str, int, int], None]:
    batches: Iterator[int] = iter(range(after, -1, -1))

    def on_progress(*_: object) -> None:
        if next(batches) == 0:
            raise Killed

    return on_progress


def test_a_move_that_is_killed_again_and_again_comes_to_its_end(
    source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedproxy.store.copying._ROWS", 50)
    for after in (0, 1, 2, 3, 3, 4, 5):
        with pytest.raises(Killed):
            run(source, target, tmp_path, killer(after))
    seen: list[str] = []
    run(source, target, tmp_path, lambda table, *_: seen.append(table))
    assert "article" not in seen  # which was there already
    assert everything(source) == everything(target)


def test_what_has_changed_between_two_attempts_is_moved_as_it_is_now(
    source: str, target: str, tmp_path: Path
) -> None:
    def on_progress(table: str, *_: int) -> None:
        if table == "picture":  # which refers to others
            raise Killed

    with pytest.raises(Killed):
        run(source, target, tmp_path, on_progress)
    store = open_store(source, tmp_path)
    store.save(make(3, title="后来改的"), [PAGE], {}, NOW)
    store.pictures.keep(PICTURE, StoredPicture(variant("0"), variant("1")), NOW)
    store.drop([ArticleId("n2")], NOW)
    hold(store, make(4_000))
    store.close()
    run(source, target, tmp_path)
    assert everything(source) == everything(target)


def test_nobody_polls_into_a_part(source: str, target: str, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(source, target, tmp_path, killer(3))
    part = open_store(target, tmp_path)
    with pytest.raises(StoreError, match=r"it is being copied here from sqlite:.*source\.sqlite"):
        part.lease.lead("poller", NOW, NOW + LEASE)
    part.close()
    other = f"sqlite:///{tmp_path}/other.sqlite"
    open_store(other, tmp_path).close()
    with pytest.raises(
        StoreError, match=r"a move from .*source\.sqlite was not brought to its end"
    ):
        run(other, target, tmp_path)


def test_a_store_that_is_polled_is_not_moved(source: str, target: str, tmp_path: Path) -> None:
    store = open_store(source, tmp_path)
    assert store.lease.lead("the poller", NOW, NOW + LEASE)
    with pytest.raises(StoreError, match="is being polled by the poller; stop that first"):
        run(source, target, tmp_path)
    store.lease.resign("the poller")
    run(source, target, tmp_path, lambda *_: polls_not(store))
    assert store.lease.lead("the poller", NOW, NOW + LEASE)
    store.close()


def polls_not(store: Store) -> None:
    assert not store.lease.lead("the poller", NOW, NOW + LEASE)


def test_a_target_that_holds_a_store_stays_as_it_is(
    source: str, target: str, tmp_path: Path
) -> None:
    store = open_store(target, tmp_path)
    hold(store, make(1, title="别的"))
    store.close()
    before = everything(target)
    with pytest.raises(StoreError, match="it contains a store already"):
        run(source, target, tmp_path)
    assert everything(target) == before


def test_a_difference_at_the_end_is_told(source: str, target: str, tmp_path: Path) -> None:
    def spoil(table: str, *_: int) -> None:
        if table == "waiting":
            store = open_store(target, tmp_path)
            store.save(make(1, title="别的"), [PAGE], {}, NOW)
            store.close()

    with pytest.raises(StoreError, match="differs from the original; run the same command again"):
        run(source, target, tmp_path, spoil)
    run(source, target, tmp_path)
    assert everything(source) == everything(target)


@pytest.mark.soak
def test_a_hundred_thousand_articles_are_moved_there_and_back(
    source: str, postgresql: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "source.sqlite")) as db:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
        for table, key in {
            "article": "id",
            "membership": "article_id",
            "article_tag": "article_id",
            "raw_page": "article_id",
        }.items():
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(f"'m' || i || {name}" if name == key else name for name in names)
            db.execute(
                f"INSERT INTO {table} {numbers} SELECT {values} FROM n, {table} WHERE {key} = 'n3'"
            )
        db.commit()
    began = time.monotonic()
    counts = run(source, postgresql, tmp_path)
    there = time.monotonic()
    run(postgresql, f"sqlite:///{tmp_path}/back.sqlite", tmp_path)
    print(
        f"\n{counts['article']} articles: {there - began:.0f} s there, {time.monotonic() - there:.0f} s back"
    )
    assert counts["article"] == 100_007
    assert dump(tmp_path / "source.sqlite") == dump(tmp_path / "back.sqlite")


def dump(file: Path) -> str:
    """Return a hash of all that a file holds, but for what is not moved."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(file)) as db:
        for table in sorted({each.name for each in metadata.sorted_tables}.difference(LEFT)):
            for row in sorted(map(repr, db.execute(f"SELECT * FROM {table}"))):
                digest.update(row.encode())
    return digest.hexdigest()


def test_the_command_says_in_one_line_what_it_can_not_do_and_makes_nothing(
    source: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "theirs.sqlite")) as db:
        db.execute("CREATE TABLE theirs (x INTEGER)")
    address = f"sqlite:///{tmp_path}/"
    environment = {
        "FEEDPROXY_CONFIG": str(write_config(tmp_path / "config")),
        "FEEDPROXY_DATA": str(tmp_path / "var"),
    }
    for ends, words in {
        (address + "none.sqlite", address + "a.sqlite"): "there is no store at",
        (address + "theirs.sqlite", address + "a.sqlite"): "there is no store at",
        (source, address + "theirs.sqlite"): "contains something else; name an empty database",
        (source, source): "both addresses are the same",
        (source, "postgresql+psycopg://u:secret@127.0.0.1:1/x"): "can't be opened",
        ("nonsense", source): "Could not parse",
    }.items():
        outcome = CliRunner().invoke(cli, ["migrate-store", *ends], env=environment)
        assert isinstance(outcome.exception, StoreError)
        assert words in str(outcome.exception)
        assert "\n" not in str(outcome.exception)
        assert "secret" not in str(outcome.exception)
    assert not list(tmp_path.glob("none*")) + list(tmp_path.glob("a.*"))
    outcome = CliRunner().invoke(
        cli, ["migrate-store", source, address + "b.sqlite"], env=environment
    )
    assert (outcome.exit_code, "article: 7 of 7 rows" in outcome.output) == (0, True)
    assert "7 articles among them, all as they were" in outcome.output
