"""What several test files start from: an invented site, a mirror of it, a store, a clock that stands still."""

import os
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from databases import any_database, postgresql, shared_database  # noqa: F401 (fixtures)
from flask import Flask
from hypothesis import settings as settings_of_hypothesis
from newsroom import HOST, Newsroom, open_newsroom, write_config
from realsite import CONFIG, SHARED, Harvest, harvest_once, of_sections

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import HttpFetcher, open_fetcher
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import Mirror
from feedproxy.store import Store, open_store
from feedproxy.web import create_app

# The same examples in every run: what a run finds, every run finds; looking for more is not a gate's work.
settings_of_hypothesis.register_profile("fixed", derandomize=True, deadline=None, max_examples=50)
# Others in every run, one fault at a time, what failed before first: `make fuzz`.
settings_of_hypothesis.register_profile(
    "fuzz", derandomize=False, deadline=10_000, report_multiple_bugs=False, print_blob=True
)
settings_of_hypothesis.load_profile("fixed")


# What takes longest comes first, so that no worker is left with it alone at the end.
SLOW = (
    *(
        "hostile",
        "archive",
        "simulation",
        "cli",
        "accessibility",
        "web",
        "browser",
        "cache",
        "corpus",
        "serve",
        "scan",
        "xss",
        "fuzz",
    ),
    *(
        "export",
        "polling",
        "bundle",
        "store",
        "access_control",
        "corpus_markdown",
        "migrate_store",
        "ingest",
        "pace",
        "roundtrip",
        "kills",
    ),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {f"test_{name}.py": rank for rank, name in enumerate(SLOW)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))
    for item in items:
        if item.get_closest_marker("corpus") and not SHARED.is_dir():
            item.add_marker(
                pytest.mark.skip(
                    reason="needs ../shared, the real pages, which are not part of the project"
                )
            )


# With TEST_NO_SKIPS in the environment, as in CI, a skipped test fails, unless its reason has one
# of these words.
NO_SKIPS = bool(os.environ.get("TEST_NO_SKIPS"))
MAY_BE_SKIPPED = ("`make attacks`", "../shared", "shared schemas", "promtool")
_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return failed_if_skipped((yield))


def failed_if_skipped(report: _Report, *, no_skips: bool = NO_SKIPS) -> _Report:
    """Return the report of a test or module; with *no_skips* a skipped one has failed."""
    if no_skips and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(words in reason for words in MAY_BE_SKIPPED):
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid}: {reason}; no test may be skipped here"
    return report


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: datetime = datetime(2021, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with open_newsroom() as room:
        yield room


@pytest.fixture
def database_url() -> str:
    """Where the store lies: in the data folder. Test files that are to hold on every engine have `any_database` instead."""
    return ""


@pytest.fixture
def settings(newsroom: Newsroom, tmp_path: Path, database_url: str) -> Settings:
    config, data = write_config(tmp_path / "config"), tmp_path / "var"
    return Settings(
        config=config, data=data, origins={HOST: newsroom.origin}, database_url=database_url
    )


@pytest.fixture
def mirror(settings: Settings) -> Mirror:
    return load_mirror(settings.config)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds nothing: to copy it is faster than to make one for each test."""
    folder = tmp_path_factory.mktemp("empty")
    file = folder / "feedproxy.sqlite"
    open_store(f"sqlite:///{file}", folder).close()
    return file


@pytest.fixture
def store(settings: Settings, empty_store: Path) -> Iterator[Store]:
    if not settings.database_url:
        settings.data.mkdir(exist_ok=True)
        shutil.copy(empty_store, settings.data)
    opened = open_store(settings.store_url, settings.data)
    yield opened
    opened.close()


@pytest.fixture
def fetcher(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> Iterator[HttpFetcher]:
    cache_file = settings.data / "cache.sqlite"
    opened = open_fetcher(
        settings, mirror, store.budget, clock, lambda _: None, cache_file=cache_file
    )
    yield opened
    opened.close()


@pytest.fixture
def media(settings: Settings) -> FolderMedia:
    return FolderMedia(settings.media)


@pytest.fixture
def channel_poller(
    mirror: Mirror, store: Store, fetcher: HttpFetcher, media: FolderMedia, clock: Clock
) -> ChannelPoller:
    return ChannelPoller(Services(mirror, store, fetcher, media, clock))


@pytest.fixture
def app(
    settings: Settings, mirror: Mirror, store: Store, media: FolderMedia, clock: Clock
) -> Flask:
    return create_app(settings, mirror, store, media, clock)


@pytest.fixture(scope="session")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harvest]:
    """The real site's articles, harvested once for all who only read them; `classic`: of one section, in the older layout."""
    done = harvest_once("modern", _shared_folder(tmp_path_factory), load_mirror(CONFIG))
    yield done
    done.store.close()


@pytest.fixture(
    params=[pytest.param(-1, id="section"), pytest.param(0, id="whole", marks=pytest.mark.soak)]
)
def some(request: pytest.FixtureRequest, modern: Harvest) -> Harvest:
    """The last section of the real site; all of them in `make soak`."""
    return replace(modern, mirror=of_sections(modern.mirror, slice(request.param, None)))


@pytest.fixture(scope="session")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harvest]:
    done = harvest_once(
        "classic", _shared_folder(tmp_path_factory), of_sections(load_mirror(CONFIG), slice(1))
    )
    yield done
    done.store.close()


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this run share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
