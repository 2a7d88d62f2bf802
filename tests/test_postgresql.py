"""PostgreSQL: several machines over one database see the same, hear of changes, and bear a server that ends and comes again."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Clock
from databases import Server, follower, new_database, own_server
from flask import Flask
from sqlalchemy import create_engine, make_url, text
from test_cache import FEEDS, PAGES, fill
from test_store import NOW, PAGE, hold, item, make
from werkzeug.test import TestResponse

from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId, Mirror
from feedproxy.store import Store, move, open_store, open_web_store
from feedproxy.store.engine import create, without_password
from feedproxy.store.postgres import NotifyListener
from feedproxy.web import create_app

GONE = "postgresql+psycopg://feedproxy:secret@127.0.0.1:1/none"
LISTED = item(900)


def comes(happens: Callable[[], bool]) -> bool:
    """Wait for what another process does in a moment."""
    wait = threading.Event()
    return any(happens() or wait.wait(0.02) for _ in range(500))


@pytest.fixture
def stores(postgresql: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """One database, as two machines have it: nothing but the server is common to them."""
    both = open_store(postgresql, tmp_path / "one"), open_store(postgresql, tmp_path / "other")
    yield both
    for store in both:
        store.close()


# ---------------------------------------------------------------- changes


def test_a_change_on_one_machine_is_heard_of_on_the_other_and_nothing_else_is(
    stores: tuple[Store, Store],
) -> None:
    ear, (_, writer) = NotifyListener(stores[0]._database._engine, lambda: 0.0), stores
    before = ear.read()
    writer.budget.reserve("news.example", 1, NOW, 60)  # no reader sees that
    assert ear.read() == before
    hold(writer, make(1))
    assert comes(lambda: ear.read() != before)
    ear.close()


def test_what_is_not_heard_is_asked_for_once_in_a_second(stores: tuple[Store, Store]) -> None:
    moments = [0.0]
    ear = NotifyListener(stores[0]._database._engine, lambda: moments[-1])
    seen = []
    for moment in (0.0, 0.5, 0.9, 1.1, 1.9, 2.2):
        moments.append(moment)
        seen.append(ear.read())
    assert [before == after for before, after in itertools.pairwise(seen)] == [
        True,
        True,
        False,
        True,
        False,
    ]
    ear.close()


def test_while_nothing_can_be_heard_it_is_asked_for_each_time_and_heard_again_later(
    postgresql: str,
) -> None:
    moments, engine = [0.0], create(GONE)
    ear = NotifyListener(engine, lambda: moments[-1])
    assert len({ear.read() for _ in range(5)}) == 5
    ear._engine = create(postgresql)
    assert ear.read() != ear.read()  # it is not tried again at once
    moments.append(60.0)
    assert ear.read() == ear.read()
    ear.close()
    ear._engine.dispose()
    engine.dispose()


# ---------------------------------------------------------------- turns


def test_machines_take_turns(stores: tuple[Store, Store]) -> None:
    one, other = stores
    has_turn = threading.Event()

    def take() -> None:
        with other.exclusive_lock():
            has_turn.set()

    thread = threading.Thread(target=take)
    with one.exclusive_lock():
        thread.start()
        assert not has_turn.wait(0.3)
    thread.join(10)
    assert has_turn.is_set()


# ---------------------------------------------------------------- databases that won't do


@pytest.mark.parametrize(
    "how",
    [
        "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en'",
        "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'",
    ],
)
def test_a_database_that_sorts_otherwise_is_refused_with_what_to_do(
    tmp_path: Path, how: str
) -> None:
    with (
        new_database("sorted", how) as url,
        pytest.raises(StoreError, match=r"create another one: CREATE DATABASE .* LC_COLLATE 'C'"),
    ):
        open_store(url, tmp_path)


def test_no_password_is_shown_wherever_it_stands(tmp_path: Path) -> None:
    for url in (GONE, "postgresql+psycopg://127.0.0.1:1/none?user=feedproxy&password=secret"):
        with pytest.raises(StoreError, match="can't be opened") as caught:
            open_store(url, tmp_path)
        assert "secret" not in str(caught.value) + without_password(url)
        assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- replicas


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[str]:
    """Stands for a replica that lags: another database."""
    with new_database("replica") as url:
        store = open_store(url, tmp_path / "replica")
        hold(store, make(1, title="旧题"))
        store.close()
        yield url


def test_readers_are_given_what_the_replica_has_and_requests_go_to_the_primary(
    stores: tuple[Store, Store], postgresql: str, replica: str, tmp_path: Path
) -> None:
    primary = stores[0]
    hold(primary, make(1))
    primary.queue.add_listing("c1", [LISTED], NOW)
    desk = open_web_store(postgresql, tmp_path, replica)
    assert [article.title for article in desk.newest(["c1"], 9)] == ["旧题"]
    assert desk.requests.ask(LISTED.id, limit=1, now=NOW)
    assert primary.requests.find(LISTED.id) is not None
    desk.close()


def test_where_the_replica_is_gone_the_primary_answers_and_no_version_is_taken_for_the_others(
    stores: tuple[Store, Store], postgresql: str, replica: str, tmp_path: Path
) -> None:
    hold(stores[0], make(1))
    with_replica, without = (
        open_web_store(postgresql, tmp_path, replica),
        open_web_store(postgresql, tmp_path, GONE),
    )
    assert [article.title for article in without.newest(["c1"], 9)] == [make(1).title]
    assert with_replica.version(["c1"]) != without.version(["c1"])
    assert with_replica.archive.page_version("all", 1) != without.archive.page_version("all", 1)
    for desk in (with_replica, without):
        desk.close()


def test_a_node_starts_with_the_replica_alone(replica: str, tmp_path: Path) -> None:
    desk = open_web_store(GONE, tmp_path, replica)
    assert [article.title for article in desk.newest(["c1"], 9)] == ["旧题"]
    with pytest.raises(StoreError):
        desk.requests.ask(ArticleId("n9"), limit=1, now=NOW)
    desk.close()


# ---------------------------------------------------------------- the same bytes


def timeless(answer: TestResponse) -> tuple[str, dict[str, str], bytes]:
    """Return what a client sees, but for the time of day, and Last-Modified, which is never before a process began."""
    return (
        answer.status,
        {name: value for name, value in answer.headers if name not in ("Date", "Last-Modified")},
        answer.data,
    )


def test_every_node_and_both_engines_give_the_same_bytes(
    app: Flask,
    channel_poller: ChannelPoller,
    settings: Settings,
    mirror: Mirror,
    media: FolderMedia,
    clock: Clock,
    postgresql: str,
    tmp_path: Path,
) -> None:
    began = clock.now
    fill(channel_poller, clock)
    move(
        settings.store_url,
        postgresql,
        settings.data,
        clock=clock,
        lease=clock.now - began,
        on_progress=lambda *_: None,
    )
    stores = [open_store(postgresql, tmp_path / name) for name in ("one", "other")]
    homes = [settings.model_copy(update={"data": tmp_path / name}) for name in ("one", "other")]
    nodes = [
        create_app(home, mirror, store, media, clock)
        for home, store in zip(homes, stores, strict=True)
    ]
    for address in (*FEEDS, *PAGES):
        for coding in ("", "gzip", "zstd"):
            asked = {"Accept-Encoding": coding}
            wanted, *found = (
                timeless(each.test_client().get(address, headers=asked)) for each in (app, *nodes)
            )
            assert (wanted[0], found) == ("200 OK", [wanted, wanted]), address
    for store in stores:
        store.close()


# ---------------------------------------------------------------- a server that ends


@pytest.fixture
def server() -> Iterator[Server]:
    with own_server() as started:
        yield started


def test_while_the_server_is_down_readers_are_served_and_afterwards_all_goes_on(
    server: Server,
    settings: Settings,
    mirror: Mirror,
    media: FolderMedia,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("feedproxy.store.database._REST_S", 0.0)
    store, desk = (
        open_store(server.url, tmp_path / "one"),
        open_web_store(server.url, tmp_path / "other"),
    )
    hold(store, make(1), channel="city")
    client = create_app(settings, mirror, desk, media, clock).test_client()
    before = client.get("/feed/town/city.xml")
    assert before.status_code == 200
    server.stop()
    for _ in range(3):
        assert client.get("/feed/town/city.xml").data == before.data
    with pytest.raises(StoreError, match="store: "):
        hold(store, make(2), channel="city")
    with pytest.raises(StoreError, match="store: "), store.exclusive_lock():
        pass
    server.start()
    hold(
        store, replace(make(2), title="后来"), channel="city"
    )  # at once, over connections from before
    assert comes(lambda: "后来" in client.get("/feed/town/city.xml").text)
    assert [article.id for article in store.newest(["city"], 9)] == ["n2", "n1"]
    with suppress(StoreError):
        desk.close()
    store.close()


def test_what_is_streamed_to_a_replica_is_shown_and_without_it_all_the_same(
    server: Server,
    settings: Settings,
    mirror: Mirror,
    media: FolderMedia,
    clock: Clock,
    tmp_path: Path,
) -> None:
    store = open_store(server.url, tmp_path / "one")
    with follower(server) as replica:
        desk = open_web_store(server.url, tmp_path / "other", replica.url)
        client = create_app(settings, mirror, desk, media, clock).test_client()

        def shows(number: int) -> bool:
            hold(store, make(number), channel="city")
            return comes(lambda: f"正文{number}</p>" in client.get("/feed/town/city.xml").text)

        assert [shows(1), shows(2)] == [True, True]
        replica.stop()
        assert shows(3)
        replica.start()
        assert shows(4)
        assert [article.id for article in desk.newest(["city"], 9)] == ["n4", "n3", "n2", "n1"]
        desk.close()
    store.close()


@pytest.mark.soak
def test_half_a_minute_without_a_server_loses_nothing(
    server: Server,
    settings: Settings,
    mirror: Mirror,
    media: FolderMedia,
    clock: Clock,
    tmp_path: Path,
) -> None:
    store, desk = (
        open_store(server.url, tmp_path / "one"),
        open_web_store(server.url, tmp_path / "other"),
    )
    hold(store, *map(make, range(1, 50)), channel="city")
    client = create_app(settings, mirror, desk, media, clock).test_client()
    before = client.get("/feed/town/city.xml")
    server.stop()
    until, answers = time.monotonic() + 30, 0
    while time.monotonic() < until:
        began = time.monotonic()
        assert client.get("/feed/town/city.xml").data == before.data
        assert time.monotonic() - began < 5
        answers += 1
        with pytest.raises(StoreError):
            store.lease.lead("poller", clock.now, clock.now + timedelta(seconds=30))
        threading.Event().wait(0.2)
    server.start()
    assert comes(lambda: _leads(store, clock))
    assert len(store.newest(["city"], 99)) == 49
    hold(store, make(50), channel="city")
    assert comes(lambda: make(50).title in client.get("/feed/town/city.xml").text)
    print(f"\n{answers} feeds while nobody answered")
    store.close()
    desk.close()


def _leads(store: Store, clock: Clock) -> bool:
    try:
        return store.lease.lead("poller", clock.now, clock.now + timedelta(seconds=30))
    except StoreError:
        return False


def test_a_connection_that_was_ended_costs_nobody_anything(
    stores: tuple[Store, Store], postgresql: str
) -> None:
    reader, writer = stores
    hold(writer, make(1))
    reader.change_counter()
    own = make_url(postgresql).database
    engine = create_engine(postgresql)
    with engine.connect() as connection:
        ended = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :own AND pid <> pg_backend_pid()"
        )
        connection.execute(ended, {"own": own})
    engine.dispose()
    assert reader.article(ArticleId("n1")) == make(1)
    writer.save(make(1, title="改了"), [PAGE], {}, NOW)
    assert len({reader.change_counter() for _ in range(3)}) == 3
    assert reader.article(ArticleId("n1")) == make(1, title="改了")
