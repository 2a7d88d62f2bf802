"""Dispatch due work to workers: the leading poller claims and queues tasks, workers run them.

Tasks do not pile up: queued work stays claimed, and so is not due, until its message expires, and
the sender limits the length of the queue. A message is only a hint: a worker runs a task only if
the store confirms that the claim is still valid.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from functools import partial
from typing import Protocol

from feedproxy import policy
from feedproxy.errors import StoreError
from feedproxy.ingest import claims
from feedproxy.ingest.alarms import watch
from feedproxy.ingest.archive import archive
from feedproxy.ingest.article_fetcher import ArticleFetcher
from feedproxy.ingest.channels import ChannelPoller
from feedproxy.ingest.due_work import due_articles, due_channels, plan_first
from feedproxy.ingest.poller import Poller, take_pictures, tell
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.model import REQUESTED, ArticleId, Channel

# Lifetime of a message and of its claim; work that no worker has begun by then is sent again.
_QUEUED = timedelta(minutes=2)
# Maximum length of the queue; readers' requests are sent regardless. Ten workers of four processes
# handle this number in a few seconds.
_MOST_QUEUED = 200
# Articles per message: enough to outweigh the cost of a message, few enough for a message of higher
# priority to be handled soon.
_BATCH = 10
_STEP = timedelta(seconds=1)
# Interval between queries for due pictures: they are not urgent, and the query gets slower with the
# number of channels.
_PICTURES_STEP = timedelta(seconds=5)
# Channel name under which the picture queue is claimed.
_PICTURES = "later"


class Priority(IntEnum):
    """Priority of a task: articles that readers wait for, then listings, articles and pictures."""

    READER = 3
    LISTING = 2
    ARTICLES = 1
    PICTURES = 0


@dataclass(frozen=True, slots=True)
class Task:
    """The content of a message: poll a channel's listing, or fetch some articles or due pictures.

    *claimed* is the time until which the work is claimed.
    """

    channel: str
    claimed: datetime
    articles: tuple[ArticleId, ...] = ()


class TaskQueue(Protocol):
    """A task queue; every method raises StoreError if the queue can't be reached."""

    def send(self, task: Task, priority: Priority, patience: timedelta) -> None:
        """Send a task; it expires if no worker has received it within *patience*."""

    def length(self) -> int:
        """Return the number of queued tasks."""


@dataclass(slots=True)
class Dispatcher:
    """Sends due work to the task queue."""

    queue: TaskQueue
    channels: dict[str, Channel] = field(default_factory=dict)
    looked_at: datetime | None = None

    def step(self, poller: Poller) -> datetime:
        """Send due tasks; return when to call this again."""
        services = poller.services
        if not self.channels:
            self.channels = {
                channel.id: channel for channel in policy.in_turns(services.mirror.sections)
            }
            plan_first(services, list(self.channels.values()))
            poller.guarded("archives", partial(archive, services))
        if services.store.archive.is_due() or services.store.search.due():
            poller.guarded("archives", partial(archive, services))
        services.store.requests.enqueue()
        waiting = services.store.queue.due_channels(
            services.clock(), policy.horizon(services.clock(), services.mirror.poll)
        )
        if REQUESTED in waiting:
            self._send_articles(services, REQUESTED, Priority.READER)
        room = _MOST_QUEUED - self.queue.length()
        sends: list[Callable[[], int]] = [
            *self._listings(services),
            *self._articles(services, waiting),
            partial(self._send_pictures, services),
        ]
        for send in sends:
            if room <= 0 or not poller.may_go_on():
                break
            room -= send()
        poller.tell_others()
        return services.clock() + _STEP

    def _listings(self, services: Services) -> list[Callable[[], int]]:
        return [
            partial(self._send_poll, services, channel.id, at, Priority.LISTING)
            for channel, at in due_channels(services, self.channels)
        ]

    def _articles(self, services: Services, waiting: set[str]) -> list[Callable[[], int]]:
        return [
            partial(self._send_articles, services, name, Priority.ARTICLES)
            for name in sorted(waiting & self.channels.keys())
        ]

    def _send_poll(
        self, services: Services, name: str, seen: datetime | None, priority: Priority
    ) -> int:
        begin, now = services.store.schedule.begin_poll, services.clock()
        task = Task(name, now + _QUEUED)
        if not begin(name, seen, task.claimed):
            return 0
        return self._send(task, priority, lambda: begin(name, task.claimed, seen or now))

    def _send_articles(self, services: Services, channel: str, priority: Priority) -> int:
        due, now = due_articles(services, channel, _BATCH), services.clock()
        claimed_ids = services.store.schedule.begin_articles(
            {each.item.id: each.try_at for each in due}, now + _QUEUED
        )
        task = Task(
            channel,
            now + _QUEUED,
            tuple(each.item.id for each in due if each.item.id in claimed_ids),
        )
        if not task.articles:
            return 0
        return self._send(
            task,
            priority,
            lambda: services.store.schedule.begin_articles(
                dict.fromkeys(task.articles, task.claimed), now
            ),
        )

    def _send_pictures(self, services: Services) -> int:
        now = services.clock()
        if self.looked_at and self.looked_at <= now < self.looked_at + _PICTURES_STEP:
            return 0
        self.looked_at, seen = now, services.store.schedule.state(_PICTURES).next_poll_at
        is_free = seen is None or not now < seen <= now + _QUEUED
        if not is_free or not services.store.pictures.due(
            services.hosts, services.picture_channels, now, 1
        ):
            return 0
        return self._send_poll(services, _PICTURES, seen, Priority.PICTURES)

    def _send(self, task: Task, priority: Priority, give_back: Callable[[], object]) -> int:
        """Send a claimed task and return 1; if that fails, release the claim with *give_back*."""
        try:
            self.queue.send(task, priority, _QUEUED)
        except StoreError:
            give_back()
            raise
        return 1


def run_task(services: Services, task: Task) -> None:
    """Run a task if its claim is still valid.

    Raises:
        StoreError: the store or the rate limiter can't be reached; try the task again.

    """
    channel_poller, claimed = ChannelPoller(services), set[ArticleId]()
    channel = next(
        (
            each
            for each in (channel_poller.requested, *services.mirror.channels)
            if each.id == task.channel
        ),
        None,
    )
    move = (
        claims.of_articles(services, task.articles, claimed)
        if task.articles
        else claims.of_channel(services, task.channel)
    )
    with claims.claimed(services, move, task.claimed, task.channel) as is_ours:
        if not is_ours or services.is_stopping():
            return
        if channel is None:
            if task.channel == _PICTURES:
                take_pictures(services)
        elif task.articles:
            _poll_channel(services, channel, claimed)
        else:
            _poll(channel_poller, channel)


def _poll_channel(services: Services, channel: Channel, ids: Collection[ArticleId]) -> None:
    """Fetch claimed articles of a channel, ignoring their due times, which the claim has moved."""
    report = Report(channel)
    with services.store.exclusive_lock():
        ArticleFetcher(services, channel, report).fetch(
            services.store.queue.of_channel(channel.id, ids)
        )
    watch(services, report)
    tell(report)


def _poll(channel_poller: ChannelPoller, channel: Channel) -> None:
    """Poll a channel's listing; record a poll that failed with an unexpected error."""
    try:
        tell(channel_poller.poll(channel, is_whole=False))
    except StoreError:
        raise
    except Exception as e:
        channel_poller.give_up(channel, e)
        raise
