"""Who may come in: keys of a private mirror, what robots are told, what a log line may hold, what the web side may write."""

import json
import logging
import re
from dataclasses import replace
from functools import partial

import pytest
from conftest import Clock
from flask.testing import FlaskClient

from feedproxy import logs
from feedproxy.errors import StoreError
from feedproxy.harvest import Harvester
from feedproxy.media import MediaFolder
from feedproxy.model import ArticleId, ListingItem, Mirror, Url
from feedproxy.settings import Settings
from feedproxy.store import SqlStore, open_desk
from feedproxy.web import create_app
from feedproxy.words import parse_query

KEY, OTHER = "bridge-and-river-1", "market-and-garden-2"
PAGE = "/town/blob/master/pages/city/n102.md"
ADDRESSES = ("/", "/town", PAGE, "/town/blob/master/indexes/city/README.md", "/feed/town.xml", "/feed/town.json", "/tag/读书")


@pytest.fixture
def private(
    settings: Settings, harvester: Harvester, mirror: Mirror, store: SqlStore, media: MediaFolder, clock: Clock
) -> FlaskClient:
    for channel in mirror.channels:
        harvester.poll(channel)
    locked = settings.model_copy(update={"access_keys": (KEY, OTHER)})
    return create_app(locked, mirror, store, media, clock).test_client()


@pytest.mark.parametrize("address", [*ADDRESSES, "/nowhere", "/media/x.webp", "/feed/none.xml"])
@pytest.mark.parametrize("query", ["", "?key=", "?key=bridge-and-river-2", "?key=bridge", "?key=ключ", "?KEY=bridge-and-river-1"])
def test_without_a_key_nothing_of_a_private_mirror_is_shown(private: FlaskClient, address: str, query: str) -> None:
    answer = private.get(address + query)
    assert answer.status_code == 401
    assert "这个镜像需要钥匙" in answer.text
    assert "石桥" not in answer.text


def test_what_keeps_the_mirror_running_needs_no_key(private: FlaskClient) -> None:
    assert [private.get(address).status_code for address in ("/healthz", "/readyz", "/robots.txt", "/static/mirror.css")] == [
        200
    ] * 4


@pytest.mark.parametrize("address", ADDRESSES)
def test_with_a_key_everything_is_shown_and_no_cache_between_may_keep_it(private: FlaskClient, address: str) -> None:
    answer = private.get(f"{address}?key={KEY}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("private")


def test_a_browser_keeps_the_key_so_that_no_link_on_a_page_needs_it_but_those_that_readers_take(private: FlaskClient) -> None:
    first = private.get(f"{PAGE}?key={KEY}")
    cookie = first.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert first.text.count(KEY) == len(re.findall(rf'"(?:feed:)?http://localhost/feed/[^"]*{KEY}"', first.text)) > 0
    assert private.get("/town").status_code == 200


def test_a_feed_has_the_key_of_its_own_reader_in_its_links_to_the_mirror(private: FlaskClient) -> None:
    for key in (KEY, OTHER, KEY):
        for form in ("xml", "atom", "json"):
            feed = private.get(f"/feed/town.{form}?key={key}").text
            links = re.findall(r"http://localhost[^\s\"'<>\\]*", feed)
            assert links
            assert all(f"key={key}" in link for link in links)
    item = json.loads(private.get(f"/feed/town.json?key={KEY}").data)["items"][2]
    private.delete_cookie("key")
    assert private.get(item["url"]).status_code == 200
    assert private.get(item["image"]).mimetype == "image/webp"


def test_keys_can_not_be_guessed_for_long(private: FlaskClient) -> None:
    answers = [private.get(f"/?key=guess-number-{number:04}") for number in range(30)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    assert {answer.status_code for answer in answers[20:]} == {429}
    assert answers[-1].headers["Retry-After"] == "60"
    assert private.get(f"/?key={KEY}").status_code == 200


def test_no_key_is_ever_logged(private: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for address in (*ADDRESSES, "/nowhere"):
        private.get(f"{address}?key={KEY}")
        private.get(f"{address}?key=a-wrong-key-of-somebody")
    assert KEY not in caplog.text
    assert "a-wrong-key" not in caplog.text


@pytest.mark.parametrize("is_indexed", [False, True])
def test_search_engines_come_only_where_they_are_invited(
    settings: Settings, mirror: Mirror, store: SqlStore, media: MediaFolder, clock: Clock, *, is_indexed: bool
) -> None:
    client = create_app(settings.model_copy(update={"indexed": is_indexed}), mirror, store, media, clock).test_client()
    assert client.get("/robots.txt").text == f"User-agent: *\n{'Allow' if is_indexed else 'Disallow'}: /\n"
    for address in ("/", "/feed/town.xml", "/nowhere"):
        assert ("noindex" in client.get(address).headers.get("X-Robots-Tag", "")) is not is_indexed


@pytest.mark.parametrize("forged", ["a\nERROR forged", "a\r\nb", "a\x1b[2Kb", "a\u2028b", "a\u202eb", "a\x00b", "a\x85b"])
def test_a_log_line_can_not_be_forged(forged: str) -> None:
    record = logging.makeLogRecord(
        {"msg": "%s: answered 500", "args": (f"http://news.example/{forged}",), "levelname": "WARNING"}
    )
    for form in ("human", "json"):
        line = logs.formatter(form, is_terminal=False).format(record)
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
    assert logs.formatter("auto", is_terminal=True).format(record).endswith(" WARNING city: http://x/: answered 500")


def test_a_log_line_for_programs_holds_a_whole_traceback() -> None:
    error = ValueError("桥")
    record = logging.makeLogRecord({"msg": "city failed", "levelname": "ERROR", "exc_info": (ValueError, error, None)})
    line = logs.formatter("json", is_terminal=True).format(record)
    assert "\n" not in line
    assert json.loads(line)["error"].splitlines()[-1] == "ValueError: 桥"


def test_a_log_line_keeps_what_can_be_read() -> None:
    record = logging.makeLogRecord({"msg": "nsc1 评论: 3 new — “好”", "levelname": "INFO"})
    assert logs.OneLine("%(message)s").format(record) == "nsc1 评论: 3 new — “好”"


def test_the_web_side_can_write_readers_requests_and_nothing_else(
    settings: Settings, harvester: Harvester, store: SqlStore, mirror: Mirror, clock: Clock
) -> None:
    harvester.poll(mirror.channels[0])
    held = store.newest([mirror.channels[0].id], 1)[0]
    desk = open_desk(settings.store_url, settings.data)
    assert isinstance(desk, SqlStore)
    assert desk.article(held.id) == held
    store.search.index(100)
    assert held in desk.search.find(parse_query(held.title), ["city"], 100)
    forbidden_ones = (
        partial(desk.save, replace(held, title="假"), [], {}, clock()),
        partial(desk.drop, [held.id], clock()),
        partial(desk.lease.lead, "web", clock(), clock()),
        partial(desk.budget.hold, "news.example", clock(), clock()),
        partial(desk.records.add, {("polls", "city", "ok"): 1}),
    )
    for forbidden in forbidden_ones:
        with pytest.raises(StoreError, match="not authorized"):
            forbidden()
    assert store.article(held.id) == held
    store.remember_listing("city", [ListingItem(ArticleId("n900"), Url("http://news.example/21/5/9/n900.htm"), "新桥")], clock())
    assert desk.ask(ArticleId("n900"), most=9, now=clock())
    desk.close()
