"""Pages ahead of who takes them: fetched some at a time, and where many come, made articles in processes of their own."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from feedproxy import configuration, urls
from feedproxy.extract import extract_article
from feedproxy.ingest.drafts import Draft, make_article
from feedproxy.model import ArticleId, ListingItem, Mirror, Page, Site, Validators, Waiting

if TYPE_CHECKING:
    from feedproxy.ingest.services import Services

_log = logging.getLogger(__name__)
# So many pages in so short a time keep half a core busy (docs/benchmarks.md, row 5); processes take a second to begin, and 75 MB.
_MANY, _WITHIN = 100, timedelta(seconds=4)
# No page takes as long.
_PATIENCE_S = 60.0
# What the system says that has no room for another process, no memory, or no semaphores.
_CANT_BE_HAD = (BrokenExecutor, NotImplementedError, OSError, RuntimeError)
_mirrors: list[Mirror] = []


def prepare(mirror: Mirror) -> None:
    """Have this process read pages of that mirror's sites."""
    _mirrors[:] = [mirror]


def prepared() -> Mirror:
    """Return the mirror whose pages this process reads."""
    return _mirrors[0]


def extract_alone(page: Page, item: ListingItem, site: Site, now: datetime) -> Draft | None:
    """Return the article that is whole on *page*, None if it goes on elsewhere; runs in a process of its own.

    Raises:
        UpstreamError: there is none.

    """
    mirror = prepared()
    extract = extract_article(page, configuration.rules_for(mirror, urls.host_of(page.url)), site)
    if extract.next_url or extract.single_url not in (None, page.url):
        return None
    return make_article([(page, extract)], item, site, mirror, now)


class Extractors:
    """Processes that make articles of pages; *open_pool* begins them when *many* pages come at once.

    Each has called `prepare`. Where they can't be had, or one is killed, pages are left to who asked from then on.
    """

    def __init__(self, open_pool: Callable[[], Executor], many: int = _MANY) -> None:
        self._open_pool, self._lock, self._is_broken = open_pool, threading.Lock(), False
        self._pool: Executor | None = None
        self._latest: deque[datetime] = deque(maxlen=many)

    def begin(
        self, page: Page, item: ListingItem, site: Site, now: datetime
    ) -> "Future[Draft | None] | None":
        """Have an article be made of its page, if there are processes for it."""
        with self._lock:
            self._latest.append(now)
            is_full = len(self._latest) == self._latest.maxlen
            try:
                if (
                    self._pool is None
                    and is_full
                    and not self._is_broken
                    and now - self._latest[0] < _WITHIN
                ):
                    self._pool = self._open_pool()
                return (
                    self._pool.submit(extract_alone, page, item, site, now) if self._pool else None
                )
            except _CANT_BE_HAD as e:
                self._give_up(e)
                return None

    def finish(self, begun: "Future[Draft | None] | None") -> Draft | None:
        """Return the article that was made; None if that is still to be done. Raises what `extract_alone` does."""
        try:
            return begun.result(_PATIENCE_S) if begun else None
        except CancelledError:  # with the one before it
            return None
        except (BrokenExecutor, TimeoutError) as e:
            with self._lock:
                self._give_up(e)
            return None

    def _give_up(self, error: Exception) -> None:
        if not self._is_broken:
            why = " ".join(str(error).split()) or "none answers"
            _log.warning(
                "processes that read pages can't be had, or one was killed: %s; it goes on without them",
                why,
            )
        self._is_broken = True
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page that came, and the article that a process is making of it, if one is."""

    page: Page
    begun: "Future[Draft | None] | None" = None


def fetch_all(
    services: "Services",
    batch: Sequence[Waiting],
    known: Mapping[ArticleId, Validators],
    site_of: Callable[[Waiting], Site],
) -> "Iterator[tuple[Waiting, Future[Fetched | None]]]":
    """Fetch what is due, some at a time and only a little ahead of who takes it; yield in the given order.

    Of an article that is held only a page that has changed comes. Once all is to stop, nothing more is begun. *site_of* may
    raise an UpstreamError.
    """

    def fetch(waiting: Waiting) -> Fetched | None:
        page = services.fetcher.refetch(waiting.item.url, known.get(waiting.item.id, Validators()))
        if page is None:
            return None
        apart = None if services.mirror.mirrored_at(waiting.item.url) else services.extractors
        return Fetched(
            page,
            apart.begin(page, waiting.item, site_of(waiting), services.clock()) if apart else None,
        )

    at_once = services.mirror.fetch.requests_at_once
    ahead: deque[tuple[Waiting, Future[Fetched | None]]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        for waiting in batch:
            if services.is_stopping():
                break
            ahead.append((waiting, pool.submit(fetch, waiting)))
            if len(ahead) > 2 * at_once:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()
