"""The real site without its server: the stand-in's pages from ../shared, and what a harvest of them brings."""

import fcntl
import importlib.util
import json
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import Article, Mirror, Page, Url, Validators
from feedproxy.store import Store, open_store

SHARED = Path(__file__).resolve().parents[2] / "shared"
CONFIG = Path(__file__).resolve().parents[1] / "config"
NOW = datetime(2022, 1, 2, tzinfo=UTC)


@cache
def stand_in() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", SHARED / "upstream" / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stand_in"] = module
    spec.loader.exec_module(module)
    return module


class SiteFetcher:
    """The stand-in's pages without its server."""

    def __init__(self, layout: str) -> None:
        self.site: Any = stand_in().Site(SHARED / "mirror", layout, "real")
        self.asked: list[str] = []

    def refetch(self, url: Url, known: Validators) -> Page | None:
        del known
        return self.fetch(url)

    def fetch_picture(self, url: Url) -> bytes:
        return self.fetch(url).body

    def counts(self) -> dict[tuple[str, str], int]:
        return {}

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        del keep
        if url.startswith("https://i.epochtimes.com/"):
            return Page(
                url, stand_in().picture(url.removeprefix("https://i.epochtimes.com")), "image/png"
            )
        path = url.removeprefix("https://www.epochtimes.com")
        self.asked.append(path)
        return Page(url, self._body(path, url), "text/html; charset=utf-8")

    def _body(self, path: str, url: Url) -> bytes:
        listing = re.fullmatch(r"/gb/(n[a-z]+\d+)(?:_(\d+))?\.(htm|xml)", path)
        if listing is None:
            body = self.site.article(path)
        elif listing[3] == "xml":
            body = self.site.feed(listing[1])
        else:
            body = self.site.listing(listing[1], int(listing[2] or 1))
        if body is None:
            raise FetchError(url, "answered 404")
        return bytes(body)


@dataclass
class Harvest:
    """What one layout brought, of the mirror's sections."""

    mirror: Mirror
    store: Store
    fetcher: SiteFetcher
    settings: Settings

    def articles(self) -> dict[str, Article]:
        everything = self.store.newest([channel.id for channel in self.mirror.channels], 10_000)
        return {article.id: article for article in everything}

    def published(self) -> set[str]:
        """Return the IDs of all articles that the site has in those sections."""
        return {
            each
            for channel in self.mirror.channels
            for each in self.fetcher.site.channels[channel.id]["order"]
        }


def of_sections(mirror: Mirror, which: slice) -> Mirror:
    """Return a mirror of some of its sections only."""
    return replace(mirror, sections=mirror.sections[which])


def harvest_once(layout: str, shared: Path, mirror: Mirror) -> Harvest:
    """Return what a layout brings, harvested by the first process that asks for it below *shared*."""
    folder, asked = shared / layout, shared / f"{layout}.json"
    with (shared / f"{layout}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not asked.exists():
            done = harvest(layout, folder, mirror)
            asked.write_text(json.dumps(done.fetcher.asked))
            return done
    done = _open(layout, folder, mirror)
    done.fetcher.asked = json.loads(asked.read_text())
    return done


def _open(layout: str, folder: Path, mirror: Mirror) -> Harvest:
    settings = Settings(config=CONFIG, data=folder, trusted_hosts=("localhost",))
    return Harvest(mirror, open_store(settings.store_url, folder), SiteFetcher(layout), settings)


def harvest(layout: str, folder: Path, mirror: Mirror, pages: int = 99) -> Harvest:
    done = _open(layout, folder, mirror)
    store, settings = done.store, done.settings
    channel_poller = ChannelPoller(
        Services(mirror, store, done.fetcher, FolderMedia(settings.media), lambda: NOW)
    )
    for channel in mirror.channels:
        report = channel_poller.backfill(channel, pages=pages)
        assert report.failures == []
    return done
