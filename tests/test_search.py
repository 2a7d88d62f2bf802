"""Full-text search: what every store finds, and what readers get of it."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import feedparser
import pytest
from conftest import Clock
from feedcheck import check_atom, check_json_feed, check_rss
from flask.testing import FlaskClient
from lxml import etree
from lxml import html as parser
from newsroom import STORIES
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from test_store import NOW, PAGE, hold, make

from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller
from feedproxy.ingest.archive import archive
from feedproxy.media import FolderMedia
from feedproxy.model import Article, ArticleId, Mirror, SafeHtml
from feedproxy.search_terms import parse_query
from feedproxy.store import Store, open_store
from feedproxy.web import create_app

SERVER = os.environ.get("TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
CHECKS = {"xml": check_rss, "atom": check_atom, "json": check_json_feed}


# ---------------------------------------------------------------- the store


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    name = f"fp_search_{os.getpid()}"
    try:
        engine = create_engine(
            SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
        )
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except (SQLAlchemyError, ImportError) as e:
        pytest.skip(f"needs PostgreSQL (TEST_POSTGRESQL names another): {str(e).splitlines()[0]}")
    yield SERVER.rpartition("/")[0] + f"/{name}"
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    is_file = request.param == "sqlite"
    opened = open_store(
        f"sqlite:///{tmp_path}/store.sqlite" if is_file else request.getfixturevalue("database"),
        tmp_path,
    )
    yield opened
    opened.drop(opened.ids(["c1", "c2"]), NOW)
    opened.close()


def find(
    store: Store, asked: str, limit: int = 30, before: str = "", channels: tuple[str, ...] = ("c1",)
) -> list[str]:
    while store.search.index(100):
        pass
    return [
        each.id
        for each in store.search.find(
            parse_query(asked), channels, limit, before=ArticleId(before) or None
        )
    ]


def of(number: int, body: str, title: str = "消息", **changes: object) -> Article:
    return make(number, title=title, body=SafeHtml(f"<p>{body}</p>"), **changes)


def test_all_words_must_occur_in_title_or_text(stored: Store) -> None:
    hold(stored, of(1, "石板街上的早市", "山城"), of(2, "山城没有集市"), of(3, "早市"))
    assert find(stored, "山城") == ["n2", "n1"]
    assert find(stored, "早市 山城") == ["n1"]
    assert find(stored, "河边") == []


def test_a_word_is_found_as_it_stands_not_by_its_parts(stored: Store) -> None:
    hold(stored, of(1, "山城中学，城中有人"), of(2, "山城城中"))
    assert find(stored, "山城中") == ["n1"]
    assert find(stored, "山城城中") == ["n2"]


def test_script_case_and_width_make_no_difference_and_inline_tags_do_not_part_words(
    stored: Store,
) -> None:
    hold(stored, of(1, "臺<b>灣</b>人用 <i>iPhone</i> &amp; ＡＢＣ"), of(2, "台湾</p><p>人用手机"))
    assert find(stored, "台湾") == ["n2", "n1"]
    assert find(stored, "臺灣人 IPHONE abc") == ["n1"]
    assert find(stored, "phone") == []


def test_the_newest_come_first_within_a_week_and_across(stored: Store) -> None:
    days = (3, 40, 1, 2, 9, 400, 8)
    hold(stored, *(of(day, "早市", published=NOW - timedelta(days=day)) for day in days))
    assert find(stored, "早市") == [f"n{day}" for day in sorted(days)]


def test_a_search_goes_on_below_an_article_whatever_came_meanwhile(stored: Store) -> None:
    hold(stored, *(of(day, "早市", published=NOW - timedelta(days=day)) for day in range(1, 31)))
    first = find(stored, "早市", 10)
    hold(stored, of(99, "早市", published=NOW))
    assert first + find(stored, "早市", 99, before=first[-1]) == [f"n{day}" for day in range(1, 31)]
    assert find(stored, "早市", before="n12345") == []


def test_only_what_the_channels_show_is_found(stored: Store) -> None:
    hold(stored, of(1, "早市"))
    hold(stored, of(2, "早市"), channel="c2")
    assert find(stored, "早市") == ["n1"]
    assert find(stored, "早市", channels=("c1", "c2")) == ["n2", "n1"]


def test_a_correction_takes_the_place_of_what_was_there_and_what_is_deleted_is_found_no_more(
    stored: Store,
) -> None:
    hold(stored, of(1, "早市开张"), of(2, "早市开张"))
    assert find(stored, "早市") == ["n2", "n1"]
    stored.save(of(1, "夜市开张"), [PAGE], {}, NOW)
    assert find(stored, "早市") == ["n2"]
    assert find(stored, "夜市") == ["n1"]
    stored.drop([ArticleId("n2")], NOW)
    assert find(stored, "开张") == ["n1"]


def test_indexing_changes_the_version_and_so_does_every_change(stored: Store) -> None:
    seen = [stored.search.version(["c1"])]
    hold(stored, of(1, "早市"))
    seen.append(stored.search.version(["c1"]))
    assert stored.search.index(10) == 1
    seen.append(stored.search.version(["c1"]))
    stored.save(of(1, "夜市"), [PAGE], {}, NOW)
    seen.append(stored.search.version(["c1"]))
    stored.search.index(10)
    seen.append(stored.search.version(["c1"]))
    assert [version.number for version in seen] == sorted({version.number for version in seen})


def test_indexing_goes_on_where_it_was_and_can_begin_anew(stored: Store) -> None:
    hold(stored, *(of(number, "早市") for number in range(1, 8)))
    assert (stored.search.index(3), stored.search.due()) == (3, 4)
    assert len(stored.search.find(parse_query("早市"), ["c1"], 9)) == 3
    assert find(stored, "早市") == [f"n{number}" for number in range(7, 0, -1)]
    stored.search.forget()
    assert (stored.search.due(), stored.search.find(parse_query("早市"), ["c1"], 9)) == (7, [])
    assert len(find(stored, "早市")) == 7


@pytest.mark.parametrize(
    "asked",
    [
        "a' OR 1=1",
        "NEAR(早市 a)",
        '早市 AND "',
        "tokens:早市",
        "早市*",
        "!早市 & | <->",
        "早市:*",
        "\\早市",
    ],
)
def test_no_query_is_an_engines_syntax(stored: Store, asked: str) -> None:
    hold(stored, of(1, "早市 a or near 1 tokens and"))
    assert find(stored, asked) == ["n1"]


# ---------------------------------------------------------------- the web


@pytest.fixture
def client(
    settings: Settings, mirror: Mirror, store: Store, channel_poller: ChannelPoller, clock: Clock
) -> FlaskClient:
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    return create_app(settings, mirror, store, FolderMedia(settings.media), clock).test_client()


def test_a_page_shows_what_was_found_marked_with_its_feeds(client: FlaskClient) -> None:
    answer = client.get("/search?q=" + quote("再版 書店"))
    page = parser.fromstring(answer.data)
    assert [each.text_content() for each in page.cssselect(".headlines a")] == [STORIES[3].title]
    assert [each.text for each in page.cssselect("mark")] == ["再版", "再版", "书店"]
    assert page.cssselect("input[name=q]")[0].get("value") == "再版 書店"
    assert page.cssselect("meta[name=robots]")[0].get("content") == "noindex"
    feeds = [link.get("href", "") for link in page.cssselect("link[rel=alternate]")]
    assert len(feeds) == 3
    assert all(client.get("/" + feed).status_code == 200 for feed in feeds)
    assert client.get(f"/{page.cssselect('.headlines a')[0].get('href')}").status_code == 200


@pytest.mark.parametrize("feed_format", CHECKS)
def test_a_search_can_be_subscribed_to(client: FlaskClient, feed_format: str) -> None:
    path = f"/feed/search.{feed_format}?q=" + quote("老校长")
    answer = client.get(path)
    assert CHECKS[feed_format](answer.data) == []
    if feed_format == "json":
        assert [each["title"] for each in json.loads(answer.data)["items"]] == [STORIES[2].title]
    else:
        feed = feedparser.parse(answer.data)
        assert [entry.title for entry in feed.entries] == [STORIES[2].title]
        assert quote("老校长") in feed.feed.link
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.get(f"/feed/search.{feed_format}?q={quote('老校長')}&limit=1").status_code == 200


def test_spellings_of_one_search_are_one_feed(client: FlaskClient) -> None:
    one, other = (
        client.get(f"/feed/search.atom?q={quote(asked)}").data
        for asked in ("山城 早市", "早市,山城")
    )
    assert one == other


def test_a_search_finds_what_came_since(
    client: FlaskClient, store: Store, channel_poller: ChannelPoller, clock: Clock
) -> None:
    asked = "/search?q=" + quote("夜市")
    assert b"<mark>" not in client.get(asked).data
    stored = store.article(ArticleId("n101"))
    assert stored
    clock.advance(minutes=1)
    store.save(make(101, title="山城的夜市"), [PAGE], {}, clock())
    assert b"<mark>" not in client.get(asked).data
    archive(channel_poller.services)
    assert "<mark>夜市</mark>" in client.get(asked).text


def test_a_long_search_goes_on_page_by_page(
    client: FlaskClient, store: Store, mirror: Mirror
) -> None:
    hold(
        store, *(of(number, "豆腐") for number in range(1000, 1050)), channel=mirror.channels[0].id
    )
    while store.search.index(100):
        pass
    path, titles = "/search?q=" + quote("豆腐"), list[str]()
    while path:
        answer = client.get(path)
        assert len(answer.data) < 40_000
        page = parser.fromstring(answer.data)
        titles += [each.get("href", "") for each in page.cssselect(".headlines a")]
        path = next((f"/{each.get('href')}" for each in page.cssselect("a[rel=next]")), "")
    assert len(titles) == len(set(titles)) == 50


@pytest.mark.parametrize(
    "asked", ["茶", "山" * 101, "aa bb cc dd ee ff gg hh ii", "\0", "🙂", "x" * 10_000]
)
def test_what_can_not_be_searched_for_is_refused_and_told(client: FlaskClient, asked: str) -> None:
    answer = client.get("/search?q=" + quote(asked))
    assert answer.status_code in (200, 400)
    assert b"<mark>" not in answer.data
    assert client.get("/feed/search.xml?q=" + quote(asked)).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=a>',
        "山城' --",
        "山城 OR NEAR(",
        "\x01\x1f 山城",
        "%FF山城",
        "{{7*7}}ab",
    ],
)
def test_what_was_asked_is_shown_as_text_only(client: FlaskClient, asked: str) -> None:
    answer = client.get("/search?q=" + quote(asked))
    assert answer.status_code == 200
    page = parser.fromstring(answer.data)
    assert page.cssselect("script, img") == []
    assert not re.search(rb"\{\{|>49", answer.data.replace(b"{{7*7}}", b""))
    assert client.get("/feed/search.xml?q=" + quote(asked)).status_code == 200
    assert check_rss(client.get("/feed/search.xml?q=" + quote(asked)).data) == []


@pytest.mark.usefixtures("client")
def test_one_client_may_have_so_many_searches_made_and_those_that_are_made_cost_nothing(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> None:
    mirror = replace(mirror, feeds=replace(mirror.feeds, filtered_per_minute=2))
    strict = create_app(settings, mirror, store, FolderMedia(settings.media), clock).test_client()
    for number in (0, 1, 0):
        assert strict.get(f"/search?q=ab{number}").status_code == 200
    assert strict.get("/search?q=another").status_code == 429
    assert strict.get("/feed/search.xml?q=another").status_code == 429
    assert strict.get("/search?q=ab0").status_code == 200


def test_every_page_has_a_form_that_leads_to_search_and_browsers_learn_of_it(
    client: FlaskClient,
) -> None:
    for path in ("/", "/town", "/town/blob/master/pages/city/n102.md", "/search"):
        page = parser.fromstring(client.get(path).data)
        page.make_links_absolute(f"http://localhost{path}")
        assert [form.get("action") for form in page.cssselect("form[role=search]")] == [
            "http://localhost/search"
        ]
        assert [link.get("href") for link in page.cssselect("link[rel=search]")] == [
            "http://localhost/opensearch.xml"
        ]
    description = etree.fromstring(client.get("/opensearch.xml").data)
    assert description[-1].get("template") == "http://localhost/search?q={searchTerms}"
