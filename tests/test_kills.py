"""Commands that are killed at random moments, again and again, lose nothing and double nothing: real processes, kill -9."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from world import HOST, Piece, SimulatedClock, Site, make_site, serve, write_config

from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId
from feedproxy.sanitise import plain_text
from feedproxy.store import Store, open_store

VICTIM = Path(__file__).with_name("victim.py")
OPTIONS = ("--format", "git", "--workers", 1)
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
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FEEDPROXY_")
    } | {
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
    pieces = tuple(
        replace(piece, corrected=None) for piece in made.pieces if piece.published > START
    )
    with serve(Executioner(clock, pieces, made.channels)) as site:
        assert isinstance(site, Executioner)
        write_config(folder / "config", site, "retry_minutes = 0.001")
        main = folder / "config" / "feedproxy.toml"
        fast = "requests_per_second = 1000\nrequests_at_once = 4"
        main.write_text(
            main.read_text("utf-8").replace("requests_per_second = 5\nrequests_at_once = 1", fast),
            "utf-8",
        )
        while len(site.kills) < times:
            clock.move_to(START + (len(site.kills) + 4) * timedelta(hours=6))
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
        pictures = store.pictures.of(ids)
        assert len(pictures) == len(ids)
        media = FolderMedia(folder / "var" / "media")
        assert store.pictures.used_files() <= set(media.names())
        assert {state.failures for state in store.schedule.states().values()} == {0}
    finally:
        store.close()


def _judge_one(store: Store, piece: Piece, now: datetime) -> None:
    article = store.article(ArticleId(piece.id))
    assert article is not None, piece
    assert article.title == piece.title(now)
    text = plain_text(article.body)
    assert all(line in text for line in piece.paragraphs(now))


# ---------------------------------------------------------------- import, export, publish, prune


@dataclass
class Victims:
    """Runs commands over one configuration, and kills each so often at random steps that may change something on disk."""

    folder: Path
    times: int
    chance: random.Random

    def kill_often(
        self,
        data: Path,
        begin: Callable[[], None],
        judge_killed: Callable[[], None],
        *command: object,
    ) -> None:
        """Kill a command, which goes on where it was, or from its beginning once it came to its end; let it end at last.

        *begin* makes that beginning; *judge_killed* holds what must be so after each kill.
        """
        begin()
        steps, killed = self._run(data, 0, command), 0
        begin()
        while killed < self.times:
            at = self.chance.randrange(1, steps + 1)
            if self._run(data, at, command):
                begin()
                continue
            killed += 1
            print(f"{command[0]} killed at step {at} of {steps}")
            judge_killed()
        self._run(data, 0, command)

    def _run(self, data: Path, at: int, command: tuple[object, ...]) -> int:
        """Return how many steps a command took, 0 if it was killed."""
        told = self.folder / "steps"
        told.unlink(missing_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("FEEDPROXY_")
        } | {
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "FEEDPROXY_CONFIG": str(self.folder / "config"),
            "FEEDPROXY_DATA": str(data),
        }
        arguments = [sys.executable, VICTIM, at, told, *command]
        done = subprocess.run(
            list(map(str, arguments)), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, -9), done.stderr
        return int(told.read_text("utf-8")) if done.returncode == 0 else 0


def judge_tree(tree: Path) -> None:
    """Hold that an export is not there, or whole."""
    for sums in tree.glob("*/SHA256SUMS"):
        subprocess.run(
            ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=sums.parent, check=True
        )
    assert not tree.exists() or [*tree.glob("*/SHA256SUMS")]


def files_of(tree: Path) -> dict[str, bytes]:
    found = (file for file in tree.rglob("*") if file.is_file() and ".git" not in file.parts)
    return {file.relative_to(tree).as_posix(): file.read_bytes() for file in found}


def git(*words: object) -> str:
    return subprocess.run(
        ["git", *map(str, words)], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module", params=[(6, 1), pytest.param((12, 7), marks=pytest.mark.soak)])
def polled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Executioner, Victims]:
    """What a poller held that was killed so often, and who kills other commands so often: 40 kills at most."""
    (polls, times), folder = request.param, tmp_path_factory.mktemp("killed")
    site = kill_again_and_again(folder, polls, url_of(folder))
    main = folder / "config" / "feedproxy.toml"
    more = f'[feeds]\nentries = 3\n\n[[publish]]\nname = "copy"\nurl = "{folder}/remote-{{section}}.git"\n'
    main.write_text(f"{main.read_text('utf-8')}\n{more}", "utf-8")
    victims = Victims(folder, times, random.Random(times))
    replace(victims, times=0).kill_often(
        folder / "var", lambda: None, lambda: None, "export", folder / "reference", *OPTIONS
    )
    return site, victims


def test_a_poller_that_is_killed_at_random_moments_loses_nothing(
    polled: tuple[Executioner, Victims],
) -> None:
    site, victims = polled
    print(f"\n{len(site.kills)} kills, {len(site.published(site.clock.now))} articles")
    judge_file(victims.folder)
    judge(site, victims.folder, url_of(victims.folder))


def test_an_export_that_is_killed_leaves_a_whole_tree_or_none(
    polled: tuple[Executioner, Victims],
) -> None:
    _, victims = polled
    tree = victims.folder / "copy" / "tree"
    victims.kill_often(
        victims.folder / "var", lambda: None, partial(judge_tree, tree), "export", tree, *OPTIONS
    )
    judge_tree(tree)
    assert files_of(tree) == files_of(victims.folder / "reference")
    assert [each.name for each in tree.parent.iterdir()] == ["tree"]


def test_a_publication_that_is_killed_is_pushed_once_and_whole(
    polled: tuple[Executioner, Victims],
) -> None:
    _, victims = polled
    folder, remote = victims.folder, victims.folder / "remote-daily.git"

    def begin() -> None:
        shutil.rmtree(remote, ignore_errors=True)
        shutil.rmtree(folder / "var" / "publish", ignore_errors=True)
        git("init", "--quiet", "--bare", remote)

    victims.kill_often(folder / "var", begin, lambda: None, "publish", "--all", "--workers", 1)
    git("-C", remote, "fsck", "--strict")
    git("clone", "--quiet", "--branch", "master", remote, folder / "clone")
    assert files_of(folder / "clone") == files_of(folder / "reference" / "daily")
    trees = git("-C", remote, "log", "--format=%T", "master").split()
    assert len(trees) == len(set(trees))


def test_an_import_that_is_killed_takes_every_article_once(
    polled: tuple[Executioner, Victims],
) -> None:
    site, victims = polled
    folder = victims.folder / "second"
    begin = partial(shutil.rmtree, folder, ignore_errors=True)
    judge_killed = partial(judge_file_if_there, folder)
    victims.kill_often(
        folder / "var", begin, judge_killed, "import", victims.folder / "reference", "--workers", 1
    )
    judge_file(folder)
    judge(site, folder, url_of(folder))
    with closing(open_store(url_of(folder), folder / "var")) as store:
        assert [store.queue.of_channel(channel) for channel in site.channels] == [
            [] for _ in site.channels
        ]


def judge_file_if_there(folder: Path) -> None:
    if (folder / "var" / "feedproxy.sqlite").exists():
        judge_file(folder)


def test_a_prune_that_is_killed_deletes_what_is_old_and_nothing_else(
    polled: tuple[Executioner, Victims],
) -> None:
    _, victims = polled
    folder, kept = victims.folder / "pruned", victims.folder / "var"
    with closing(open_store(url_of(victims.folder), kept)) as store:
        channels = sorted(store.schedule.states())
        everything = {article.id: article for article in store.articles(store.ids(channels))}
        dates = sorted(article.published for article in everything.values())
        first = dates[len(dates) // 2]
        shown = {headline.id for channel in channels for headline in store.headlines([channel], 3)}
        shown |= {headline.id for headline in store.headlines(channels, 3)}
    wanted = {
        each.id: each for each in everything.values() if each.published >= first or each.id in shown
    }
    days = (datetime.now(UTC) - first).total_seconds() / 86_400 + 0.01

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder / "var")

    def judge_killed() -> None:
        judge_file(folder)
        with closing(open_store(url_of(folder), folder / "var")) as store:
            stored = {article.id: article for article in store.articles([*everything])}
            assert stored.items() >= wanted.items()

    victims.kill_often(folder / "var", begin, judge_killed, "prune", "--days", days)
    judge_killed()
    with closing(open_store(url_of(folder), folder / "var")) as store:
        assert set(store.ids(channels)) == set(wanted) < set(everything)
        assert set(FolderMedia(folder / "var" / "media").names()) == store.pictures.used_files()


@pytest.mark.soak
def test_a_poller_over_postgresql_that_is_killed_at_random_moments_loses_nothing(
    postgresql: str, tmp_path: Path
) -> None:
    judge(kill_again_and_again(tmp_path, 30, postgresql), tmp_path, postgresql)


@pytest.mark.soak
def test_a_poller_that_is_killed_two_hundred_times_loses_nothing(tmp_path: Path) -> None:
    site = kill_again_and_again(tmp_path, 200, url_of(tmp_path))
    print(
        f"\n{len(site.kills)} kills, {len(site.published(site.clock.now))} articles, {sum(site.asked.values())} requests"
    )
    judge_file(tmp_path)
    judge(site, tmp_path, url_of(tmp_path))
