"""The poller: what is due, one thing after the other, by whoever leads; nothing that upstream brings may end it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from feedproxy import plan
from feedproxy.errors import StoreError
from feedproxy.harvest.alarms import tell
from feedproxy.harvest.channels import Harvester
from feedproxy.harvest.kit import Kit
from feedproxy.harvest.reports import Report
from feedproxy.model import REQUESTED, Alarm, Channel

_log = logging.getLogger(__name__)
# What can't be done now, as the store fails or another leads, is tried again then.
_AGAIN = timedelta(seconds=5)
# A lease is renewed three times before it ends.
_RENEWALS = 3
# What failed in a way that nobody foresaw is not done again at once.
_REST = timedelta(minutes=5)
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Poller:
    """Polls by the schedule in the store; of several pollers over one store only the leader does.

    *owner* is its name, unlike any other's. *webhook* is told of alarms.
    """

    kit: Kit
    owner: str
    webhook: Callable[[Alarm], None] | None = None
    is_leading: bool = False
    renewed: datetime | None = None
    resting: dict[str, datetime] = field(default_factory=dict)

    @property
    def harvester(self) -> Harvester:
        """What does the work."""
        return Harvester(self.kit)

    def step(self) -> datetime:
        """Do all that is due; return when there may be more."""
        now = self.kit.clock()
        try:
            if not self.lead():
                return now + self._lease / _RENEWALS
            self._work()
            channels = {REQUESTED} | {channel.id for channel in self.kit.mirror.channels}
            due = self.kit.store.schedule.next_due(channels, self.kit.hosts, self.kit.picture_channels)
        except StoreError as e:
            _log.error("%s; trying again", e)
            return self.kit.clock() + _AGAIN
        return max(due or now + _AGAIN, self.kit.clock())

    def lead(self) -> bool:
        """Take the lease or renew it, where that is due; return whether this poller leads."""
        now = self.kit.clock()
        if self.is_leading and self.renewed and self.renewed <= now < self.renewed + self._lease / _RENEWALS:
            return True
        was_leading = self.is_leading
        self.is_leading = self.kit.store.schedule.lead(self.owner, now, now + self._lease)
        self.renewed = now
        if self.is_leading != was_leading:
            _log.info("this poller %s", "leads" if self.is_leading else "leads no more: another has taken over")
        return self.is_leading

    def resign(self) -> None:
        """Give the lease back, so that another poller need not wait."""
        if self.is_leading:
            self.is_leading = False
            self.kit.store.schedule.resign(self.owner)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.kit.mirror.poll.lease_seconds)

    def _work(self) -> None:
        kit, rules = self.kit, self.kit.mirror.poll
        schedule, channels = kit.store.schedule, plan.in_turns(kit.mirror.sections)
        first = plan.first_polls(channels, schedule.states(), kit.clock(), rules)
        if first:
            schedule.plan_first(first)
        self._guarded("requests", self.harvester.serve_readers)
        for channel in plan.due_channels(channels, schedule.states(), kit.clock(), rules):
            if not self._may_go_on():
                return
            self._poll(channel)
            self._guarded("requests", self.harvester.serve_readers)
        self._take_due(channels)
        self._take_pictures()
        if self.webhook:
            self._guarded("webhook", partial(tell, kit, self.webhook))

    def _may_go_on(self) -> bool:
        return not self.kit.is_stopping() and self.lead()

    def _poll(self, channel: Channel) -> None:
        """Poll a channel; what nobody foresaw costs this poll, and not the others."""
        try:
            if self.harvester.claim(channel):
                _tell(self.harvester.poll(channel))
        except StoreError:
            raise
        except Exception as e:  # noqa: BLE001 (the outermost loop)
            _log.exception("%s: poll failed", channel.id)
            self.harvester.give_up(channel, e)

    def _take_due(self, channels: list[Channel]) -> None:
        """Fetch what is to be tried or looked at again, between the polls of its channel."""
        now = self.kit.clock()
        due = self.kit.store.channels_waiting(now, plan.horizon(now, self.kit.mirror.poll))
        if REQUESTED in due:
            self._guarded("requests", self.harvester.answer_requests)
        for channel in channels:
            if channel.id in due and self._may_go_on():
                self._guarded(channel.id, partial(self.harvester.take, channel))

    def _take_pictures(self) -> None:
        report = Report(self.kit.mirror.channels[0])
        while self._may_go_on():
            if not self._guarded("pictures", partial(self.harvester.pictures.take_due, report)):
                break
        _tell(report)

    def _guarded(self, name: str, work: Callable[[], _Result]) -> _Result | None:
        """Do some work; what nobody foresaw costs only that, and gives it some rest."""
        if self.kit.clock() < self.resting.get(name, self.kit.clock()):
            return None
        try:
            done = work()
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 (the outermost loop)
            _log.exception("%s failed", name)
            self.resting[name] = self.kit.clock() + _REST
            return None
        if isinstance(done, Report):
            _tell(done)
        return done


def _tell(report: Report) -> None:
    if report.new or report.updated or report.pictures:
        name = f"{report.channel.id} {report.channel.title}"
        _log.info("%s: %d new, %d updated, %d pictures", name, report.new, report.updated, report.pictures)
