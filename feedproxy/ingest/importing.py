"""Import a whole git-hosted mirror: read all pages of its indexes on all cores, store in batches.

Unchanged articles are skipped, so an interrupted import continues, and a repeated one changes
nothing.
"""

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from feedproxy import paths, policy
from feedproxy.errors import GoneError, PictureError, UpstreamError
from feedproxy.ingest.archive import archive
from feedproxy.ingest.dates import estimate_imported
from feedproxy.ingest.mirrored import Copy, merge_copy, picture_addresses, read_copy
from feedproxy.ingest.services import Services
from feedproxy.ingest.verification import Verifier, check_name
from feedproxy.media.variants import make_variants
from feedproxy.model import (
    Article,
    ArticleId,
    Channel,
    DateSource,
    ListingItem,
    Mirror,
    Page,
    Source,
    StoredPicture,
    Url,
    Validators,
)
from feedproxy.parse import parse_listing
from feedproxy.store import Store

if TYPE_CHECKING:
    from feedproxy.media.folder import PictureFile

_log = logging.getLogger(__name__)
# Pages per batch: one process reads them, and one transaction stores them.
_BATCH = 32
# Batches in flight per process.
_AHEAD = 3
_SHOWN_CHARACTERS = 60


_mirrors: list[Mirror] = []


def prepare(mirror: Mirror) -> None:
    """Have this process read pages of that mirror's sites."""
    _mirrors[:] = [mirror]


