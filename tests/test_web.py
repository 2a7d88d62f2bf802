"""What a reader's program gets, over a store that a harvest filled."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import feedparser
import pytest
from conftest import Clock
from feedcheck import check_atom, check_json_feed, check_rss
from flask.testing import FlaskClient
from newsroom import STORIES, Newsroom, Story
from sqlalchemy import text

from feedproxy.harvest import Harvester
from feedproxy.model import ArticleId, Mirror, Page, SafeHtml
from feedproxy.settings import Settings
from feedproxy.store import SqlStore, open_store
from feedproxy.web import create_app

FEEDS = ("/feed/town.{}", "/feed/letters.{}", "/feed/town/city.{}", "/feed/all.{}")
CHECKS = {"xml": check_rss, "atom": check_atom, "json": check_json_feed}
TYPES = {
    "xml": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
PAGE = "/town/blob/master/pages/city/n102.md"


def client_of(settings: Settings, mirror: Mirror, store: SqlStore) -> FlaskClient:
    return create_app(settings, mirror, store).test_client()


@pytest.fixture
def empty(settings: Settings, mirror: Mirror, store: SqlStore) -> FlaskClient:
    return client_of(settings, mirror, store)


@pytest.fixture
def client(empty: FlaskClient, harvester: Harvester) -> FlaskClient:
    for channel in harvester.mirror.channels:
        harvester.poll(channel, pages=9)
    return empty


@pytest.mark.parametrize("form", ["xml", "atom", "json"])
@pytest.mark.parametrize("feed", FEEDS)
def test_every_feed_is_valid_and_says_what_it_is(client: FlaskClient, feed: str, form: str) -> None:
    answer = client.get(feed.format(form))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == TYPES[form]
    assert CHECKS[form](answer.data) == []


@pytest.mark.parametrize("form", ["xml", "atom", "json"])
def test_an_empty_store_gives_valid_empty_feeds(empty: FlaskClient, form: str) -> None:
    answer = empty.get(f"/feed/town.{form}")
    assert answer.status_code == 200
    assert CHECKS[form](answer.data) == []
    assert not re.search(rb"<item>|<entry>|content_html", answer.data)


@pytest.mark.parametrize("form", ["xml", "atom"])
def test_a_feed_reader_finds_everything_in_an_entry(client: FlaskClient, form: str) -> None:
    feed = feedparser.parse(client.get(f"/feed/town.{form}").data)
    assert [entry.title for entry in feed.entries] == [story.title for story in reversed(STORIES)]
    entry = feed.entries[2]
    assert entry.id == "tag:news.example,2021-05-02:n102"
    assert entry.link == f"http://localhost{PAGE}?n102"
    assert entry.author == "李明"
    assert [tag.term for tag in entry.tags] == ["读书"]
    assert entry.published.startswith(("2021-05-02T00:00:00", "Sun, 02 May 2021 00:00:00"))
    assert STORIES[1].text in entry.content[-1].value
    assert "http://news.example/pic/102.jpg" in entry.content[-1].value
    assert STORIES[1].text[:20] in entry.summary
    assert entry.enclosures[0].href == "http://news.example/pic/102.jpg"
    assert entry.enclosures[0].type == "image/jpeg"


def test_an_atom_entry_leads_to_the_mirror_and_names_its_source(client: FlaskClient) -> None:
    entry = feedparser.parse(client.get("/feed/town.atom").data).entries[2]
    links = {link.rel: link.href for link in entry.links}
    assert links["alternate"] == f"http://localhost{PAGE}?n102"
    assert links["via"] == "http://news.example/21/5/2/n102.htm"


def test_a_json_feed_holds_the_whole_text(client: FlaskClient) -> None:
    item = json.loads(client.get("/feed/town.json").data)["items"][2]
    assert item["id"] == "tag:news.example,2021-05-02:n102"
    assert STORIES[1].text in item["content_html"]
    assert item["authors"] == [{"name": "李明"}]
    assert item["tags"] == ["读书"]


@pytest.mark.usefixtures("client")
def test_a_feed_holds_the_newest_entries_only(settings: Settings, mirror: Mirror, store: SqlStore) -> None:
    short = client_of(settings, replace(mirror, entries=2), store)
    assert [entry.title for entry in feedparser.parse(short.get("/feed/all.xml").data).entries] == [
        STORIES[3].title,
        STORIES[2].title,
    ]


def test_two_servers_and_a_restart_give_the_same_bytes_and_tags(
    client: FlaskClient, settings: Settings, mirror: Mirror, clock: Clock
) -> None:
    clock.advance(days=3)
    other_store = open_store(settings.store_url, settings.data)
    other = client_of(settings, mirror, other_store)
    for feed in FEEDS:
        for form in TYPES:
            mine, theirs = client.get(feed.format(form)), other.get(feed.format(form))
            assert mine.data == theirs.data
            assert mine.headers["ETag"] == theirs.headers["ETag"]
            assert mine.headers["Last-Modified"] == theirs.headers["Last-Modified"]
    other_store.close()


@pytest.mark.parametrize("address", ["/feed/town.xml", "/feed/town.atom", "/feed/town.json", "/", "/town", PAGE])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_what_is_known_already_is_answered_with_304(client: FlaskClient, address: str, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    first = client.get(address, headers=headers)
    assert not first.headers["ETag"].startswith("W/")
    for condition in ({"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]}):
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


def test_a_feed_changes_with_its_articles_only(client: FlaskClient, store: SqlStore, clock: Clock) -> None:
    letters, city = client.get("/feed/letters.xml").headers["ETag"], client.get("/feed/town/city.xml").headers["ETag"]
    article = store.article(ArticleId("n104"))
    assert article is not None
    clock.advance(hours=1)
    changed = replace(article, body=SafeHtml("<p>改过的正文</p>"), updated=clock.now)
    store.save(changed, [Page(article.url, b"")], clock.now)
    answer = client.get("/feed/letters.xml")
    assert answer.headers["ETag"] != letters
    assert "改过的正文" in answer.text
    assert client.get("/feed/town/city.xml").headers["ETag"] == city


def test_a_feed_is_rendered_once_for_each_change(
    client: FlaskClient, store: SqlStore, settings: Settings, mirror: Mirror
) -> None:
    class Counting:
        """A library that counts how often a feed's articles are read."""

        def __init__(self) -> None:
            self.reads = 0

        def __getattr__(self, name: str) -> object:
            self.reads += name == "newest"
            return getattr(store, name)

    counting = Counting()
    counted = create_app(settings, mirror, counting).test_client()  # type: ignore[arg-type]
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


