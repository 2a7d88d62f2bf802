"""Small fakes for ports, and the real network without its waits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Semaphore

from feedproxy.configuration.settings import Settings
from feedproxy.fetch import HttpFetcher, open_fetcher
from feedproxy.model import Mirror

NOW = datetime(2021, 6, 1, 12, tzinfo=UTC)


class CalmBudget:
    """Lets every request pass at once; remembers who asked for a pause, and leaves them."""

    def __init__(self) -> None:
        self.stored: dict[str, datetime] = {}
        self.gaps: dict[str, float] = {}
        self.places: dict[str, Semaphore] = {}

    def slot(self, host: str, at_once: int) -> Semaphore:
        return self.places.setdefault(host, Semaphore(at_once))

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        del most_quiet_s
        self.gaps[host] = gap_s
        until = self.stored.get(host)
        return now, until if until and until > now else None

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        del now
        self.stored[host] = until

    def quiet(self, now: datetime) -> Mapping[str, datetime]:
        return {host: until for host, until in self.stored.items() if until > now}


def open_calm_fetcher(
    settings: Settings,
    mirror: Mirror,
    budget: CalmBudget | None = None,
    *,
    cache_file: Path | None = None,
    now: datetime = NOW,
) -> HttpFetcher:
    """Return a fetcher over the real network that waits for nothing; its clock stands still."""
    return open_fetcher(
        settings, mirror, budget or CalmBudget(), lambda: now, lambda _: None, cache_file=cache_file
    )