@dataclass(slots=True)
class Import:
    """The result of an import.

    *counts* has the number of articles by outcome: new, updated, redated, same. *dates* has their
    number by date source. *failures* has an error for each index, page or picture left out.
    """

    counts: Counter[str] = field(default_factory=Counter)
    dates: Counter[DateSource] = field(default_factory=Counter)
    pictures: int = 0
    failures: list[UpstreamError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportEntry:
    """An article of a mirror: its listing items by channel, and its position in each listing.

    *positions* are counted from the top, in the order of *listed*.
    """

    id: ArticleId
    listed: tuple[tuple[str, ListingItem], ...]
    positions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """The result of reading a page: a copy of the article, or an error."""

    entry: ImportEntry
    copy: Copy | None
    failure: UpstreamError | None = None


def entries_of(
    services: Services, sources: Mapping[str, Source], verifier: Verifier, result: Import
) -> list[ImportEntry]:
    """Return all articles of a mirror, each once; add errors to the failures of *result*.

    *sources* maps each section to its part of the mirror. A channel without an index has no
    articles. In a mirror that must be signed, only channels missing from the signed manifest may
    lack an index.
    """
    listed: dict[ArticleId, list[tuple[str, ListingItem]]] = defaultdict(list)
    positions: dict[ArticleId, list[int]] = defaultdict(list)
    for name, source in sources.items():
        channels = list(_channels_of(services.mirror, name))
        try:
            signed = (
                verifier.channels(source, [each.id for each in channels]) if source.key else None
            )
        except UpstreamError as e:
            result.failures.append(e)
            continue
        _tell_unknown(services, name, source, verifier, result)
        for channel in channels:
            try:
                items = _items_of(services, channel, source, verifier, signed)
            except UpstreamError as e:
                result.failures.append(e)
            else:
                for place, item in enumerate(items):
                    listed[item.id].append((channel.id, item))
                    positions[item.id].append(place)
    return [
        ImportEntry(article_id, tuple(found), tuple(positions[article_id]))
        for article_id, found in listed.items()
    ]


def _items_of(
    services: Services,
    channel: Channel,
    source: Source,
    verifier: Verifier,
    signed: Collection[str] | None,
) -> Sequence[ListingItem]:
    """Return the items of a channel's index, none if there is no index.

    *signed* are the channels that must have an index, None in an unsigned mirror.
    """
    url = Url(f"{source.base}/indexes/{channel.id}.csv")
    if signed is None or channel.id in signed:
        try:
            page = verifier.check(url, services.fetcher.fetch(url), source)
            return parse_listing(page, channel.site, "mirror").items
        except GoneError:
            if signed is not None:
                raise
    _log.info("%s: has no index at %s", channel.id, url)
    return ()


def _tell_unknown(
    services: Services, name: str, source: Source, verifier: Verifier, result: Import
) -> None:
    """Log the channels in the mirror's own channel list that are not configured here.

    They are not imported.
    """
    url = Url(f"{source.base}/{paths.CHANNEL_LIST}")
    try:
        page = verifier.check(url, services.fetcher.fetch(url), source)
    except UpstreamError as e:
        if source.key:  # an unsigned mirror may lack the list
            result.failures.append(e)
        return
    known = {channel.id for channel in _channels_of(services.mirror, name)}
    for line in page.body.decode("utf-8", "replace").splitlines():
        if line and line.partition(",")[0] not in known:
            _log.warning(
                "%s: channel %r is not in config/ and is not imported",
                name,
                line[:_SHOWN_CHARACTERS],
            )


@dataclass(frozen=True, slots=True)
class _Batch:
    """Entries in flight: those with unchanged pages, and the pending result of reading the rest."""

    size: int
    unchanged: list[ImportEntry]
    reading: Future[list[_Read]]


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports a mirror.

    *pool* has *workers* processes, each of which has called `prepare`. Outcomes go into *result*.
    """

    services: Services
    pool: Executor
    workers: int
    result: Import
    verifier: Verifier
    sources: Collection[Source]

    def run(self, entries: Sequence[ImportEntry], on_batch: Callable[[int], None]) -> None:
        """Import *entries*; call *on_batch* with the number of entries of each finished batch.

        Raises:
            StoreError: the store can't be read or written.

        """
        ahead: deque[_Batch] = deque()
        for start in range(0, len(entries), _BATCH):
            if self.services.is_stopping():
                break
            ahead.append(self._begin(entries[start : start + _BATCH]))
            if len(ahead) > self.workers * _AHEAD:
                on_batch(self._finish(ahead.popleft()))
        while ahead:
            on_batch(self._finish(ahead.popleft()))
        if not self.services.is_stopping():
            self.result.dates = estimate_imported(self.services, _orders(self.services, entries))
        archive(self.services)

    def _begin(self, entries: Sequence[ImportEntry]) -> _Batch:
        """Fetch the pages of a batch, and submit those that have changed to the process pool."""
        known = self.services.store.validators([entry.id for entry in entries])
        pages: list[tuple[ImportEntry, Page]] = []
        unchanged: list[ImportEntry] = []
        for entry in entries:
            try:
                page = self._fetch(entry, known.get(entry.id, Validators()))
            except UpstreamError as e:
                self.result.failures.append(e)
                continue
            if page is None:
                unchanged.append(entry)
            else:
                pages.append((entry, page))
        return _Batch(
            len(entries), unchanged, self.pool.submit(read_batch, pages, self.services.clock())
        )

    def _fetch(self, entry: ImportEntry, known: Validators) -> Page | None:
        """Return an entry's page, None if it is unchanged; try the URL of each channel in turn.

        Raises:
            UpstreamError: no channel has the page, or its required signature is missing or wrong.

        """
        *others, last = dict.fromkeys(item.url for _, item in entry.listed)
        for url in others:
            try:
                return self._fetch_copy(url, known)
            except GoneError:
                continue
        return self._fetch_copy(last, known)

    def _fetch_copy(self, url: Url, known: Validators) -> Page | None:
        page = self.services.fetcher.refetch(url, known)
        source = next(each for each in self.sources if url.startswith(each.base + "/"))
        return self.verifier.check(url, page, source) if page else None

    def _finish(self, batch: _Batch) -> int:
        """Store the results of a batch in one transaction; return its number of entries."""
        read = batch.reading.result()
        self.result.failures += [each.failure for each in read if each.failure]
        copies = [(each.entry, each.copy) for each in read if each.copy]
        pictures = self._store_pictures([copy for _, copy in copies])
        with self.services.store.exclusive_lock(), self.services.store.transaction() as store:
            held = {
                article.id: article for article in store.articles([entry.id for entry, _ in copies])
            }
            joined = [
                entry
                for entry, copy in copies
                if self._keep(store, held.get(entry.id), copy, pictures)
            ]
            self._join(store, joined + batch.unchanged)
        self.result.counts["same"] += len(batch.unchanged)
        return batch.size

    def _keep(
        self, store: Store, held: Article | None, copy: Copy, pictures: Mapping[Url, StoredPicture]
    ) -> bool:
        """Store a copy if it is better than the stored article.

        Return False if its ID belongs to an article of another site.
        """
        now = self.services.clock()
        try:
            article, outcome = merge_copy(held, copy, now)
        except UpstreamError as e:
            self.result.failures.append(e)
            return False
        self.result.counts[outcome] += 1
        if outcome is policy.ArticleOutcome.REDATED:
            store.redate(article, now)
        elif outcome is not policy.ArticleOutcome.SAME:
            store.save(
                article,
                [copy.page],
                {url: pictures[url] for url in article.pictures if url in pictures},
                now,
            )
        return True

    def _join(self, store: Store, entries: list[ImportEntry]) -> None:
        """Add stored articles to the listings of their channels."""
        items: dict[str, dict[ArticleId, ListingItem]] = defaultdict(dict)
        for entry in entries:
            for channel, item in entry.listed:  # a channel in two sections comes up twice
                items[channel].setdefault(entry.id, item)
        for channel, listed in items.items():
            store.queue.add_listing(channel, list(listed.values()), self.services.clock())

    def _store_pictures(self, copies: list[Copy]) -> dict[Url, StoredPicture]:
        """Store the missing pictures of articles from the mirror.

        Pictures that the mirror lacks are fetched from their own hosts later.
        """
        files = {
            url: file
            for copy in copies
            for url, file in picture_addresses(copy.page.url, copy).items()
        }
        known = self.services.store.pictures.known(files) if files else set()
        making: dict[Url, Future[tuple[PictureFile, PictureFile]]] = {}
        for url, file in files.items():
            if url not in known:
                try:
                    body = self.services.fetcher.fetch_picture(file)
                    check_name(file, body)
                except UpstreamError as e:
                    self.result.failures.append(e)
                else:
                    making[url] = self.pool.submit(
                        make_variants, file, body, self.services.mirror.images
                    )
        stored: dict[Url, StoredPicture] = {}
        for url, future in making.items():
            try:
                variants = future.result()
            except PictureError as e:
                self.result.failures.append(e)
                continue
            for variant in variants:
                self.services.media.put(variant)
            stored[url] = StoredPicture(variants[0].file, variants[1].file)
        self.result.pictures += len(stored)
        return stored


def read_batch(pages: list[tuple[ImportEntry, Page]], now: datetime) -> list[_Read]:
    """Read the article on each page; runs in a worker process."""
    return [_read_one(entry, page, now) for entry, page in pages]


def _read_one(entry: ImportEntry, page: Page, now: datetime) -> _Read:
    try:
        channel, item = entry.listed[0]
        sites = (each.site for each in _mirrors[0].channels if each.id == channel)
        return _Read(entry, read_copy(page, item, _mirrors[0], now, next(sites, None)))
    except UpstreamError as e:
        return _Read(entry, None, e)


def _orders(services: Services, entries: Sequence[ImportEntry]) -> dict[str, list[ArticleId]]:
    """Return the listing of each channel, newest first; channels are in the configured order."""
    found: dict[str, list[tuple[int, ArticleId]]] = {
        channel.id: [] for channel in services.mirror.channels
    }
    for entry in entries:
        for (channel, _), place in zip(entry.listed, entry.positions, strict=True):
            found[channel].append((place, entry.id))
    return {
        channel: list(dict.fromkeys(each for _, each in sorted(order)))
        for channel, order in found.items()
    }


def _channels_of(mirror: Mirror, section: str) -> Iterator[Channel]:
    found = mirror.section(section)
    yield from found.channels if found else ()
