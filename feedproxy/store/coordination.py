"""Ports for what several processes share: the leader's lease and the budgets of hosts.

Each has two implementations: one in the database (`schedule`), one in Redis (`redis_backend`).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

Clock = Callable[[], datetime]


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

        If the host is paused, return the end of the pause as the second value, and reserve nothing.
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
        """Return the hosts that are paused, with the end of each pause."""
