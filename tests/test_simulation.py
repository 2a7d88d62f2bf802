"""Days of polling in seconds: a site that fails at random, is down, asks for patience, and changes its layout.

Prints its figures: `pytest -n0 -s tests/test_simulation.py`; the long forms, marked `soak`, are run by `make soak`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse
from world import HOST, Faults, Machine, Piece, SimulatedClock, Site, make_site, serve, write_config

from feedproxy.configuration.settings import Settings
from feedproxy.media import FolderMedia
from feedproxy.model import EXCERPT, Article
from feedproxy.sanitise import plain_text
from feedproxy.web import create_app

START = datetime(2031, 5, 1, tzinfo=UTC)
# A feed is made anew for each change, so it is not looked at after every step.
_LOOK_EVERY, _TELL_EVERY = 10, 1_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


TOKEN = "a-token-of-operators"


def look(app: Flask, path: str) -> TestResponse:
    """Return what an operator sees."""
    return app.test_client().get(path, headers={"Authorization": f"Bearer {TOKEN}"})


@dataclass
class World:
    """A site, a folder for the store, and what readers see."""

    site: Site
    settings: Settings
    machines: list[Machine] = field(default_factory=list)

    @property
    def clock(self) -> SimulatedClock:
        return self.site.clock

    def start(self, name: str = "poller") -> Machine:
        self.machines.append(Machine(self.site, self.settings, name))
        return self.machines[-1]

    def app(self, machine: Machine) -> Flask:
        return create_app(
            self.settings,
            machine.mirror,
            machine.store,
            FolderMedia(self.settings.media),
            self.clock,
        )


@contextmanager
def make_world(
    folder: Path, *, channels: int, per_day: float, days: float, poll: str = "lease_seconds = 3600"
) -> Iterator[World]:
    clock = SimulatedClock(START)
    site = make_site(clock, channels=channels, per_day=per_day, days=days)
    with serve(site):
        config = write_config(folder / "config", site, poll)
        settings = Settings(
            config=config,
            data=folder / "var",
            origins={HOST: site.origin},
            public_url="http://mirror.example",
            operator_token=TOKEN,
        )
        world = World(site, settings)
        try:
            yield world
        finally:
            for machine in world.machines:
                machine.close()


def run(clock: SimulatedClock, machine: Machine, until: datetime) -> Iterator[datetime]:
    """Let a poller work until then, and renew its lease in time; yield after each of its steps."""
    lease = timedelta(seconds=machine.mirror.poll.lease_seconds)
    while clock.now < until:
        at = machine.poller.step()
        yield clock.now
        clock.move_to(min(max(at, clock.now + timedelta(seconds=1)), clock.now + lease / 3, until))
    machine.poller.lead()


def stored(machine: Machine) -> dict[str, Article]:
    everything = machine.store.newest([channel.id for channel in machine.mirror.channels], 100_000)
    assert len({article.id for article in everything}) == len(everything)
    return {article.id: article for article in everything}


def is_whole(article: Article, piece: Piece, now: datetime) -> bool:
    text = plain_text(article.body)
    return (
        article.rule != EXCERPT
        and all(line in text for line in piece.paragraphs(now))
        and article.title == piece.title(now)
    )


def feed_of(app: Flask, form: str = "xml") -> bytes:
    answer = app.test_client().get(f"/feed/daily.{form}")
    assert answer.status_code == 200
    return bytes(answer.data)


def polls(site: Site) -> Counter[str]:
    """Return how often each channel's listing was asked for."""
    return Counter({channel: site.asked[f"/{channel}.htm"] for channel in site.channels})


# ---------------------------------------------------------------- a month


def live_through(
    folder: Path, *, channels: int, per_day: float, days: float, down: tuple[float, float]
) -> None:
    """Let upstream fail in all its ways for some days, and hold that nothing is lost, doubled, or asked for too fast."""
    with make_world(folder, channels=channels, per_day=per_day, days=days) as world:
        site, clock, end = world.site, world.clock, START + days * DAY
        outage = (START + down[0] * DAY, START + down[1] * DAY)
        site.faults = Faults(
            fail_rate=0.3, retry_after=20, down=(outage,), new_layout_from=START + days / 2 * DAY
        )
        machine = world.start()
        app, frozen, seen = world.app(machine), b"", dict[str, datetime]()
        version = machine.store.version(site.channels)
        for number, now in enumerate(run(clock, machine, end)):
            if site.is_down:
                feed = feed_of(app)
                frozen = frozen or feed
                assert feed == frozen
            elif number % _LOOK_EVERY == 0:
                feed_of(app)
            if number % _TELL_EVERY == 0:
                print(
                    f"  day {(now - START) / DAY:.1f}, {sum(site.asked.values())} requests",
                    flush=True,
                )
            version, was = machine.store.version(site.channels), version
            if version != was:
                for headline in machine.store.headlines(site.channels, 60):
                    seen.setdefault(headline.id, now)
        site.faults = replace(site.faults, fail_rate=0.0)
        for _ in run(clock, machine, end + 2 * DAY):
            pass
        _judge(world, machine, seen, days, outage)


