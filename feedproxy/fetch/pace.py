"""Request rates: one budget for each host, shared by all processes that send requests to it."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from feedproxy.model import FetchLimits

# A host that is silent, or asks for a pause without a length, is not requested for a minute; each
# further pause is twice as long, up to a quarter of an hour.
_QUIET_S, _MAX_QUIET_S = 60.0, 900.0
_MAX_DOUBLINGS = 8
# A host may ask for a pause of up to a day.
MOST_QUIET_S = 86_400.0


class Budget(Protocol):
    """Request slots and pauses of hosts, shared by all processes; kept in the store or in Redis."""

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        """Reserve the time of a host's next request, at least *gap_s* after the one before.

        Return that time; the second value is the end of the host's pause, None if it has none.
        """

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        """Pause requests to a host until *until*."""

    def slot(self, host: str, at_once: int) -> AbstractContextManager[object]:
        """Hold one of *at_once* concurrent request slots of a host; wait until one is free."""

    def quiet(self, now: datetime) -> Mapping[str, datetime]:
        """Return the hosts that are paused, with the end of each pause."""


class QuietError(Exception):
    """Requests to a host are paused until *until*."""

    def __init__(self, host: str, until: datetime) -> None:
        super().__init__(f"{host} is paused until {until:%Y-%m-%d %H:%M:%S} UTC")
        self.until = until


class Pace:
    """Limits a host's requests: their rate, their number at the same time, none during a pause."""

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
    def request_slot(self, host: str) -> Iterator[None]:
        """Wait until a request to *host* may be sent, and hold its slot.

        Raises:
            QuietError: requests to the host are paused.

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
        """Return the minimum number of seconds between two requests to a host."""
        return max(1 / self._limits.requests_per_second, self._delays.get(host, 0.0))

    def slow_down(self, host: str, delay_s: float) -> None:
        """Set the minimum of *delay_s* seconds between two requests to a host."""
        self._delays[host] = delay_s

    def count(self, host: str, outcome: str) -> None:
        """Count a request that was sent, by host and outcome."""
        with self._lock:
            self._counts[host, outcome] += 1

    def take_counts(self) -> dict[tuple[str, str], int]:
        """Return the counts since the last call, and reset them."""
        with self._lock:
            counts, self._counts = dict(self._counts), Counter()
        return counts

    def note_answer(self, host: str) -> None:
        """Reset the silence and pause counters of a host that has answered."""
        with self._lock:
            self._silent[host] = self._rests[host] = 0

    def note_silence(self, host: str) -> None:
        """Count a request without a response; pause the host after `give_up_after` of them."""
        with self._lock:
            self._silent[host] += 1
            if self._silent[host] < self._limits.give_up_after:
                return
            self._silent[host] = 0
        self.rest(host)

    def rest(self, host: str, until: datetime | None = None) -> datetime:
        """Pause requests to a host, and return the end of the pause.

        That is *until*, at most a day away; or, without it, after a time that doubles with each
        pause since the host answered last.
        """
        now = self.clock()
        with self._lock:
            doublings = min(self._rests[host], _MAX_DOUBLINGS)
            self._rests[host] += 1
        own = now + timedelta(seconds=min(_QUIET_S * 2**doublings, _MAX_QUIET_S))
        granted = min(max(until, now), now + timedelta(seconds=MOST_QUIET_S)) if until else own
        self._budget.hold(host, now, granted)
        return granted
