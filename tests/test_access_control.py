"""Who may come in: keys of a private mirror, what robots are told, what a log line may hold, what the web side may write."""

import json
import logging
import re
from dataclasses import replace
from functools import partial

import pytest
from conftest import Clock
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from feedproxy import logs
from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId, ListingItem, Mirror, Url
from feedproxy.search_terms import parse_query
from feedproxy.store import Store, open_web_store
from feedproxy.store.requests import Requests
from feedproxy.web import create_app

KEY, OTHER = "bridge-and-river-1", "market-and-garden-2"
PAGE = "/town/blob/master/pages/city/n102.md"
ADDRESSES = (
    "/",
    "/town",
    PAGE,
    "/town/blob/master/indexes/city/README.md",
    "/feed/town.xml",
    "/feed/town.json",
    "/tag/读书",
)


@pytest.fixture
def private(
    settings: Settings,
    channel_poller: ChannelPoller,
    mirror: Mirror,
    store: Store,
    media: FolderMedia,
    clock: Clock,
) -> FlaskClient:
    for channel in mirror.channels:
        channel_poller.poll(channel)
    locked = settings.model_copy(update={"access_keys": (KEY, OTHER)})
    return create_app(locked, mirror, store, media, clock).test_client()


@pytest.mark.parametrize("address", [*ADDRESSES, "/nowhere", "/media/x.webp", "/feed/none.xml"])
@pytest.mark.parametrize(
    "query",
    ["", "?key=", "?key=bridge-and-river-2", "?key=bridge", "?key=ключ", "?KEY=bridge-and-river-1"],
)
def test_without_a_key_nothing_of_a_private_mirror_is_shown(
    private: FlaskClient, address: str, query: str
) -> None:
    answer = private.get(address + query)
    assert answer.status_code == 401
    assert "这个镜像需要钥匙" in answer.text
    assert "石桥" not in answer.text


def test_what_keeps_the_mirror_running_needs_no_key(private: FlaskClient) -> None:
    assert [
        private.get(address).status_code
        for address in ("/healthz", "/readyz", "/robots.txt", "/static/mirror.css")
    ] == [200] * 4


