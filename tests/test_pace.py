"""How a host is asked: at its pace, not while it asked for a pause, and as its robots.txt says."""

import multiprocessing
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import Clock
from fakes import CalmBudget
from newsroom import BASE, HOST, STORIES, Answer, Newsroom

from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError, GoneError, NotAskedError
from feedproxy.fetch import HttpFetcher, open_fetcher
from feedproxy.fetch.headers import fresh_seconds, retry_after
from feedproxy.model import Mirror, Robots, Url, Validators
from feedproxy.store import Store, open_store

NOW = datetime(2021, 6, 1, 12, tzinfo=UTC)
CITY = Url(f"{BASE}/city.htm")
SECOND = timedelta(seconds=1)


def robots(text: str) -> Answer:
    return Answer(text.encode(), headers={"Content-Type": "text/plain"})


def opened(
    settings: Settings,
    mirror: Mirror,
    budget: CalmBudget,
    clock: Clock,
    mode: Robots = Robots.REPORT,
) -> HttpFetcher:
    strict = replace(mirror, fetch=replace(mirror.fetch, robots=mode))
    return open_fetcher(
        settings, strict, budget, clock, lambda _: None, cache_file=settings.data / "cache.sqlite"
    )


# ---------------------------------------------------------------- the budget


@pytest.fixture
def database_url(any_database: str) -> str:
    return any_database


@pytest.fixture
def budget(store: Store) -> Store:
    return store


def test_requests_to_a_host_are_let_pass_one_gap_after_the_other(store: Store) -> None:
    starts = [store.budget.reserve("a.example", 0.5, NOW, 60)[0] for _ in range(5)]
    assert starts == [NOW + number * SECOND / 2 for number in range(5)]
    assert store.budget.reserve("b.example", 0.5, NOW, 60) == (NOW, None)
    assert store.budget.reserve("a.example", 0.5, NOW + 60 * SECOND, 60) == (
        NOW + 60 * SECOND,
        None,
    )


def test_a_host_that_wants_to_be_left_alone_is_and_that_survives_a_restart(
    settings: Settings, store: Store
) -> None:
    store.budget.hold("a.example", NOW, NOW + 90 * SECOND)
    again = open_store(settings.store_url, settings.data)
    assert again.budget.reserve("a.example", 1, NOW + 30 * SECOND, 600) == (
        NOW + 30 * SECOND,
        NOW + 90 * SECOND,
    )
    assert again.budget.quiet(NOW) == {"a.example": NOW + 90 * SECOND}
    assert again.budget.reserve("a.example", 1, NOW + 90 * SECOND, 600) == (NOW + 90 * SECOND, None)
    again.close()


def test_moments_of_a_clock_that_was_ahead_are_not_believed(store: Store) -> None:
    store.budget.reserve("a.example", 1, NOW + timedelta(days=9), 60)
    store.budget.hold("b.example", NOW, NOW + timedelta(days=9))
    assert store.budget.reserve("a.example", 1, NOW, 60) == (NOW, None)
    assert store.budget.reserve("b.example", 1, NOW, 60) == (NOW, None)


def _reserve(
    url: str, folder: Path, count: int, results: "multiprocessing.Queue[list[datetime]]"
) -> None:
    store = open_store(url, folder)
    results.put([store.budget.reserve("a.example", 0.2, NOW, 60)[0] for _ in range(count)])
    store.close()


def test_processes_share_the_budget_of_a_host(any_database: str, tmp_path: Path) -> None:
    open_store(any_database, tmp_path).close()
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[datetime]] = context.Queue()
    processes = [
        context.Process(target=_reserve, args=(any_database, tmp_path, 20, results))
        for _ in range(3)
    ]
    for process in processes:
        process.start()
    starts = sorted(start for _ in processes for start in results.get(timeout=60))
    for process in processes:
        process.join()
    assert {after - before for before, after in pairwise(starts)} == {SECOND / 5}
    assert len(starts) == 60


