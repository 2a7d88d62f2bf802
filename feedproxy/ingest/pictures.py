"""Pictures: fetched by the same door as everything else, checked, and kept."""

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
from feedproxy.media.forms import make_forms
from feedproxy.model import StoredPicture, Url, WaitingPicture

# One at a time: a large picture takes 140 MB.
_decoding = threading.Lock()
_log = logging.getLogger(__name__)
# Pictures of the queue that are fetched before another poller may have its turn.
_BATCH = 40


@dataclass(frozen=True, slots=True)
class PictureCopy:
    """Where another mirror has a picture; *check* raises an UpstreamError for a content that is not that mirror's."""

    url: Url
    check: Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What takes pictures in: those of an article as it comes, and later those that could not be had then."""

    services: Services

    def start(
        self,
        pool: Executor,
        shown: Collection[Url],
        channel: str,
        begun: dict[Url, Future[StoredPicture]],
        copies: Mapping[Url, PictureCopy] = {},
    ) -> dict[Url, Future[StoredPicture]]:
        """Begin to fetch those of an article's pictures that nobody has heard of yet, if *channel*'s sections keep any.

        *begun* holds those that were begun for articles before it, and those of this one afterwards. *copies* says where another
        mirror has some of them.
        """
        if channel not in self.services.picture_channels:
            return {}
        hosts = self.services.hosts
        wanted = [url for url in shown if url in copies or urls.host_of(url) in hosts]
        known = self.services.store.known_pictures(wanted) if wanted else set()
        for url in wanted:
            if url not in known and url not in begun:
                begun[url] = pool.submit(self._take, url, copies.get(url))
        return {url: begun[url] for url in wanted if url in begun}

    def collect(
        self, started: dict[Url, Future[StoredPicture]], *, patience_s: float | None = None
    ) -> tuple[dict[Url, StoredPicture], list[UpstreamError]]:
        """Wait for pictures, at most *patience_s* seconds for all; return those that came, and why others did not.

        Those that take longer are in neither, and so still to be fetched.
        """
        had: dict[Url, StoredPicture] = {}
        failed: list[UpstreamError] = []
        wait(started.values(), patience_s)
        for url, future in started.items():
            try:
                if future.done():
                    had[url] = future.result()
            except UpstreamError as e:
                failed.append(e)
            except StoreError as e:  # its text may be stored all the same
                failed.append(PictureError(url, str(e)))
            except Exception as e:  # noqa: BLE001 (what nobody foresaw costs one picture, not those behind it)
                _log.exception("%s failed", url)
                failed.append(PictureError(url, f"failed: {e!r}"))
        return had, failed

    def remember(self, error: UpstreamError, waiting: WaitingPicture, report: Report) -> None:
        """Have a picture that could not be had be fetched again later."""
        was_asked = not isinstance(error, NotAskedError)
        until = error.until if isinstance(error, NotAskedError) else None
        try_at = until or policy.next_picture_try(
            waiting.tries, self.services.mirror.poll, self.services.clock()
        )
        self.services.store.picture_failed(
            waiting.url, error.reason, tries=waiting.tries + was_asked, try_at=try_at
        )
        if was_asked:
            report.note_missing(error)

    def take_due(self, report: Report, *, due_at: datetime | None = None) -> int:
        """Fetch pictures that are due, now or at that moment; return how many there were.

        Raises:
            StoreError: the store can't be read or written.

        """
        with (
            self.services.store.exclusive_lock(),
            ThreadPoolExecutor(self.services.mirror.fetch.requests_at_once) as pool,
        ):
            due = self.services.store.due_pictures(
                self.services.hosts,
                self.services.picture_channels,
                due_at or self.services.clock(),
                _BATCH,
            )
            started = [(waiting, pool.submit(self._take, waiting.url)) for waiting in due]
            for waiting, future in started:
                had, failed = self.collect({waiting.url: future})
                for error in failed:
                    self.remember(error, waiting, report)
                for url, stored in had.items():
                    self.services.store.keep_picture(url, stored, self.services.clock())
                    report.pictures += 1
        return len(due)

    def _take(self, url: Url, copy: PictureCopy | None = None) -> StoredPicture:
        """Fetch, check and keep one picture, or its copy; its files are there before the store says so."""
        body = self.services.fetcher.fetch_picture(copy.url if copy else url)
        if copy:
            copy.check(body)
        with _decoding:
            original, reading = make_forms(url, body, self.services.mirror.images)
        self.services.media.put(original)
        self.services.media.put(reading)
        return StoredPicture(original.file, reading.file)
