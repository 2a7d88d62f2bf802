"""Pictures: fetched by the same door as everything else, checked, and kept."""

from collections.abc import Collection
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from feedproxy import plan, urls
from feedproxy.errors import NotAskedError, UpstreamError
from feedproxy.fetch import Fetcher
from feedproxy.harvest.reports import Report
from feedproxy.media import MediaFolder
from feedproxy.media.forms import make_forms
from feedproxy.model import REQUESTED, Images, Mirror, StoredPicture, Url, WaitingPicture
from feedproxy.store import Clock, Store

# Pictures of the queue that are fetched before another poller may have its turn.
_BATCH = 40


@dataclass(frozen=True, slots=True)
class Pictures:
    """What takes pictures in: those of an article as it comes, and later those that could not be had then."""

    mirror: Mirror
    store: Store
    fetcher: Fetcher
    media: MediaFolder
    clock: Clock

    def start(
        self, pool: Executor, shown: Collection[Url], channel: str, begun: dict[Url, Future[StoredPicture]]
    ) -> dict[Url, Future[StoredPicture]]:
        """Begin to fetch those of an article's pictures that nobody has heard of yet, if *channel*'s sections keep any.

        *begun* holds those that were begun for articles before it, and those of this one afterwards.
        """
        if channel not in self._channels():
            return {}
        hosts = self._hosts()
        wanted = [url for url in shown if urls.host_of(url) in hosts]
        known = self.store.known_pictures(wanted) if wanted else set()
        for url in wanted:
            if url not in known and url not in begun:
                begun[url] = pool.submit(self._take, url)
        return {url: begun[url] for url in wanted if url in begun}

    def collect(self, started: dict[Url, Future[StoredPicture]]) -> tuple[dict[Url, StoredPicture], list[UpstreamError]]:
        """Wait for pictures; return those that came, and why others did not."""
        had: dict[Url, StoredPicture] = {}
        failed: list[UpstreamError] = []
        for url, future in started.items():
            try:
                had[url] = future.result()
            except UpstreamError as e:
                failed.append(e)
        return had, failed

    def remember(self, error: UpstreamError, waiting: WaitingPicture, report: Report) -> None:
        """Have a picture that could not be had be fetched again later."""
        was_asked = not isinstance(error, NotAskedError)
        try_at = plan.next_picture_try(waiting.tries, self.mirror.poll, self.clock())
        self.store.picture_failed(waiting.url, error.reason, tries=waiting.tries + was_asked, try_at=try_at)
        if was_asked:
            report.note_missing(error)

    def take_due(self, report: Report) -> int:
        """Fetch pictures that are due; return how many there were.

        Raises:
            StoreError: the store can't be read or written.

        """
        with self.store.turn(), ThreadPoolExecutor(self.mirror.fetch.articles_at_once) as pool:
            due = self.store.due_pictures(self._hosts(), self._channels(), self.clock(), _BATCH)
            started = [(waiting, pool.submit(self._take, waiting.url)) for waiting in due]
            for waiting, future in started:
                had, failed = self.collect({waiting.url: future})
                for error in failed:
                    self.remember(error, waiting, report)
                for url, stored in had.items():
                    self.store.keep_picture(url, stored, self.clock())
                    report.pictures += 1
        return len(due)

    def _take(self, url: Url) -> StoredPicture:
        """Fetch, check and keep one picture; its files are there before the store says so."""
        original, reading = make_forms(url, self.fetcher.fetch(url).body, self.mirror.images)
        self.media.put(original)
        self.media.put(reading)
        return StoredPicture(original.file, reading.file)

    def _hosts(self) -> frozenset[str]:
        return frozenset(host for site in self.mirror.sites for host in (*site.hosts, *site.picture_hosts))

    def _channels(self) -> frozenset[str]:
        """Return the channels whose articles' pictures are kept."""
        keeping = [section for section in self.mirror.sections if section.images is Images.STORE]
        channels = {channel.id for section in keeping for channel in section.channels}
        return frozenset(channels | {REQUESTED} if keeping else channels)
