"""The cache answers as the application would, to the byte, and never with what the store has changed since."""

import gzip
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import brotli
import pytest
import zstandard
from conftest import Clock
from fakes import NOW
from flask import Flask
from sqlalchemy import text
from werkzeug.test import Client, TestResponse

from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId, Mirror, Page, Version
from feedproxy.store import Store, open_store
from feedproxy.store.engine import create
from feedproxy.web import create_app
from feedproxy.web.cache import VALIDITY, ResponseCache, Validity

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PAGE = "/town/blob/master/pages/city/n102.md"
FEEDS = [
    f"/feed/{scope}.{feed_format}"
    for scope in (
        "town",
        "town/city",
        "all",
        "tag/读书",
        "merged/letters,town",
        "town/archive/1",
        "town/city/archive/1",
    )
    for feed_format in ("xml", "atom", "json")
]
PAGES = [PAGE, "/", "/town", "/town/", "/town/blob/master/indexes/city/README.md", "/tag/读书"]
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    "br": brotli.decompress,
}
CODINGS = tuple(DECODERS)


class Watched:
    """A client, and how many of its requests reached the application."""

    def __init__(self, app: Flask) -> None:
        self.client, self.routed = app.test_client(), 0
        app.before_request(self._count)

    def _count(self) -> None:
        self.routed += 1

    def get(self, address: str, **headers: str) -> TestResponse:
        return self.client.get(
            address, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.fixture
def watched(app: Flask, channel_poller: ChannelPoller, clock: Clock) -> Watched:
    fill(channel_poller, clock)
    return Watched(app)


def fill(channel_poller: ChannelPoller, clock: Clock) -> None:
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    clock.advance(seconds=1)


@pytest.mark.parametrize("address", [*FEEDS, *PAGES])
def test_a_response_is_the_same_from_the_application_and_from_the_cache_in_each_content_coding(
    watched: Watched, address: str
) -> None:
    first = watched.get(address)
    for coding, decode in DECODERS.items():
        again = watched.get(address, Accept_Encoding=coding)
        assert decode(again.data) == first.data
        assert again.headers["Content-Length"] == str(len(again.data))
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert len(
        {watched.get(address, Accept_Encoding=coding).headers["ETag"] for coding in CODINGS}
    ) == len(CODINGS)
    assert watched.routed == 1
    head = watched.client.head(address)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (
        200,
        b"",
        first.headers["Content-Length"],
    )


def test_a_head_request_may_be_the_first(watched: Watched) -> None:
    head = watched.client.head(PAGE)
    assert (head.status_code, head.data) == (200, b"")
    assert watched.get(PAGE).headers["ETag"] == head.headers["ETag"]


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-None-Match": "{tag}"}, 304),
        ({"If-None-Match": "W/{tag}"}, 304),
        ({"If-None-Match": '"other", {tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"'}, 200),
        ({"If-Modified-Since": "{date}"}, 304),
        ({"If-Modified-Since": "Tue, 01 Jun 2021 11:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": "{date}"}, 200),
        ({"If-None-Match": "{tag}", "If-Modified-Since": "yesterday"}, 304),
        ({"If-Match": '"other"'}, 412),
    ],
)
@pytest.mark.parametrize("address", ["/feed/town.xml", PAGE])
def test_conditional_requests_are_answered(
    watched: Watched, address: str, conditions: dict[str, str], status: int
) -> None:
    whole = watched.get(address)
    given = {
        name: value.format(tag=whole.headers["ETag"], date=whole.headers["Last-Modified"])
        for name, value in conditions.items()
    }
    answer = watched.client.get(address, headers=given)
    assert answer.status_code == status
    assert (answer.data == whole.data) == (status == 200)
    assert answer.headers["ETag"] == whole.headers["ETag"]
    assert answer.headers["Cache-Control"] == whole.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("br, zstd;q=0.5, gzip", "br"),
        ("gzip, br;q=0", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0, identity", ""),
        ("GZIP", "gzip"),
    ],
)
def test_a_content_coding_is_one_that_the_client_accepts(
    watched: Watched, accepted: str, coding: str
) -> None:
    assert watched.get(PAGE, Accept_Encoding=accepted).headers.get("Content-Encoding", "") == coding


