"""An article that is not held: what its page says, and how a reader gets it."""

import json
from dataclasses import replace

import pytest
from conftest import Clock
from flask import Flask
from flask.testing import FlaskClient
from newsroom import BASE, STORIES, Answer, Newsroom, Story, page_of

from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller, Report
from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId, Mirror
from feedproxy.store import Store
from feedproxy.web import create_app

WANTED = Story(
    "n900",
    "20/1/1",
    "去年的集市",
    "去年的集市上，老人第一次摆出了自己做的风筝，引来不少孩子。",
    (),
    ("市集",),
    "/pic/900.png",
)
LINKING = Story(
    "n901",
    "21/5/6",
    "风筝又飞起来了",
    f'一年前的<a href="{BASE}{WANTED.path}#top">集市</a>还在人们心里，今年风筝又飞起来了。',
    ("books",),
)
PAGE = "/town/blob/master/pages/books/n900.md"
STANDS_AT = "/town/blob/master/pages/requested/n900.md"
BUTTON = '<form method="post"><button>'


@pytest.fixture
def client(app: Flask, newsroom: Newsroom, channel_poller: ChannelPoller) -> FlaskClient:
    newsroom.stories = (*STORIES, LINKING)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    newsroom.stories = (*STORIES, LINKING, WANTED)
    newsroom.asked.clear()
    return app.test_client()


def answered(channel_poller: ChannelPoller) -> Report:
    """Have the poller look for requests, and fetch what is due of them."""
    channel_poller.services.store.requests.enqueue()
    return channel_poller.answer_requests()


def tags_of(client: FlaskClient) -> dict[str, str]:
    feeds = ("/feed/town.xml", "/feed/town/city.xml", "/feed/town/books.xml", "/feed/letters.json")
    return {feed: client.get(feed).headers["ETag"] for feed in feeds}


def test_the_page_of_an_article_that_is_not_held_says_so_and_offers_to_fetch_it(
    client: FlaskClient,
) -> None:
    linking = client.get("/town/blob/master/pages/books/n901.md")
    assert '<a href="n900.md?n901#top">集市</a>' in linking.text
    answer = client.get(PAGE + "?n901")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
    assert f"原文链接（需翻墙）：{BASE}{WANTED.path}<" in answer.text
    assert BASE not in answer.text.replace(f"：{BASE}", "")
    assert BUTTON in answer.text


