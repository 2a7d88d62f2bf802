"""Claims: what is due is done once, by whoever does it, and again soon if that one dies.

A claim is the moment from which on something is due, in the store: whoever takes it moves that moment ahead, if nobody else has
since it was seen, and goes on moving it while at work. So a claim needs no table of its own, and ends by itself.
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
# A claim is as long as a poller's lease: what somebody was at who died is due again then. Who is alive renews it in time.
_RENEWALS = 3
# What failed in a way that nobody foresaw is not done again at once.
_REST = timedelta(minutes=5)
# Moves a claim from the moment that was seen to another one; False if it is somebody else's.
Move = Callable[[datetime | None, datetime], bool]


def of_channel(services: Services, name: str) -> Move:
    """Return what claims a channel's poll."""
    return lambda seen, until: services.store.schedule.begin_poll(name, seen, until)


def of_articles(services: Services, ids: Collection[ArticleId], mine: set[ArticleId]) -> Move:
    """Return what claims articles that wait; *mine* are those that were had."""
    mine.update(ids)

    def move(seen: datetime | None, until: datetime) -> bool:
        mine.intersection_update(
            services.store.schedule.begin_articles(dict.fromkeys(mine, seen), until)
        )
        return bool(mine)

    return move


@contextmanager
def claimed(services: Services, move: Move, seen: datetime, name: str) -> Iterator[bool]:
    """Tell whether what was put aside until *seen* is ours to do, and keep it so; what is left of it at the end is due then.

    What nobody foresaw ends here. A StoreError is raised, and the claim is then as it was seen, for another try.
    """
    held = [seen, services.clock() + _length(services)]
    if not move(*held):
        yield False
        return
    done, back = threading.Event(), services.clock()
    keeper = threading.Thread(target=_renew, args=(services, move, held, done), daemon=True)
    keeper.start()
    try:
        yield True
        back = services.clock()
    except StoreError:
        back = seen
        raise
    except Exception:  # noqa: BLE001 (the outermost loop of a worker)
        _log.exception("%s failed", name)
        back = services.clock() + _REST
    finally:
        done.set()
        keeper.join()
        with suppress(StoreError):  # it ends by itself
            move(held[1], back)


def _renew(services: Services, move: Move, held: list[datetime], done: threading.Event) -> None:
    while not done.wait(_length(services).total_seconds() / _RENEWALS):
        until = services.clock() + _length(services)
        try:
            if not move(held[1], until):
                return  # all is done
        except StoreError as e:
            _log.debug("%s; a claim is not renewed", e)
        else:
            held[1] = until


def _length(services: Services) -> timedelta:
    return timedelta(seconds=services.mirror.poll.lease_seconds)
