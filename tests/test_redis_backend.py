"""What several machines share: one contract, in the store and in Redis; and what happens while Redis is away."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Clock
from engines import RedisServer, open_redis
from newsroom import BASE, Newsroom

from feedproxy import redis_backend
from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.fetch import open_fetcher
from feedproxy.media import FolderMedia
from feedproxy.model import Mirror, Url
from feedproxy.output import look
from feedproxy.store import HostBudget, Lease, open_store, open_web_store
from feedproxy.web import create_app

NOW = datetime(2021, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with open_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    redis_backend.connect(redis.url).flushdb()
    return redis.url


@dataclass(frozen=True)
class Ledgers:
    budget: HostBudget
    lease: Lease


@pytest.fixture(params=["sql", "redis"])
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledgers]:
    if request.param == "sql":
        store = open_store(f"sqlite:///{tmp_path}/store.sqlite", tmp_path)
        yield Ledgers(store.budget, store.lease)
        store.close()
        return
    client = redis_backend.connect(request.getfixturevalue("redis_url"))
    yield Ledgers(
        redis_backend.RedisBudget(client, is_test=True),
        redis_backend.RedisLease(client, is_test=True),
    )
    client.close()


# ---------------------------------------------------------------- the contract of a budget


def test_requests_to_a_host_are_let_pass_one_gap_after_the_other(ledgers: Ledgers) -> None:
    reserve = ledgers.budget.reserve
    assert [reserve("a.example", 0.5, NOW, 60)[0] for _ in range(5)] == [
        NOW + number * SECOND / 2 for number in range(5)
    ]
    assert reserve("b.example", 0.5, NOW, 60) == (NOW, None)
    assert reserve("a.example", 0.5, NOW + MINUTE, 60) == (NOW + MINUTE, None)


def test_a_host_that_wants_to_be_left_alone_is_and_then_asked_again(ledgers: Ledgers) -> None:
    budget = ledgers.budget
    budget.hold("a.example", NOW, NOW + 90 * SECOND)
    budget.hold("a.example", NOW, NOW + 30 * SECOND)  # which does not end the longer one
    assert budget.reserve("a.example", 1, NOW + 30 * SECOND, 600) == (
        NOW + 30 * SECOND,
        NOW + 90 * SECOND,
    )
    assert budget.quiet(NOW) == {"a.example": NOW + 90 * SECOND}
    assert budget.quiet(NOW + 90 * SECOND) == {}
    assert budget.reserve("a.example", 1, NOW + 90 * SECOND, 600) == (NOW + 90 * SECOND, None)


def test_moments_of_a_clock_that_was_ahead_are_not_believed(ledgers: Ledgers) -> None:
    budget = ledgers.budget
    budget.reserve("a.example", 1, NOW + timedelta(days=9), 60)
    budget.hold("b.example", NOW, NOW + timedelta(days=9))
    assert budget.reserve("a.example", 1, NOW, 60) == (NOW, None)
    assert budget.reserve("b.example", 1, NOW, 60) == (NOW, None)
    budget.reserve("c.example", 1, NOW + timedelta(days=9), 60)
    budget.hold("c.example", NOW, NOW + MINUTE)
    assert budget.reserve("c.example", 1, NOW, 60) == (NOW, NOW + MINUTE)


def test_a_host_that_asks_for_a_minute_between_requests_may_have_a_long_queue(
    ledgers: Ledgers,
) -> None:
    starts = [ledgers.budget.reserve("a.example", 60, NOW, 60)[0] for _ in range(30)]
    assert starts[-1] == NOW + 29 * MINUTE


def test_before_a_host_there_are_so_many_places_and_the_next_one_waits(ledgers: Ledgers) -> None:
    present, most, lock = 0, 0, threading.Lock()
    are_two = threading.Event()

    def visit() -> None:
        nonlocal present, most
        with ledgers.budget.slot("a.example", 2):
            with lock:
                present += 1
                most = max(most, present)
            if present == 2:
                are_two.set()
            assert are_two.wait(20)
            with lock:
                present -= 1

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_one_leads_until_its_lease_ends_or_it_resigns(ledgers: Ledgers) -> None:
    lease = ledgers.lease
    assert lease.leader() is None
    assert lease.lead("a", NOW, NOW + MINUTE)
    assert not lease.lead("b", NOW, NOW + MINUTE)
    assert lease.lead("a", NOW + MINUTE / 2, NOW + 1.5 * MINUTE)
    assert not lease.lead("b", NOW + MINUTE, NOW + 2 * MINUTE)
    assert lease.lead("b", NOW + 1.5 * MINUTE, NOW + 2.5 * MINUTE)
    assert not lease.lead("a", NOW + 2 * MINUTE, NOW + 3 * MINUTE)
    lease.resign("a")
    assert lease.leader() == ("b", NOW + 2.5 * MINUTE)
    lease.resign("b")
    assert lease.leader() is None
    assert lease.lead("a", NOW + timedelta(days=9), NOW + timedelta(days=9, minutes=1))
    assert lease.lead("b", NOW, NOW + MINUTE)  # as that clock was ahead


# ---------------------------------------------------------------- Redis alone


def test_machines_whose_clocks_differ_share_one_pace(redis_url: str) -> None:
    client = redis_backend.connect(redis_url)
    ahead, behind = NOW + timedelta(days=400), NOW - timedelta(days=400)
    first = redis_backend.RedisBudget(client).reserve("a.example", 30, ahead, 60)[0]
    second = redis_backend.RedisBudget(client).reserve("a.example", 30, behind, 60)[0]
    assert first == ahead
    assert behind + 20 * SECOND < second <= behind + 30 * SECOND


def test_the_place_of_a_process_that_died_is_free_again(redis_url: str) -> None:
    client = redis_backend.connect(redis_url)
    client.zadd(
        "feedproxy:places:a.example", {"somebody who died": int(client.time()[0]) * 1_000_000 - 1}
    )
    client.zadd(
        "feedproxy:places:a.example",
        {"somebody ahead of time": (int(client.time()[0]) + 9_999) * 1_000_000},
    )
    with redis_backend.RedisBudget(client).slot("a.example", 1):
        assert client.zcard("feedproxy:places:a.example") == 1
    assert client.zcard("feedproxy:places:a.example") == 0


def test_listings_are_kept_where_all_machines_find_them(
    redis_url: str, settings: Settings, mirror: Mirror, clock: Clock, newsroom: Newsroom
) -> None:
    sharing = settings.model_copy(update={"redis_url": redis_url})
    for machine in ("one", "two"):
        store = open_store(settings.store_url, settings.data, redis_url=redis_url)
        cache = settings.data / f"{machine}.sqlite"
        fetcher = open_fetcher(
            sharing, mirror, store.budget, clock, lambda _: None, cache_file=cache
        )
        page = fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
        assert "n103" in page.body.decode()
        assert not cache.exists()
        fetcher.close()
        store.close()
    assert newsroom.asked == ["/city.htm"] * 2
    assert newsroom.not_modified == ["/city.htm"]
    assert newsroom.robots_asked == ["/robots.txt"]


# ---------------------------------------------------------------- Redis away


@pytest.fixture
def sharing(settings: Settings, tmp_path: Path) -> Settings:
    """Settings that name a Redis that is away."""
    return settings.model_copy(update={"redis_url": RedisServer(tmp_path).url})


def test_without_redis_nobody_is_asked_and_that_is_told_in_a_line(
    sharing: Settings, mirror: Mirror, clock: Clock, newsroom: Newsroom
) -> None:
    store = open_store(sharing.store_url, sharing.data, redis_url=sharing.redis_url)
    fetcher = open_fetcher(
        sharing,
        mirror,
        store.budget,
        clock,
        lambda _: None,
        cache_file=sharing.data / "cache.sqlite",
    )
    for keep in (True, False):
        with pytest.raises(StoreError, match=r"^redis: .*127\.0\.0\.1"):
            fetcher.fetch(Url(f"{BASE}/city.htm"), keep=keep)
    assert newsroom.asked == newsroom.robots_asked == []
    assert any(
        problem.what.startswith("redis: ")
        for problem in look(mirror, store, sharing.data, clock()).problems
    )
    fetcher.close()
    store.close()


def test_without_redis_readers_are_served_and_counted_all_the_same(
    sharing: Settings, mirror: Mirror, clock: Clock, media: FolderMedia
) -> None:
    desk = open_web_store(sharing.store_url, sharing.data, redis_url=sharing.redis_url)
    client = create_app(
        sharing,
        replace(mirror, feeds=replace(mirror.feeds, filtered_per_minute=20)),
        desk,
        media,
        clock,
    ).test_client()
    assert client.get("/feed/town.xml").status_code == 200
    assert client.get("/readyz").status_code == 200
    codes = [client.get(f"/feed/town.xml?limit={number}").status_code for number in range(1, 23)]
    assert codes == [200] * 20 + [429] * 2


def test_what_a_client_did_at_one_web_node_counts_at_the_other(
    redis_url: str, settings: Settings, mirror: Mirror, clock: Clock, media: FolderMedia
) -> None:
    nodes, strict = [], replace(mirror, feeds=replace(mirror.feeds, filtered_per_minute=20))
    for _ in range(2):
        sharing = settings.model_copy(update={"redis_url": redis_url})
        desk = open_web_store(sharing.store_url, sharing.data, redis_url=redis_url)
        nodes.append(create_app(sharing, strict, desk, media, clock).test_client())
    codes = [
        nodes[number % 2].get(f"/feed/town.xml?limit={number}").status_code
        for number in range(1, 23)
    ]
    assert codes == [200] * 20 + [429] * 2
