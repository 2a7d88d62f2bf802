"""What scheduling costs: due channels found, claimed and sent, at 100, 1,000 and 10,000 channels on 200 hosts.

`PYTHONPATH=tests python -m bench.scheduling`; prints the table of docs/scale.md. The clock is
injected, so nothing is waited for. Workers are a loop here that says that what was sent was polled.
Processor time counts, as other work is beside it.
"""

import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, cast

from sqlalchemy import create_engine, insert

from feedproxy.configuration import load_mirror
from feedproxy.ingest import Dispatcher, Poller, Priority, Services, Task
from feedproxy.model import Channel, Source, Url
from feedproxy.store import Store, open_store
from feedproxy.store.tables import archive_log

HOSTS = 200
# How many channels fall due in a step, and how many polls are sent in a run.
CHUNK, POLLS, RUNS = 20, 24_000, 3
INTERVAL = timedelta(minutes=10)
CONFIG = Path(__file__).resolve().parents[2] / "config"


@dataclass
class Clock:
    now: datetime = datetime(2031, 5, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Line:
    """A queue in memory; *deepest* is how many waited at most."""

    waiting: list[Task] = field(default_factory=list)
    deepest: int = 0

    def send(self, task: Task, priority: Priority, patience: timedelta) -> None:
        del priority, patience
        self.waiting.append(task)
        self.deepest = max(self.deepest, len(self.waiting))

    def length(self) -> int:
        return len(self.waiting)


@dataclass
class Run:
    sent: int = 0
    seconds: float = 0.0
    deepest: int = 0
    latest: timedelta = timedelta(0)


def measure(store: Store, url: str, count: int, steps: int, chunk: int) -> Run:
    """Let the dispatcher work until so many steps were full; each step lets as many fall due as a queue takes."""
    clock, line, run = Clock(), Line(), Run()
    mirror = load_mirror(CONFIG)
    site = mirror.sites[0]
    channels = tuple(
        Channel(
            f"c{number}",
            "",
            site,
            Source("html", Url(f"https://h{number % HOSTS}.example/{number}")),
        )
        for number in range(count)
    )
    small = replace(mirror, sections=(replace(mirror.sections[0], channels=channels),))
    services = Services(small, store, cast("Any", None), cast("Any", None), clock)
    at = {f"c{number}": clock.now + INTERVAL * number / count for number in range(count)}
    store.schedule.plan_first(at)
    engine = create_engine(url)
    with engine.begin() as db:  # as an installation has them that runs already
        db.execute(
            insert(archive_log),
            [{"name": log.name, "channels": " ".join(sorted(log.channels))} for log in small.logs],
        )
    engine.dispose()
    poller = Poller(services, "bench", executor=Dispatcher(line).step)
    poller.step()  # the first one, which sets things up
    line.waiting.clear()
    for _ in range(steps):
        clock.now += INTERVAL * chunk / count  # so many fall due
        began = time.process_time()
        poller.step()
        run.seconds += time.process_time() - began
        run.sent += len(line.waiting)
        for task in line.waiting:
            state = store.schedule.state(task.channel)
            run.latest = max(run.latest, clock.now - at[task.channel])
            at[task.channel] = clock.now + INTERVAL
            store.schedule.save_poll(
                replace(
                    state,
                    polled_at=clock.now,
                    succeeded_at=clock.now,
                    next_poll_at=at[task.channel],
                )
            )
        line.waiting.clear()
    run.deepest = line.deepest
    return run


def main() -> None:
    print(f"{CHUNK} channels due in a step, {POLLS:,} polls in each of {RUNS} runs")
    for count in (100, 1_000, 10_000):
        runs = [_once(count) for _ in range(RUNS)]
        each = median(run.seconds / run.sent for run in runs)
        deepest, latest = max(run.deepest for run in runs), max(run.latest for run in runs)
        cost = f"{1e3 * each:.3f} ms each, {1 / each:.0f} a second"
        print(f"  {count:6} channels: {cost}, queue {deepest}, late {latest}", flush=True)


def _once(count: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.sqlite"
        store = open_store(url, Path(folder))
        try:
            return measure(store, url, count, POLLS // CHUNK, CHUNK)
        finally:
            store.close()


if __name__ == "__main__":
    main()
