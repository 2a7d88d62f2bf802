"""`feedproxy import`: a whole mirror at once, again, and after it was interrupted."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from checkouts import write_checkout
from conftest import Clock
from fakes import CalmBudget
from newsroom import BASE, STORIES, Newsroom, Story

from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import Import, Importer, Services, Verifier, entries_of, prepare
from feedproxy.media import FolderMedia
from feedproxy.model import (
    ArticleId,
    DateSource,
    ListingItem,
    Mirror,
    Source,
    Url,
    Version,
    one_line,
)
from feedproxy.store import Store, open_store
from feedproxy.store.waiting import FetchQueue

MANY = tuple(
    replace(STORIES[at % 4], id=f"n{200 + at}", title=f"第{at}条", channels=("city",))
    for at in range(100)
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "checkout").parent


@pytest.fixture
def services(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock, checkout: Path
) -> Iterator[Services]:
    fetcher = open_fetcher(
        settings,
        mirror,
        CalmBudget(),
        clock,
        lambda _: None,
        more_folders=(checkout, checkout.parent / "old"),
    )
    yield Services(mirror, store, fetcher, FolderMedia(settings.media), clock)
    fetcher.close()


def take_in(services: Services, checkout: Path) -> Import:
    done = Import()
    prepare(services.mirror)
    sources = {"town": Source("mirror", Url(f"{(checkout / 'town').as_uri()}/indexes/"))}
    verifier = Verifier(services.fetcher, services.store.serials)
    entries = entries_of(services, sources, verifier, done)
    with ThreadPoolExecutor(1) as pool:
        Importer(services, pool, 1, done, verifier, sources.values()).run(entries, lambda _: None)
    return done


def version(services: Services) -> Version:
    return services.store.version([channel.id for channel in services.mirror.channels])


def test_every_article_comes_once_and_is_in_every_channel_that_lists_it(
    services: Services, checkout: Path
) -> None:
    done = take_in(services, checkout)
    assert (done.counts["new"], done.failures) == (4, [])
    channels = services.store.channels_of([ArticleId("n101"), ArticleId("n102"), ArticleId("n104")])
    assert channels == {"n101": {"city"}, "n102": {"city", "books"}, "n104": {"books"}}
    assert services.store.queue.of_channel("city") == []


def test_channels_of_the_mirror_that_are_not_configured_are_told(
    services: Services, checkout: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (checkout / "town" / "scripts" / "index.csv").open("a", encoding="utf-8") as file:
        file.write("sports,体育\n")
    take_in(services, checkout)
    assert [record.getMessage() for record in caplog.records] == [
        "town: channel 'sports,体育' is not in config/ and is not imported"
    ]


def test_an_import_that_is_done_again_changes_nothing(services: Services, checkout: Path) -> None:
    take_in(services, checkout)
    before = version(services)
    done = take_in(services, checkout)
    assert (done.counts["same"], sum(done.counts.values())) == (4, 4)
    assert version(services) == before


def test_an_index_whose_headlines_have_lost_white_space_queues_nothing(
    services: Services, checkout: Path
) -> None:
    items = [
        ListingItem(
            ArticleId("n101"),
            Url(f"{BASE}{STORIES[0].path}"),
            STORIES[0].title.replace("城", "城  ", 1) + " ",
        )
    ]
    assert items[0].title.split() != [STORIES[0].title]
    index = checkout / "town" / "indexes" / "city.csv"
    index.write_text(
        index.read_text("utf-8").replace(STORIES[0].title, one_line(items[0].title)), "utf-8"
    )
    take_in(services, checkout)
    services.store.queue.add_listing("city", items, services.clock())
    take_in(services, checkout)
    assert services.store.queue.of_channel("city") == []


def test_what_has_changed_since_is_taken_and_nothing_else(
    services: Services, checkout: Path
) -> None:
    take_in(services, checkout)
    file = checkout / "town" / "pages" / "city" / "n103.md"
    file.write_text(file.read_text("utf-8").replace("种豆角", "种黄瓜"), "utf-8")
    late = replace(STORIES[0], id="n150", channels=("city",))
    write_checkout(checkout, stories=(late,), channels=("city",))
    done = take_in(services, checkout)
    assert (done.counts["new"], done.counts["updated"]) == (1, 0)
    article = services.store.article(ArticleId("n103"))
    assert article is not None
    assert "种豆角" in article.body  # no index lists it any more


def test_a_page_that_was_corrected_updates_its_article(services: Services, checkout: Path) -> None:
    take_in(services, checkout)
    file = checkout / "town" / "pages" / "city" / "n103.md"
    file.write_text(file.read_text("utf-8").replace("种豆角", "种黄瓜"), "utf-8")
    done = take_in(services, checkout)
    assert (done.counts["updated"], done.counts["same"]) == (1, 3)
    article = services.store.article(ArticleId("n103"))
    assert article is not None
    assert "种黄瓜" in article.body


def test_an_import_that_was_interrupted_goes_on_where_it_was(
    services: Services, checkout: Path
) -> None:
    write_checkout(checkout, stories=MANY)
    asked = chain([False], repeat(object=True))
    take_in(replace(services, is_stopping=lambda: next(asked)), checkout)
    begun = len(services.store.ids(["city"]))
    assert 0 < begun < len(MANY)
    done = take_in(services, checkout)
    assert (done.counts["same"], done.counts["new"]) == (begun, len(MANY) - begun)
    assert len(services.store.ids(["city"])) == len(MANY)


def test_a_batch_is_stored_wholly_or_not_at_all(
    services: Services, checkout: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise StoreError("store: disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(FetchQueue, "add_listing", fail)
        with pytest.raises(StoreError):
            take_in(services, checkout)
    assert store.article(ArticleId("n101")) is None
    assert take_in(services, checkout).counts["new"] == 4


def test_damaged_pages_are_named_and_passed_over(services: Services, checkout: Path) -> None:
    broken = checkout / "town" / "pages" / "city" / "n101.md"
    broken.write_text("### 半页\n", "utf-8")
    missing = checkout / "town" / "pages" / "city" / "n103.md"
    missing.unlink()
    done = take_in(services, checkout)
    assert {failure.url for failure in done.failures} == {broken.as_uri(), missing.as_uri()}
    assert done.counts["new"] == 2


def run(
    settings: Settings, newsroom: Newsroom, *arguments: str
) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": "/usr/bin:/bin",
        "FEEDPROXY_CONFIG": str(settings.config),
        "FEEDPROXY_DATA": str(settings.data),
        "FEEDPROXY_ORIGINS": f"news.example={newsroom.origin}",
    }
    command = [sys.executable, "-m", "feedproxy", "import", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


def test_the_command_imports_in_processes_and_says_what_it_did(
    settings: Settings, newsroom: Newsroom, checkout: Path
) -> None:
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


# ---------------------------------------------------------------- dates that no page gives

OLD = tuple(
    replace(STORIES[0], id=f"n{number}", title=f"旧事{number}", day=day, channels=("city",))
    for number, day in (
        (205, "1/2/5"),
        (208, "9/12/17"),
        (212, "11/3/1"),
    )
)
BARE = tuple(
    replace(STORIES[0], id=f"n{number}", title=f"无日期{number}", channels=("city",))
    for number in (210, 207, 999)
)


def write_old(
    folder: Path, stories: tuple[Story, ...] = (*OLD[:1], BARE[1], OLD[1], BARE[0], OLD[2], BARE[2])
) -> Path:
    """Write a mirror whose pages have no year: those of OLD have it in their addresses, those of BARE nowhere."""
    write_checkout(
        folder, stories=tuple(replace(story, day="21/5/1") for story in stories), channels=("city",)
    )
    for story in stories:
        file = folder / "town" / "pages" / "city" / f"{story.id}.md"
        text = file.read_text("utf-8").replace("2021年5月1日", "5月1日")
        file.write_text(
            text.replace("/21/5/1/", f"/{story.day}/" if story in OLD else "/x/y/z/"), "utf-8"
        )
    return folder


@pytest.fixture
def dating(services: Services) -> Services:
    """A site whose addresses may name a day."""
    pattern = re.compile(r"^/(?:(?P<yy>\d+)/(?P<m>\d+)/(?P<d>\d+)|x/y/z)/(?P<id>n\d+)\.htm$")
    site = replace(services.mirror.sites[0], article_url=pattern, canonical_url="")
    sections = tuple(
        replace(
            section, channels=tuple(replace(channel, site=site) for channel in section.channels)
        )
        for section in services.mirror.sections
    )
    return replace(services, mirror=replace(services.mirror, sites=(site,), sections=sections))


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "other").mkdir()
    opened = open_store(f"sqlite:///{tmp_path}/other/store.sqlite", tmp_path / "other")
    yield opened
    opened.close()


def dates_in(services: Services) -> dict[str, tuple[str, str]]:
    zone = services.mirror.sites[0].timezone
    found = services.store.dates(services.store.ids(["city"]))
    return {
        name: (f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d}", dated.value)
        for name, (moment, dated) in found.items()
    }


def test_a_page_of_the_first_years_has_the_day_of_its_address(
    dating: Services, tmp_path: Path
) -> None:
    done = take_in(dating, write_old(tmp_path / "old"))
    assert done.failures == []
    assert {name: dates_in(dating)[name] for name in ("n205", "n208", "n212")} == {
        "n205": ("2001-02-05", "address"),
        "n208": ("2009-12-17", "address"),
        "n212": ("2011-03-01", "address"),
    }


def test_pages_without_a_date_are_dated_between_their_neighbours_and_counted(
    dating: Services, tmp_path: Path
) -> None:
    done = take_in(dating, write_old(tmp_path / "old"))
    dates = dates_in(dating)
    assert {dates[name][1] for name in ("n210", "n207", "n999")} == {"estimated"}
    assert "2001-02-05" < dates["n207"][0] < "2009-12-17" < dates["n210"][0] < "2011-03-01"
    assert done.dates == {DateSource.ADDRESS: 3, DateSource.ESTIMATED: 3}


def test_an_estimate_is_the_same_whatever_came_first_and_over_an_interruption(
    dating: Services, tmp_path: Path, other_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_old(tmp_path / "old")
    take_in(dating, folder)
    other = replace(dating, store=other_store)
    monkeypatch.setattr("feedproxy.ingest.importing._BATCH", 1)
    done = Import()
    sources = {"town": Source("mirror", Url(f"{(folder / 'town').as_uri()}/indexes/"))}
    verifier = Verifier(other.fetcher, other.store.serials)
    entries = entries_of(other, sources, verifier, done)[::-1]
    stopped = replace(
        other, is_stopping=iter((False, False, False, *(True for _ in range(99)))).__next__
    )
    with ThreadPoolExecutor(1) as pool:
        Importer(stopped, pool, 1, done, verifier, sources.values()).run(entries, lambda _: None)
    assert 0 < len(other.store.ids(["city"])) < len(entries)
    take_in(other, folder)
    ids = dating.store.ids(["city"])
    assert other.store.dates(ids) == dating.store.dates(ids)


def test_without_any_date_at_all_articles_keep_their_order_and_lead_nothing(
    dating: Services, tmp_path: Path
) -> None:
    done = take_in(dating, write_old(tmp_path / "old", BARE))
    assert done.dates == {DateSource.UNKNOWN: 3}
    newest = dating.store.newest(["city"], 9)
    assert [article.id for article in newest] == [story.id for story in reversed(BARE)]
    assert newest[0].published < datetime(1990, 1, 2, tzinfo=UTC)


def test_an_import_that_knows_better_replaces_estimates_and_nothing_looks_new(
    dating: Services, tmp_path: Path
) -> None:
    folder = write_old(tmp_path / "old")
    take_in(dating, folder)
    page = folder / "town" / "pages" / "city" / "n999.md"
    page.write_text(page.read_text("utf-8").replace("5月1日", "2005年5月1日"), "utf-8")
    assert take_in(dating, folder).dates == {
        DateSource.ADDRESS: 3,
        DateSource.ESTIMATED: 2,
        DateSource.STATED: 1,
    }
    assert dates_in(dating)["n999"] == ("2005-05-01", "stated")
