"""The poller: the leader runs all due work, one task after another.

No response from upstream may stop it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from feedproxy import policy
from feedproxy.errors import StoreError
from feedproxy.ingest.alarms import tell as tell_alarms
from feedproxy.ingest.alarms import watch
from feedproxy.ingest.archive import archive
from feedproxy.ingest.channels import ChannelPoller
from feedproxy.ingest.due_work import due_channels, plan_first
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.ingest.websub import Announcer
from feedproxy.model import REQUESTED, Alarm, Channel

_log = logging.getLogger(__name__)
# Delay before the next attempt when the store fails, or when nothing is scheduled.
_AGAIN = timedelta(seconds=5)
# Renewals of a lease before it would expire.
_RENEWALS = 3
# Delay after an unexpected error or a failed notification; longest delay after errors of the store.
_REST, _LONGEST_REST = timedelta(minutes=5), timedelta(minutes=10)
# Channel name under which pictures are counted that were fetched after their articles.
_LATER = "later"
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Poller:
    """Polls by the schedule in the store; of several pollers of a store, only the leader works.

    *owner* is its unique name. *webhook* receives alarms. *announcer* notifies a WebSub hub of
    changed feeds. *executor*, if given, replaces the work in this process: it is called with the
    poller, delegates the due work, and returns when to call it again.
    """

    services: Services
    owner: str
    webhook: Callable[[Alarm], None] | None = None
    announcer: Announcer | None = None
    is_leading: bool = False
    renewed: datetime | None = None
    resting: dict[str, datetime] = field(default_factory=dict)
    troubles: int = 0
    trouble: str = ""
    rests_until: datetime | None = None
    executor: "Callable[[Poller], datetime] | None" = None

    @property
    def channel_poller(self) -> ChannelPoller:
        """Polls the channels."""
        return ChannelPoller(self.services)

    def step(self) -> datetime:
        """Run all due work if this poller leads; return when to call this again."""
        now = self.services.clock()
        try:
            if not self.lead():
                return now + self._lease / _RENEWALS
        except StoreError as e:  # no back-off: a retry costs upstream nothing
            self._tell(e)
            return now + _AGAIN
        if self.rests_until and now < self.rests_until <= now + _LONGEST_REST:
            return self.rests_until
        try:
            again_at = self.executor(self) if self.executor else self._work()
        except StoreError as e:
            return self._rest(e)
        if self.trouble:
            _log.info("polling continues")
        self.troubles, self.trouble, self.rests_until = 0, "", None
        return max(again_at, self.services.clock())

    def _rest(self, error: StoreError) -> datetime:
        """Pause with growing delays after an error of the store; return the end of the pause.

        Without it, articles that can't be stored would be fetched again and again.
        """
        self.troubles += 1
        self._tell(error)
        self.rests_until = self.services.clock() + min(_AGAIN * 2**self.troubles, _LONGEST_REST)
        return self.rests_until

    def _tell(self, error: StoreError) -> None:
        if str(error) != self.trouble:
            self.trouble = str(error)
            _log.error("%s; polling is paused, and resumes by itself", error)

    def lead(self) -> bool:
        """Acquire the lease, or renew it if that is due; return whether this poller leads."""
        now = self.services.clock()
        if (
            self.is_leading
            and self.renewed
            and self.renewed <= now < self.renewed + self._lease / _RENEWALS
        ):
            return True
        was_leading = self.is_leading
        self.is_leading = self.services.store.lease.lead(self.owner, now, now + self._lease)
        self.renewed = now
        if self.is_leading != was_leading:
            _log.info(
                "this poller %s",
                "leads" if self.is_leading else "leads no more: another has taken over",
            )
        return self.is_leading

    def resign(self) -> None:
        """Release the lease, so that another poller can lead at once."""
        if self.is_leading:
            self.is_leading = False
            self.services.store.lease.resign(self.owner)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.services.mirror.poll.lease_seconds)

    def _work(self) -> datetime:
        """Run all due work in this process; return when the next work is due."""
        now, channels = self.services.clock(), policy.in_turns(self.services.mirror.sections)
        plan_first(self.services, channels)
        self.guarded("archives", partial(archive, self.services))
        self.guarded("requests", self.channel_poller.serve_readers)
        for channel, _ in due_channels(
            self.services, {channel.id: channel for channel in channels}
        ):
            if not self.may_go_on():
                break
            self._poll(channel)
            self.guarded("requests", self.channel_poller.serve_readers)
        else:
            self._fetch_due(channels)
            if self.may_go_on():
                self.guarded("pictures", partial(take_pictures, self.services))
            self.tell_others()
        ids = {REQUESTED} | {channel.id for channel in channels}
        due = self.services.store.schedule.next_due(
            ids, self.services.hosts, self.services.picture_channels
        )
        rested = min((until for until in self.resting.values() if until > now), default=now)
        return max(due or now + _AGAIN, rested)

    def may_go_on(self) -> bool:
        """Return whether this poller leads and was not asked to stop."""
        return not self.services.is_stopping() and self.lead()

    def _poll(self, channel: Channel) -> None:
        """Poll a channel; record an unexpected error, so that the other polls go on."""
        try:
            if self.channel_poller.claim(channel):
                tell(self.channel_poller.poll(channel))
        except StoreError:
            raise
        except Exception as e:  # noqa: BLE001 (the outermost loop)
            _log.exception("%s: poll failed", channel.id, extra={"channel": channel.id})
            self.channel_poller.give_up(channel, e)

    def _fetch_due(self, channels: list[Channel]) -> None:
        """Fetch articles whose retry or check is due before the next poll of their channel."""
        now = self.services.clock()
        due = self.services.store.queue.due_channels(
            now, policy.horizon(now, self.services.mirror.poll)
        )
        if REQUESTED in due:
            self.guarded("requests", self.channel_poller.answer_requests)
        for channel in channels:
            if channel.id in due and self.may_go_on():
                self.guarded(channel.id, partial(self.channel_poller.fetch_due, channel))

    def tell_others(self) -> None:
        """Send alarms to the webhook and changed feeds to the hub; pause either after a failure."""
        self.guarded("webhook", self._tell_webhook)
        self.guarded("websub", self._tell_hub)

    def _tell_webhook(self) -> None:
        if self.webhook and not tell_alarms(self.services, self.webhook):
            self.resting["webhook"] = self.services.clock() + _REST

    def _tell_hub(self) -> None:
        if self.announcer and not self.announcer.tell(self.services.mirror, self.services.store):
            self.resting["websub"] = self.services.clock() + _REST

    def guarded(self, name: str, work: Callable[[], _Result]) -> _Result | None:
        """Run *work* unless *name* is paused; log an unexpected error, and pause *name* for it."""
        now = self.services.clock()
        if now < self.resting.get(name, now):
            return None
        try:
            done = work()
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 (the outermost loop)
            _log.exception("%s failed", name)
            self.resting[name] = self.services.clock() + _REST
            return None
        if isinstance(done, Report):
            tell(done)
        return done


def take_pictures(services: Services) -> None:
    """Fetch one batch of due pictures, so that other due work can run before the next batch."""
    report = Report(
        replace(services.mirror.channels[0], id=_LATER, title="pictures that came later")
    )
    ChannelPoller(services).pictures.fetch_due(report)
    if report.pictures or report.missing:
        watch(services, report)
    tell(report)


def tell(report: Report) -> None:
    """Log the numbers of new and updated articles and of pictures, if there are any."""
    if report.new or report.updated or report.pictures:
        name = f"{report.channel.id} {report.channel.title}"
        counts = report.new, report.updated, report.pictures
        _log.info(
            "%s: %d new, %d updated, %d pictures",
            name,
            *counts,
            extra={"channel": report.channel.id},
        )
