"""What is due, sent to workers: who leads claims it and sends it, whoever takes it from the queue does it.

Nothing piles up: what is sent is claimed, so it is not due, until its message expires; and who sends looks how long the queue is.
A message is only a hint: a worker does what it says only where the store says that it is still to be done.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from functools import partial
from typing import Protocol

from feedproxy import plan
from feedproxy.errors import StoreError
from feedproxy.harvest import claims
from feedproxy.harvest.alarms import watch
from feedproxy.harvest.archive import archive
from feedproxy.harvest.channels import Harvester
from feedproxy.harvest.due import due_articles, due_channels, plan_first
from feedproxy.harvest.kit import Kit
from feedproxy.harvest.poller import Poller, take_pictures, tell
from feedproxy.harvest.reports import Report
from feedproxy.harvest.taking import Taker
from feedproxy.model import REQUESTED, ArticleId, Channel

# What is sent is done by then, or sent again.
_QUEUED = timedelta(minutes=2)
# Messages that wait at most; readers' requests go past that. With ten workers of four processes, what they do in some seconds.
_MOST_QUEUED = 200
# Articles of a message: so many that a message is worth it, so few that the next one of higher priority comes soon.
_BATCH = 10
_STEP = timedelta(seconds=1)
# Pictures that came later can wait, and to look for them takes longer the more channels there are.
_PICTURES_STEP = timedelta(seconds=5)
# As which channel the queue of pictures is claimed.
_PICTURES = "later"


class Priority(IntEnum):
    """What goes first: what a reader waits for, then news, then what is known and to be fetched."""

    READER = 3
    LISTING = 2
    ARTICLES = 1
    PICTURES = 0


@dataclass(frozen=True, slots=True)
class Errand:
    """What a message says: a channel's listing, or some of its articles, or pictures; claimed until then."""

    channel: str
    claimed: datetime
    articles: tuple[ArticleId, ...] = ()


class Queue(Protocol):
    """Where errands wait for workers; every method raises StoreError where it can't be reached."""

    def send(self, errand: Errand, priority: Priority, patience: timedelta) -> None:
        """Send an errand, which is forgotten if nobody has taken it for so long."""

    def length(self) -> int:
        """Return how many wait."""


@dataclass(slots=True)
class Dispatcher:
    """The hands of a poller that has everything done by workers."""

    queue: Queue
    channels: dict[str, Channel] = field(default_factory=dict)
    looked_at: datetime | None = None

    def step(self, poller: Poller) -> datetime:
        """Send what is due; return when there may be more."""
        kit = poller.kit
        if not self.channels:
            self.channels = {channel.id: channel for channel in plan.in_turns(kit.mirror.sections)}
            plan_first(kit, list(self.channels.values()))
            poller.guarded("archives", partial(archive, kit))
        if kit.store.archive.is_due() or kit.store.search.due():
            poller.guarded("archives", partial(archive, kit))
        kit.store.take_requests()
        waiting = kit.store.channels_waiting(kit.clock(), plan.horizon(kit.clock(), kit.mirror.poll))
        if REQUESTED in waiting:
            self._send_articles(kit, REQUESTED, Priority.READER)
        room = _MOST_QUEUED - self.queue.length()
        sends: list[Callable[[], int]] = [*self._listings(kit), *self._articles(kit, waiting), partial(self._send_pictures, kit)]
        for send in sends:
            if room <= 0 or not poller.may_go_on():
                break
            room -= send()
        poller.tell_others()
        return kit.clock() + _STEP

    def _listings(self, kit: Kit) -> list[Callable[[], int]]:
        return [
            partial(self._send_poll, kit, channel.id, at, Priority.LISTING) for channel, at in due_channels(kit, self.channels)
        ]

    def _articles(self, kit: Kit, waiting: set[str]) -> list[Callable[[], int]]:
        return [partial(self._send_articles, kit, name, Priority.ARTICLES) for name in sorted(waiting & self.channels.keys())]

    def _send_poll(self, kit: Kit, name: str, seen: datetime | None, priority: Priority) -> int:
        begin, now = kit.store.schedule.begin_poll, kit.clock()
        errand = Errand(name, now + _QUEUED)
        if not begin(name, seen, errand.claimed):
            return 0
        return self._send(errand, priority, lambda: begin(name, errand.claimed, seen or now))

    def _send_articles(self, kit: Kit, channel: str, priority: Priority) -> int:
        due, now = due_articles(kit, channel, _BATCH), kit.clock()
        had = kit.store.schedule.begin_articles({each.item.id: each.try_at for each in due}, now + _QUEUED)
        errand = Errand(channel, now + _QUEUED, tuple(each.item.id for each in due if each.item.id in had))
        if not errand.articles:
            return 0
        return self._send(
            errand, priority, lambda: kit.store.schedule.begin_articles(dict.fromkeys(errand.articles, errand.claimed), now)
        )

    def _send_pictures(self, kit: Kit) -> int:
        now = kit.clock()
        if self.looked_at and self.looked_at <= now < self.looked_at + _PICTURES_STEP:
            return 0
        self.looked_at, seen = now, kit.store.schedule.state(_PICTURES).next_poll_at
        is_free = seen is None or not now < seen <= now + _QUEUED
        if not is_free or not kit.store.due_pictures(kit.hosts, kit.picture_channels, now, 1):
            return 0
        return self._send_poll(kit, _PICTURES, seen, Priority.PICTURES)

    def _send(self, errand: Errand, priority: Priority, give_back: Callable[[], object]) -> int:
        """Send what is claimed; what can't be sent is due again at once."""
        try:
            self.queue.send(errand, priority, _QUEUED)
        except StoreError:
            give_back()
            raise
        return 1


def run_errand(kit: Kit, errand: Errand) -> None:
    """Do what a message says, if that is still to be done.

    Raises:
        StoreError: the store, or what paces requests, can't be reached; the errand is to be tried again.

    """
    harvester, mine = Harvester(kit), set[ArticleId]()
    channel = next((each for each in (harvester.requested, *kit.mirror.channels) if each.id == errand.channel), None)
    move = claims.of_articles(kit, errand.articles, mine) if errand.articles else claims.of_channel(kit, errand.channel)
    with claims.claimed(kit, move, errand.claimed, errand.channel) as is_ours:
        if not is_ours or kit.is_stopping():
            return
        if channel is None:
            if errand.channel == _PICTURES:
                take_pictures(kit)
        elif errand.articles:
            _take(kit, channel, mine)
        else:
            _poll(harvester, channel)


def _take(kit: Kit, channel: Channel, ids: Collection[ArticleId]) -> None:
    """Fetch some articles of a channel, which are claimed, and so due whatever the store says."""
    report = Report(channel)
    with kit.store.turn():
        Taker(kit, channel, report).take(kit.store.waiting(channel.id, ids))
    watch(kit, report)
    tell(report)


def _poll(harvester: Harvester, channel: Channel) -> None:
    """Poll a channel's listing; what nobody foresaw costs this poll."""
    try:
        tell(harvester.poll(channel, is_whole=False))
    except StoreError:
        raise
    except Exception as e:
        harvester.give_up(channel, e)
        raise
