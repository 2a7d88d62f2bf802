"""Minutes of several machines over the real pages, and what happens when some of them, or a server, are gone; run by `make soak`.

Prints its figures: `FLEET_MINUTES=3 pytest -n0 -s -m soak tests/test_fleet.py`.
"""

import hashlib
import os
import random
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from databases import new_database
from engines import Fleet, RedisServer, open_redis, open_vhost, rabbitmqctl, until, wait_for
from realsite import CONFIG, SHARED, stand_in
from serving import free_port

from feedproxy.configuration import load_mirror
from feedproxy.store import open_store

pytestmark = [pytest.mark.soak, pytest.mark.corpus]
MINUTES = float(os.environ.get("FLEET_MINUTES", "10"))
PER_SECOND, AT_ONCE = 12, 4
POLL = {
    "requests_per_second = 5": f"requests_per_second = {PER_SECOND}",
    "requests_at_once = 4": f"requests_at_once = {AT_ONCE}",
    "min_interval_minutes = 10": "min_interval_minutes = 0.1",
    "max_interval_minutes = 360": "max_interval_minutes = 0.2",
    "first_polls_minutes = 2": "first_polls_minutes = 0.1",
    "retry_minutes = 5": "retry_minutes = 0.05",
    "lease_seconds = 30": "lease_seconds = 10",
}
# A change is at both nodes after so long.
ALIKE_S = 2.0


@dataclass
class Upstream:
    """The stand-in, which shows more and more, and how fast it was asked."""

    server: Any
    at: float = 0.0
    asked: int = 0
    fastest: float = 0.0

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def show(self, newest: int | None) -> None:
        with self.server.lock:
            self.server.site.newest = newest
            self.server.cache.clear()

    def behave(self, passed: float) -> None:
        """Fail, and be down, for a part of the time, of which a share has *passed*."""
        is_failing, is_down = 0.2 < passed < 0.6, 0.6 <= passed < 0.65
        self.server.control |= {
            "fail_rate": 0.03 if is_failing else 0.0,
            "retry_after": 2,
            "down": is_down,
        }

    def measure(self) -> None:
        """Note how fast it was asked since this was noted last."""
        now, asked = time.monotonic(), self.server.stats["requests"]
        if self.at and now - self.at < 1:
            return
        if self.at:
            self.fastest = max(self.fastest, (asked - self.asked) / (now - self.at))
        self.at, self.asked = now, asked