def test_an_article_answers_under_each_channel_and_names_one_canonical_page(client: FlaskClient) -> None:
    canonical = f'<link rel="canonical" href="http://localhost{PAGE}">'
    for page in (PAGE, "/town/blob/master/pages/books/n102.md"):
        answer = client.get(f"{page}?n104")
        assert answer.status_code == 200
        assert STORIES[1].text in answer.text
        assert canonical in answer.text
    elsewhere = client.get("/letters/blob/master/pages/books/n102.md").text
    assert 'href="http://localhost/letters/blob/master/pages/books/n102.md"' in elsewhere


def test_every_link_of_an_article_page_stays_inside_and_carries_its_suffix(client: FlaskClient) -> None:
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
    navigation = re.findall(r'<a href="([^"]+)">([^<]+)</a>', client.get(PAGE).text.partition("</nav>")[0])
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
    empty: FlaskClient, harvester: Harvester, newsroom: Newsroom
) -> None:
    gone = Story("n900", "21/5/9", "没有的文章", "没有", ())
    linking = replace(
        STORIES[0], text=f'请看<a href="{gone.path}">这里</a>，另见<a href="/21/5/2/n102.htm#a">那里</a>，都在本报。'
    )
    newsroom.stories = (linking, *STORIES[1:])
    for channel in harvester.mirror.channels:
        harvester.poll(channel, pages=9)
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
    client: FlaskClient, settings: Settings, mirror: Mirror, store: SqlStore
) -> None:
    public = client_of(settings.model_copy(update={"public_url": "https://mirror.example/x"}), mirror, store)
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


@pytest.mark.parametrize("host", ["..", "a" * 5000, "a b", "\xe4.example", "evil.example/x", "localhost:port"])
@pytest.mark.parametrize("address", ["/", "/feed/town.xml", "/healthz", "/nowhere"])
def test_a_host_that_is_none_is_refused_in_one_line(client: FlaskClient, host: str, address: str) -> None:
    answer = client.get(address, headers={"Host": host})
    assert (answer.status_code, answer.text) == (400, "this is no host name\n")


@pytest.mark.parametrize("host", ["LOCALHOST", "localhost:", "localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_a_trusted_host_is_known_in_every_spelling(client: FlaskClient, host: str) -> None:
    assert client.get("/feed/town.xml", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("address", ["/town//", "//evil.example/", "/tag//x"])
def test_no_redirect_leads_to_a_host_that_the_client_names(client: FlaskClient, address: str) -> None:
    answer = client.get(address, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.headers.get("Location", "")


def test_another_method_is_refused_with_those_that_are_allowed(client: FlaskClient) -> None:
    answer = client.post("/feed/town.xml")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_article_of_another_section_is_found_in_its_own(client: FlaskClient) -> None:
    answer = client.get("/letters/blob/master/pages/city/n101.md")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/town/blob/master/pages/city/n101.md")


def test_a_lead_picture_is_shown_once(client: FlaskClient, store: SqlStore, clock: Clock) -> None:
    article = store.article(ArticleId("n102"))
    assert article is not None
    assert article.picture is not None
    url = article.picture.url
    for body, times in ((f'<p>x</p><img src="{url}">', 1), (f'<p>x</p><img src="{url}.webp">', 2)):
        store.save(replace(article, body=SafeHtml(body)), [Page(article.url, b"")], clock.now)
        clock.advance(minutes=1)
        entry = json.loads(client.get("/feed/town.json").data)["items"][2]["content_html"]
        assert entry.count("<img ") == times
        assert client.get(PAGE).text.count("<img ") == times


def test_a_store_that_fails_leaves_the_last_good_feed(client: FlaskClient, settings: Settings, store: SqlStore) -> None:
    good = client.get("/feed/town.xml")
    assert client.get("/healthz").data == b"ok\n"
    _break(store)
    assert client.get("/feed/town.xml").data == good.data
    never_made = client.get("/feed/letters.xml")
    assert never_made.status_code == 503
    assert never_made.headers["Retry-After"]
    assert "Traceback" not in never_made.text
    assert str(settings.data) not in never_made.text
    assert client.get("/healthz").status_code == 503


def _break(store: SqlStore) -> None:
    with store._engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text("ALTER TABLE channel RENAME TO lost"))


@pytest.mark.parametrize(
    "address", ["/feed/", "/feed/town.txt", "/x/y", "/town/blob/master/pages/city/", "/tag/", "/static/x.css"]
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


def test_a_page_needs_nothing_but_its_style_sheet(client: FlaskClient) -> None:
    page = client.get(PAGE).text
    assert "<script" not in page
    style = re.search(r'rel="stylesheet" href="([^"]+)"', page)
    assert style
    answer = client.get(urlsplit(urljoin(f"http://localhost{PAGE}", style[1])).path)
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert Path(urlsplit(style[1]).path).name == "mirror.css"