@pytest.mark.parametrize("query", ["n102", "n102=", "x", "x=1&utm_source=feed", "n102&x"])
def test_query_parameters_that_select_nothing_do_not_make_another_response(
    watched: Watched, query: str
) -> None:
    plain = watched.get("/feed/town.xml")
    assert watched.get(f"/feed/town.xml?{query}").data == plain.data
    assert watched.routed == 1


@pytest.mark.parametrize(
    "query", ["limit=1", "n102&limit=1", "format=json", "opencc=s2t", "brief=100"]
)
def test_query_parameters_that_select_a_response_do(watched: Watched, query: str) -> None:
    plain = watched.get("/feed/town.xml")
    assert watched.get(f"/feed/town.xml?{query}").data != plain.data
    assert watched.get(f"/feed/town.xml?{query}").status_code == 200
    assert watched.routed == 2


def test_a_browser_and_a_feed_reader_each_get_their_own_from_the_same_address(
    watched: Watched,
) -> None:
    for _ in range(2):
        assert watched.get("/feed/town.xml", Sec_Fetch_Dest="document").mimetype == "text/html"
        assert watched.get("/feed/town.xml").mimetype == "application/rss+xml"
    assert watched.routed == 2


@pytest.mark.parametrize(
    "address",
    ["/feed/nothing.xml", "/feed/town.txt", "/nowhere", PAGE + "x", "/town/archive/9.xml"],
)
def test_an_address_without_a_page_is_not_kept(watched: Watched, address: str) -> None:
    for routed in (1, 2):
        assert watched.get(address).status_code == 404
        assert watched.routed == routed


def test_other_methods_reach_the_application(watched: Watched) -> None:
    watched.get(PAGE)
    assert watched.client.post(PAGE).status_code == 303
    assert watched.client.delete(PAGE).status_code == 405


def test_hosts_that_are_trusted_have_links_of_their_own_and_others_are_refused_however_often_they_ask(
    watched: Watched,
) -> None:
    for _ in range(2):
        for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:80"):
            assert (
                f"http://{host.lower()}/town".encode()
                in watched.get("/feed/town.xml", Host=host).data
            )
        for host in ("evil.example", "localhost.evil.example", "a b", "localhost:80:80", "[::1"):
            for address in ("/feed/town.xml", PAGE):
                assert watched.get(address, Host=host).status_code == 400
    https = watched.client.get("/feed/town.xml", base_url="https://localhost")
    assert b"https://localhost/town" in https.data


