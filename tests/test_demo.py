"""`feedproxy demo`: an invented newspaper, whole in the mirror; everything starts with one command and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Clock
from engines import wait_for
from serving import free_port

from feedproxy import demo
from feedproxy.configuration import load_mirror
from feedproxy.errors import GoneError
from feedproxy.ingest import ChannelPoller, Services, check_stored, rule_tests
from feedproxy.media import FolderMedia
from feedproxy.model import Article, Mirror, Page, Url, Validators
from feedproxy.store import Store, open_store

ROOT = Path(__file__).resolve().parents[1]


class Courier:
    """Brings what the newspaper has, without a network."""

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        del keep
        found = demo.answer(urlsplit(url).path)
        if found is None or urlsplit(url).hostname != demo.HOST:
            raise GoneError(url, "answered 404")
        return Page(url, found[1], found[0])

    def fetch_picture(self, url: Url) -> bytes:
        return self.fetch(url).body

    def refetch(self, url: Url, known: Validators) -> Page | None:
        del known
        return self.fetch(url)

    def counts(self) -> Mapping[tuple[str, str], int]:
        return {}


@pytest.fixture(scope="module")
def harvested(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Mirror, Store, list[str]]]:
    """The demo's mirror, its store after one poll of each channel, and what failed."""
    folder = tmp_path_factory.mktemp("demo")
    mirror, clock = load_mirror(demo.CONFIG), Clock()
    clock.advance(days=5 * 365)
    store = open_store(f"sqlite:///{folder}/store.sqlite", folder)
    channel_poller = ChannelPoller(
        Services(mirror, store, Courier(), FolderMedia(folder / "media"), clock)
    )
    failures = [
        str(failure)
        for channel in mirror.channels
        for failure in channel_poller.poll(channel).failures
    ]
    yield mirror, store, failures
    store.close()


def articles(store: Store, mirror: Mirror, section: str) -> list[Article]:
    found = mirror.section(section)
    assert found
    return list(store.newest([channel.id for channel in found.channels], 100))


def test_every_article_comes_by_rule_with_date_author_tags_and_picture(
    harvested: tuple[Mirror, Store, list[str]],
) -> None:
    mirror, store, failures = harvested
    assert failures == []
    stored = {
        each.id: each
        for section in mirror.sections
        for each in articles(store, mirror, section.name)
    }
    assert set(stored) == set(demo.pieces())
    for name, piece in demo.pieces().items():
        article = stored[name]  # type: ignore[index]
        assert (article.title, article.authors, article.tags) == (
            piece.title,
            (piece.author,),
            piece.tags,
        )
        assert article.rule == "sites/jinghu.example.toml"
        assert bool(article.picture) == bool(piece.picture)
    pictures = store.pictures.of(list(stored))
    assert len(pictures) == sum(bool(piece.picture) for piece in demo.pieces().values())


def test_each_section_has_articles_that_stand_in_others_too_and_they_link_to_each_other(
    harvested: tuple[Mirror, Store, list[str]],
) -> None:
    mirror, store, _ = harvested
    shown = {
        section.name: {each.id for each in articles(store, mirror, section.name)}
        for section in mirror.sections
    }
    assert len(shown) == 3
    assert all(len(ids) >= 5 for ids in shown.values())
    assert sum(map(len, shown.values())) > len(demo.pieces())
    linked = {target for each in articles(store, mirror, "landscape") for target, _ in each.links}
    assert linked <= set(demo.pieces())
    assert len(linked) >= 5


def test_its_site_file_carries_tests_that_hold(
    harvested: tuple[Mirror, Store, list[str]],
) -> None:
    mirror, store, _ = harvested
    results = [check_stored(test, mirror, store) for test in rule_tests(mirror)]
    assert [result.fault for result in results] == ["", ""]


def test_a_picture_is_always_the_same() -> None:
    assert demo.answer("/pic/n2001.png") == demo.answer("/pic/n2001.png")
    assert demo.answer("/pic/n2001.png") != demo.answer("/pic/n2003.png")
    assert demo.answer("/pic/none.png") is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_one_command_starts_all_and_ctrl_c_ends_all_in_peace_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    port = free_port()
    bind = f"127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
        "FEEDPROXY_BIND": bind,
    }
    running = subprocess.Popen(
        [sys.executable, "-u", "-m", "feedproxy", "demo"],
        env={**environment, "FEEDPROXY_DATA": "/nowhere"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    guard = threading.Timer(60, running.kill)  # and with it all it started
    guard.start()
    assert running.stdout
    assert f"http://{bind}/" in running.stdout.readline()
    wait_for(port)
    with urllib.request.urlopen(f"http://{bind}/feed/landscape.xml", timeout=20) as answer:
        assert "山水" in answer.read().decode()
    os.killpg(running.pid, signal.SIGINT)
    rest = running.stdout.read()  # ends with the last process
    running.stdout.close()
    assert running.wait(60) == 0
    guard.cancel()
    assert [word for word in ("Traceback", "Aborted", "SIGKILL") if word in rest] == []
    assert list(tmp_path.glob("feedproxy-demo-*")) == []