@pytest.mark.parametrize("address", ADDRESSES)
def test_with_a_key_everything_is_shown_and_no_cache_between_may_keep_it(
    private: FlaskClient, address: str
) -> None:
    answer = private.get(f"{address}?key={KEY}", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("private")


def test_a_browser_keeps_the_key_so_that_no_link_on_a_page_needs_it_but_those_that_readers_take(
    private: FlaskClient,
) -> None:
    cookie = private.get(f"{PAGE}?key={KEY}").headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    first = private.get(PAGE)
    assert (
        first.text.count(KEY)
        == len(re.findall(rf'"(?:feed:)?http://localhost/feed/[^"]*{KEY}"', first.text))
        > 0
    )
    assert private.get("/town").status_code == 200


def test_a_feed_has_the_key_of_its_own_reader_in_its_links_to_the_mirror(
    private: FlaskClient,
) -> None:
    for key in (KEY, OTHER, KEY):
        for feed_format in ("xml", "atom", "json"):
            feed = private.get(f"/feed/town.{feed_format}?key={key}").text
            links = re.findall(r"http://localhost[^\s\"'<>\\]*", feed)
            assert links
            assert all(f"key={key}" in link for link in links)
    item = json.loads(private.get(f"/feed/town.json?key={KEY}").data)["items"][2]
    private.delete_cookie("key")
    assert private.get(item["url"], follow_redirects=True).status_code == 200
    assert private.get(item["image"]).mimetype == "image/webp"


def test_keys_can_not_be_guessed_for_long(private: FlaskClient) -> None:
    answers = [private.get(f"/?key=guess-number-{number:04}") for number in range(30)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    assert {answer.status_code for answer in answers[20:]} == {429}
    assert answers[-1].headers["Retry-After"] == "60"
    assert private.get(f"/?key={KEY}", follow_redirects=True).status_code == 200


@pytest.mark.parametrize(
    ("address", "led_to"),
    [
        (f"/?key={KEY}", "/"),
        (f"{PAGE}?n102&key={KEY}&opencc=s2t", f"{PAGE}?n102&opencc=s2t"),
        (f"/town?k%65y={KEY}", "/town"),
        (f"/tag/%E8%AF%BB%E4%B9%A6?key={KEY}&key=other", "/tag/%E8%AF%BB%E4%B9%A6"),
        (f"/nowhere/%0d%0aX-Forged:1?key={KEY}&a=%0d%0ab", "/nowhere/%0D%0AX-Forged%3A1?a=%0d%0ab"),
        (f"/%2felsewhere.example/a?key={KEY}", "/elsewhere.example/a"),
        (f"/%5c%5celsewhere.example?key={KEY}", "/%5C%5Celsewhere.example"),
    ],
)
def test_no_key_stays_in_the_address_bar(private: FlaskClient, address: str, led_to: str) -> None:
    for method in ("GET", "HEAD"):
        answer = private.open(address, method=method, base_url="http://localhost")
        assert (answer.status_code, answer.headers["Location"], answer.data) == (302, led_to, b"")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert private.get(led_to).status_code in (200, 404)


@pytest.mark.parametrize("address", ["/feed/town.xml", "/feed/town.json", "/feeds.opml"])
def test_the_addresses_of_feeds_keep_their_key_as_readers_have_no_cookies(
    private: FlaskClient, address: str
) -> None:
    answer = private.get(f"{address}?key={KEY}")
    assert (answer.status_code, answer.headers.get("Set-Cookie")) == (200, None)


def test_who_has_no_key_is_told_how_to_show_one_and_programs_may_show_it_so(
    private: FlaskClient,
) -> None:
    assert private.get("/feed/town.xml").headers["WWW-Authenticate"].startswith("Bearer ")
    assert (
        private.get("/feed/town.xml", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    )
    assert private.get("/feed/town.xml", auth=("anybody", OTHER)).status_code == 200
    assert private.get("/feed/town.xml", auth=("anybody", "wrong")).status_code == 401


OWN = ("same-origin", "none")


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        *(
            ({"Sec-Fetch-Site": site}, site in OWN)
            for site in (*OWN, "cross-site", "same-site", "", "same-origin, cross-site")
        ),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "https://LOCALHOST"}, True),
        ({"Origin": "http://localhost.elsewhere.example"}, False),
        ({"Origin": "http://localhost:8080"}, False),
        ({"Origin": "http://[::1"}, False),
        ({"Origin": "null"}, False),
        ({"Referer": "http://elsewhere.example/localhost"}, False),
        ({"Referer": "http://localhost/town"}, True),
        ({}, True),  # no browser
    ],
)
def test_a_post_that_another_site_causes_is_refused(
    app: Flask, headers: dict[str, str], *, is_own: bool
) -> None:
    answer = app.test_client().post("/town/blob/master/pages/books/n900.md", headers=headers)
    assert answer.status_code == (404 if is_own else 403)