@pytest.mark.usefixtures("watched")
def test_where_the_public_address_is_known_any_host_that_is_one_will_do(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> None:
    public = settings.model_copy(update={"public_url": "https://mirror.example"})
    named = Watched(create_app(public, mirror, store, FolderMedia(settings.media), clock))
    for _ in range(2):
        for host, status in (("evil.example", 200), ("localhost", 200), ("a b", 400)):
            assert named.get("/feed/town.xml", Host=host).status_code == status
    assert named.routed == 1, "one response for whatever host"


@pytest.mark.usefixtures("watched")
def test_a_private_mirror_keeps_responses_by_key(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> None:
    private = settings.model_copy(update={"access_keys": ("k" * 16,)})
    guarded = Watched(create_app(private, mirror, store, FolderMedia(settings.media), clock))
    for address in ("/feed/town.xml", PAGE):
        for _ in range(2):
            assert guarded.get(address, Authorization=f"Bearer {'k' * 16}").status_code == 200
        for _ in range(2):
            assert guarded.get(address).status_code == 401
            assert guarded.get(f"{address}?n102").status_code == 401
            assert guarded.get(f"{address}?key={'x' * 16}").status_code == 401


def retitle(store: Store, clock: Clock, title: str) -> None:
    article = store.article(ArticleId("n102"))
    assert article is not None
    store.save(
        replace(article, title=title, updated=clock.now), [Page(article.url, b"")], {}, clock.now
    )


@pytest.mark.parametrize(
    "address",
    ["/feed/town.xml", PAGE, "/", "/town", "/town/blob/master/indexes/city/README.md", "/tag/读书"],
)
def test_a_change_of_the_store_is_shown_at_once_whichever_process_made_it(
    watched: Watched, settings: Settings, store: Store, clock: Clock, address: str
) -> None:
    other = open_store(settings.store_url, settings.data)
    for title, writer in (("甲的书", store), ("乙的书", other), ("丙的书", store)):
        clock.advance(seconds=2)
        before = watched.get(address)
        retitle(writer, clock, title)
        after = watched.get(address, If_None_Match=before.headers["ETag"])
        assert (after.status_code, title in after.text) == (200, True)
    other.close()


def test_a_change_of_other_rows_makes_nothing_anew(
    watched: Watched, store: Store, clock: Clock
) -> None:
    watched.get("/feed/letters.xml")
    routed = watched.routed
    store.budget.hold("news.example", clock.now, clock.now)
    assert watched.get("/feed/letters.xml").status_code == 200
    assert watched.routed == routed


def test_an_article_that_is_dropped_is_gone_and_one_that_comes_is_there(
    watched: Watched, store: Store, clock: Clock
) -> None:
    assert watched.get(PAGE).status_code == 200
    store.drop([ArticleId("n102")], clock.now)
    assert watched.get(PAGE).status_code == 404


@pytest.mark.usefixtures("watched")
def test_with_an_interval_a_response_is_older_than_the_store_by_that_at_most(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> None:
    app = create_app(
        settings,
        mirror,
        store,
        FolderMedia(settings.media),
        clock,
        interval=timedelta(milliseconds=10),
    )
    lazy = Watched(app)
    for _ in range(2):
        lazy.get("/feed/town.xml")
    retitle(store, clock, "一会儿的书")
    assert "一会儿的书" not in lazy.get("/feed/town.xml").text
    clock.advance(milliseconds=10)
    assert "一会儿的书" in lazy.get("/feed/town.xml").text
    retitle(store, clock, "钟拨回去的书")
    clock.advance(hours=-1)
    assert "钟拨回去的书" in lazy.get("/feed/town.xml").text


def test_a_store_that_fails_leaves_the_last_good_answers_and_one_that_comes_back_is_heard(
    watched: Watched, settings: Settings, store: Store, clock: Clock
) -> None:
    good = {
        address: watched.get(address)
        for address in ("/feed/town.xml", "/feed/town/archive/1.json", PAGE, "/")
    }
    rename(settings, "channel", "lost")
    for _ in range(2):
        for address, before in good.items():
            assert watched.get(address).data == before.data
    rename(settings, "lost", "channel")
    retitle(store, clock, "回来的书")
    assert "回来的书" in watched.get("/feed/town.xml").text


def rename(settings: Settings, table: str, to: str) -> None:
    engine = create(settings.store_url)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))
    engine.dispose()


def test_last_modified_is_sent_once_its_second_is_over(
    watched: Watched, store: Store, clock: Clock
) -> None:
    clock.advance(minutes=1, seconds=0.4)
    retitle(store, clock, "这一秒的书")
    for has_date in (False, True):
        for _ in range(2):
            answer = watched.get("/feed/town.xml")
            assert ("Last-Modified" in answer.headers) == has_date
        clock.advance(seconds=1)


def test_the_pulse_is_another_after_every_commit_and_the_same_for_all_threads_else(
    settings: Settings, store: Store, clock: Clock
) -> None:
    other, found = open_store(settings.store_url, settings.data), list[int]()
    thread = threading.Thread(target=lambda: found.append(store.change_counter()))
    before = store.change_counter()
    thread.start()
    thread.join()
    assert found == [before] == [store.change_counter()]
    for writer in (store, other, store):
        clock.advance(minutes=1)
        writer.budget.hold("news.example", clock.now, clock.now)
        assert store.change_counter() not in found
        found.append(store.change_counter())
    other.close()


# ---------------------------------------------------------------- the cache alone


@dataclass
class Application:
    """An application whose every address has a body of its own, marked with a version that a test moves."""

    number: int = 1
    status: str = "200 OK"
    headers: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0
    bytes_each: int = 1_000
    is_store_broken: bool = False

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        self.calls += 1
        environ[VALIDITY] = Validity(Version(self.number, NOW), self.version)
        start_response(self.status, [("Content-Type", "text/html"), *self.headers])
        return [f"{self.number} {environ['PATH_INFO']} ".encode().ljust(self.bytes_each, b".")]

    def version(self) -> Version:
        if self.is_store_broken:
            raise StoreError("store: broken")
        return Version(self.number, NOW)


def cache_of(app: Application, max_bytes: int = 1_000_000) -> tuple[ResponseCache, Client]:
    cache = ResponseCache(
        app, lambda: app.number, lambda: NOW, parameters=("q",), max_bytes=max_bytes
    )
    return cache, Client(cache)


def test_any_number_of_addresses_stays_within_the_bound() -> None:
    app = Application()
    cache, client = cache_of(app, 100_000)
    for number in range(500):
        client.get(
            f"/{number}?q={number}", headers={"Accept-Encoding": "gzip" if number % 2 else "br"}
        )
        client.get("/wanted")
        assert cache.size <= 100_000
    assert sum(len(variants) for variants in cache._entries.values()) <= 100
    assert app.calls == 501, "what is asked for again and again stays"


def test_any_number_of_made_up_header_values_stays_within_the_bound() -> None:
    app = Application(headers=[("Vary", "Sec-Fetch-Dest")])
    cache, client = cache_of(app)
    for number in range(50):
        client.get("/a", headers={"Sec-Fetch-Dest": str(number)})
    assert sum(len(variants) for variants in cache._entries.values()) <= 10
    assert cache.size == sum(each.size for variants in cache._entries.values() for each in variants)


def test_a_response_larger_than_the_bound_is_sent_and_not_kept() -> None:
    app = Application(bytes_each=200_000)
    cache, client = cache_of(app, 100_000)
    for _ in range(2):
        assert len(client.get("/a", headers={"Accept-Encoding": "identity"}).data) == 200_000
    assert (app.calls, cache.size) == (2, 0)


@pytest.mark.parametrize(
    "status", ["404 NOT FOUND", "302 FOUND", "401 UNAUTHORIZED", "500 INTERNAL SERVER ERROR"]
)
def test_only_complete_200_responses_are_kept(status: str) -> None:
    app = Application(status=status)
    cache, client = cache_of(app)
    for _ in range(2):
        assert client.get("/a").status == status
    assert (app.calls, cache.size) == (2, 0)


def test_a_response_that_sets_a_cookie_is_not_kept() -> None:
    app = Application(headers=[("Set-Cookie", "key=1")])
    cache, client = cache_of(app)
    for _ in range(2):
        assert client.get("/a").headers["Set-Cookie"] == "key=1"
    assert (app.calls, cache.size) == (2, 0)


def test_an_application_that_fails_leaves_the_last_good_response() -> None:
    app = Application()
    _, client = cache_of(app)
    good = client.get("/a").data
    app.number, app.status = 2, "503 SERVICE UNAVAILABLE"
    assert (client.get("/a").status_code, client.get("/a").data) == (200, good)
    assert client.get("/b").status_code == 503
    app.status = "200 OK"
    assert client.get("/a").data.startswith(b"2 ")


def test_a_store_that_fails_leaves_the_last_good_response() -> None:
    app = Application()
    _, client = cache_of(app)
    good = client.get("/a").data
    app.number, app.is_store_broken = 2, True
    assert client.get("/a").data == good
    app.is_store_broken = False
    assert client.get("/a").data.startswith(b"2 ")


def test_a_page_that_is_gone_is_not_kept_either() -> None:
    app = Application()
    cache, client = cache_of(app)
    client.get("/a")
    app.number, app.status = 2, "404 NOT FOUND"
    assert client.get("/a").status_code == 404
    assert cache.size == 0


def test_threads_that_ask_for_a_changed_response_at_once_have_it_made_once() -> None:
    app = Application()
    cache, client = cache_of(app)
    client.get("/a")
    app.number = 2
    begun, go_on = threading.Event(), threading.Event()
    call = app.__call__

    def slow(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        begun.set()
        go_on.wait(10)
        return call(environ, start_response)

    cache._app = slow
    threads = [threading.Thread(target=lambda: Client(cache).get("/a")) for _ in range(5)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert app.calls == 2


def test_a_client_that_is_refused_drops_nobody_elses_response() -> None:
    app = Application(headers=[("Vary", "Authorization")])
    _, client = cache_of(app)
    client.get("/a", headers={"Authorization": "Bearer 1"})
    app.status = "401 UNAUTHORIZED"
    assert client.get("/a", headers={"Authorization": "Bearer 2"}).status_code == 401
    assert client.get("/a", headers={"Authorization": "Bearer 1"}).status_code == 200


def test_nothing_is_kept_of_requests_for_a_part_or_with_another_method() -> None:
    app = Application()
    cache, client = cache_of(app)
    client.get("/a", headers={"Range": "bytes=0-1"})
    client.post("/a")
    assert (app.calls, cache.size) == (2, 0)
