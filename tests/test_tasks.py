"""Polling by several machines: real workers, a real broker, and what is killed; nothing is lost, nothing comes twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databases import new_database, trouble
from engines import Fleet, open_redis, open_vhost, until
from world import HOST, SimulatedClock, Site, make_site, serve, write_config

from feedproxy.model import ArticleId
from feedproxy.sanitise import plain_text
from feedproxy.store import Store, open_store

START = datetime(2024, 5, 1, tzinfo=UTC)
POLL = "min_interval_minutes = 0.05\nmax_interval_minutes = 0.05\nfirst_polls_minutes = 0\nretry_minutes = 0.01\nlease_seconds = 3"


@contextmanager
def open_fleet(
    folder: Path, database_url: str, broker_url: str, redis_url: str, site: Site
) -> Iterator[Fleet]:
    config = write_config(folder / "config", site, POLL)
    main = config / "feedproxy.toml"
    fast = "requests_per_second = 200\nrequests_at_once = 8"
    main.write_text(
        main.read_text("utf-8").replace("requests_per_second = 5\nrequests_at_once = 1", fast),
        "utf-8",
    )
    fleet = Fleet(
        folder,
        {
            "FEEDPROXY_CONFIG": str(config),
            "FEEDPROXY_DATABASE_URL": database_url,
            "FEEDPROXY_MEDIA_URL": str(folder / "pictures"),
            "FEEDPROXY_BROKER_URL": broker_url,
            "FEEDPROXY_REDIS_URL": redis_url,
            "FEEDPROXY_ORIGINS": f"{HOST}={site.origin}",
            "FEEDPROXY_LOG": "info",
        },
    )
    try:
        yield fleet
    finally:
        for name in list(fleet.processes):
            fleet.kill(name)


@pytest.fixture
def site() -> Iterator[Site]:
    clock = SimulatedClock(START)
    with serve(make_site(clock, channels=3, per_day=6, days=4)) as open_site:
        yield open_site


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """A store that several machines reach: in PostgreSQL, or where there is none in a file of this one."""
    if trouble():
        yield f"sqlite:///{tmp_path}/store.sqlite"
        return
    with new_database("tasks") as url:
        yield url


@pytest.fixture(params=["redis", "rabbitmq"])
def brokers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A broker and a Redis."""
    (tmp_path / "redis").mkdir()
    with open_redis(tmp_path / "redis") as redis:
        if request.param == "redis":
            yield redis.url, redis.url.replace("/0", "/1")
            return
        with open_vhost() as url:
            yield url, redis.url


def stored(store: Store, site: Site) -> int:
    return sum(
        store.article(ArticleId(piece.id)) is not None for piece in site.published(site.clock.now)
    )


def judge(store: Store, site: Site) -> None:
    """Hold that every article is there as it is now, whole, with its picture, and once in each archive."""
    pieces = site.published(site.clock.now)
    for piece in pieces:
        article = store.article(ArticleId(piece.id))
        assert article is not None, piece
        assert all(
            line in plain_text(article.body) for line in piece.paragraphs(piece.published)[:6]
        )
    assert len(store.pictures.of([ArticleId(piece.id) for piece in pieces])) == len(pieces)
    assert store.archive.length("daily") == len(pieces)


@pytest.mark.soak
def test_workers_that_are_killed_lose_nothing_over_either_broker(
    tmp_path: Path, database: str, brokers: tuple[str, str], site: Site
) -> None:
    folder = tmp_path / "fleet"
    folder.mkdir()
    store = open_store(database, folder)
    with open_fleet(folder, database, *brokers, site) as fleet:
        fleet.start("scheduler", "scheduler")
        for name in ("one", "two"):
            fleet.start(name, "worker", "--processes", "1")
        until(lambda: stored(store, site) > 3, "the first articles")
        for name in ("one", "scheduler"):
            fleet.kill(name)
        site.clock.now += timedelta(days=1)
        fleet.start("three", "worker", "--processes", "1")
        fleet.start("scheduler", "scheduler")
        wanted = len(site.published(site.clock.now))
        until(
            lambda: (
                stored(store, site) == wanted
                and len(store.pictures.of(store.ids(["c1", "c2", "c3"]))) == wanted
            ),
            "all articles",
        )
        until(lambda: store.archive.length("daily") == wanted, "all of them in the archive")
        codes = fleet.end()
        judge(store, site)
        store.close()
    assert codes == {"two": 0, "three": 0, "scheduler": 0}
    for name in ("one", "two", "three", "scheduler"):
        assert "Traceback" not in fleet.log(name)
