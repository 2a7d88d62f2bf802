"""What was stored, appended to the archives and indexed for search."""

from feedproxy.ingest.services import Services
from feedproxy.store import SEARCH_LOT

# So often some articles are indexed at a time.
_TIMES = 3


def archive(services: Services) -> int:
    """Append to the archives what was stored since this was done last, by whomever; return how many entries that were.

    Of what is to be indexed, some: after an import the rest is left for the next times. It asks for little where nothing
    was stored. What a process that was killed had stored is taken by the next.

    Raises:
        StoreError: the store can't be read or written.

    """
    added = services.store.archive.append(services.mirror.logs, services.clock())
    for _ in range(_TIMES):
        if services.is_stopping() or services.store.search.index(SEARCH_LOT) < SEARCH_LOT:
            break
    return added
