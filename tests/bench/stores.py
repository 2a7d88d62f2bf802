"""Stores to measure over: a harvest of a small site, and the same repeated under new IDs until it has so many articles."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fakes import CalmBudget
from newsroom import HOST, Story, open_newsroom, write_config

from bench.measure import SkippedError
from bench.processes import ROOT, stand_in
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.ingest.archive import archive
from feedproxy.media import FolderMedia
from feedproxy.model import Mirror, Section
from feedproxy.store import Store, open_store

NOW = datetime(2022, 1, 2, tzinfo=UTC)
SMALL, LARGE = 1_000, 132_000
_HOSTS = ("www.epochtimes.com", "i.epochtimes.com")
_STORIES = 200
# To be changed with whatever here changes what a store holds.
_FORM = b"1"
# The copies of an article come one after the other, each so much older.
_AGE_US = 86_400_000_000 * 60
_STEP = 100_000_000
# How many articles are indexed in one transaction.
_INDEXED = 1_000
_TABLES = ("article", "membership", "article_tag", "article_link", "article_picture")


@dataclass(frozen=True, slots=True)
class Setup:
    """What all rows are told: a folder for this run, one that later runs find, and whether it is to be short."""

    work: Path
    cache: Path
    is_quick: bool = False

    @property
    def rounds(self) -> int:
        """How often a pair is measured."""
        return 2 if self.is_quick else 5

    @property
    def seconds(self) -> float:
        """How long load goes on."""
        return 1.0 if self.is_quick else 2.0

    @property
    def large(self) -> int:
        """How many articles a large store has."""
        return 10_000 if self.is_quick else LARGE

    def folder(self, name: str) -> Path:
        """Return a new, empty folder of this run."""
        found = self.work / name
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
        return found


@dataclass(frozen=True, slots=True)
class BenchStore:
    """A store and the mirror that it is of."""

    settings: Settings
    mirror: Mirror
    store: Store

    @property
    def section(self) -> Section:
        """The section that is measured: the same in every store, so not one that is chosen by what it holds."""
        return self.mirror.sections[-1]


@contextmanager
def bench_store(settings: Settings) -> Iterator[BenchStore]:
    """Open a store."""
    store = open_store(settings.store_url, settings.data)
    try:
        yield BenchStore(settings, load_mirror(settings.config), store)
    finally:
        store.close()


@contextmanager
def services_of(settings: Settings, *, is_calm: bool = True) -> Iterator[Services]:
    """Open all that a harvest works with, over the real network; nothing waits for the pace, but calm or not it is kept."""
    with bench_store(settings) as opened:
        budget = CalmBudget() if is_calm else opened.store.budget
        cache = settings.data / "http-cache.sqlite"
        fetcher = open_fetcher(
            settings, opened.mirror, budget, lambda: NOW, lambda _: None, cache_file=cache
        )
        yield Services(
            opened.mirror, opened.store, fetcher, FolderMedia(settings.media), lambda: NOW
        )
        fetcher.close()


def config_of(folder: Path, *, images: str = "store") -> Path:
    """Write the project's configuration with no pace to keep; the sections do with pictures what *images* says."""
    shutil.copytree(ROOT / "config", folder, dirs_exist_ok=True)
    main = folder / "feedproxy.toml"
    main.write_text(
        main.read_text("utf-8").replace(
            "requests_per_second = 5\n", "requests_per_second = 1000\n"
        ),
        "utf-8",
    )
    for section in (folder / "sections").glob("*.toml"):
        section.write_text(
            section.read_text("utf-8").replace('images = "store"', f'images = "{images}"'), "utf-8"
        )
    return folder


def origins(port: int) -> dict[str, str]:
    return dict.fromkeys(_HOSTS, f"http://127.0.0.1:{port}")


def store_of(setup: Setup, articles: int) -> Settings:
    """Return a store with so many articles, made if no run before has; it is only to be read."""
    base = _base(setup)
    folder = setup.cache / f"{articles}-{_digest()}"
    settings = Settings(config=base.config, data=folder, public_url="http://127.0.0.1:8000")
    if (folder / "whole").exists():
        return settings
    shutil.rmtree(folder, ignore_errors=True)
    _copy(base.data, folder)
    with closing(sqlite3.connect(folder / "feedproxy.sqlite")) as db:
        fill(db, articles)
    with services_of(settings) as services:
        archive(services)
        services.store.search.forget()
        while services.store.search.index(_INDEXED):
            pass
    _settle(folder)
    return settings


def copy_of(setup: Setup, settings: Settings, name: str) -> Settings:
    """Return a copy of a store, to be written to."""
    folder = setup.work / name
    shutil.rmtree(folder, ignore_errors=True)
    _copy(settings.data, folder)
    return settings.model_copy(update={"data": folder})