def test_every_request_passes_the_budget_redirects_and_robots_too(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    passed: list[str] = []

    class Counting(CalmBudget):
        def reserve(
            self, host: str, gap_s: float, now: datetime, most_quiet_s: float
        ) -> tuple[datetime, datetime | None]:
            passed.append(host)
            return super().reserve(host, gap_s, now, most_quiet_s)

    newsroom.faults["/old.htm"] = Answer(status=302, headers={"Location": "/city.htm"})
    fetcher = opened(settings, mirror, Counting(), clock)
    fetcher.fetch(Url(f"{BASE}/old.htm"))
    assert newsroom.robots_asked + newsroom.asked == ["/robots.txt", "/old.htm", "/city.htm"]
    assert passed == [HOST] * 3
    assert fetcher.counts() == {(HOST, "404"): 1, (HOST, "302"): 1, (HOST, "200"): 1}
    assert fetcher.counts() == {}
    fetcher.close()


def test_no_more_requests_at_once_than_a_host_may_have(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    present, most, lock, full = 0, 0, threading.Lock(), threading.Barrier(2)

    def answer() -> Answer:
        nonlocal present, most
        with lock:
            present += 1
            most = max(most, present)
        full.wait(10)  # so many are answered together
        with lock:
            present -= 1
        return Answer(b"<p>x</p>")

    newsroom.faults = {f"/{number}.htm": answer for number in range(8)}
    narrow = replace(
        mirror,
        fetch=replace(mirror.fetch, requests_at_once=2, robots=Robots.IGNORE, read_timeout_s=10),
    )
    fetcher = open_fetcher(settings, narrow, CalmBudget(), clock, lambda _: None)
    threads = [
        threading.Thread(target=fetcher.fetch, args=(Url(f"{BASE}/{number}.htm"),))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    fetcher.close()


# ---------------------------------------------------------------- patience


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Tue, 01 Jun 2021 12:05:00 GMT", 300),
        ("0", 0),
        ("99999999", 86_400),
        ("Mon, 31 May 2021 12:00:00 GMT", 0),
    ],
)
def test_a_host_that_says_when_is_asked_again_then(
    fetcher: HttpFetcher, newsroom: Newsroom, clock: Clock, status: int, value: str, seconds: int
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=status, headers={"Retry-After": value})
    with pytest.raises(FetchError, match=f"answered {status}") as caught:
        fetcher.fetch(CITY)
    assert caught.value.until == clock.now + seconds * SECOND
    newsroom.faults.clear()
    if seconds:
        with pytest.raises(NotAskedError, match="paused until") as refused:
            fetcher.fetch(Url(f"{BASE}{STORIES[0].path}"))
        assert refused.value.until == caught.value.until
    assert newsroom.asked == ["/city.htm"]
    clock.advance(seconds=seconds)
    assert fetcher.fetch(CITY).url == CITY


def test_a_host_that_asks_for_patience_without_saying_how_much_is_granted_more_and_more(
    fetcher: HttpFetcher, newsroom: Newsroom, clock: Clock
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=429)
    waits = []
    for _ in range(7):
        with pytest.raises(FetchError) as caught:
            fetcher.fetch(CITY)
        assert caught.value.until is not None
        waits.append((caught.value.until - clock.now).total_seconds())
        clock.now = caught.value.until
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    newsroom.faults.clear()
    fetcher.fetch(CITY)
    newsroom.faults["/city.htm"] = Answer(status=429)
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(CITY)
    assert caught.value.until == clock.now + 60 * SECOND


def test_503_without_a_word_of_when_costs_nobody_else(
    fetcher: HttpFetcher, newsroom: Newsroom
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=503)
    with pytest.raises(FetchError, match="answered 503"):
        fetcher.fetch(CITY)
    assert fetcher.fetch(Url(f"{BASE}{STORIES[0].path}")).body


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "max-age=600"}, 600),
        (
            {"Cache-Control": "public, MAX-AGE = 600", "Expires": "Tue, 01 Jun 2021 12:01:00 GMT"},
            600,
        ),
        ({"Cache-Control": "s-maxage=600"}, 0),
        ({"Cache-Control": "no-cache, max-age=600"}, 0),
        ({"Cache-Control": "max-age=600", "Age": "500"}, 100),
        (
            {"Expires": "Tue, 01 Jun 2021 12:10:00 GMT", "Date": "Tue, 01 Jun 2021 12:00:00 GMT"},
            600,
        ),
        ({"Expires": "0"}, 0),
        ({"Expires": "Tue, 01 Jun 2021 11:00:00 GMT"}, 0),
        ({}, 0),
    ],
)
def test_how_long_an_answer_is_fresh_is_read_as_the_standard_has_it(
    headers: Mapping[str, str], seconds: float
) -> None:
    assert fresh_seconds(headers, NOW) == seconds


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1e9", "12.5", "Tue, 99 Jun 2021 12:10:00 GMT", "9" * 400]
)
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:
    assert retry_after({"Retry-After": value}, NOW) is None