def test_an_article_that_is_asked_for_is_fetched_next_and_then_shown(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    asked = client.post(PAGE + "?n901")
    assert (asked.status_code, asked.headers["Location"]) == (303, PAGE + "?n901")
    queued = client.get(PAGE)
    assert queued.status_code == 404
    assert "已经排队" in queued.text
    assert BUTTON not in queued.text
    assert newsroom.asked == []  # the web side asks nobody
    channel_poller.serve_readers()
    assert newsroom.asked == [WANTED.path, "/pic/900.png"]
    moved = client.get(PAGE + "?n901")
    assert (moved.status_code, moved.headers["Location"]) == (302, STANDS_AT + "?n901")
    page = client.get(STANDS_AT)
    assert page.status_code == 200
    assert WANTED.text in page.text
    assert "/media/" in page.text


def test_links_to_an_article_that_came_lead_to_it_and_only_feeds_with_such_links_change(
    client: FlaskClient, channel_poller: ChannelPoller
) -> None:
    before = tags_of(client)
    client.post(PAGE)
    answered(channel_poller)
    after = tags_of(client)
    assert {feed for feed in before if before[feed] != after[feed]} == set(before) - {
        "/feed/town/city.xml"
    }
    assert (
        '<a href="../requested/n900.md?n901#top">'
        in client.get("/town/blob/master/pages/books/n901.md").text
    )
    content = json.loads(client.get("/feed/letters.json").data)["items"][0]["content_html"]
    assert 'href="http://localhost/letters/blob/master/pages/requested/n900.md?n901#top"' in content
    assert client.get("/letters/blob/master/pages/requested/n900.md").status_code == 200


def test_what_one_reader_asked_for_is_in_no_feed_and_no_list(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    alone = replace(WANTED, tags=(*WANTED.tags, "风筝"))
    newsroom.stories = (*STORIES, LINKING, alone)
    client.post(PAGE)
    assert answered(channel_poller).new == 1
    assert client.get(STANDS_AT).status_code == 200
    for feed in ("/feed/town.json", "/feed/letters.json", "/feed/all.json", "/feed/tag/市集.json"):
        titles = [item["title"] for item in json.loads(client.get(feed).data)["items"]]
        assert titles
        assert WANTED.title not in titles
    for page in ("/", "/town", "/letters", "/tag/市集"):
        assert WANTED.title not in client.get(page).text
    for nowhere in ("/tag/风筝", "/feed/tag/风筝.xml"):
        assert client.get(nowhere).status_code == 404
    newsroom.stories = (*STORIES, LINKING, replace(alone, channels=("city",)))
    channel_poller.backfill(channel_poller.services.mirror.channels[0], pages=9)
    for address in ("/feed/tag/市集.json", "/tag/市集", "/feed/tag/风筝.json", "/tag/风筝"):
        assert WANTED.title in client.get(address).text


def test_an_article_is_asked_for_once_however_often_the_button_is_pressed(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    for _ in range(4):
        assert client.post(PAGE).status_code == 303
    assert answered(channel_poller).new == 1
    assert client.post(PAGE).status_code == 303
    assert answered(channel_poller).new == 0
    assert newsroom.count(WANTED.path) == 1


@pytest.mark.parametrize("article", ["n12345", "x", "n1e9", "..%2f..%2fx", "n" * 300])
def test_an_article_that_nobody_heard_of_can_not_be_asked_for(
    client: FlaskClient, store: Store, article: str
) -> None:
    address = PAGE.replace("n900", article)
    page = client.get(address)
    assert page.status_code == 404
    assert BUTTON not in page.text
    assert client.post(address).status_code in (404, 405)
    assert store.requests.find(ArticleId(article)) is None


def many(count: int) -> tuple[Story]:
    links = "".join(
        f'<a href="{BASE}/20/1/2/n{number}.htm">旧闻</a>' for number in range(500, 500 + count)
    )
    linking = Story(
        "n902", "21/5/7", "旧闻集", f"这一年里发生的事情，都记在下面的旧闻里了。{links}", ("city",)
    )
    return (linking,)


def asking(
    mirror: Mirror,
    settings: Settings,
    store: Store,
    media: FolderMedia,
    clock: Clock,
    **rules: int,
) -> FlaskClient:
    changed = replace(mirror, requests=replace(mirror.requests, **rules))
    return create_app(settings, changed, store, media, clock).test_client()


def test_the_queue_is_bounded_and_says_when_it_is_full(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    mirror: Mirror,
    settings: Settings,
    store: Store,
    media: FolderMedia,
    clock: Clock,
) -> None:
    newsroom.stories = many(6)
    channel_poller.poll(mirror.channels[0])
    client = asking(mirror, settings, store, media, clock, max_queued=3, per_minute=100)
    answers = [
        client.post(f"/town/blob/master/pages/city/n{number}.md") for number in range(500, 506)
    ]
    assert [answer.status_code for answer in answers] == [303] * 3 + [503] * 3
    assert answers[3].headers["Retry-After"] == "60"
    assert "排队的文章太多了" in answers[3].text
    answered(channel_poller)  # upstream has none of them, so they go on waiting
    assert client.post("/town/blob/master/pages/city/n505.md").status_code == 503


def test_one_client_asks_only_so_often(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    mirror: Mirror,
    settings: Settings,
    store: Store,
    media: FolderMedia,
    clock: Clock,
) -> None:
    newsroom.stories = many(6)
    channel_poller.poll(mirror.channels[0])
    client = asking(mirror, settings, store, media, clock, per_minute=2)
    answers = [
        client.post(f"/town/blob/master/pages/city/n{number}.md") for number in range(500, 504)
    ]
    assert [answer.status_code for answer in answers] == [303, 303, 429, 429]
    assert answers[2].headers["Retry-After"] == "60"
    other = client.post(
        "/town/blob/master/pages/city/n503.md", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert other.status_code == 303


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<h1>404</h1>", 404),
        page_of(
            "<html><body><h1>维护中</h1><p>本站正在维护，请稍后再来，给您带来不便敬请谅解。</p></body></html>"
        ),
    ],
    ids=["gone", "error page"],
)
def test_what_upstream_does_not_have_is_given_up_and_can_be_asked_for_again(
    client: FlaskClient,
    channel_poller: ChannelPoller,
    newsroom: Newsroom,
    clock: Clock,
    answer: Answer,
) -> None:
    newsroom.faults[WANTED.path] = answer
    client.post(PAGE)
    answered(channel_poller)
    assert "上次没有取到" in client.get(PAGE).text
    for _ in range(20):
        clock.advance(days=1)
        answered(channel_poller)
    assert newsroom.count(WANTED.path) == 5
    assert BUTTON in client.get(PAGE).text
    del newsroom.faults[WANTED.path]
    assert client.post(PAGE, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).status_code == 303
    assert answered(channel_poller).new == 1


def test_an_article_that_a_listing_shows_later_joins_its_channel(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom, clock: Clock
) -> None:
    client.post(PAGE)
    answered(channel_poller)
    newsroom.stories = (*STORIES, LINKING, replace(WANTED, channels=("city",)))
    clock.advance(hours=1)
    channel_poller.backfill(channel_poller.services.mirror.channels[0], pages=9)
    assert newsroom.count(WANTED.path) == 1
    assert client.get("/town/blob/master/pages/city/n900.md").status_code == 200
    assert client.get(PAGE).headers["Location"] == "/town/blob/master/pages/city/n900.md"
    assert WANTED.title in client.get("/feed/town/city.json").text


def test_nothing_can_be_posted_where_no_article_can_be(client: FlaskClient) -> None:
    for address in ("/", "/town", "/feed/town.xml", "/tag/市集"):
        assert client.post(address).status_code == 405
    assert client.post(PAGE.replace("/town/", "/nowhere/")).status_code == 404
    stored = "/town/blob/master/pages/city/n101.md"
    assert client.post(stored).headers["Location"] == stored


@pytest.mark.parametrize(("proxies", "last"), [(0, 429), (1, 303)])
def test_behind_a_proxy_each_reader_is_a_client_and_without_one_nobody_can_pretend(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    mirror: Mirror,
    settings: Settings,
    store: Store,
    media: FolderMedia,
    clock: Clock,
    proxies: int,
    last: int,
) -> None:
    newsroom.stories = many(6)
    channel_poller.poll(mirror.channels[0])
    behind = settings.model_copy(update={"trusted_proxies": proxies})
    client = asking(mirror, behind, store, media, clock, per_minute=1)
    answers = [
        client.post(
            f"/town/blob/master/pages/city/n{500 + number}.md",
            headers={"X-Forwarded-For": f"192.0.2.{number}"},
        )
        for number in range(2)
    ]
    assert [answer.status_code for answer in answers] == [303, last]


def test_where_nobody_may_ask_there_is_no_button(
    client: FlaskClient,
    mirror: Mirror,
    settings: Settings,
    store: Store,
    media: FolderMedia,
    clock: Clock,
) -> None:
    assert BUTTON in client.get(PAGE).text
    closed = asking(mirror, settings, store, media, clock, max_queued=0)
    assert BUTTON not in closed.get(PAGE).text
    assert closed.post(PAGE).status_code == 503


def test_an_article_that_a_listing_shows_while_it_is_queued_is_fetched_once_and_in_its_channel(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    client.post(PAGE)
    newsroom.stories = (*STORIES, LINKING, replace(WANTED, channels=("city",)))
    channel_poller.backfill(channel_poller.services.mirror.channels[0], pages=9)
    answered(channel_poller)
    assert newsroom.count(WANTED.path) == 1
    assert WANTED.title in client.get("/feed/town/city.json").text
    assert client.get(PAGE).headers["Location"] == "/town/blob/master/pages/city/n900.md"


def test_the_page_of_another_article_is_not_taken_for_the_one_that_was_asked_for(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    newsroom.faults[WANTED.path] = Answer(status=302, headers={"Location": STORIES[0].path})
    client.post(PAGE)
    (failure,) = answered(channel_poller).failures
    assert failure.reason.endswith("which is not this article")
    page = client.get(PAGE)
    assert page.status_code == 404
    assert STORIES[0].text not in page.text


def test_a_host_that_is_left_alone_is_no_reason_to_give_a_request_up(
    client: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom, clock: Clock
) -> None:
    newsroom.faults[WANTED.path] = newsroom.hang
    client.post(PAGE)
    for minutes in (
        5,
        10,
        20,
    ):  # the third silence running has the host be left alone, for a minute
        answered(channel_poller)
        clock.advance(minutes=minutes)
    newsroom.faults["/city.htm"] = newsroom.hang
    for _ in range(channel_poller.services.mirror.fetch.give_up_after):
        channel_poller.poll(channel_poller.services.mirror.channels[0])
    for _ in range(20):
        answered(channel_poller)
        clock.advance(seconds=2)
    assert newsroom.count(WANTED.path) == channel_poller.services.mirror.fetch.give_up_after
    assert "已经排队" in client.get(PAGE).text
    newsroom.faults.clear()
    clock.advance(minutes=2)
    assert answered(channel_poller).new == 1


@pytest.mark.parametrize("tries", [1, 5])
def test_an_article_that_waits_for_its_next_try_is_fetched_next_when_a_reader_asks_for_it(
    client: FlaskClient,
    channel_poller: ChannelPoller,
    newsroom: Newsroom,
    store: Store,
    clock: Clock,
    tries: int,
) -> None:
    listed = replace(WANTED, channels=("city",))
    newsroom.stories = (*STORIES, LINKING, listed)
    newsroom.faults[WANTED.path] = Answer(b"", 503)
    city = channel_poller.services.mirror.channels[0]
    for _ in range(tries):
        clock.advance(hours=3)
        channel_poller.backfill(city, pages=9)
    del newsroom.faults[WANTED.path]
    channel_poller.fetch_due(city)
    assert newsroom.count(WANTED.path) == tries
    assert store.article(ArticleId(WANTED.id)) is None
    client.post(PAGE)
    channel_poller.serve_readers()
    assert newsroom.count(WANTED.path) == tries + 1
    assert client.get("/town/blob/master/pages/city/n900.md").status_code == 200


def test_a_request_is_made_and_answered_in_the_section_in_which_it_was_read(
    client: FlaskClient, channel_poller: ChannelPoller
) -> None:
    page = PAGE.replace("/town/", "/letters/")
    assert client.post(page).headers["Location"] == page
    assert "已经排队" in client.get(PAGE).text
    answered(channel_poller)
    assert client.get(page).headers["Location"] == STANDS_AT.replace("/town/", "/letters/")
