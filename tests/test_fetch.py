"""The door to the network, against a server on a loopback port."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
from conftest import Clock
from fakes import CalmBudget, open_calm_fetcher
from newsroom import BASE, HOST, STORIES, Answer, Newsroom, gzipped, page_of
from serving import free_port

from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError, NotAskedError
from feedproxy.fetch import HttpFetcher, open_fetcher
from feedproxy.fetch.pace import Pace
from feedproxy.model import Mirror, Page, Url
from feedproxy.store import Store

ARTICLE = Url(BASE + STORIES[0].path)


def test_a_page_comes_with_its_canonical_address_wherever_it_was_reached(
    fetcher: HttpFetcher,
) -> None:
    page = fetcher.fetch(ARTICLE)
    assert page.url == ARTICLE
    assert STORIES[0].title in page.body.decode()
    assert page.content_type == "text/html; charset=utf-8"


def test_a_kept_page_is_asked_for_conditionally_the_next_time(
    fetcher: HttpFetcher, newsroom: Newsroom
) -> None:
    first = fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    second = fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    assert replace(second, sent=None) == replace(first, sent=None)  # which each answer says anew
    assert newsroom.not_modified == ["/city.htm"]


def test_articles_are_not_kept(fetcher: HttpFetcher, settings: Settings) -> None:
    fetcher.fetch(ARTICLE)
    fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    with closing(sqlite3.connect(settings.data / "cache.sqlite")) as cache:
        assert cache.execute("SELECT count(*) FROM responses").fetchone() == (1,)


def test_a_kept_page_survives_a_restart(
    settings: Settings, mirror: Mirror, newsroom: Newsroom
) -> None:
    for _ in range(2):
        opened = open_calm_fetcher(settings, mirror, cache_file=settings.data / "cache.sqlite")
        body = opened.fetch(Url(f"{BASE}/city.htm"), keep=True).body
        opened.close()
    assert newsroom.not_modified == ["/city.htm"]
    assert STORIES[2].title in body.decode()


def test_a_kept_page_that_changed_is_brought_anew(fetcher: HttpFetcher, newsroom: Newsroom) -> None:
    fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    newsroom.faults["/city.htm"] = page_of("<p>变了</p>")
    assert fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True).body.decode() == "<p>变了</p>"
    assert newsroom.not_modified == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Answer(b"", 502), "answered 502"),
        (Answer(raw=b""), "no usable response"),
        (gzipped("<p>abc</p>", cut=9), "cut short"),
    ],
)
def test_an_error_is_never_answered_from_the_cache(
    fetcher: HttpFetcher, newsroom: Newsroom, fault: Answer, reason: str
) -> None:
    fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    newsroom.faults["/city.htm"] = fault
    with pytest.raises(FetchError, match=reason):
        fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)


def test_compressed_pages_are_unpacked(fetcher: HttpFetcher, newsroom: Newsroom) -> None:
    newsroom.faults["/city.htm"] = gzipped("<p>压缩的</p>")
    assert fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True).body.decode() == "<p>压缩的</p>"
    assert fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True).body.decode() == "<p>压缩的</p>"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (gzipped("0" * 5_000_000), "larger than 100000 bytes when decompressed"),
        (Answer(b"0" * 100_001), "larger than 100000 bytes"),
        (gzipped("<p>abc</p>", cut=9), "cut short"),
        (
            Answer(b"\x1f\x8bno gzip", headers={"Content-Encoding": "gzip"}),
            "not compressed as declared",
        ),
        (
            Answer(b"\x28\xb5\x2f\xfd", headers={"Content-Encoding": "zstd"}),
            "'zstd' was not requested",
        ),
        (Answer(b"", headers={"Content-Encoding": "gzip, " * 4}), "was not requested"),
        (Answer(raw=b"nonsense\r\n\r\n"), "no usable response"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), "cut off"),
        (
            Answer(status=302, headers={"Location": "http://169.254.169.254/latest"}),
            "refused: redirect to 'http://169.254",
        ),
        (
            Answer(status=302, headers={"Location": "file:///etc/passwd"}),
            "refused: redirect to 'file:",
        ),
        (Answer(status=302, headers={"Location": f"{BASE}/city.htm"}), "more than 3 redirects"),
    ],
)
def test_an_answer_that_cant_be_used_is_named_with_its_reason(
    fetcher: HttpFetcher, newsroom: Newsroom, fault: Answer, reason: str
) -> None:
    newsroom.faults["/city.htm"] = fault
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(Url(f"{BASE}/city.htm"))
    assert str(caught.value).startswith(f"{BASE}/city.htm: ")
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value)


def test_a_redirect_within_the_site_is_followed(fetcher: HttpFetcher, newsroom: Newsroom) -> None:
    newsroom.faults["/old.htm"] = Answer(status=301, headers={"Location": STORIES[0].path})
    page = fetcher.fetch(Url(f"{BASE}/old.htm"))
    assert page.url == ARTICLE
    assert STORIES[0].title in page.body.decode()


def test_a_host_of_no_configured_site_is_not_contacted(
    fetcher: HttpFetcher, newsroom: Newsroom
) -> None:
    with pytest.raises(FetchError, match="refused: not a host of a configured site"):
        fetcher.fetch(Url(newsroom.origin + STORIES[0].path))
    assert newsroom.asked == []


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"http://{HOST}:22/", "port 22 is not among fetch.ports"),
        (f"http://u:p@{HOST}/", "an address with a user name"),
    ],
)
def test_an_address_that_no_web_page_has_is_refused(
    fetcher: HttpFetcher, newsroom: Newsroom, address: str, reason: str
) -> None:
    with pytest.raises(FetchError, match=f"refused: {reason}"):
        fetcher.fetch(Url(address))
    assert newsroom.asked == []


def test_an_address_with_its_usual_port_goes_to_the_origin_too(
    fetcher: HttpFetcher, newsroom: Newsroom
) -> None:
    assert fetcher.fetch(Url(f"http://{HOST}:80/city.htm")).body
    assert newsroom.asked == ["/city.htm"]


def test_a_cache_that_breaks_is_done_without(
    fetcher: HttpFetcher, settings: Settings, newsroom: Newsroom
) -> None:
    fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    with sqlite3.connect(settings.data / "cache.sqlite") as cache:
        cache.execute("DROP TABLE responses")
        cache.execute("CREATE TABLE responses (other TEXT)")
    cache.close()
    with pytest.raises(FetchError, match="response cache failed"):
        fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True)
    assert fetcher.fetch(Url(f"{BASE}/city.htm"), keep=True).body
    assert newsroom.count("/city.htm") >= 2


def test_upstream_learns_who_asks(settings: Settings, mirror: Mirror, newsroom: Newsroom) -> None:
    opened = open_calm_fetcher(
        settings.model_copy(update={"contact": "ops@mirror.example"}), mirror
    )
    opened.fetch(ARTICLE)
    opened.close()
    assert newsroom.agents == {"feedproxy/0.1.0 (operated by ops@mirror.example)"}


def test_a_proxy_is_used_for_what_has_no_origin(
    settings: Settings, mirror: Mirror, newsroom: Newsroom
) -> None:
    opened = open_calm_fetcher(
        settings.model_copy(update={"origins": {}, "proxy": newsroom.origin}), mirror
    )
    page = opened.fetch(ARTICLE)
    opened.close()
    assert page.url == ARTICLE
    assert STORIES[0].title in page.body.decode()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_that_is_not_there_is_named_not_passed_by(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, scheme: str
) -> None:
    proxy = f"{scheme}://127.0.0.1:{free_port()}"
    opened = open_calm_fetcher(settings.model_copy(update={"origins": {}, "proxy": proxy}), mirror)
    with pytest.raises(FetchError, match=r"(?i)refused|socks"):
        opened.fetch(ARTICLE)
    opened.close()
    assert newsroom.asked == []


def silence(fetcher: HttpFetcher, newsroom: Newsroom, mirror: Mirror) -> None:
    """Have the host be silent so often that it is left alone."""
    newsroom.faults = {"/city.htm": newsroom.hang}
    for _ in range(mirror.fetch.give_up_after):
        with pytest.raises(FetchError, match=r"silent for 1\.6 s"):
            fetcher.fetch(Url(f"{BASE}/city.htm"))


def test_a_silent_host_is_left_alone_for_a_while_and_longer_the_next_time(
    fetcher: HttpFetcher, newsroom: Newsroom, mirror: Mirror, clock: Clock
) -> None:
    for minutes in (1, 2):
        silence(fetcher, newsroom, mirror)
        clock.advance(minutes=minutes, seconds=-1)
        with pytest.raises(
            NotAskedError, match=f"not requested: {HOST} is paused until "
        ) as caught:
            fetcher.fetch(ARTICLE)
        clock.advance(seconds=1)
        assert caught.value.until == clock.now
    assert newsroom.count(STORIES[0].path) == 0
    assert fetcher.fetch(ARTICLE).body


def test_a_host_is_left_alone_for_a_quarter_of_an_hour_at_most_and_an_answer_ends_that(
    mirror: Mirror, clock: Clock
) -> None:
    budget = CalmBudget()
    pace = Pace(budget, mirror.fetch, clock, lambda _: None)
    waits = []
    for _ in range(7):
        for _ in range(mirror.fetch.give_up_after):
            pace.note_silence(HOST)
        waits.append((budget.stored[HOST] - clock.now).total_seconds() / 60)
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    pace.note_answer(HOST)
    for _ in range(mirror.fetch.give_up_after - 1):
        pace.note_silence(HOST)
    assert budget.stored[HOST] - clock.now == timedelta(
        minutes=15
    )  # as before: that was not often enough
    pace.note_silence(HOST)
    assert budget.stored[HOST] - clock.now == timedelta(minutes=1)


def test_a_host_that_is_left_alone_is_so_for_other_pollers_too(
    fetcher: HttpFetcher,
    newsroom: Newsroom,
    mirror: Mirror,
    settings: Settings,
    store: Store,
    clock: Clock,
) -> None:
    silence(fetcher, newsroom, mirror)
    other = open_fetcher(settings, mirror, store.budget, clock, lambda _: None)
    with pytest.raises(NotAskedError, match="is paused until 2021-06-01 12:01:00 UTC"):
        other.fetch(ARTICLE)
    other.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
UNUSABLE = {
    "too large": (Answer(b"0" * 5_000_000), "larger than 100000 bytes"),
    "too slow": (Answer(raw=HEAD, drip=b"0" * 100), r"did not end within 0\.3 s"),
    "cut short": (Answer(raw=HEAD + b"<h1>half"), "cut off"),
}


@pytest.mark.parametrize("has_origin", [True, False], ids=["origin", "proxy"])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_bodies_that_cant_be_used_block_no_later_request(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, kind: str, *, has_origin: bool
) -> None:
    patient = replace(mirror, fetch=replace(mirror.fetch, give_up_after=9, total_timeout_s=0.3))
    way = {} if has_origin else {"origins": {}, "proxy": newsroom.origin}
    opened = open_calm_fetcher(settings.model_copy(update=way), patient)
    newsroom.faults["/city.htm"], reason = UNUSABLE[kind]
    for _ in range(mirror.fetch.requests_at_once):
        with pytest.raises(FetchError, match=reason):
            opened.fetch(Url(f"{BASE}/city.htm"))
    came: SimpleQueue[Page] = SimpleQueue()
    Thread(
        target=lambda: came.put(opened.fetch(ARTICLE)), daemon=True
    ).start()  # one that waits for ever ends with the test run
    assert STORIES[0].title in came.get(timeout=10).body.decode()
    opened.close()


def test_a_cache_that_is_no_database_is_put_aside(
    settings: Settings, mirror: Mirror, newsroom: Newsroom
) -> None:
    cache = settings.data / "cache.sqlite"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"not a database" * 100)
    opened = open_calm_fetcher(settings, mirror, cache_file=cache)
    for _ in range(2):
        assert opened.fetch(Url(f"{BASE}/city.htm"), keep=True).body
    opened.close()
    assert newsroom.not_modified == ["/city.htm"]


def test_a_cache_that_another_process_holds_is_done_without(
    settings: Settings, mirror: Mirror, tmp_path: Path
) -> None:
    cache = tmp_path / "cache.sqlite"
    with closing(sqlite3.connect(cache, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        opened = open_calm_fetcher(settings, mirror, cache_file=cache)
        assert opened.fetch(Url(f"{BASE}/city.htm"), keep=True).body
        opened.close()
    assert not cache.with_suffix(".broken").exists()


def test_a_cache_that_another_process_takes_later_costs_one_answer(
    settings: Settings, mirror: Mirror, tmp_path: Path
) -> None:
    cache = tmp_path / "cache.sqlite"
    opened = open_calm_fetcher(settings, mirror, cache_file=cache)
    opened.fetch(Url(f"{BASE}/city.htm"), keep=True)
    with closing(sqlite3.connect(cache, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FetchError, match="the response cache failed: database is locked"):
            opened.fetch(Url(f"{BASE}/books.htm"), keep=True)
        assert opened.fetch(Url(f"{BASE}/books.htm"), keep=True).body
    opened.close()


def test_limits_come_from_the_configuration(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.faults[STORIES[0].path] = Answer(b"x" * 1001)
    narrow = replace(mirror, fetch=replace(mirror.fetch, max_body_bytes=1000))
    opened = open_calm_fetcher(settings, narrow, cache_file=tmp_path / "c.sqlite")
    with pytest.raises(FetchError, match="larger than 1000 bytes"):
        opened.fetch(ARTICLE)
    opened.close()
    assert newsroom.asked == [STORIES[0].path]
