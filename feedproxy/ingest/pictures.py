"""Fetch, check and store pictures, with the same fetcher as all other requests."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

from feedproxy import policy, urls
from feedproxy.errors import NotAskedError, PictureError, StoreError, UpstreamError
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.media.variants import make_variants
from feedproxy.model import StoredPicture, Url, WaitingPicture

# Decode one picture at a time: a large one takes 140 MB.
_decoding = threading.Lock()
_log = logging.getLogger(__name__)
# Queued pictures fetched before the exclusive lock is released to other pollers.
_BATCH = 40


@dataclass(frozen=True, slots=True)
class PictureCopy:
    """A copy of a picture at another mirror.

    *check* raises an UpstreamError if the content is not the one that the mirror published.
    """

    url: Url
    check: Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class PictureFetcher:
    """Fetches and stores pictures: those of a new article, and later those queued for a retry."""

    services: Services

    def start(
        self,
        pool: Executor,
        shown: Collection[Url],
        channel: str,
        begun: dict[Url, Future[StoredPicture]],
        copies: Mapping[Url, PictureCopy] = {},
    ) -> dict[Url, Future[StoredPicture]]:
        """Start fetching the pictures of an article that the store does not know yet.

        Nothing is fetched if no section of *channel* stores pictures. *begun* has the downloads
        started for earlier articles, and receives those of this one. *copies* has copies of some
        pictures at another mirror. Return the downloads of this article's pictures.
        """
        if channel not in self.services.picture_channels:
            return {}
        hosts = self.services.hosts
        wanted = [url for url in shown if url in copies or urls.host_of(url) in hosts]
        known = self.services.store.pictures.known(wanted) if wanted else set()
        for url in wanted:
            if url not in known and url not in begun:
                begun[url] = pool.submit(self._fetch_one, url, copies.get(url))
        return {url: begun[url] for url in wanted if url in begun}

    def collect(
        self, started: dict[Url, Future[StoredPicture]], *, patience_s: float | None = None
    ) -> tuple[dict[Url, StoredPicture], list[UpstreamError]]:
        """Wait at most *patience_s* seconds in total; return the fetched pictures and the errors.

        Downloads that take longer are in neither result; their pictures are still due.
        """
        fetched: dict[Url, StoredPicture] = {}
        failed: list[UpstreamError] = []
        wait(started.values(), patience_s)
        for url, future in started.items():
            try:
                if future.done():
                    fetched[url] = future.result()
            except UpstreamError as e:
                failed.append(e)
            except StoreError as e:  # the article can be stored without it
                failed.append(PictureError(url, str(e)))
            except Exception as e:  # noqa: BLE001 (costs one picture, not the batch)
                _log.exception("%s failed", url)
                failed.append(PictureError(url, f"failed: {e!r}"))
        return fetched, failed

    def remember(self, error: UpstreamError, waiting: WaitingPicture, report: Report) -> None:
        """Schedule a retry for a picture that could not be fetched."""
        was_asked = not isinstance(error, NotAskedError)
        until = error.until if isinstance(error, NotAskedError) else None
        try_at = until or policy.next_picture_try(
            waiting.tries, self.services.mirror.poll, self.services.clock()
        )
        self.services.store.pictures.record_failure(
            waiting.url, error.reason, tries=waiting.tries + was_asked, try_at=try_at
        )
        if was_asked:
            report.note_missing(error)

    def fetch_due(self, report: Report, *, due_at: datetime | None = None) -> int:
        """Fetch a batch of pictures that are due at *due_at* (default: now); return their number.

        Raises:
            StoreError: the store can't be read or written.

        """
        with (
            self.services.store.exclusive_lock(),
            ThreadPoolExecutor(self.services.mirror.fetch.requests_at_once) as pool,
        ):
            due = self.services.store.pictures.due(
                self.services.hosts,
                self.services.picture_channels,
                due_at or self.services.clock(),
                _BATCH,
            )
            started = [(waiting, pool.submit(self._fetch_one, waiting.url)) for waiting in due]
            for waiting, future in started:
                fetched, failed = self.collect({waiting.url: future})
                for error in failed:
                    self.remember(error, waiting, report)
                for url, stored in fetched.items():
                    self.services.store.pictures.keep(url, stored, self.services.clock())
                    report.pictures += 1
        return len(due)

    def _fetch_one(self, url: Url, copy: PictureCopy | None = None) -> StoredPicture:
        """Fetch and check one picture, or its copy, and write its files.

        The files exist before the store refers to them.
        """
        body = self.services.fetcher.fetch_picture(copy.url if copy else url)
        if copy:
            copy.check(body)
        with _decoding:
            original, reading = make_variants(url, body, self.services.mirror.images)
        self.services.media.put(original)
        self.services.media.put(reading)
        return StoredPicture(original.file, reading.file)
