"""The poller: what is due, one thing after the other, by whoever leads; nothing that upstream brings may end it."""

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
from feedproxy.ingest.channels import Harvester
from feedproxy.ingest.due_work import due_channels, plan_first
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.ingest.websub import Announcer
from feedproxy.model import REQUESTED, Alarm, Channel

_log = logging.getLogger(__name__)
# What can't be done now, as the store fails or another leads, is tried again then.
_AGAIN = timedelta(seconds=5)
# A lease is renewed three times before it ends.
_RENEWALS = 3
# What failed in a way that nobody foresaw is not done again at once.
_REST, _LONGEST_REST = timedelta(minutes=5), timedelta(minutes=10)
# As whose the pictures are counted that did not come with their articles.
_LATER = "later"
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Poller:
    """Polls by the schedule in the store; of several pollers over one store only the leader does.

    *owner* is its name, unlike any other's. *webhook* is told of alarms, *announcer* tells a hub of feeds that changed. Where
    *hands* are given they have what is due done, and return when there may be more.
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
    hands: "Callable[[Poller], datetime] | None" = None

    @property
    def harvester(self) -> Harvester:
        """What does the work."""
        return Harvester(self.services)

    def step(self) -> datetime:
        """Do all that is due; return when there may be more."""
        now = self.services.clock()
        try:
            if not self.lead():
                return now + self._lease / _RENEWALS
        except StoreError as e:  # asking again costs nobody anything
            self._tell(e)
            return now + _AGAIN
        if self.rests_until and now < self.rests_until <= now + _LONGEST_REST:
            return self.rests_until
        try:
            again_at = self.hands(self) if self.hands else self._work()
        except StoreError as e:
            return self._rest(e)
        if self.trouble:
            _log.info("polling goes on")
        self.troubles, self.trouble, self.rests_until = 0, "", None
        return max(again_at, self.services.clock())

    def _rest(self, error: StoreError) -> datetime:
        """Do nothing for a while, longer and longer: what is fetched and can't be stored would be fetched again and again."""
        self.troubles += 1
        self._tell(error)
        self.rests_until = self.services.clock() + min(_AGAIN * 2**self.troubles, _LONGEST_REST)
        return self.rests_until

    def _tell(self, error: StoreError) -> None:
        if str(error) != self.trouble:
            self.trouble = str(error)
            _log.error("%s; polling rests, and goes on by itself", error)

    def lead(self) -> bool:
        """Take the lease or renew it, where that is due; return whether this poller leads."""
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
        """Give the lease back, so that another poller need not wait."""
        if self.is_leading:
            self.is_leading = False
            self.services.store.lease.resign(self.owner)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.services.mirror.poll.lease_seconds)

    def _work(self) -> datetime:
        """Do all that is due, here and now; return when there is more."""
        now, channels = self.services.clock(), policy.in_turns(self.services.mirror.sections)
        plan_first(self.services, channels)
        self.guarded("archives", partial(archive, self.services))
        self.guarded("requests", self.harvester.serve_readers)
        for channel, _ in due_channels(
            self.services, {channel.id: channel for channel in channels}
        ):
            if not self.may_go_on():
                break
            self._poll(channel)
            self.guarded("requests", self.harvester.serve_readers)
        else:
            self._take_due(channels)
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
        """Tell whether this poller leads, and is not to stop."""
        return not self.services.is_stopping() and self.lead()

    def _poll(self, channel: Channel) -> None:
        """Poll a channel; what nobody foresaw costs this poll, and not the others."""
        try:
            if self.harvester.claim(channel):
                tell(self.harvester.poll(channel))
        except StoreError:
            raise
        except Exception as e:  # noqa: BLE001 (the outermost loop)
            _log.exception("%s: poll failed", channel.id, extra={"channel": channel.id})
            self.harvester.give_up(channel, e)

    def _take_due(self, channels: list[Channel]) -> None:
        """Fetch what is to be tried or looked at again, between the polls of its channel."""
        now = self.services.clock()
        due = self.services.store.channels_waiting(
            now, policy.horizon(now, self.services.mirror.poll)
        )
        if REQUESTED in due:
            self.guarded("requests", self.harvester.answer_requests)
        for channel in channels:
            if channel.id in due and self.may_go_on():
                self.guarded(channel.id, partial(self.harvester.take, channel))

    def tell_others(self) -> None:
        """Tell the webhook of alarms, the hub of feeds that changed; who takes nothing is left alone for a while."""
        self.guarded("webhook", self._tell_webhook)
        self.guarded("websub", self._tell_hub)

    def _tell_webhook(self) -> None:
        if self.webhook and not tell_alarms(self.services, self.webhook):
            self.resting["webhook"] = self.services.clock() + _REST

    def _tell_hub(self) -> None:
        if self.announcer and not self.announcer.tell(self.services.mirror, self.services.store):
            self.resting["websub"] = self.services.clock() + _REST

    def guarded(self, name: str, work: Callable[[], _Result]) -> _Result | None:
        """Do some work; what nobody foresaw costs only that, and gives it some rest."""
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
    """Fetch some pictures that are due; what else is due comes before the next ones."""
    report = Report(
        replace(services.mirror.channels[0], id=_LATER, title="pictures that came later")
    )
    Harvester(services).pictures.take_due(report)
    if report.pictures or report.missing:
        watch(services, report)
    tell(report)


def tell(report: Report) -> None:
    """Say in the log what is new."""
    if report.new or report.updated or report.pictures:
        name = f"{report.channel.id} {report.channel.title}"
        counts = report.new, report.updated, report.pictures
        _log.info(
            "%s: %d new, %d updated, %d pictures",
            name,
            *counts,
            extra={"channel": report.channel.id},
        )
