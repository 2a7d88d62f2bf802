"""What a reader's program gets, over a store that a harvest filled."""

import gzip
import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import feedparser
import pytest
from click.testing import CliRunner
from conftest import Clock
from fakes import NOW
from feedcheck import check_atom, check_json_feed, check_rss
from flask.testing import FlaskClient
from lxml import html as parser
from newsroom import STORIES, Newsroom, Story
from sqlalchemy import text
from test_store import overwrite_middle

from feedproxy import paths
from feedproxy.cli.doctor import doctor
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId, Images, Mirror, MirrorPath, Page, SafeHtml, Url
from feedproxy.store import Store, open_store
from feedproxy.store.engine import create
from feedproxy.web import create_app

FEEDS = ("/feed/town.{}", "/feed/letters.{}", "/feed/town/city.{}", "/feed/all.{}")
CHECKS = {"xml": check_rss, "atom": check_atom, "json": check_json_feed}
TYPES = {
    "xml": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
PAGE = "/town/blob/master/pages/city/n102.md"


def client_of(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock | None = None
) -> FlaskClient:
    return create_app(
        settings, mirror, store, FolderMedia(settings.media), clock or Clock()
    ).test_client()


@pytest.fixture
def empty(settings: Settings, mirror: Mirror, store: Store, clock: Clock) -> FlaskClient:
    return client_of(settings, mirror, store, clock)


@pytest.fixture
def client(empty: FlaskClient, channel_poller: ChannelPoller, clock: Clock) -> FlaskClient:
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    clock.advance(seconds=1)  # so that all that was stored has a Last-Modified
    return empty


@pytest.mark.parametrize("feed_format", ["xml", "atom", "json"])
@pytest.mark.parametrize("feed", FEEDS)
def test_every_feed_is_valid_and_says_what_it_is(
    client: FlaskClient, feed: str, feed_format: str
) -> None:
    answer = client.get(feed.format(feed_format))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == TYPES[feed_format]
    assert CHECKS[feed_format](answer.data) == []


@pytest.mark.parametrize("feed_format", ["xml", "atom", "json"])
def test_an_empty_store_gives_valid_empty_feeds(empty: FlaskClient, feed_format: str) -> None:
    answer = empty.get(f"/feed/town.{feed_format}")
    assert answer.status_code == 200
    assert CHECKS[feed_format](answer.data) == []
    assert not re.search(rb"<item>|<entry>|content_html", answer.data)


@pytest.mark.parametrize("feed_format", ["xml", "atom"])
def test_a_feed_reader_finds_everything_in_an_entry(client: FlaskClient, feed_format: str) -> None:
    feed = feedparser.parse(client.get(f"/feed/town.{feed_format}").data)
    assert [entry.title for entry in feed.entries] == [story.title for story in reversed(STORIES)]
    entry = feed.entries[2]
    assert entry.id == "tag:news.example,2026-01-01:n102"
    assert entry.link == f"http://localhost{PAGE}?n102"
    assert entry.author == "李明"
    assert [tag.term for tag in entry.tags] == ["读书"]
    assert entry.published.startswith(("2021-05-02T00:00:00", "Sun, 02 May 2021 00:00:00"))
    assert STORIES[1].text in entry.content[-1].value
    assert STORIES[1].text[:20] in entry.summary
    picture = entry.enclosures[0]
    assert f'src="{picture.href}"' in entry.content[-1].value
    media = client.get(picture.href)
    assert (media.headers["Content-Type"], media.headers["Content-Length"]) == (
        picture.type,
        picture.length,
    )


def test_an_atom_entry_leads_to_the_mirror_and_names_its_source(client: FlaskClient) -> None:
    entry = feedparser.parse(client.get("/feed/town.atom").data).entries[2]
    links = {link.rel: link.href for link in entry.links}
    assert links["alternate"] == f"http://localhost{PAGE}?n102"
    assert links["via"] == "http://news.example/21/5/2/n102.htm"


def test_a_json_feed_holds_the_whole_text(client: FlaskClient) -> None:
    item = json.loads(client.get("/feed/town.json").data)["items"][2]
    assert item["id"] == "tag:news.example,2026-01-01:n102"
    assert STORIES[1].text in item["content_html"]
    assert item["authors"] == [{"name": "李明"}]
    assert item["tags"] == ["读书"]
    assert client.get(item["image"]).mimetype == "image/webp"


@pytest.mark.usefixtures("client")
def test_a_feed_holds_the_newest_entries_only(
    settings: Settings, mirror: Mirror, store: Store
) -> None:
    short = client_of(settings, replace(mirror, feeds=replace(mirror.feeds, entries=2)), store)
    assert [entry.title for entry in feedparser.parse(short.get("/feed/all.xml").data).entries] == [
        STORIES[3].title,
        STORIES[2].title,
    ]


def test_two_servers_and_a_restart_give_the_same_bytes_and_tags(
    client: FlaskClient, settings: Settings, mirror: Mirror, clock: Clock
) -> None:
    clock.advance(days=3)
    other_store = open_store(settings.store_url, settings.data)
    other = client_of(settings, mirror, other_store, clock)
    clock.advance(seconds=1)
    for feed in FEEDS:
        for feed_format in TYPES:
            mine, theirs = client.get(feed.format(feed_format)), other.get(feed.format(feed_format))
            assert mine.data == theirs.data
            assert mine.headers["ETag"] == theirs.headers["ETag"]
            assert mine.last_modified == NOW + timedelta(seconds=1)
            assert theirs.last_modified == NOW + timedelta(
                days=3, seconds=2
            )  # as another configuration makes other bytes
    other_store.close()


@pytest.mark.parametrize("address", ["/feed/town.json", "/town", PAGE])
def test_when_it_changed_is_told_once_no_other_change_can_have_that_second(
    client: FlaskClient, store: Store, clock: Clock, address: str
) -> None:
    article = store.article(ArticleId("n102"))
    assert article is not None
    clock.advance(minutes=1)
    for title, second in (("图书馆一", 0.3), ("图书馆二", 0.9)):
        changed_at = clock.now + timedelta(seconds=second)
        store.save(
            replace(article, title=title, updated=changed_at),
            [Page(article.url, b"")],
            {},
            changed_at,
        )
    minute = clock.now
    clock.advance(seconds=0.9)
    assert client.get(address).last_modified is None
    clock.advance(seconds=0.1)
    answer = client.get(address)
    assert answer.last_modified == minute + timedelta(seconds=1)
    condition = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert client.get(address, headers=condition).status_code == 304
    store.save(
        replace(article, title="图书馆三", updated=clock.now),
        [Page(article.url, b"")],
        {},
        clock.now,
    )
    for _ in range(3):
        again = client.get(address, headers=condition)
        assert (again.status_code, "图书馆三" in again.text) == (200, True)
        clock.advance(seconds=1)


def test_after_a_restart_with_another_configuration_nothing_is_said_to_be_as_it_was(
    client: FlaskClient, settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> None:
    condition = {"If-Modified-Since": client.get("/feed/town.xml").headers["Last-Modified"]}
    assert client.get("/feed/town.xml", headers=condition).status_code == 304
    other = client_of(
        settings, replace(mirror, feeds=replace(mirror.feeds, entries=2)), store, clock
    )
    assert other.get("/feed/town.xml", headers=condition).status_code == 200
    clock.advance(seconds=1)
    assert other.get("/feed/town.xml", headers=condition).status_code == 200


@pytest.mark.parametrize(
    "address", ["/feed/town.xml", "/feed/town.atom", "/feed/town.json", "/", "/town", PAGE]
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_what_is_known_already_is_answered_with_304(
    client: FlaskClient, address: str, encoding: str
) -> None:
    headers = {"Accept-Encoding": encoding}
    first = client.get(address, headers=headers)
    assert not first.headers["ETag"].startswith("W/")
    for condition in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = client.get(address, headers={**headers, **condition})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert client.get(address, headers={**headers, "If-None-Match": '"other"'}).status_code == 200


def test_gzip_is_given_to_those_who_ask_with_a_tag_of_its_own(client: FlaskClient) -> None:
    plain = client.get("/feed/town.xml")
    packed = client.get("/feed/town.xml", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_head_is_answered_like_get_without_a_body(client: FlaskClient) -> None:
    got, headed = client.get("/feed/town.xml"), client.head("/feed/town.xml")
    assert headed.data == b""
    assert headed.headers["Content-Length"] == str(len(got.data))
    assert headed.headers["ETag"] == got.headers["ETag"]


def test_a_feed_changes_with_its_articles_only(
    client: FlaskClient, store: Store, clock: Clock
) -> None:
    letters, city = (
        client.get("/feed/letters.xml").headers["ETag"],
        client.get("/feed/town/city.xml").headers["ETag"],
    )
    article = store.article(ArticleId("n104"))
    assert article is not None
    clock.advance(hours=1)
    changed = replace(article, body=SafeHtml("<p>改过的正文</p>"), updated=clock.now)
    store.save(changed, [Page(article.url, b"")], {}, clock.now)
    answer = client.get("/feed/letters.xml")
    assert answer.headers["ETag"] != letters
    assert "改过的正文" in answer.text
    assert client.get("/feed/town/city.xml").headers["ETag"] == city


def test_a_feed_is_rendered_once_for_each_change(
    client: FlaskClient, store: Store, settings: Settings, mirror: Mirror
) -> None:
    class Counting:
        """A library that counts how often a feed's articles are read."""

        def __init__(self) -> None:
            self.reads = 0

        def __getattr__(self, name: str) -> object:
            self.reads += name == "snapshot"
            return getattr(store, name)

    counting = Counting()
    media = FolderMedia(settings.media)
    counted = create_app(settings, mirror, counting, media, Clock()).test_client()  # type: ignore[arg-type]
    for _ in range(5):
        assert counted.get("/feed/town.xml").status_code == 200
    assert counting.reads == 1
    assert client.get("/feed/town.xml").status_code == 200


def test_an_unknown_section_is_told_which_there_are(client: FlaskClient) -> None:
    for address in ("/feed/nowhere.xml", "/feed/town/nothing.atom", "/feed/all/city.xml"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "town, letters, all" in answer.text
    page = client.get("/nowhere")
    assert page.status_code == 404
    assert "town" in page.text


def test_an_article_answers_under_each_channel_and_names_one_canonical_page(
    client: FlaskClient,
) -> None:
    canonical = f'<link rel="canonical" href="http://localhost{PAGE}">'
    for page in (PAGE, "/town/blob/master/pages/books/n102.md"):
        answer = client.get(f"{page}?n104")
        assert answer.status_code == 200
        assert STORIES[1].text in answer.text
        assert canonical in answer.text
    elsewhere = client.get("/letters/blob/master/pages/books/n102.md").text
    assert 'href="http://localhost/letters/blob/master/pages/books/n102.md"' in elsewhere


def test_every_link_of_an_article_page_stays_inside_and_carries_its_suffix(
    client: FlaskClient,
) -> None:
    page = client.get(PAGE).text
    links = re.findall(r'<a href="([^"]+)"', page)
    assert len(links) > 5
    for link in links:
        absolute = urljoin(f"http://localhost{PAGE}?n102", link)
        assert "n102" in urlsplit(absolute).query
        if urlsplit(absolute).netloc != "elsewhere.example":
            path = urlsplit(absolute).path
            assert client.get(path, follow_redirects=True).status_code == 200, link


def test_the_navigation_is_that_of_the_git_hosted_mirrors(client: FlaskClient) -> None:
    navigation = re.findall(
        r'<a href="([^"]+)">([^<]+)</a>', client.get(PAGE).text.partition("</nav>")[0]
    )
    assert navigation == [
        ("../../../..?n102", "首页"),
        ("../../../../../letters?n102", "文苑"),
        ("https://elsewhere.example/help?n102", "别处"),
    ]


def test_a_held_article_is_found_from_a_channel_that_does_not_show_it(client: FlaskClient) -> None:
    answer = client.get("/letters/blob/master/pages/books/n101.md?n104")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/town/blob/master/pages/city/n101.md?n104"


def test_an_article_that_is_not_held_is_said_to_be_so_with_its_address(
    empty: FlaskClient, channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    gone = Story("n900", "21/5/9", "没有的文章", "没有", ())
    linking = replace(
        STORIES[0],
        text=f'请看<a href="{gone.path}">这里</a>，另见<a href="/21/5/2/n102.htm#a">那里</a>，都在本报。',
    )
    newsroom.stories = (linking, *STORIES[1:])
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    page = empty.get("/town/blob/master/pages/city/n101.md").text
    assert '<a href="n900.md?n101">这里</a>' in page
    assert '<a href="n102.md?n101#a">那里</a>' in page
    answer = empty.get("/town/blob/master/pages/city/n900.md")
    assert answer.status_code == 404
    assert "原文链接（需翻墙）：http://news.example/21/5/9/n900.htm" in answer.text


def test_pages_list_what_there_is_and_announce_their_feeds(client: FlaskClient) -> None:
    home, town = client.get("/").text, client.get("/town").text
    for story in STORIES:
        assert story.title in home
        assert story.title in town
    assert 'type="application/rss+xml" title="山城 - 山城镜像" href="feed/town.xml"' in home
    assert 'href="feed/town/books.atom"' in town
    assert client.get("/tag/读书").text.count("<li>") == 2
    assert client.get("/tag/没有").status_code == 404


def test_absolute_links_begin_with_the_public_address(
    client: FlaskClient, settings: Settings, mirror: Mirror, store: Store
) -> None:
    public = client_of(
        settings.model_copy(update={"public_url": "https://mirror.example/x"}), mirror, store
    )
    feed = feedparser.parse(public.get("/feed/town.xml", headers={"Host": "evil.example"}).data)
    assert feed.entries[0].link.startswith("https://mirror.example/x/town/blob/")
    assert client.get("/feed/town.xml").status_code == 200


def test_a_host_that_nobody_trusts_never_gets_into_a_feed(client: FlaskClient) -> None:
    answer = client.get("/feed/town.xml", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.text


def test_an_address_that_is_none_is_said_to_be_so_under_any_host(client: FlaskClient) -> None:
    answer = client.get("/a/b/c", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    "host", ["..", "a" * 5000, "a b", "\xe4.example", "evil.example/x", "localhost:port"]
)
@pytest.mark.parametrize("address", ["/", "/feed/town.xml", "/healthz", "/nowhere"])
def test_a_host_that_is_none_is_refused_in_one_line(
    client: FlaskClient, host: str, address: str
) -> None:
    answer = client.get(address, headers={"Host": host})
    assert (answer.status_code, answer.text) == (400, "this is not a host name\n")


@pytest.mark.parametrize(
    "host", ["LOCALHOST", "localhost:", "localhost:8000", "127.0.0.1", "[::1]:8000"]
)
def test_a_trusted_host_is_known_in_every_spelling(client: FlaskClient, host: str) -> None:
    assert client.get("/feed/town.xml", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("address", ["/town//", "//evil.example/", "/tag//x"])
def test_no_redirect_leads_to_a_host_that_the_client_names(
    client: FlaskClient, address: str
) -> None:
    answer = client.get(address, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.headers.get("Location", "")


def test_another_method_is_refused_with_those_that_are_allowed(client: FlaskClient) -> None:
    answer = client.post("/feed/town.xml")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_article_of_another_section_is_found_in_its_own(client: FlaskClient) -> None:
    answer = client.get("/letters/blob/master/pages/city/n101.md")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/town/blob/master/pages/city/n101.md",
    )


def test_a_lead_picture_is_shown_once(client: FlaskClient, store: Store, clock: Clock) -> None:
    article = store.article(ArticleId("n102"))
    assert article is not None
    assert article.picture is not None
    url, stored = article.picture.url, store.pictures.of([article.id])[article.picture.url]
    other = Url(f"{url}.webp")
    for body, times in ((f'<p>x</p><img src="{url}">', 1), (f'<p>x</p><img src="{other}">', 2)):
        changed = replace(article, body=SafeHtml(body), pictures=(url, other))
        store.save(changed, [Page(article.url, b"")], {other: stored}, clock.now)
        clock.advance(minutes=1)
        entry = json.loads(client.get("/feed/town.json").data)["items"][2]["content_html"]
        assert entry.count("<img ") == times
        assert client.get(PAGE).text.count("<img ") == times


def test_a_store_that_fails_leaves_the_last_good_feed(
    client: FlaskClient, settings: Settings
) -> None:
    good = client.get("/feed/town.xml")
    assert client.get("/healthz").data == b"ok\n"
    _break(settings)
    assert client.get("/feed/town.xml").data == good.data
    never_made = client.get("/feed/letters.xml")
    assert never_made.status_code == 503
    assert never_made.headers["Retry-After"]
    assert "Traceback" not in never_made.text
    assert str(settings.data) not in never_made.text
    assert client.get("/healthz").status_code == 503


def test_a_store_that_is_damaged_in_its_middle_is_told_at_every_address_that_says_how_it_does(
    client: FlaskClient, settings: Settings, store: Store
) -> None:
    addresses = ("/healthz", "/readyz", "/status", "/status.json")
    assert [client.get(address).status_code for address in addresses] == [200] * 4
    store.close()
    overwrite_middle(settings.data / "feedproxy.sqlite")
    assert [client.get(address).status_code for address in addresses] == [503] * 4
    assert "damaged" in client.get("/status").text or "malformed" in client.get("/status").text
    done = CliRunner().invoke(doctor, ["--offline"], obj=settings)
    assert (done.exit_code, "malformed" in f"{done.output} {done.exception}") == (1, True)


def _break(settings: Settings) -> None:
    engine = create(settings.store_url)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text("ALTER TABLE channel RENAME TO lost"))
    engine.dispose()


@pytest.mark.parametrize(
    "address",
    ["/feed/", "/feed/town.txt", "/x/y", "/town/blob/master/pages/city/", "/tag/", "/static/x.css"],
)
def test_an_address_that_is_none_is_a_page_that_says_so(client: FlaskClient, address: str) -> None:
    answer = client.get(address, follow_redirects=True)
    assert answer.status_code == 404
    assert '<html lang="zh-CN">' in answer.text


def test_every_answer_forbids_sniffing_scripts_and_referrers(client: FlaskClient) -> None:
    for address in ("/", "/feed/town.xml", PAGE, "/nowhere", "/healthz", "/static/mirror.css"):
        headers = client.get(address).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["Referrer-Policy"] == "no-referrer"


def test_a_page_needs_nothing_but_its_style_sheet_and_its_icon(client: FlaskClient) -> None:
    page = client.get(PAGE).text
    assert "<script" not in page
    for rel, media_type in (("stylesheet", "text/css; charset=utf-8"), ("icon", "image/svg+xml")):
        link = re.search(rf'<link rel="{rel}"[^>]* href="([^"]+)"', page)
        assert link
        answer = client.get(urlsplit(urljoin(f"http://localhost{PAGE}", link[1])).path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)


def test_programs_that_look_for_an_icon_unasked_find_it(client: FlaskClient) -> None:
    assert (
        client.get("/favicon.ico", follow_redirects=True).headers["Content-Type"] == "image/svg+xml"
    )


# ---------------------------------------------------------------- pages


def test_an_article_page_has_the_parts_of_the_seed_in_its_order(client: FlaskClient) -> None:
    page = client.get(PAGE).text
    story = STORIES[1]
    parts = (
        f"<h1>{story.title}</h1>",
        "首页</a>",
        "<figure><img ",
        "<figcaption>图注",
        "<hr>",
        story.text,
        "原文链接（需翻墙）：",
    )
    places = [page.index(part, page.index("<body>")) for part in parts]
    assert places == sorted(places)
    assert '<html lang="zh-CN">' in page
    assert "原文链接（需翻墙）：http://news.example/21/5/2/n102.htm<" in page
    assert 'href="http://news.example' not in page


def test_an_article_page_says_to_machines_what_it_is(client: FlaskClient) -> None:
    page = client.get(PAGE.replace("/city/", "/books/")).text
    said = dict(re.findall(r'<meta property="([^"]+)" content="([^"]*)">', page))
    assert said["og:title"] == STORIES[1].title
    assert said["og:type"] == "article"
    assert said["og:url"] == f"http://localhost{PAGE}"
    assert f'<link rel="canonical" href="http://localhost{PAGE}">' in page
    assert said["article:published_time"] == "2021-05-02T08:00:00+08:00"
    assert client.get(said["og:image"]).mimetype == "image/png"
    feeds = re.findall(
        r'<link rel="alternate" type="application/rss\+xml" title="[^"]*" href="([^"]+)">', page
    )
    assert [urlsplit(urljoin(f"http://localhost{PAGE}", feed)).path for feed in feeds] == [
        "/feed/town.xml",
        "/feed/town/books.xml",
    ]


def test_an_article_leads_to_its_neighbours_in_the_channel_to_its_channels_and_tags(
    client: FlaskClient,
) -> None:
    page = client.get("/town/blob/master/pages/city/n102.md").text
    assert f'上一篇：<a href="n101.md?n102" rel="prev">{STORIES[0].title}</a>' in page
    assert f'下一篇：<a href="n103.md?n102" rel="next">{STORIES[2].title}</a>' in page
    in_books = client.get("/town/blob/master/pages/books/n102.md").text
    assert "上一篇" not in in_books
    assert f'下一篇：<a href="n104.md?n102" rel="next">{STORIES[3].title}</a>' in in_books
    assert '<a href="../../indexes/city/README.md?n102">城事</a>' in page
    assert '<a href="../../indexes/books/README.md?n102">读书</a>' in page
    assert '<a href="../../../../../tag/%E8%AF%BB%E4%B9%A6?n102" rel="tag">读书</a>' in page


def test_a_section_is_the_same_page_with_and_without_a_slash(client: FlaskClient) -> None:
    links = []
    for address in ("/town", "/town/"):
        page = client.get(address)
        assert page.status_code == 200
        resolved = (
            urlsplit(urljoin(f"http://localhost{address}", href))
            for href in re.findall(r'href="([^"]+)"', page.text)
        )
        links.append({url.path.rstrip("/") for url in resolved if url.hostname == "localhost"})
    assert links[0] == links[1]
    assert all(client.get(path or "/").status_code == 200 for path in links[0])


def test_a_channel_lists_all_its_articles_page_by_page(
    newsroom: Newsroom, channel_poller: ChannelPoller, empty: FlaskClient
) -> None:
    newsroom.stories = tuple(
        Story(
            f"n{number}",
            "21/5/1",
            f"第{number}条",
            f"集市上来了{number}位卖糖画的老人，孩子们围着他们看。",
            ("city",),
        )
        for number in range(200, 265)
    )
    channel_poller.backfill(channel_poller.services.mirror.channels[0], pages=99)
    base = "/town/blob/master/indexes/city/"
    shown: list[str] = []
    for number, name in enumerate(("README", "2", "3"), start=1):
        page = empty.get(f"{base}{name}.md")
        assert page.status_code == 200
        assert f'<b aria-current="page">{number}</b>' in page.text
        shown += re.findall(r"第(\d+)条", page.text)
    assert [int(number) for number in shown] == list(range(264, 199, -1))
    assert '<a href="README.md">1</a>' in empty.get(f"{base}2.md").text


@pytest.mark.parametrize(
    "name", ["0", "1", "-1", "2", "9999999999", "x", "%31", "README.md", "1e1", "٢"]
)
def test_a_page_of_a_channel_that_there_is_not_is_no_page(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/town/blob/master/indexes/city/{name}.md")
    assert answer.status_code == (200 if name in ("1", "%31") else 404)


# ---------------------------------------------------------------- tags


@pytest.mark.parametrize(
    "tag", ["镜", "A/B 台湾", "100%", "a+b&c=d", "何谓?", "#一", "旧..新", "C++"]
)
def test_a_tag_has_a_page_and_a_feed_in_every_form_whatever_stands_in_its_name(
    client: FlaskClient, store: Store, tag: str, clock: Clock
) -> None:
    article = store.article(ArticleId("n103"))
    assert article is not None
    store.save(replace(article, tags=(tag,)), [Page(article.url, b"")], {}, clock.now)
    page = client.get(paths.tag(tag))
    assert page.status_code == 200
    assert STORIES[2].title in page.text
    for feed_format in ("xml", "atom", "json"):
        address = paths.tag_feed(tag, feed_format=feed_format)
        answer = client.get(address)
        assert answer.headers["Content-Type"] == TYPES[feed_format]
        assert CHECKS[feed_format](answer.data) == []
        assert f"http://localhost{address}" in answer.text.replace("\\/", "/")
        assert STORIES[2].text in answer.text
        assert paths.relative(MirrorPath(address), paths.tag(tag)) in page.text
    entry = feedparser.parse(client.get(paths.tag_feed(tag)).data).entries[0]
    assert [each.term for each in entry.tags] == [tag]


@pytest.mark.parametrize(
    "address",
    ["/tag/无", "/feed/tag/无.xml", "/feed/tag/读书.txt", "/tag/" + "x" * 200, "/feed/tag/.xml"],
)
def test_a_tag_that_no_article_has_is_no_page(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


# ---------------------------------------------------------------- pictures


def picture_of(client: FlaskClient) -> str:
    return str(json.loads(client.get("/feed/town.json").data)["items"][2]["image"]).removeprefix(
        "http://localhost"
    )


def test_a_picture_is_answered_once_and_for_all(client: FlaskClient) -> None:
    answer = client.get(picture_of(client))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert hashlib.sha256(answer.data).hexdigest().startswith(Path(picture_of(client)).stem)
    again = client.get(picture_of(client), headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=99999-", 416, None),
    ],
)
def test_a_part_of_a_picture_can_be_asked_for(
    client: FlaskClient, wanted: str, status: int, part: slice | None
) -> None:
    whole = client.get(picture_of(client)).data
    answer = client.get(picture_of(client), headers={"Range": wanted})
    assert answer.status_code == status
    if part:
        assert answer.data == whole[part]
        assert answer.headers["Content-Range"].endswith(f"/{len(whole)}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-3, 6-9",
        "bytes=0-3,-4",
        "pages=0-3",
        "bytes 0-3",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "0-3",
        "bytes=0-" + "9" * 99,
    ],
)
def test_a_range_that_is_unknown_or_several_is_ignored(client: FlaskClient, wanted: str) -> None:
    whole = client.get(picture_of(client))
    answer = client.get(picture_of(client), headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (200, whole.data)
    assert answer.headers["Cache-Control"] == whole.headers["Cache-Control"]
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=99999-"])
def test_a_range_is_one_of_a_get_only(client: FlaskClient, wanted: str) -> None:
    whole = client.get(picture_of(client))
    answer = client.head(picture_of(client), headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(whole.data))
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=99999-"])
@pytest.mark.parametrize("known", ["{tag}", '"other", {tag}', "*", "W/{tag}"])
def test_of_a_picture_that_is_known_no_part_is_sent(
    client: FlaskClient, wanted: str, known: str
) -> None:
    tag = client.get(picture_of(client)).headers["ETag"]
    answer = client.get(
        picture_of(client), headers={"Range": wanted, "If-None-Match": known.format(tag=tag)}
    )
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == tag


def test_of_a_picture_that_is_another_than_is_known_the_part_is_sent(client: FlaskClient) -> None:
    whole = client.get(picture_of(client))
    headers = {"Range": "bytes=0-3", "If-None-Match": '"other"', "If-Range": whole.headers["ETag"]}
    answer = client.get(picture_of(client), headers=headers)
    assert (answer.status_code, answer.data) == (206, whole.data[:4])


@pytest.mark.parametrize("condition", ['"other"', "W/{tag}", "Tue, 01 Jun 2021 12:00:00 GMT"])
def test_a_part_of_what_may_be_another_picture_is_not_sent(
    client: FlaskClient, condition: str
) -> None:
    whole = client.get(picture_of(client))
    headers = {"Range": "bytes=0-3", "If-Range": condition.format(tag=whole.headers["ETag"])}
    answer = client.get(picture_of(client), headers=headers)
    assert (answer.status_code, answer.data) == (200, whole.data)


def test_no_error_over_a_picture_is_kept(client: FlaskClient) -> None:
    address = picture_of(client)
    size = len(client.get(address).data)
    beyond = client.get(address, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    other = client.get(address, headers={"If-Match": '"other"'})
    assert (other.status_code, other.data) == (412, b"")
    for answer in (beyond, other, client.get("/media/" + "0" * 32 + ".webp"), client.post(address)):
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    [
        "../feedproxy.sqlite",
        "%2e%2e%2ffeedproxy.sqlite",
        "x.webp",
        "0" * 32 + ".webp",
        "0" * 32 + ".svg",
        "A" * 32 + ".png",
        "%00.png",
    ],
)
def test_no_other_name_leads_to_a_file(client: FlaskClient, name: str) -> None:
    assert client.get(f"/media/{name}").status_code == 404


@pytest.mark.parametrize(
    ("images", "policy"),
    [(Images.STORE, "img-src 'self';"), (Images.LINK, "img-src 'self' http: https:;")],
)
def test_pictures_come_from_elsewhere_only_where_a_section_says_so(
    settings: Settings, mirror: Mirror, store: Store, images: Images, policy: str
) -> None:
    sections = tuple(replace(section, images=images) for section in mirror.sections)
    client = client_of(settings, replace(mirror, sections=sections), store)
    for address in ("/", "/town", "/nowhere"):
        assert policy in client.get(address).headers["Content-Security-Policy"]


# ---------------------------------------------------------------- every kind of address

INDEX = "/town/blob/master/indexes/city/README.md"
NOT_HELD = "/town/blob/master/pages/city/n900.md"
PAGES = ("/", "/town", "/town/", PAGE, INDEX, "/tag/读书")


def test_no_page_holds_a_script_or_has_a_browser_ask_elsewhere(client: FlaskClient) -> None:
    for address in (*PAGES, "/nowhere", NOT_HELD, "/tag/无"):
        root = parser.document_fromstring(client.get(address).text)
        assert [
            element.tag
            for element in root.iter("base", "embed", "iframe", "object", "script", "style")
        ] == []
        for element in root.iter():
            assert [
                name for name in element.attrib if str(name).startswith("on") or name == "style"
            ] == []
            assert not str(element.get("href", "")).lower().startswith(("javascript:", "data:"))
        asked = [
            str(link.get("href"))
            for link in root.iter("link")
            if link.get("rel") in ("stylesheet", "icon", "preload")
        ]
        asked += [str(element.get("src")) for element in root.iter() if element.get("src")]
        assert {urlsplit(each).netloc for each in asked} == {""}, address
        assert root.get("lang") == "zh-CN"


def test_what_is_known_is_not_sent_again_and_nothing_is_sent_to_head(client: FlaskClient) -> None:
    for address in (*PAGES, "/feed/tag/读书.json", "/static/mirror.css"):
        got, headed = client.get(address), client.head(address)
        assert headed.data == b""
        for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
            assert headed.headers[name] == got.headers[name], address
        again = client.get(address, headers={"If-None-Match": got.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), address


def test_every_address_says_which_methods_it_takes(client: FlaskClient) -> None:
    reading = {"GET", "HEAD", "OPTIONS"}
    others = (
        "/media/x.png",
        "/feed/town.xml",
        "/feed/tag/读书.xml",
        "/healthz",
        "/static/mirror.css",
    )
    for address in (*PAGES, *others, NOT_HELD):
        methods = reading | ({"POST"} if address in (PAGE, NOT_HELD) else set())
        for method in sorted({"DELETE", "PATCH", "POST", "PUT"} - methods):
            refused = client.open(address, method=method)
            assert refused.status_code == 405, address
            assert set(refused.headers["Allow"].split(", ")) == methods, address
        told = client.options(address)
        assert (told.status_code, set(told.headers["Allow"].split(", "))) == (200, methods), address


def test_a_channel_has_its_list_in_every_section_that_shows_it_and_nowhere_else(
    client: FlaskClient,
) -> None:
    town, letters = (
        client.get(f"/{section}/blob/master/indexes/books/README.md")
        for section in ("town", "letters")
    )
    assert [town.status_code, letters.status_code] == [200, 200]
    assert '<a href="../../pages/books/n104.md?n104">诗集再版 读者排队</a>' in town.text
    assert (
        '<link rel="canonical" href="http://localhost/letters/blob/master/indexes/books/README.md">'
        in letters.text
    )
    assert 'href="../../../../../feed/letters/books.json"' in letters.text
    for nowhere in (
        "/letters/blob/master/indexes/city/README.md",
        "/nowhere/blob/master/indexes/city/README.md",
    ):
        assert client.get(nowhere).status_code == 404


def test_a_list_holds_no_articles_twice_and_leads_to_each_in_its_channel(
    client: FlaskClient,
) -> None:
    for channel, held in (("city", ("n103", "n102", "n101")), ("books", ("n104", "n102"))):
        page = client.get(f"/town/blob/master/indexes/{channel}/README.md").text
        links = re.findall(r'<li><a href="([^"]+)">', page)
        assert links == [f"../../pages/{channel}/{each}.md?{each}" for each in held]


def test_the_feed_and_the_section_of_a_channel_lead_to_its_list(client: FlaskClient) -> None:
    listed = "/town/blob/master/indexes/books/README.md"
    assert (
        json.loads(client.get("/feed/town/books.json").data)["home_page_url"]
        == f"http://localhost{listed}"
    )
    for section in ("/town", "/town/"):
        assert listed in [
            urljoin(section, href)
            for href in re.findall(r'href="([^"]+)"', client.get(section).text)
        ]


def test_the_feed_of_a_tag_changes_with_its_articles_only(
    client: FlaskClient, store: Store, clock: Clock
) -> None:
    feeds = ("/feed/tag/读书.xml", "/feed/tag/山城.xml", "/feed/tag/市集.xml")
    before = [client.get(feed).headers["ETag"] for feed in feeds]
    article = store.article(ArticleId("n101"))
    assert article is not None
    clock.advance(hours=1)
    store.save(
        replace(article, title="山城的晚市", tags=("山城",), updated=clock.now),
        [Page(article.url, b"")],
        {},
        clock.now,
    )
    assert client.get(feeds[0]).headers["ETag"] == before[0]
    assert client.get(feeds[1]).headers["ETag"] != before[1]
    assert "山城的晚市" in client.get(feeds[1]).text
    assert client.get(feeds[2]).status_code == 404


def test_a_tag_is_found_as_it_is_written_and_as_it_is_encoded(client: FlaskClient) -> None:
    for address in ("/tag/读书", "/feed/tag/读书.atom"):
        assert client.get(address).data == client.get(quote(address)).data
