"""Append stored articles to the archives and to the search index."""

from feedproxy.ingest.services import Services
from feedproxy.store import INDEX_BATCH

# Batches of INDEX_BATCH articles indexed by one call, at most.
_TIMES = 3


def archive(services: Services) -> int:
    """Append all articles stored since the last call to the archives; return the number of entries.

    Then index a limited number of articles for search; after a large import, later calls index the
    rest. The call is cheap when nothing was stored. Pending articles are recorded in the store, so
    articles saved by another process, or by one that was killed, are included.

    Raises:
        StoreError: the store can't be read or written.

    """
    added = services.store.archive.append(services.mirror.logs, services.clock())
    for _ in range(_TIMES):
        if services.is_stopping() or services.store.search.index(INDEX_BATCH) < INDEX_BATCH:
            break
    return added
