"""What the poller keeps beside the articles: when what is polled, when whom may be asked, what happened, serials. Ports."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from feedproxy.model import Alarm, ArticleId, Backfill, ChannelState


class Schedule(Protocol):
    """When which channel is polled."""

    def states(self) -> dict[str, ChannelState]:
        """Return what is remembered of each channel's polls."""

    def state(self, channel: str) -> ChannelState:
        """Return what is remembered of one channel's polls."""

    def due(self, now: datetime, horizon: datetime) -> dict[str, ChannelState]:
        """Return what is remembered of the channels that may be due; a moment beyond *horizon* is not believed."""

    def remember_poll(self, state: ChannelState) -> None:
        """Store a channel's state, but for its outcomes."""

    def remember_outcomes(self, channel: str, outcomes: str) -> None:
        """Store how the latest pages of a channel fitted the rules."""

    def plan_first(self, polls: Mapping[str, datetime]) -> None:
        """Set when channels are polled that never were, as far as that is not set yet."""

    def begin_poll(self, channel: str, seen: datetime | None, until: datetime) -> bool:
        """Claim the poll of a channel that was *seen* to be due at that moment; until *until* nobody else polls it.

        Return False if somebody else has claimed it.
        """

    def begin_articles(
        self, seen: Mapping[ArticleId, datetime | None], until: datetime
    ) -> set[ArticleId]:
        """Claim in the same way articles that wait; return those that nobody else has claimed."""

    def next_due(
        self, channels: Collection[str], hosts: Collection[str], showing: Collection[str]
    ) -> datetime | None:
        """Return when the next poll or article of one of *channels*, or picture of one *showing* them at *hosts*, is due."""

    def backfill(self, channel: str) -> Backfill | None:
        """Return how far the walk down a channel's listing has come."""

    def remember_backfill(self, walk: Backfill) -> None:
        """Store how far it has come."""

    def forget_backfill(self, channel: str) -> None:
        """Have the next walk begin at the top."""


class Lease(Protocol):
    """Who polls: one of several."""

    def lead(self, owner: str, now: datetime, until: datetime) -> bool:
        """Take or renew the lease until *until*; return False while somebody else holds it."""

    def resign(self, owner: str) -> None:
        """Give the lease back."""

    def leader(self) -> tuple[str, datetime] | None:
        """Return who holds the lease, and until when."""


class HostBudget(Protocol):
    """When which host may be asked, by whichever process."""

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        """Return when to send the next request to a host, *gap_s* seconds after the last one.

        If the host wants to be left alone, return until when as the second value; nothing is reserved then. What lies
        more than *most_quiet_s* seconds ahead is not believed.
        """

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        """Leave a host alone until *until*."""

    def slot(self, host: str, at_once: int) -> AbstractContextManager[object]:
        """Hold one of so many places before a host, whichever process has the others; wait for one.

        Raises:
            StoreError: where they are kept can't be written.

        """

    def quiet(self, now: datetime) -> Mapping[str, datetime]:
        """Return the hosts that want to be left alone, and until when."""


class Records(Protocol):
    """What happened how often, and which alarms are on."""

    def add(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Count what happened, by name, source and outcome."""

    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """Return what happened since the store was made."""

    def sizes(self) -> Mapping[str, int]:
        """Return how much of each kind there is: articles, gone, waiting, checks, requests, pictures, missing_pictures."""

    def bytes_held(self) -> int:
        """Return how many bytes the store and its pictures take."""

    def queues(self) -> Mapping[str, int]:
        """Return how many articles that are not held wait, by the channels that show them."""

    def newest(self) -> Mapping[str, datetime]:
        """Return when the newest article of each channel was published."""

    def per_day(self, channels: Collection[str], since: datetime) -> Mapping[date, int]:
        """Return how many articles of *channels* were published on each day (UTC) from *since* on, days without any left out."""

    def alarms(self) -> list[Alarm]:
        """Return the last alarm of each channel, oldest first."""

    def put_alarm(self, alarm: Alarm) -> None:
        """Open or close a channel's alarm."""

    def untold(self) -> list[Alarm]:
        """Return the alarms of whose state the webhook does not know."""

    def told(self, alarm: Alarm) -> None:
        """Remember that it knows."""


class Serials(Protocol):
    """The serials of what is signed: our own exports, and what other mirrors published."""

    def next(self, path: str, digest: str) -> int:
        """Return the serial that `issue` would give."""

    def issue(self, path: str, digest: str) -> int:
        """Return the serial of a publication at *path*: the last one while its *digest* is the same, else one more."""

    def highest(self, source: str, path: str) -> int:
        """Return the serial that was remembered of what a source published at *path*, 0 if there is none."""

    def remember(self, source: str, path: str, number: int) -> None:
        """Store the serial of what a source published at *path*."""