def test_under_the_public_address_the_mirrors_own_pages_may_post(
    settings: Settings, mirror: Mirror, store: Store, media: FolderMedia, clock: Clock
) -> None:
    public = settings.model_copy(update={"public_url": "https://mirror.example/news"})
    client = create_app(public, mirror, store, media, clock).test_client()
    for origin, status in (("https://mirror.example", 404), ("https://elsewhere.example", 403)):
        answer = client.post(
            "/town/blob/master/pages/books/n900.md",
            headers={"Origin": origin, "Host": "127.0.0.1:8000"},
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("protocol", "host", "status"),
    [
        *(
            ("HTTP/1.1", host, 400)
            for host in (
                "",
                ":80",
                "a b",
                "a,b",
                "localhost,localhost",
                "<b>",
                "a/b",
                "a@b",
                "a:b:c",
            )
        ),
        *(
            ("HTTP/1.1", host, 200)
            for host in ("localhost", "LocalHost", "localhost:8000", "[::1]:8000", "localhost:")
        ),
        ("HTTP/1.1", None, 400),
        ("HTTP/2", None, 400),
        ("HTTP/1.0", None, 200),
        ("HTTP/1.0", "a b", 400),
    ],
)
def test_a_request_must_name_one_valid_host(
    app: Flask, protocol: str, host: str | None, status: int
) -> None:
    builder = EnvironBuilder("/robots.txt")
    environ = builder.get_environ() | {"SERVER_PROTOCOL": protocol, "HTTP_HOST": host}
    if host is None:
        del environ["HTTP_HOST"]
    answer = run_wsgi_app(app.wsgi_app, environ)
    assert answer[1] == {200: "200 OK", 400: "400 BAD REQUEST"}[status]


@pytest.mark.parametrize(
    "said", ["javascript", "ftp", "https:", "", "https://x", '"><b', "HTTPS", "https"]
)
def test_of_what_a_proxy_says_of_the_scheme_only_http_and_https_are_believed(
    settings: Settings,
    channel_poller: ChannelPoller,
    mirror: Mirror,
    store: Store,
    media: FolderMedia,
    clock: Clock,
    said: str,
) -> None:
    channel_poller.poll(mirror.channels[0])
    proxied = settings.model_copy(update={"trusted_proxies": 1})
    client = create_app(proxied, mirror, store, media, clock).test_client()
    headers = {
        "X-Forwarded-Proto": said,
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Prefix": "/elsewhere",
    }
    feed = client.get("/feed/town.json", headers=headers | {"X-Forwarded-Port": "99"}).json
    assert feed is not None
    scheme = "https" if said.lower() == "https" else "http"
    assert feed["feed_url"] == f"{scheme}://localhost/feed/town.json"


