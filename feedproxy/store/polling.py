"""Define the ports for what the poller stores besides articles.

The schedule of polls, the lease, the budgets of hosts, counters and alarms, and serials.
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from feedproxy.model import Alarm, ArticleId, Backfill, ChannelState


class Schedule(Protocol):
    """The schedule of the channels' polls."""

    def states(self) -> dict[str, ChannelState]:
        """Return the poll state of each channel, by its ID."""

    def state(self, channel: str) -> ChannelState:
        """Return the poll state of one channel."""

    def due(self, now: datetime, horizon: datetime) -> dict[str, ChannelState]:
        """Return the poll states of the channels that may be due.

        A time after *horizon* counts as due, as it was written by a clock that was wrong.
        """

    def remember_poll(self, state: ChannelState) -> None:
        """Store a channel's state, without its outcomes."""

    def remember_outcomes(self, channel: str, outcomes: str) -> None:
        """Store how the latest pages of a channel fitted the rules."""

    def plan_first(self, polls: Mapping[str, datetime]) -> None:
        """Set when channels are polled first, unless they have been polled or scheduled before."""

    def begin_poll(self, channel: str, seen: datetime | None, until: datetime) -> bool:
        """Claim the poll of a channel until *until*, if its due time is still *seen*.

        Return False if another process has claimed it.
        """

    def begin_articles(
        self, seen: Mapping[ArticleId, datetime | None], until: datetime
    ) -> set[ArticleId]:
        """Claim queued articles in the same way; return those that no other process has claimed."""

    def next_due(
        self, channels: Collection[str], hosts: Collection[str], showing: Collection[str]
    ) -> datetime | None:
        """Return when the next poll, article or picture is due, None if nothing is planned.

        Polls and articles are those of *channels*; pictures those at *hosts* in articles of the
        channels *showing* them.
        """

    def backfill(self, channel: str) -> Backfill | None:
        """Return how far the walk down a channel's listing has come, None if it has not begun."""

    def remember_backfill(self, walk: Backfill) -> None:
        """Store how far a walk has come."""

    def forget_backfill(self, channel: str) -> None:
        """Delete the progress of a channel's walk, so that the next one begins at the top."""


class Lease(Protocol):
    """The lease that makes one of several pollers the leader."""

    def lead(self, owner: str, now: datetime, until: datetime) -> bool:
        """Acquire or renew the lease until *until*; return False while another owner holds it."""

    def resign(self, owner: str) -> None:
        """Release the lease."""

    def leader(self) -> tuple[str, datetime] | None:
        """Return the owner of the lease and when it expires, None if nobody holds it."""


class HostBudget(Protocol):
    """The rate limit of each host, shared by all processes."""

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        """Return when to send the next request to a host, at least *gap_s* seconds after the last.

        If the host is to be left alone, return until when as the second value, and reserve nothing.
        Such a time more than *most_quiet_s* seconds ahead is ignored.
        """

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        """Send no requests to a host until *until*."""

    def slot(self, host: str, at_once: int) -> AbstractContextManager[object]:
        """Hold one of the *at_once* slots for requests to a host; wait for one if all are taken.

        The slots are shared with other processes.

        Raises:
            StoreError: the slots can't be written.

        """

    def quiet(self, now: datetime) -> Mapping[str, datetime]:
        """Return the hosts that are to be left alone, and until when."""


class Records(Protocol):
    """Counters of events, figures of the store, and alarms."""

    def add(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Add to the counters of events, by name, source and outcome."""

    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """Return the counters of events since the store was created."""

    def sizes(self) -> Mapping[str, int]:
        """Return the number of rows of each kind.

        The kinds are articles, gone, waiting, checks, requests, pictures and missing_pictures.
        """

    def bytes_held(self) -> int:
        """Return the bytes that the store and its pictures take."""

    def queues(self) -> Mapping[str, int]:
        """Return the number of queued articles that are not stored, by channel."""

    def newest(self) -> Mapping[str, datetime]:
        """Return when the newest article of each channel was published."""

    def per_day(self, channels: Collection[str], since: datetime) -> Mapping[date, int]:
        """Return the number of articles of *channels* published on each day (UTC) since *since*.

        Days without articles are left out.
        """

    def alarms(self) -> list[Alarm]:
        """Return the last alarm of each channel and rule, oldest first."""

    def put_alarm(self, alarm: Alarm) -> None:
        """Open or close a channel's alarm."""

    def unsent(self) -> list[Alarm]:
        """Return the alarms whose present state was not sent to the webhook yet."""

    def mark_sent(self, alarm: Alarm) -> None:
        """Mark the state of an alarm as sent to the webhook."""


class Serials(Protocol):
    """The serials of signed publications: of our own exports, and of other mirrors."""

    def next(self, path: str, digest: str) -> int:
        """Return the serial that `issue` would return, without storing it."""

    def issue(self, path: str, digest: str) -> int:
        """Return and store the serial of a publication at *path*.

        It is the last one while *digest* is the same, and one more otherwise.
        """

    def highest(self, source: str, path: str) -> int:
        """Return the stored serial of a source's publication at *path*, 0 if there is none."""

    def remember(self, source: str, path: str, number: int) -> None:
        """Store the serial of a source's publication at *path*."""