@contextmanager
def open_upstream() -> Iterator[Upstream]:
    site = stand_in().Site(SHARED / "mirror", "modern", "real")
    server = stand_in().Server(("127.0.0.1", 0), site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Upstream(server)
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Nodes:
    """Two web nodes, looked at again and again; *states* are what either gave, and when first.

    A state has to be at a node soon after the other gave it, or a later one.
    """

    ports: tuple[int, int]
    codes: Counter[int] = field(default_factory=Counter)
    states: dict[bytes, float] = field(default_factory=dict)
    latest: dict[int, bytes] = field(default_factory=dict)
    up_since: dict[int, float] = field(default_factory=dict)
    longest_apart_s: float = 0.0

    def ask(self, port: int) -> bytes | None:
        """Return a hash of the feed of all, None if the node is down."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/feed/all.atom", timeout=30
            ) as answer:
                self.codes[answer.status] += 1
                return hashlib.sha256(answer.read()).digest()
        except urllib.error.HTTPError as e:
            self.codes[e.code] += 1
            return None
        except OSError:
            return None

    def look(self) -> None:
        """Look at both, and note how long one of them has lacked what was at the other."""
        for port in self.ports:
            asked_at = time.monotonic()
            state = self.ask(port)
            if state is None:
                self.up_since.pop(port, None)
            else:
                self._note(port, state, asked_at)

    def _note(self, port: int, state: bytes, asked_at: float) -> None:
        order = list(self.states)
        if (
            state in self.states
            and (latest := self.latest.get(port)) in order[order.index(state) + 1 :]
        ):
            del self.states[
                latest
            ]  # what the other node had passed over, so it is not later than what came here after it
        self.latest[port] = state
        self.states.setdefault(state, time.monotonic())
        order = list(self.states)
        up_since = self.up_since.setdefault(port, asked_at)
        lacking = [max(self.states[later], up_since) for later in order[order.index(state) + 1 :]]
        self.longest_apart_s = max(self.longest_apart_s, asked_at - min(lacking, default=asked_at))

    def are_alike(self) -> bool:
        """Return whether both give the same bytes."""
        first, second = map(self.ask, self.ports)
        return first is not None and first == second


@dataclass
class Installation:
    """Three workers, two web nodes and two schedulers over one store, one Redis and one broker."""

    fleet: Fleet
    upstream: Upstream
    nodes: Nodes
    database: str
    wanted: set[str]

    def start(self, name: str) -> None:
        kind = name.rstrip("123")
        if kind == "web":
            port = self.nodes.ports[int(name[-1]) - 1]
            self.fleet.start(
                name, "serve", FEEDPROXY_BIND=f"127.0.0.1:{port}", FEEDPROXY_WORKERS="1"
            )
        else:
            self.fleet.start(name, kind, *(("--processes", "1") if kind == "worker" else ()))

    def stored(self) -> set[str]:
        store = open_store(self.database, self.fleet.folder)
        try:
            return set(store.ids([channel.id for channel in load_mirror(CONFIG).channels]))
        finally:
            store.close()

    def wait_for_first_polls(self) -> None:
        """Wait until each channel was polled: what a first listing does not show any more is for a backfill, not for polls."""
        store, count = (
            open_store(self.database, self.fleet.folder),
            len(load_mirror(CONFIG).channels),
        )
        states = store.schedule.states
        until(
            lambda: sum(state.succeeded_at is not None for state in states().values()) == count,
            "first polls",
            120,
        )
        store.close()


NAMES = ("worker1", "worker2", "worker3", "web1", "web2", "scheduler1", "scheduler2")


@contextmanager
def open_installation(
    folder: Path, database: str, broker_url: str, redis_url: str
) -> Iterator[Installation]:
    shutil.copytree(CONFIG, folder / "config")
    main = folder / "config" / "feedproxy.toml"
    text = main.read_text("utf-8")
    for old, new in POLL.items():
        assert old in text
        text = text.replace(old, new)
    main.write_text(text, "utf-8")
    channels = {channel.id for channel in load_mirror(CONFIG).channels}
    with open_upstream() as upstream:
        articles = upstream.server.site.articles
        wanted = {name for name, article in articles.items() if channels & set(article["channels"])}
        hosts = ("www.epochtimes.com", "i.epochtimes.com")
        origins = ",".join(f"{host}=http://127.0.0.1:{upstream.port}" for host in hosts)
        environment = {
            "FEEDPROXY_CONFIG": str(folder / "config"),
            "FEEDPROXY_DATABASE_URL": database,
            "FEEDPROXY_REDIS_URL": redis_url,
            "FEEDPROXY_BROKER_URL": broker_url,
            "FEEDPROXY_MEDIA_URL": str(folder / "pictures"),
            "FEEDPROXY_PUBLIC_URL": "http://mirror.example",
            "FEEDPROXY_ORIGINS": origins,
        }
        upstream.show(5)
        fleet = Fleet(folder, environment)
        made = Installation(fleet, upstream, Nodes((free_port(), free_port())), database, wanted)
        open_store(database, folder).close()
        try:
            for name in NAMES:
                made.start(name)
            for port in made.nodes.ports:
                wait_for(port)
            made.wait_for_first_polls()
            yield made
        finally:
            for name in list(fleet.processes):
                fleet.kill(name)


def run(made: Installation, seconds: float, every_s: float, disturb: "list[object]") -> None:
    """Let time pass: upstream shows more, fails and is down, the nodes are looked at, and something happens now and then."""
    chance, began = random.Random(seconds), time.monotonic()
    shown, shown_at = 5, began
    disturbed_at = began
    while (now := time.monotonic()) - began < seconds:
        if now - shown_at > seconds / 40:
            shown, shown_at = shown + 8, now
            made.upstream.show(shown)
        if now - disturbed_at > every_s * (0.5 + chance.random()):
            name = chance.choice(NAMES)
            made.fleet.kill(name)
            made.start(name)
            disturb.append(name)
            disturbed_at = now
        made.nodes.look()
        made.upstream.measure()
        made.upstream.behave((now - began) / seconds)
        time.sleep(0.2)
    made.upstream.behave(1)
    made.upstream.show(None)


def finish(made: Installation, patience_s: float = 240) -> None:
    """Wait until all is there, and hold that it is, once, at the pace of the budget, and the same at both nodes."""
    began = time.monotonic()
    while made.wanted - made.stored() and time.monotonic() - began < patience_s:
        made.upstream.measure()
        made.nodes.look()
        time.sleep(2)
    stored, stats, nodes = made.stored(), made.upstream.server.stats, made.nodes
    print(
        f"\n{len(stored)} of {len(made.wanted)} articles, all of them {time.monotonic() - began:.0f} s after the last change"
    )
    print(
        f"upstream: {stats}; fastest {made.upstream.fastest:.1f} a second of {2 * PER_SECOND} by two hosts"
    )
    print(
        f"feeds: {dict(nodes.codes)}, {len(nodes.states)} states seen, apart for {nodes.longest_apart_s:.1f} s at most"
    )
    assert made.wanted <= stored
    assert stats["most_active"] <= 2 * AT_ONCE
    assert made.upstream.fastest <= 2 * PER_SECOND + 2
    assert set(nodes.codes) == {200}
    assert nodes.longest_apart_s <= ALIKE_S
    time.sleep(ALIKE_S)
    assert nodes.are_alike()
    store = open_store(made.database, made.fleet.folder)
    assert store.archive.length("all") == len(stored)
    store.close()


@pytest.fixture(params=["redis", "rabbitmq"])
def redis_and_broker(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[RedisServer, str]]:
    (tmp_path / "redis").mkdir()
    with open_redis(tmp_path / "redis") as redis:
        if request.param == "redis":
            yield redis, redis.url.replace("/0", "/1")
            return
        with open_vhost() as url:
            yield redis, url


def test_whatever_is_killed_while_all_articles_come_none_is_lost(
    tmp_path: Path, redis_and_broker: tuple[RedisServer, str]
) -> None:
    redis, broker_url = redis_and_broker
    with (
        new_database("fleet") as database,
        open_installation(tmp_path, database, broker_url, redis.url) as made,
    ):
        killed: list[object] = []
        run(made, MINUTES * 60, 15, killed)
        print(f"\nkilled: {dict(Counter(killed))}")
        finish(made)


def test_redis_or_the_broker_may_be_away_for_half_a_minute(
    tmp_path: Path, redis_and_broker: tuple[RedisServer, str]
) -> None:
    redis, broker_url = redis_and_broker
    is_redis = broker_url.startswith("redis")  # which then is the broker, too
    with (
        new_database("fleet") as database,
        open_installation(tmp_path, database, broker_url, redis.url) as made,
    ):
        run(made, 30, 1e9, [])
        before = len(made.stored())
        redis.stop() if is_redis else rabbitmqctl("stop_app")
        away = time.monotonic()
        while time.monotonic() - away < 30:
            made.nodes.look()
            time.sleep(0.5)
        during = len(made.stored())
        redis.start() if is_redis else rabbitmqctl("start_app")
        back = time.monotonic()
        made.upstream.show(None)
        until(lambda: len(made.stored()) > during, "more articles", 120)
        print(
            f"\n{before} articles before, {during} after half a minute; more {time.monotonic() - back:.1f} s after it was back"
        )
        run(made, 30, 1e9, [])
        finish(made)
