"""`feedproxy import`: a whole mirror at once, again, and after it was interrupted."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import pytest
from checkouts import write_checkout
from conftest import Clock
from fakes import CalmBudget
from newsroom import BASE, STORIES, Newsroom

from feedproxy.errors import StoreError
from feedproxy.fetch import open_fetcher
from feedproxy.harvest import Import, Importer, Kit, Trust, entries_of, prepare
from feedproxy.media import MediaFolder
from feedproxy.model import ArticleId, ListingItem, Mirror, Source, Url, Version, one_line
from feedproxy.settings import Settings
from feedproxy.store import SqlStore

MANY = tuple(replace(STORIES[at % 4], id=f"n{200 + at}", title=f"第{at}条", channels=("city",)) for at in range(100))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "checkout").parent


@pytest.fixture
def kit(settings: Settings, mirror: Mirror, store: SqlStore, clock: Clock, checkout: Path) -> Iterator[Kit]:
    fetcher = open_fetcher(settings, mirror, CalmBudget(), clock, lambda _: None, more_folders=(checkout,))
    yield Kit(mirror, store, fetcher, MediaFolder(settings.media), clock)
    fetcher.close()


def take_in(kit: Kit, checkout: Path) -> Import:
    done = Import()
    prepare(kit.mirror)
    sources = {"town": Source("mirror", Url(f"{(checkout / 'town').as_uri()}/indexes/"))}
    trust = Trust(kit.fetcher, kit.store.serials)
    entries = entries_of(kit, sources, trust, done)
    with ThreadPoolExecutor(1) as pool:
        Importer(kit, pool, 1, done, trust, sources.values()).run(entries, lambda _: None)
    return done


def version(kit: Kit) -> Version:
    return kit.store.version([channel.id for channel in kit.mirror.channels])


def test_every_article_comes_once_and_is_in_every_channel_that_lists_it(kit: Kit, checkout: Path) -> None:
    done = take_in(kit, checkout)
    assert (done.counts["new"], done.failures) == (4, [])
    channels = kit.store.channels_of([ArticleId("n101"), ArticleId("n102"), ArticleId("n104")])
    assert channels == {"n101": {"city"}, "n102": {"city", "books"}, "n104": {"books"}}
    assert kit.store.waiting("city") == []


def test_channels_of_the_mirror_that_are_not_configured_are_told(
    kit: Kit, checkout: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (checkout / "town" / "scripts" / "index.csv").open("a", encoding="utf-8") as file:
        file.write("sports,体育\n")
    take_in(kit, checkout)
    assert [record.getMessage() for record in caplog.records] == [
        "town: channel 'sports,体育' is not in config/ and is not taken in"
    ]


def test_an_import_that_is_done_again_changes_nothing(kit: Kit, checkout: Path) -> None:
    take_in(kit, checkout)
    before = version(kit)
    done = take_in(kit, checkout)
    assert (done.counts["same"], sum(done.counts.values())) == (4, 4)
    assert version(kit) == before


def test_an_index_whose_headlines_have_lost_white_space_queues_nothing(kit: Kit, checkout: Path) -> None:
    items = [ListingItem(ArticleId("n101"), Url(f"{BASE}{STORIES[0].path}"), STORIES[0].title.replace("城", "城  ", 1) + " ")]
    assert items[0].title.split() != [STORIES[0].title]
    index = checkout / "town" / "indexes" / "city.csv"
    index.write_text(index.read_text("utf-8").replace(STORIES[0].title, one_line(items[0].title)), "utf-8")
    take_in(kit, checkout)
    kit.store.remember_listing("city", items, kit.clock())
    take_in(kit, checkout)
    assert kit.store.waiting("city") == []


def test_what_has_changed_since_is_taken_and_nothing_else(kit: Kit, checkout: Path) -> None:
    take_in(kit, checkout)
    file = checkout / "town" / "pages" / "city" / "n103.md"
    file.write_text(file.read_text("utf-8").replace("种豆角", "种黄瓜"), "utf-8")
    late = replace(STORIES[0], id="n150", channels=("city",))
    write_checkout(checkout, stories=(late,), channels=("city",))
    done = take_in(kit, checkout)
    assert (done.counts["new"], done.counts["updated"]) == (1, 0)
    article = kit.store.article(ArticleId("n103"))
    assert article is not None
    assert "种豆角" in article.body  # no index lists it any more


def test_a_page_that_was_corrected_updates_its_article(kit: Kit, checkout: Path) -> None:
    take_in(kit, checkout)
    file = checkout / "town" / "pages" / "city" / "n103.md"
    file.write_text(file.read_text("utf-8").replace("种豆角", "种黄瓜"), "utf-8")
    done = take_in(kit, checkout)
    assert (done.counts["updated"], done.counts["same"]) == (1, 3)
    article = kit.store.article(ArticleId("n103"))
    assert article is not None
    assert "种黄瓜" in article.body


def test_an_import_that_was_interrupted_goes_on_where_it_was(kit: Kit, checkout: Path) -> None:
    write_checkout(checkout, stories=MANY)
    asked = chain([False], repeat(object=True))
    take_in(replace(kit, is_stopping=lambda: next(asked)), checkout)
    begun = len(kit.store.walk(["city"]))
    assert 0 < begun < len(MANY)
    done = take_in(kit, checkout)
    assert (done.counts["same"], done.counts["new"]) == (begun, len(MANY) - begun)
    assert len(kit.store.walk(["city"])) == len(MANY)


def test_a_lot_is_stored_wholly_or_not_at_all(kit: Kit, checkout: Path, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise StoreError("store: disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(SqlStore, "remember_listing", fail)
        with pytest.raises(StoreError):
            take_in(kit, checkout)
    assert store.article(ArticleId("n101")) is None
    assert take_in(kit, checkout).counts["new"] == 4


def test_damaged_pages_are_named_and_passed_over(kit: Kit, checkout: Path) -> None:
    broken = checkout / "town" / "pages" / "city" / "n101.md"
    broken.write_text("### 半页\n", "utf-8")
    missing = checkout / "town" / "pages" / "city" / "n103.md"
    missing.unlink()
    done = take_in(kit, checkout)
    assert {failure.url for failure in done.failures} == {broken.as_uri(), missing.as_uri()}
    assert done.counts["new"] == 2


def run(settings: Settings, newsroom: Newsroom, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": "/usr/bin:/bin",
        "FEEDPROXY_CONFIG": str(settings.config),
        "FEEDPROXY_DATA": str(settings.data),
        "FEEDPROXY_ORIGINS": f"news.example={newsroom.origin}",
    }
    command = [sys.executable, "-m", "feedproxy", "import", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


def test_the_command_imports_in_processes_and_says_what_it_did(settings: Settings, newsroom: Newsroom, checkout: Path) -> None:
    (checkout / "town" / "pages" / "city" / "n101.md").write_text("### 半页\n", "utf-8")
    ended = run(settings, newsroom, str(checkout), "--workers", "2")
    assert ended.returncode == 1, ended.stderr
    assert "3 articles (3 new, 0 updated, 0 same)" in ended.stdout
    assert "n101.md: is damaged" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "no mirror was found: none of its channels has an index there"),
        ((".", "--section", "none"), "there is no section 'none'"),
    ],
)
def test_what_is_no_mirror_is_told_in_one_line(
    settings: Settings, newsroom: Newsroom, arguments: tuple[str, ...], told: str
) -> None:
    ended = run(settings, newsroom, *arguments)
    assert ended.returncode == 2
    assert told in ended.stderr.replace("\n", " ")
    assert "Traceback" not in ended.stderr
