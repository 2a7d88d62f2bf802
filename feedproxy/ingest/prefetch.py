"""Fetch the pages of a batch a little ahead of the code that reads them."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from feedproxy.ingest.services import Services
from feedproxy.model import ArticleId, Page, Validators, Waiting


def fetch_all(
    services: Services,
    batch: Sequence[Waiting],
    known: Mapping[ArticleId, Validators],
    has_page: Callable[[Waiting], bool],
) -> Iterator[tuple[Waiting, Future[Page | None] | None]]:
    """Fetch the pages of *batch* concurrently and yield them in the given order.

    A page that has not changed since its validators in *known* comes as None. An article for which
    *has_page* is false comes without an answer. No new request begins once the process is told to
    stop.
    """

    def fetch(waiting: Waiting) -> Page | None:
        validators = known.get(waiting.item.id, Validators())
        return services.fetcher.refetch(waiting.item.url, validators)

    limit = services.mirror.fetch.requests_at_once
    pending: deque[tuple[Waiting, Future[Page | None] | None]] = deque()
    with ThreadPoolExecutor(limit) as pool:
        for waiting in batch:
            if services.is_stopping():
                break
            answer = pool.submit(fetch, waiting) if has_page(waiting) else None
            pending.append((waiting, answer))
            if len(pending) > 2 * limit:
                yield pending.popleft()
        while pending:
            yield pending.popleft()
