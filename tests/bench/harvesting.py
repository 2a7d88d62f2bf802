"""Rows 5, 6 and 8: what it costs to take articles in, beside what the libraries need for the same at least."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import lxml.html
from bleach.sanitizer import Cleaner
from requests_cache import CachedSession

from bench.measure import Pairs, Result, SkippedError, alternate, at_least, at_most
from bench.processes import ROOT, cpu_of, stand_in
from bench.rendering import make_ready
from bench.stores import (
    NOW,
    SMALL,
    Setup,
    bench_store,
    config_of,
    copy_of,
    origins,
    services_of,
    store_of,
)
from feedproxy import configuration, urls
from feedproxy.configuration.settings import Settings
from feedproxy.extract import extract_article, extract_mirrored, split_mirrored
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import (
    ChannelPoller,
    Import,
    Importer,
    Services,
    Verifier,
    entries_of,
    prepare,
)
from feedproxy.ingest.importing import ImportEntry
from feedproxy.media import FolderMedia
from feedproxy.model import Channel, Page, Source, Url
from feedproxy.output import Pages, RenderContext, selector_of
from feedproxy.processes import pool_of
from feedproxy.sanitise import TAGS

# What a plain user of bleach would allow.
_ATTRIBUTES = {
    "a": ["href", "title"],
    "img": ["alt", "height", "src", "title", "width"],
    "*": ["dir", "lang"],
}
# A whole import takes ten seconds and more.
_IMPORT_ROUNDS = 3
_POLL_MS, _POLL_TIMES = 3.0, 1.3


@dataclass(frozen=True, slots=True)
class Poll:
    """Polls of all channels over a store that holds all they show; the first is made at once."""

    services: Services

    def __post_init__(self) -> None:
        self._all()

    def cpu_of_channel(self) -> float:
        """Poll all channels; return the seconds of the processor for one."""
        return cpu_of(self._all) / len(self.services.mirror.channels)

    def _all(self) -> None:
        poller = ChannelPoller(self.services)
        for channel in self.services.mirror.channels:
            report = poller.poll(channel)
            assert not report.failures, report.failures[0]


def poll(setup: Setup) -> Iterator[Result]:
    """Measure row 8."""
    with stand_in() as port:
        settings = copy_of(setup, store_of(setup, SMALL), "polls").model_copy(
            update={"origins": origins(port)}
        )
        with (
            services_of(settings, is_calm=False) as services,
            _session(setup.folder("bare") / "cache.sqlite") as session,
        ):
            own, listings = (
                Poll(services),
                [_at(port, channel.url) for channel in services.mirror.channels],
            )

            def bare() -> float:
                return cpu_of(lambda: _get_all(session, listings)) / len(listings)

            bare()
            pairs = alternate(own.cpu_of_channel, bare, setup.rounds)
    allowed = tuple(_POLL_MS / 1e3 + _POLL_TIMES * each for each in pairs.theirs)
    raw = _in_ms(pairs).raw("ms a channel", theirs="bare conditional GET")
    raw += "; the ratio is to 3 ms + 1.3 x that"
    yield Result(
        "8",
        "a poll that finds nothing new, CPU per channel",
        at_most(1),
        Pairs(pairs.ours, allowed).ratio,
        raw,
    )


def harvest(setup: Setup) -> Iterator[Result]:
    """Measure row 5: without pictures, as the sum that it is measured by has none."""
    with stand_in() as port:
        config = config_of(setup.folder("harvest-config"), images="none")
        settings = Settings(
            config=config,
            data=setup.work / "harvest",
            origins=origins(port),
            public_url="http://127.0.0.1:8000",
        )
        channels = configuration.load_mirror(config).channels[: 2 if setup.is_quick else 6]
        numbers = count()
        taken: list[int] = []

        def ours() -> float:
            own = settings.model_copy(update={"data": setup.folder(f"harvest-{next(numbers)}")})
            with services_of(
                own, is_calm=False
            ) as services:  # opened and migrated before the time begins
                seconds = cpu_of(lambda: _take(services, channels, settings.public_url))
                taken.append(sum(services.store.count(channel.id) for channel in channels))
                articles = len(set(services.store.ids([channel.id for channel in channels])))
            return seconds / articles

        ours()
        pages = _pages_of(settings, setup)
        pairs = alternate(ours, lambda: _least(setup, port, pages) / len(pages), setup.rounds)
    raw = (
        _in_ms(pairs).raw("ms an article", theirs="bleach + lxml + requests-cache")
        + f"; {len(pages)} articles"
    )
    yield Result(
        "5", "harvest to stored and rendered, CPU per article", at_most(1.5), pairs.ratio, raw
    )


def mirror_import(setup: Setup) -> Iterator[Result]:
    """Measure row 6."""
    place = ROOT.parent / "shared" / "mirror"
    if not place.is_dir():
        raise SkippedError("needs ../shared/mirror, the real pages")
    most = 200 if setup.is_quick else 100_000
    taking = _Taking(setup, config_of(setup.folder("import-config")), place, most)
    cores, bodies = sorted(os.sched_getaffinity(0)), _mirrored_bodies(taking)
    pages, rounds = len(bodies), min(setup.rounds, _IMPORT_ROUNDS)
    of_one: list[tuple[float, float]] = []

    def one_core() -> float:
        cpu_s, wall_s = taking.run(cores[:1])
        of_one.append((cpu_s / pages, _bleach(bodies) / pages))
        return pages / wall_s

    speeds = alternate(lambda: pages / taking.run(cores[:2])[1], one_core, rounds)
    pairs = Pairs(tuple(our for our, _ in of_one), tuple(their for _, their in of_one))
    raw = _in_ms(pairs).raw("ms a page", theirs="bleach") + f"; {pages} pages"
    yield Result("6", "import of mirror pages, CPU per page", at_most(1.4), pairs.ratio, raw)
    raw = speeds.raw("pages/s", "two", "one")
    yield Result(
        "6",
        "the same, two cores beside one",
        at_least(1.8),
        speeds.ratio if len(cores) > 1 else None,
        raw,
    )


@dataclass(frozen=True, slots=True)
class _Taking:
    """Imports of the first *most* pages of the mirror at a *place*, each into a new store."""

    setup: Setup
    config: Path
    place: Path
    most: int
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, cores: Sequence[int]) -> tuple[float, float]:
        """Import all with as many processes as there are cores; return the seconds of the processor, and by the clock."""
        settings = Settings(
            config=self.config, data=self.setup.folder(f"import-{next(self.numbers)}")
        )
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            with (
                _importing(settings, self.place) as services,
                pool_of(len(cores), prepare, services.mirror) as pool,
            ):
                list(
                    pool.map(time.sleep, [0.2] * len(cores))
                )  # they are there before the time begins
                done, entries = Import(), self.entries(services)
                began = time.monotonic()
                verifier = Verifier(services.fetcher, services.store.serials)
                importer = Importer(
                    services, pool, len(cores), done, verifier, self.sources(services).values()
                )
                cpu_s = cpu_of(lambda: importer.run(entries, lambda _: None))
                wall_s = time.monotonic() - began
                assert done.counts["new"] > len(entries) * 0.9, done.failures[:3]
        finally:
            os.sched_setaffinity(0, before)
        return cpu_s, wall_s

    def entries(self, services: Services) -> list[ImportEntry]:
        """Return what is imported."""
        verifier = Verifier(services.fetcher, services.store.serials)
        return entries_of(services, self.sources(services), verifier, Import())[: self.most]

    def sources(self, services: Services) -> dict[str, Source]:
        """Return where each section is had."""
        places = {
            each.name: Url(f"{(self.place / each.name).as_uri()}/indexes/")
            for each in services.mirror.sections
        }
        return {name: Source("mirror", url) for name, url in places.items()}


def _take(services: Services, channels: Sequence[Channel], public_url: str) -> None:
    """Poll new channels, and render every page and the feeds of what came."""
    for channel in channels:
        ChannelPoller(services).poll(channel)
        context = RenderContext(services.mirror, services.store, public_url)
        section = next(each.name for each in services.mirror.sections if channel in each.channels)
        for article_id in services.store.ids([channel.id]):
            assert Pages(context).article(section, channel.id, article_id)
        selector = selector_of(services.mirror, section, channel.id)
        assert selector
        make_ready(context, [selector])


def _pages_of(settings: Settings, setup: Setup) -> list[tuple[Page, str]]:
    """Return the pages that the first harvest brought, each with its body as it came."""
    with bench_store(settings.model_copy(update={"data": setup.work / "harvest-0"})) as opened:
        ids = opened.store.ids([channel.id for channel in opened.mirror.channels])
        pages = [page for article_id in ids for page in opened.store.pages(article_id)]
        rules = [configuration.rules_for(opened.mirror, urls.host_of(page.url)) for page in pages]
        site = opened.mirror.sites[0]
        return [
            (page, str(extract_article(page, each, site).body))
            for page, each in zip(pages, rules, strict=True)
        ]


def _least(setup: Setup, port: int, pages: Sequence[tuple[Page, str]]) -> float:
    """Return the seconds of the processor for one GET by requests-cache, one parse by lxml, one clean by bleach, of all pages."""
    cleaner = _cleaner()
    addresses = [_at(port, page.url) for page, _ in pages]

    def work() -> None:
        with _session(setup.folder("least") / "cache.sqlite") as session:
            _get_all(session, addresses)
        for page, body in pages:
            lxml.html.document_fromstring(page.body)
            cleaner.clean(body)

    return cpu_of(work)


def _bleach(bodies: Sequence[str]) -> float:
    cleaner = _cleaner()
    return cpu_of(lambda: [cleaner.clean(body) for body in bodies])


def _cleaner() -> Cleaner:
    return Cleaner(tags=TAGS, attributes=_ATTRIBUTES, strip=True, strip_comments=True)


def _session(file: Path) -> CachedSession:
    return CachedSession(
        str(file), backend="sqlite", serializer="json", expire_after=0, always_revalidate=True
    )


def _get_all(session: CachedSession, addresses: Sequence[str]) -> None:
    for address in addresses:
        session.get(address).raise_for_status()


def _at(port: int, url: Url) -> str:
    """Return where the stand-in has what upstream has at *url*."""
    return f"http://127.0.0.1:{port}/{url.split('/', 3)[3]}"


def _in_ms(pairs: Pairs) -> Pairs:
    return Pairs(
        tuple(each * 1e3 for each in pairs.ours), tuple(each * 1e3 for each in pairs.theirs)
    )


def _mirrored_bodies(taking: _Taking) -> list[str]:
    """Return the bodies of a mirror's pages."""
    bodies: list[str] = []
    with _importing(
        Settings(config=taking.config, data=taking.config / "unused"), taking.place
    ) as services:
        for entry in taking.entries(services):
            page = services.fetcher.fetch(entry.listed[0][1].url)
            extract = extract_mirrored(
                page, split_mirrored(page), services.mirror.sites[0], links={}, pictures={}
            )
            bodies.append(str(extract.body))
    return bodies


class _importing:  # noqa: N801 (as the other context managers)
    """A kit that may read a folder of this machine."""

    def __init__(self, settings: Settings, place: Path) -> None:
        self._held, self._place, self._settings = bench_store(settings), place, settings
        self._close: Callable[[], object] = lambda: None

    def __enter__(self) -> Services:
        opened, settings = self._held.__enter__(), self._settings
        budget, folders = opened.store.budget, (self._place,)
        fetcher = open_fetcher(
            settings, opened.mirror, budget, lambda: NOW, lambda _: None, more_folders=folders
        )
        self._close = fetcher.close
        return Services(
            opened.mirror, opened.store, fetcher, FolderMedia(settings.media), lambda: NOW
        )

    def __exit__(self, *_: object) -> None:
        self._close()
        self._held.__exit__(None, None, None)
