"""What is due, sent to workers: claimed once, done once, given back where it can't be done."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from conftest import Clock
from newsroom import BASE, STORIES, Answer, Newsroom, Story

from feedproxy.errors import StoreError
from feedproxy.ingest import ChannelPoller, Dispatcher, Poller, Priority, Services, Task, run_task
from feedproxy.model import REQUESTED, ArticleId, Mirror
from feedproxy.store import Store


@dataclass
class Line:
    """A queue in memory, which gives what goes first."""

    waiting: list[tuple[Priority, Task]] = field(default_factory=list)
    is_away: bool = False
    others: int = 0

    def send(self, task: Task, priority: Priority, patience: timedelta) -> None:
        assert patience > timedelta(0)
        if self.is_away:
            raise StoreError("broker: nobody there")
        self.waiting.append((priority, task))

    def length(self) -> int:
        return len(self.waiting) + self.others

    def take(self) -> Task:
        first = max(self.waiting, key=lambda each: each[0])
        self.waiting.remove(first)
        return first[1]


@pytest.fixture
def services(channel_poller: ChannelPoller, clock: Clock) -> Services:
    del clock
    poll = replace(channel_poller.services.mirror.poll, first_polls_minutes=0, lease_seconds=30)
    return replace(
        channel_poller.services, mirror=replace(channel_poller.services.mirror, poll=poll)
    )


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def scheduler(services: Services, line: Line) -> Iterator[Poller]:
    return Poller(services, "scheduler", executor=Dispatcher(line).step)  # type: ignore[return-value]


def work_off(services: Services, line: Line) -> list[Task]:
    done = []
    while line.waiting:
        done.append(line.take())
        run_task(services, done[-1])
    return done


def test_what_is_sent_and_done_brings_what_the_poller_brings(
    scheduler: Poller, line: Line, services: Services, clock: Clock, store: Store, mirror: Mirror
) -> None:
    for _ in range(8):
        scheduler.step()
        work_off(services, line)
        clock.advance(seconds=5)
    ids = [channel.id for channel in mirror.channels]
    assert set(store.ids(ids)) == {"n102", "n103", "n104"}
    assert {state.failures for state in store.schedule.states().values()} == {0}
    assert store.schedule.next_due(ids, [], []) > clock.now  # type: ignore[operator]
    assert store.archive.length("all") == 3


def test_what_is_sent_is_not_sent_again_until_its_message_is_forgotten(
    scheduler: Poller, line: Line, clock: Clock, mirror: Mirror
) -> None:
    scheduler.step()
    sent = len(line.waiting)
    assert sent == len(mirror.channels)
    for _ in range(100):
        clock.advance(seconds=1)
        scheduler.step()
    assert len(line.waiting) == sent
    clock.advance(seconds=30)
    scheduler.step()
    assert len(line.waiting) == 2 * sent


def test_a_message_that_comes_twice_is_done_once(
    scheduler: Poller, line: Line, services: Services, newsroom: Newsroom, clock: Clock
) -> None:
    scheduler.step()
    messages = work_off(services, line)
    clock.advance(seconds=1)
    scheduler.step()
    messages += work_off(services, line)
    assert any(message.articles for message in messages)
    asked = len(newsroom.asked)
    for message in messages:
        run_task(services, message)
    assert len(newsroom.asked) == asked


def test_what_a_worker_was_at_that_died_is_due_again_after_a_lease(
    scheduler: Poller, line: Line, services: Services, clock: Clock, store: Store
) -> None:
    scheduler.step()
    dead = line.take()
    assert store.schedule.begin_poll(
        dead.channel, dead.claimed, clock.now + timedelta(seconds=30)
    )  # and no more is heard
    run_task(services, dead)  # as the broker gives it out anew
    line.waiting.clear()
    clock.advance(seconds=31)
    scheduler.step()
    assert dead.channel in [task.channel for _, task in line.waiting]


def test_what_can_not_be_sent_is_due_again_and_the_sender_rests(
    scheduler: Poller, line: Line, clock: Clock, mirror: Mirror
) -> None:
    line.is_away = True
    rests_until = scheduler.step()
    assert rests_until > clock.now
    line.is_away = False
    clock.now = rests_until
    scheduler.step()
    assert len(line.waiting) == len(mirror.channels)


def test_a_queue_that_is_full_gets_nothing_but_what_readers_asked_for(
    scheduler: Poller,
    line: Line,
    services: Services,
    clock: Clock,
    store: Store,
    newsroom: Newsroom,
) -> None:
    old = STORIES[0]
    linking = Story(
        "n901",
        "21/5/6",
        "风筝又飞起来了",
        f'一年前的<a href="{BASE}{old.path}">集市</a>还在人们心里。',
        ("books",),
    )
    newsroom.stories = (*STORIES, linking)
    ChannelPoller(services).poll(services.mirror.channels[1])
    assert store.requests.ask(ArticleId(old.id), limit=9, now=clock.now)
    line.others = 10_000
    scheduler.step()
    assert [(priority, task.channel) for priority, task in line.waiting] == [
        (Priority.READER, REQUESTED)
    ]
    work_off(services, line)
    assert store.article(ArticleId(old.id))


def test_without_the_store_of_budgets_a_task_is_given_back(
    scheduler: Poller,
    line: Line,
    services: Services,
    clock: Clock,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler.step()
    task = line.take()

    def refuse(*_: object) -> None:
        raise StoreError("redis: away")

    with monkeypatch.context() as broken:
        broken.setattr(services.fetcher, "fetch", lambda *_, **__: refuse())
        with pytest.raises(StoreError):
            run_task(services, task)
    assert store.schedule.state(task.channel).next_poll_at == task.claimed
    run_task(services, task)  # the broker's next try
    assert store.schedule.state(task.channel).succeeded_at == clock.now


def test_a_poll_that_nobody_foresaw_the_end_of_costs_that_poll(
    scheduler: Poller,
    line: Line,
    services: Services,
    store: Store,
    newsroom: Newsroom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=500)
    scheduler.step()
    monkeypatch.setattr("feedproxy.ingest.channels.parse_listing", lambda *_: 1 / 0)
    work_off(services, line)
    assert {
        state.failures for name, state in store.schedule.states().items() if name != "later"
    } == {1}
