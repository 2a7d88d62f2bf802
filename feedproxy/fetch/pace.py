"""How fast a host is asked: one budget for everything that is asked of it, by whoever asks."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from feedproxy.model import FetchLimits

# A host that is silent, or that asks for patience without saying how much, is left alone so long, twice as long the next
# time, at most for a quarter of an hour.
_QUIET_S, _MAX_QUIET_S = 60.0, 900.0
_MAX_DOUBLINGS = 8
# What a host asks for is granted up to a day.
MOST_QUIET_S = 86_400.0


class Budget(Protocol):
    """When which host may be asked, by whichever process; the store keeps it."""

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        """Return when to send the next request, or as the second value until when the host wants to be left alone."""

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        """Leave a host alone until *until*."""

    def slot(self, host: str, at_once: int) -> AbstractContextManager[object]:
        """Hold one of so many places before a host; wait for one."""

    def quiet(self, now: datetime) -> Mapping[str, datetime]:
        """Return the hosts that want to be left alone, and until when."""


class QuietError(Exception):
    """A host is to be left alone until *until*."""

    def __init__(self, host: str, until: datetime) -> None:
        super().__init__(f"{host} is left alone until {until:%Y-%m-%d %H:%M:%S} UTC")
        self.until = until


class Pace:
    """Lets requests pass: so many in a second, so many at once, and none while a host wants to be left alone."""

    def __init__(
        self,
        budget: Budget,
        limits: FetchLimits,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self.clock, self._sleep = clock, sleep
        self._budget, self._limits = budget, limits
        self._delays: dict[str, float] = {}
        self._silent: dict[str, int] = defaultdict(int)
        self._rests: dict[str, int] = defaultdict(int)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Wait for a request's turn.

        Raises:
            QuietError: the host wants to be left alone.

        """
        with self._budget.slot(host, self._limits.requests_at_once):
            now = self.clock()
            start, quiet_until = self._budget.reserve(host, self.gap_s(host), now, MOST_QUIET_S)
            if quiet_until:
                raise QuietError(host, quiet_until)
            if start > now:
                self._sleep((start - now) / timedelta(seconds=1))
                if asked_meanwhile := self._budget.quiet(self.clock()).get(host):
                    raise QuietError(host, asked_meanwhile)
            yield

    def gap_s(self, host: str) -> float:
        """Return how many seconds lie between two requests to a host."""
        return max(1 / self._limits.requests_per_second, self._delays.get(host, 0.0))

    def slow_down(self, host: str, delay_s: float) -> None:
        """Have at least *delay_s* seconds between two requests to a host."""
        self._delays[host] = delay_s

    def count(self, host: str, outcome: str) -> None:
        """Count a request that was sent."""
        with self._lock:
            self._counts[host, outcome] += 1

    def take_counts(self) -> dict[tuple[str, str], int]:
        """Return what was counted since this was asked last."""
        with self._lock:
            counts, self._counts = dict(self._counts), Counter()
        return counts

    def note_answer(self, host: str) -> None:
        """Remember that a host answers."""
        with self._lock:
            self._silent[host] = self._rests[host] = 0

    def note_silence(self, host: str) -> None:
        """Remember that a host was silent; too often, and it is left alone for a while."""
        with self._lock:
            self._silent[host] += 1
            if self._silent[host] < self._limits.give_up_after:
                return
            self._silent[host] = 0
        self.rest(host)

    def rest(self, host: str, until: datetime | None = None) -> datetime:
        """Leave a host alone until *until*, which it asked for; return until when, at most a day."""
        now = self.clock()
        with self._lock:
            doublings = min(self._rests[host], _MAX_DOUBLINGS)
            self._rests[host] += 1
        own = now + timedelta(seconds=min(_QUIET_S * 2**doublings, _MAX_QUIET_S))
        granted = min(max(until, now), now + timedelta(seconds=MOST_QUIET_S)) if until else own
        self._budget.hold(host, now, granted)
        return granted