def _judge(
    world: World,
    machine: Machine,
    seen: dict[str, datetime],
    days: float,
    outage: tuple[datetime, datetime],
) -> None:
    site, now = world.site, world.clock.now
    # what was published after the last look is still to come
    wanted = {
        piece.id: piece
        for piece in site.published(now - 7 * HOUR)
        if piece.published > START - timedelta(hours=12)
    }
    articles = stored(machine)
    assert sorted(set(wanted) - set(articles)) == []
    settled = {each: piece for each, piece in wanted.items() if piece.published < now - 25 * HOUR}
    assert [
        each for each, piece in settled.items() if not is_whole(articles[each], piece, now)
    ] == []
    delays = [
        seen[each] - piece.published
        for each, piece in wanted.items()
        if each in seen
        and piece.published > START
        and not outage[0] - DAY < piece.published < outage[1]
    ]
    asked = polls(site)
    count = len(articles)
    total = sum(site.asked.values())
    by_kind = {
        kind: sum(n for path, n in site.asked.items() if path.startswith(kind))
        for kind in ("/c", "/pic/", "/3")
    }
    print(
        f"\n{len(wanted)} articles of {len(site.channels)} channels in {days:g} days, {total} requests: {dict(site.statuses)}"
    )
    print(
        f"  for an article {by_kind['/3'] / count:.1f} requests, for its picture {by_kind['/pic/'] / count:.1f}"
    )
    a_day = by_kind["/c"] / len(site.channels) / (days + 2)
    print(
        f"  for a channel and day {a_day:.1f}, for the busiest {max(asked.values()) / (days + 2):.0f}"
    )
    median = sorted(delays)[len(delays) // 2]
    print(
        f"  from publication to the feed, but for the outage: {max(delays)} at most, {median} in the median"
    )
    print(
        f"  shortest time between two requests, in gaps of the budget: {machine.budget.tightest_s():.3f}"
    )
    assert machine.budget.tightest_s() > 0.999
    assert sum(map(len, machine.budget.passed.values())) == total
    assert max(delays) < DAY
    app = world.app(machine)
    metrics = look(app, "/metrics").text
    new = sum(
        int(float(line.split()[-1]))
        for line in metrics.splitlines()
        if line.startswith("feedproxy_articles_total") and '"new"' in line
    )
    assert new == count
    assert look(app, "/readyz").json["problems"] == []  # type: ignore[index]


def test_days_of_failures_an_outage_and_another_layout_lose_nothing(tmp_path: Path) -> None:
    live_through(tmp_path, channels=4, per_day=9, days=4, down=(1.2, 2.0))


@pytest.mark.soak
def test_a_month_of_failures_an_outage_of_three_days_and_another_layout_lose_nothing(
    tmp_path: Path,
) -> None:
    live_through(tmp_path, channels=37, per_day=80, days=30, down=(10, 13))


# ---------------------------------------------------------------- who polls, and when


@pytest.mark.soak
def test_restarts_ask_upstream_for_nothing_more(tmp_path: Path) -> None:
    asked = []
    for restarts in (0, 20):
        with make_world(tmp_path / str(restarts), channels=8, per_day=40, days=2) as world:
            machine = world.start()
            for _ in run(world.clock, machine, START + DAY):
                pass
            world.site.asked.clear()
            minute = START + DAY + timedelta(minutes=1)
            for number in range(restarts):
                for _ in run(
                    world.clock,
                    world.start(f"again{number}"),
                    START + DAY + timedelta(seconds=3 * number),
                ):
                    pass
                world.machines[-1].poller.resign()
            for _ in run(world.clock, world.start("last"), minute):
                pass
            asked.append(sum(world.site.asked.values()))
    assert asked[1] <= asked[0]


def test_a_fresh_start_spreads_its_first_polls(tmp_path: Path) -> None:
    with make_world(
        tmp_path, channels=10, per_day=20, days=1, poll="first_polls_minutes = 20"
    ) as world:
        machine = world.start()
        first: dict[str, datetime] = {}
        for now in run(world.clock, machine, START + HOUR):
            for channel, count in polls(world.site).items():
                if count:
                    first.setdefault(channel, now)
        assert len(first) == 10
        assert max(first.values()) - min(first.values()) >= timedelta(minutes=17)


def test_of_two_pollers_one_polls_and_the_other_takes_over_in_time(tmp_path: Path) -> None:
    asked = []
    for count in (1, 2):
        with make_world(
            tmp_path / str(count), channels=4, per_day=12, days=2, poll="lease_seconds = 900"
        ) as world:
            machines = [world.start(f"poller{number}") for number in range(count)]
            due = dict.fromkeys(range(count), START)
            while world.clock.now < START + DAY:
                number = min(due, key=lambda each: due[each])
                world.clock.move_to(due[number])
                at = max(machines[number].poller.step(), world.clock.now + timedelta(seconds=1))
                due[number] = min(at, world.clock.now + timedelta(seconds=300))
            assert sum(machine.poller.is_leading for machine in machines) == 1
            asked.append(polls(world.site))
    assert sum(asked[1].values()) == pytest.approx(sum(asked[0].values()), rel=0.05)
    for channel, times in asked[0].items():
        assert asked[1][channel] == pytest.approx(times, rel=0.1, abs=2)


def test_a_leader_that_is_killed_is_followed_within_its_lease(tmp_path: Path) -> None:
    with make_world(tmp_path, channels=2, per_day=10, days=1, poll="lease_seconds = 30") as world:
        first, second = world.start("first"), world.start("second")
        first.poller.step()
        at = second.poller.step()
        assert (first.poller.is_leading, second.poller.is_leading) == (True, False)
        killed = world.clock.now
        while not second.poller.is_leading:
            world.clock.move_to(at)
            at = second.poller.step()
        assert world.clock.now - killed <= timedelta(seconds=40)


# ---------------------------------------------------------------- what the signs say


def test_an_outage_is_seen_by_operators_and_by_nobody_else(tmp_path: Path) -> None:
    with make_world(tmp_path, channels=3, per_day=8, days=3) as world:
        machine = world.start()
        for _ in run(world.clock, machine, START + DAY):
            pass
        app, before = world.app(machine), stored(machine)
        feed = feed_of(app)
        world.site.faults = Faults(down=((START, START + 2 * DAY),))
        for _ in run(world.clock, machine, START + 2 * DAY):
            assert feed_of(app) == feed
        ready = look(app, "/readyz")
        assert ready.status_code == 200
        assert ready.json is not None
        told = [problem["what"] for problem in ready.json["problems"]]
        assert all(
            any(what.startswith(f"{channel} failed") for what in told)
            for channel in world.site.channels
        )
        assert stored(machine) == before
        world.site.faults = Faults()
        for _ in run(world.clock, machine, START + 2 * DAY + 12 * HOUR):
            pass
        assert look(app, "/readyz").json["problems"] == []  # type: ignore[index]


@pytest.mark.soak
def test_a_broken_rule_raises_an_alarm_that_ends_by_itself(tmp_path: Path) -> None:
    with make_world(tmp_path, channels=2, per_day=30, days=4) as world:
        machine = world.start()
        for _ in run(world.clock, machine, START + DAY):
            pass
        app, feed = world.app(machine), feed_of(world.app(machine))
        assert machine.alarms == []
        world.site.faults = Faults(broken_layout=True)
        for _ in run(world.clock, machine, START + 1.8 * DAY):
            pass
        assert {alarm.channel for alarm in machine.alarms} == set(world.site.channels)
        alarm = machine.alarms[0]
        assert (alarm.site, alarm.closed, alarm.rule) == (
            HOST,
            None,
            f"article.body of sites/{HOST}.toml",
        )
        assert alarm.url.startswith("http://daily.example/31/05/0")
        told = str(look(app, "/readyz").json)
        assert alarm.rule in told
        assert alarm.rule in look(app, "/status").text
        assert (
            f'feedproxy_alarm{{channel="c1",rule="{alarm.rule}",site="{HOST}"}} 1.0'
            in look(app, "/metrics").text
        )
        # young articles whose text is missing are waited for, nothing broken is shown
        assert feed_of(app).count(b"<item>") == feed.count(b"<item>")
        world.site.faults = Faults()
        for _ in run(world.clock, machine, START + 3.5 * DAY):
            pass
        assert {alarm.channel for alarm in machine.alarms if alarm.closed} == set(
            world.site.channels
        )
        assert look(app, "/readyz").json["alarms"] == []  # type: ignore[index]
        wanted = [
            piece for piece in world.site.published(START + 2 * DAY) if piece.published > START
        ]
        articles = stored(machine)
        assert all(is_whole(articles[piece.id], piece, world.clock.now) for piece in wanted)