def fill(db: sqlite3.Connection, articles: int) -> None:
    """Repeat what a store holds under new IDs, until it has so many articles; nothing waits, and the archives begin anew."""
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("PRAGMA synchronous = OFF")
    for table in ("raw_page", "waiting", "archive", "archive_log", "archive_due"):
        db.execute(f"DELETE FROM {table}")
    db.execute("CREATE TEMP TABLE base AS SELECT id FROM article ORDER BY published DESC, id")
    (bench_store,) = db.execute("SELECT count(*) FROM base").fetchone()
    for copy in range(1, -(-articles // bench_store)):
        db.execute(
            f"CREATE TEMP TABLE chosen AS SELECT id FROM base LIMIT {min(bench_store, articles - copy * bench_store)}"
        )
        for table in _TABLES:
            _repeat(db, table, copy)
        db.execute("DROP TABLE chosen")
        db.commit()


def forget(db: sqlite3.Connection, articles: int) -> None:
    """Take out the newest articles that listings still show, with their pictures, so that the next polls have them to fetch."""
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(
        f"CREATE TEMP TABLE gone AS SELECT id FROM article WHERE CAST(substr(id, 2) AS INTEGER) < {_STEP} "
        f"ORDER BY published DESC, id LIMIT {articles}"
    )
    db.execute(
        "DELETE FROM picture WHERE url IN (SELECT url FROM article_picture WHERE article_id IN gone)"
    )
    db.execute("DELETE FROM membership WHERE article_id IN gone")
    db.execute("DELETE FROM article WHERE id IN gone")
    db.execute("UPDATE channel SET listing_hash = ''")
    db.commit()


def _repeat(db: sqlite3.Connection, table: str, copy: int) -> None:
    """Have the chosen rows of a table once more, for an article with another number, published earlier."""
    key = "id" if table == "article" else "article_id"
    other = f"'n' || (CAST(substr({key}, 2) AS INTEGER) + {copy * _STEP})"
    columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    changed = {
        key: other,
        "published": f"published - {copy * _AGE_US}",
        "updated": f"updated - {copy * _AGE_US}",
        "url": f"replace(url, {key}, {other})" if table == "article" else "url",
    }
    values = ", ".join(changed.get(name, name) for name in columns)
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {key} IN chosen"
    )


def _base(setup: Setup) -> Settings:
    """Return a harvest of the stand-in, or of an invented site where that is not here."""
    folder = setup.cache / f"base-{_digest()}"
    settings = Settings(config=folder / "config", data=folder / "var")
    if not (folder / "var" / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with stand_in() as port:
                config_of(settings.config)
                _harvest(settings.model_copy(update={"origins": origins(port)}))
        except SkippedError:
            _harvest_invented(settings)
        _settle(settings.data)
    return settings


def _harvest(settings: Settings) -> None:
    """Walk all listings down, then poll them, so that later polls find nothing new."""
    with services_of(settings) as services:
        poller = ChannelPoller(services)
        for channel in services.mirror.channels:
            poller.backfill(channel, pages=1000)
        for channel in services.mirror.channels:
            poller.poll(channel)


def _harvest_invented(settings: Settings) -> None:
    with open_newsroom() as newsroom:
        text = "清晨五点，山城的早市已经热闹起来，菜农们挑着担子走进石板街，卖豆腐的老人说今年的雨水好。</p>\n <p>"
        newsroom.stories = tuple(
            Story(
                f"n{20_000 + n}",
                f"21/{1 + n % 12}/{1 + n % 28}",
                f"山城消息第{n}则",
                f"第{n}天。{text * 30}",
                ("city", "books"),
            )
            for n in range(_STORIES)
        )
        write_config(settings.config)
        _harvest(settings.model_copy(update={"origins": {HOST: newsroom.origin}}))


def _digest() -> str:
    """Return what tells stores of one schema from those of another."""
    files = sorted((ROOT / "feedproxy" / "store" / "migrations" / "versions").glob("*.py"))
    return hashlib.sha256(b"".join((_FORM, *(file.read_bytes() for file in files)))).hexdigest()[:8]


def _settle(folder: Path) -> None:
    """Leave one file without a log beside it, and say that it is whole."""
    with closing(sqlite3.connect(folder / "feedproxy.sqlite")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (folder / "whole").touch()


def _copy(source: Path, target: Path) -> None:
    """Copy a store's folder, its pictures as links to the same files, which nobody changes."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.is_dir():
            shutil.copytree(file, target / file.name, copy_function=os.link)
        elif file.name != "whole":
            subprocess.run(["cp", "--reflink=auto", file, target / file.name], check=True)
