"""A poller that is killed at random moments, again and again, loses nothing and doubles nothing: real processes, kill -9."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from world import HOST, Piece, SimulatedClock, Site, make_site, serve, write_config

from feedproxy.media import MediaFolder
from feedproxy.model import ArticleId
from feedproxy.sanitise import plain_text
from feedproxy.store import SqlStore, open_store

START = datetime(2024, 5, 1, tzinfo=UTC)


@dataclass
class Executioner(Site):
    """A site that kills who polls it: at the request that is due, before or after it is answered."""

    countdown: int = -1
    is_after: bool = False
    victim: "subprocess.Popen[bytes] | None" = None
    kills: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, str, bytes] | None:
        self.countdown -= 1
        is_due = self.countdown == 0 and self.victim is not None
        if is_due and not self.is_after:
            self._kill(path)
        found = super().answer(path)
        if is_due and self.is_after:
            self._kill(path)
        return found

    def _kill(self, path: str) -> None:
        assert self.victim is not None
        self.victim.kill()
        self.kills.append(path)


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/var/feedproxy.sqlite"


def poll(site: Site, folder: Path, url: str) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FEEDPROXY_")} | {
        "FEEDPROXY_CONFIG": str(folder / "config"),
        "FEEDPROXY_DATA": str(folder / "var"),
        "FEEDPROXY_DATABASE_URL": url,
        "FEEDPROXY_ORIGINS": f"{HOST}={site.origin}",
        "FEEDPROXY_LOG": "error",
    }
    command = [sys.executable, "-m", "feedproxy", "poll", "--once"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def kill_again_and_again(folder: Path, times: int, url: str) -> Executioner:
    """Have a poller be killed so often while the site goes on publishing, then let one come to its end."""
    chance = random.Random(times)
    clock = SimulatedClock(START)
    made = make_site(clock, channels=3, per_day=16, days=times / 4)
    pieces = tuple(replace(piece, corrected=None) for piece in made.pieces if piece.published > START)
    with serve(Executioner(clock, pieces, made.channels)) as site:
        assert isinstance(site, Executioner)
        write_config(folder / "config", site, "retry_minutes = 0.001")
        main = folder / "config" / "feedproxy.toml"
        fast = "requests_per_second = 1000\nrequests_at_once = 4"
        main.write_text(main.read_text("utf-8").replace("requests_per_second = 5\nrequests_at_once = 1", fast), "utf-8")
        while len(site.kills) < times:
            clock.move_to(START + (len(site.kills) + 8) * timedelta(hours=6))
            site.countdown, site.is_after = chance.randrange(1, 20), chance.random() < 0.5
            site.victim = poll(site, folder, url)
            assert site.victim.wait(60) in (-9, 0, 1)
        site.victim, clock.now = None, START + timedelta(days=times / 4 + 1)
        assert poll(site, folder, url).wait(120) == 0
        return site


def judge_file(folder: Path) -> None:
    """Hold that a store's file is sound."""
    with closing(sqlite3.connect(folder / "var" / "feedproxy.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert (
            db.execute("SELECT count(*) FROM article").fetchone()
            == db.execute("SELECT count(DISTINCT url) FROM article").fetchone()
        )


def judge(site: Site, folder: Path, url: str) -> None:
    """Hold that every article is there, whole, once, with its picture."""
    wanted = site.published(site.clock.now)
    store = open_store(url, folder / "var")
    try:
        assert store.records.sizes()["articles"] == len(wanted)
        for piece in wanted:
            _judge_one(store, piece, site.clock.now)
        ids = [ArticleId(piece.id) for piece in wanted]
        pictures = store.pictures(ids)
        assert len(pictures) == len(ids)
        media = MediaFolder(folder / "var" / "media")
        assert store.used_files() <= set(media.names())
        assert {state.failures for state in store.schedule.states().values()} == {0}
    finally:
        store.close()


def _judge_one(store: SqlStore, piece: Piece, now: datetime) -> None:
    article = store.article(ArticleId(piece.id))
    assert article is not None, piece
    assert article.title == piece.title(now)
    text = plain_text(article.body)
    assert all(line in text for line in piece.paragraphs(now))


def test_a_poller_that_is_killed_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    site = kill_again_and_again(tmp_path, 6, url_of(tmp_path))
    judge_file(tmp_path)
    judge(site, tmp_path, url_of(tmp_path))


@pytest.mark.soak
def test_a_poller_over_postgresql_that_is_killed_at_random_moments_loses_nothing(postgresql: str, tmp_path: Path) -> None:
    judge(kill_again_and_again(tmp_path, 30, postgresql), tmp_path, postgresql)


@pytest.mark.soak
def test_a_poller_that_is_killed_two_hundred_times_loses_nothing(tmp_path: Path) -> None:
    site = kill_again_and_again(tmp_path, 200, url_of(tmp_path))
    print(f"\n{len(site.kills)} kills, {len(site.published(site.clock.now))} articles, {sum(site.asked.values())} requests")
    judge_file(tmp_path)
    judge(site, tmp_path, url_of(tmp_path))