def test_no_key_is_ever_logged(private: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for address in (*ADDRESSES, "/nowhere"):
        private.get(f"{address}?key={KEY}")
        private.get(f"{address}?key=a-wrong-key-of-somebody")
    assert KEY not in caplog.text
    assert "a-wrong-key" not in caplog.text


READER = "203.0.113.77"
SECRETS = (READER, KEY, "a-wrong-key-of-somebody", "a-token-that-is-wrong", "寻找的词", "n102")
ASKED = [
    f"{address}{'&' if '?' in address else '?'}{query}"
    for address in (
        *ADDRESSES,
        "/search?q=寻找的词",
        "/feed/town.xml?filter=寻找的词",
        "/status",
        "/nowhere",
    )
    for query in (f"key={KEY}", "key=a-wrong-key-of-somebody", "token=a-token-that-is-wrong")
]


def ask_everything(client: FlaskClient) -> None:
    for address in ASKED:
        for method in ("GET", "POST"):
            client.open(
                address,
                method=method,
                environ_base={"REMOTE_ADDR": READER},
                headers={"X-Forwarded-For": READER},
            )


def test_no_log_line_says_who_reads_what(
    private: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(f"no {SECRETS}") from KeyError(READER)

    caplog.set_level(logging.DEBUG)
    ask_everything(private)
    for part, name in ((Store, "article"), (Store, "version"), (Requests, "ask")):
        monkeypatch.setattr(part, name, fail)
    ask_everything(private)
    lines = [
        logs.formatter(log_format, is_terminal=False).format(each)
        for each in caplog.records
        for log_format in ("json", "human")
    ]
    assert any(
        "ValueError" in line and "KeyError" in line and "in fail" in line for line in lines
    )  # the stack is there
    for secret in SECRETS:
        assert [line for line in lines if secret in line] == []


@pytest.mark.parametrize("is_indexed", [False, True])
def test_search_engines_come_only_where_they_are_invited(
    settings: Settings,
    mirror: Mirror,
    store: Store,
    media: FolderMedia,
    clock: Clock,
    *,
    is_indexed: bool,
) -> None:
    client = create_app(
        settings.model_copy(update={"indexed": is_indexed}), mirror, store, media, clock
    ).test_client()
    assert (
        client.get("/robots.txt").text
        == f"User-agent: *\n{'Allow' if is_indexed else 'Disallow'}: /\n"
    )
    for address in ("/", "/feed/town.xml", "/nowhere"):
        assert ("noindex" in client.get(address).headers.get("X-Robots-Tag", "")) is not is_indexed


@pytest.mark.parametrize(
    "forged", ["a\nERROR forged", "a\r\nb", "a\x1b[2Kb", "a\u2028b", "a\u202eb", "a\x00b", "a\x85b"]
)
def test_a_log_line_can_not_be_forged(forged: str) -> None:
    record = logging.makeLogRecord(
        {
            "msg": "%s: answered 500",
            "args": (f"http://news.example/{forged}",),
            "levelname": "WARNING",
        }
    )
    for log_format in ("human", "json"):
        line = logs.formatter(log_format, is_terminal=False).format(record)
        assert line.isprintable()
    assert json.loads(line)["event"] == record.getMessage()


def test_a_log_line_for_programs_names_what_it_is_about() -> None:
    record = logging.makeLogRecord(
        {
            "msg": "city: %s: answered 500",
            "args": ("http://x/",),
            "levelname": "WARNING",
            "created": 1.5,
            "channel": "city",
            "url": "http://x/",
        }
    )
    line = logs.formatter("auto", is_terminal=False).format(record)
    assert line == (
        '{"time": "1970-01-01T00:00:01.500Z", "level": "warning", "event": "city: http://x/: answered 500", '
        '"channel": "city", "url": "http://x/"}'
    )
    assert (
        logs.formatter("auto", is_terminal=True)
        .format(record)
        .endswith(" WARNING city: http://x/: answered 500")
    )


def test_a_log_line_for_programs_holds_a_whole_traceback() -> None:
    error = ValueError("桥")
    record = logging.makeLogRecord(
        {"msg": "city failed", "levelname": "ERROR", "exc_info": (ValueError, error, None)}
    )
    line = logs.formatter("json", is_terminal=True).format(record)
    assert "\n" not in line
    assert json.loads(line)["error"].splitlines()[-1] == "ValueError: 桥"


def test_a_log_line_keeps_what_can_be_read() -> None:
    record = logging.makeLogRecord({"msg": "nsc1 评论: 3 new — “好”", "levelname": "INFO"})
    assert logs.OneLine("%(message)s").format(record) == "nsc1 评论: 3 new — “好”"


def test_the_web_side_can_write_readers_requests_and_nothing_else(
    settings: Settings, channel_poller: ChannelPoller, store: Store, mirror: Mirror, clock: Clock
) -> None:
    channel_poller.poll(mirror.channels[0])
    stored = store.newest([mirror.channels[0].id], 1)[0]
    desk = open_web_store(settings.store_url, settings.data)
    assert isinstance(desk, Store)
    assert desk.article(stored.id) == stored
    store.search.index(100)
    assert stored in desk.search.find(parse_query(stored.title), ["city"], 100)
    forbidden_ones = (
        partial(desk.save, replace(stored, title="假"), [], {}, clock()),
        partial(desk.drop, [stored.id], clock()),
        partial(desk.lease.lead, "web", clock(), clock()),
        partial(desk.budget.hold, "news.example", clock(), clock()),
        partial(desk.records.add, {("polls", "city", "ok"): 1}),
    )
    for forbidden in forbidden_ones:
        with pytest.raises(StoreError, match="not authorized"):
            forbidden()
    assert store.article(stored.id) == stored
    store.queue.add_listing(
        "city",
        [ListingItem(ArticleId("n900"), Url("http://news.example/21/5/9/n900.htm"), "新桥")],
        clock(),
    )
    assert desk.requests.ask(ArticleId("n900"), limit=9, now=clock())
    desk.close()
