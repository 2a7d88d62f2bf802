"""Leases on due work: one process does it, and another takes over soon if that process dies.

A claim is stored as the due time of the work itself. A process acquires it by compare-and-set: it
moves the due time ahead if that still has the value read before. While working, it keeps moving it
ahead. So claims need no table of their own, and they expire by themselves.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from feedproxy.errors import StoreError
from feedproxy.ingest.services import Services
from feedproxy.model import ArticleId

_log = logging.getLogger(__name__)
# Renewals during one claim. A claim lasts as long as a poller's lease: after the death of its
# process the work is due again when it expires.
_RENEWALS = 3
# Delay before work that failed with an unexpected error is due again.
_REST = timedelta(minutes=5)
# Moves a due time from the value read before to a new one; False if another process moved it.
Move = Callable[[datetime | None, datetime], bool]


def of_channel(services: Services, name: str) -> Move:
    """Return the function that moves the claim on a channel's poll."""
    return lambda seen, until: services.store.schedule.begin_poll(name, seen, until)


def of_articles(services: Services, ids: Collection[ArticleId], claimed: set[ArticleId]) -> Move:
    """Return the function that moves the claims on queued articles.

    It removes from *claimed*, initially *ids*, the articles that another process has claimed.
    """
    claimed.update(ids)

    def move(seen: datetime | None, until: datetime) -> bool:
        claimed.intersection_update(
            services.store.schedule.begin_articles(dict.fromkeys(claimed, seen), until)
        )
        return bool(claimed)

    return move


@contextmanager
def claimed(services: Services, move: Move, seen: datetime, name: str) -> Iterator[bool]:
    """Acquire the claim if it still expires at *seen*, and renew it; yield whether it was acquired.

    At the end of the block, unfinished work is due at once. An unexpected error is logged, not
    raised, and delays unfinished work. A StoreError is raised after restoring the claim to *seen*,
    so that the work can be tried again.
    """
    claim = [seen, services.clock() + _length(services)]
    if not move(*claim):
        yield False
        return
    stopped, renewed_at = threading.Event(), services.clock()
    keeper = threading.Thread(target=_renew, args=(services, move, claim, stopped), daemon=True)
    keeper.start()
    try:
        yield True
        renewed_at = services.clock()
    except StoreError:
        renewed_at = seen
        raise
    except Exception:  # noqa: BLE001 (the outermost loop of a worker)
        _log.exception("%s failed", name)
        renewed_at = services.clock() + _REST
    finally:
        stopped.set()
        keeper.join()
        with suppress(StoreError):  # the claim expires anyway
            move(claim[1], renewed_at)


def _renew(services: Services, move: Move, claim: list[datetime], stopped: threading.Event) -> None:
    while not stopped.wait(_length(services).total_seconds() / _RENEWALS):
        until = services.clock() + _length(services)
        try:
            if not move(claim[1], until):
                return  # nothing is left to renew
        except StoreError as e:
            _log.debug("%s; a claim is not renewed", e)
        else:
            claim[1] = until


def _length(services: Services) -> timedelta:
    return timedelta(seconds=services.mirror.poll.lease_seconds)