@pytest.mark.parametrize("value", ["99999999999", "9" * 18])
def test_a_patience_of_billions_of_years_is_a_long_one(value: str) -> None:
    until = retry_after({"Retry-After": value}, NOW)
    assert until is not None
    assert until - NOW > timedelta(days=365)


# ---------------------------------------------------------------- conditional requests, and what is gone


def test_a_page_that_is_known_is_not_sent_again(fetcher: HttpFetcher, newsroom: Newsroom) -> None:
    url = Url(f"{BASE}{STORIES[0].path}")
    page = fetcher.fetch(url)
    assert page.validators.etag
    assert fetcher.refetch(url, page.validators) is None
    assert newsroom.not_modified == [STORIES[0].path]
    again = fetcher.refetch(url, Validators())
    assert again is not None
    assert replace(again, sent=None) == replace(page, sent=None)  # which each answer says anew


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_said_to_be_gone(
    fetcher: HttpFetcher, newsroom: Newsroom, status: int
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=status)
    with pytest.raises(GoneError):
        fetcher.fetch(CITY)


@pytest.mark.parametrize(
    ("status", "is_moved"), [(301, True), (308, True), (302, False), (307, False)]
)
def test_only_permanent_redirects_move_an_address(
    fetcher: HttpFetcher, newsroom: Newsroom, status: int, *, is_moved: bool
) -> None:
    newsroom.faults["/old.htm"] = Answer(status=status, headers={"Location": "/city.htm"})
    page = fetcher.fetch(Url(f"{BASE}/old.htm"))
    assert (page.url, page.moved) == (CITY, is_moved)


# ---------------------------------------------------------------- robots.txt


def test_robots_is_asked_for_once_a_day_and_that_survives_a_restart(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    for _ in range(3):
        fetcher = opened(settings, mirror, CalmBudget(), clock)
        fetcher.fetch(CITY)
        fetcher.fetch(Url(f"{BASE}/books.htm"))
        fetcher.close()
    assert newsroom.robots_asked == ["/robots.txt"]


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("User-agent: *\nCrawl-delay: 3", 3),
        ("User-agent: feedproxy\nCrawl-delay: 2\n\nUser-agent: *\nCrawl-delay: 9", 2),
        ("User-agent: other\nCrawl-delay: 9", 0.001),
        ("User-agent: *\nCrawl-delay: 99999", 60),
        ("User-agent: *\nCrawl-delay: nan", 0.001),
        ("User-agent: *\nCrawl-delay: -4", 0.001),
        ("<html>\x00\xff", 0.001),
    ],
)
def test_the_delay_that_robots_asks_for_is_kept(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock, text: str, gap: float
) -> None:
    newsroom.faults["/robots.txt"] = robots(text)
    budget = CalmBudget()
    fetcher = opened(settings, mirror, budget, clock)
    fetcher.fetch(CITY)
    assert budget.gaps[HOST] == gap
    fetcher.close()


def test_what_robots_disallows_is_told_once_or_left_alone_as_the_operator_has_it(
    settings: Settings,
    mirror: Mirror,
    newsroom: Newsroom,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    newsroom.faults["/robots.txt"] = robots("User-agent: *\nDisallow: /city*")
    told = {}
    for mode in Robots:
        fetcher = opened(settings, mirror, CalmBudget(), clock, mode)
        caplog.clear()
        asked = len(newsroom.asked)
        for _ in range(2):
            try:
                fetcher.fetch(CITY)
            except FetchError as e:
                assert e.reason == "refused: robots.txt disallows it"  # noqa: PT017
        fetcher.fetch(Url(f"{BASE}/books.htm"))
        told[mode] = (len(newsroom.asked) - asked, len(caplog.records))
        fetcher.close()
    assert told == {Robots.IGNORE: (3, 0), Robots.REPORT: (3, 1), Robots.OBEY: (1, 0)}


@pytest.mark.parametrize("fault", [Answer(status=500), Answer(raw=b""), Answer(status=503)])
def test_robots_that_cant_be_had_stops_only_who_obeys_it(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock, fault: Answer
) -> None:
    newsroom.faults["/robots.txt"] = fault
    relaxed = opened(settings, mirror, CalmBudget(), clock)
    assert relaxed.fetch(CITY).body
    relaxed.close()
    obeying = opened(settings, mirror, CalmBudget(), clock, Robots.OBEY)
    with pytest.raises(FetchError, match=r"robots\.txt can't be fetched"):
        obeying.fetch(CITY)
    newsroom.faults.clear()
    assert obeying.fetch(CITY).body
    obeying.close()
