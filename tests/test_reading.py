"""What readers find: a mirror in the script they read, how to subscribe, feeds that a browser shows, books."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from fakes import NOW
from newsroom import STORIES
from standing import Standing, open_standing
from werkzeug.test import Client

from feedproxy.output import in_script
from feedproxy.output.render import STATIC
from feedproxy.paths import FORMATS

PAGE = "/town/blob/master/pages/city/n102.md"
LISTS = ("/", "/town", "/subscribe", "/tag/读书", "/town/blob/master/indexes/city/README.md")
OPENED = {
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Accept": "text/html,*/*;q=0.8",
}
FEEDS = [
    f"/feed/{scope}.{form}"
    for scope in ("town", "all", "tag/读书", "town/archive/1")
    for form in FORMATS
]
# Of a page without its pictures; the style sheet is counted with it, though a browser asks for it once a day.
MOST_BYTES = 40_000
KEY = "a-reader-of-the-tests"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with open_standing(tmp_path_factory.mktemp("reading")) as opened:
        opened.store.archive.append(opened.mirror.logs, NOW)
        yield opened


@pytest.fixture
def client(standing: Standing) -> Client:
    return standing.app().test_client()


def links_of(page: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'<(?:a|link)\b[^>]* href="([^"]+)"', page)]


# ---------------------------------------------------------------- the script of pages


def test_the_switch_leads_to_the_page_in_the_other_script_and_back(client: Client) -> None:
    page = client.get(f"{PAGE}?n102").text
    assert '<b lang="zh-Hans">简体</b>' in page
    switch = re.search(r'<a href="([^"]+)" lang="zh-Hant" hreflang="zh-Hant">繁體</a>', page)
    assert switch
    other = client.get(urljoin(PAGE, unescape(switch[1]))).text
    assert '<html lang="zh-Hant">' in other
    assert "河邊新開的圖書館收到三千冊捐書" in other
    assert "<title>河邊的圖書館 - 山城鏡像</title>" in other
    assert '<a href="?n102" lang="zh-Hans" hreflang="zh-Hans">简体</a>' in other
    assert client.get(urljoin(PAGE, "?n102")).text == page


def test_every_link_of_a_page_in_another_script_stays_in_it_but_those_to_files_elsewhere_and_back(
    client: Client,
) -> None:
    for path in (PAGE, *LISTS, *FEEDS):
        page = client.get(f"{path}?opencc=s2t", headers=OPENED).text
        own = links_of(page.partition('translate="no"')[0] + page.partition("</header>")[2])
        leading = [
            link
            for link in own
            if not re.match(r"[a-z]+:|#|(\.\./)*(media|static|opensearch\.xml)", link)
        ]
        assert leading, path
        assert [link for link in leading if "opencc=s2t" not in link] == [], path
        assert not [link for link in own if re.match(r"(\.\./)*(media|static)/.*opencc", link)]


def test_a_page_in_another_script_says_the_same_with_the_same_addresses(client: Client) -> None:
    plain, other = client.get(PAGE).text, client.get(f"{PAGE}?opencc=s2t").text
    assert [link.partition("?")[0] for link in links_of(other)] == [
        link.partition("?")[0] for link in links_of(plain)
    ]
    assert re.findall(r'<img src="([^"]+)"', other) == re.findall(r'<img src="([^"]+)"', plain)
    assert in_script(plain.encode(), "") == plain.encode()


def test_subscribe_addresses_of_a_page_in_another_script_are_those_of_feeds_in_it(
    client: Client,
) -> None:
    page = client.get("/town?opencc=s2t").text
    address = re.search(r'<input readonly[^>]* value="([^"]+)"', page)
    assert address
    feed = client.get(unescape(address[1]).removeprefix("http://localhost"))
    assert feed.mimetype == "application/rss+xml"
    assert "河邊的圖書館" in feed.text
    assert "feed/town.xml?opencc=s2t" in client.get("/feeds.opml?opencc=s2t").text


def test_pages_that_say_no_are_in_the_readers_script_too(client: Client) -> None:
    for path in ("/town/blob/master/pages/city/n999.md", "/nowhere/x", "/tag/無"):
        assert "鏡像" in client.get(f"{path}?opencc=s2t").text
    assert "页码" not in client.get("/town?opencc=s2t").text


def test_an_unknown_script_is_no_script_and_makes_no_other_page(client: Client) -> None:
    assert client.get("/town?opencc=klingon").data == client.get("/town").data


def test_a_mirror_in_traditional_chinese_offers_simplified_and_one_in_english_nothing(
    standing: Standing,
) -> None:
    for language, switch in (("zh-TW", "t2s"), ("en", "")):
        about = replace(standing.mirror.about, language=language)
        app = replace(standing, mirror=replace(standing.mirror, about=about)).app()
        page = app.test_client().get("/").text
        assert re.findall(r'href="\?opencc=(\w+)"', page) == ([switch] if switch else [])
    assert app.test_client().get("/?opencc=s2t").data == app.test_client().get("/").data


# ---------------------------------------------------------------- subscribing


def test_the_page_about_feeds_gives_the_address_of_every_feed_in_full(
    client: Client, standing: Standing
) -> None:
    page = client.get("/subscribe").text
    names = ["all", *(section.name for section in standing.mirror.sections)]
    names += [
        f"{section.name}/{channel.id}"
        for section in standing.mirror.sections
        for channel in section.channels
    ]
    addresses = re.findall(r'<input readonly class="address" value="([^"]+)"', page)
    assert sorted(addresses) == sorted(f"http://localhost/feed/{name}.xml" for name in names)
    assert all(f'href="feed:{address}"' in page for address in addresses)
    assert "feeds.opml" in page


def test_every_page_leads_to_the_page_about_feeds(client: Client) -> None:
    for path in (PAGE, *LISTS, "/nowhere/x"):
        targets = [urljoin(path, link) for link in links_of(client.get(path).text)]
        assert "/subscribe" in [target.partition("?")[0] for target in targets], path


def test_addresses_of_a_private_mirror_hold_its_readers_key_and_what_is_shared_does_not(
    standing: Standing,
) -> None:
    client = standing.app(access_keys=(KEY,)).test_client()
    page = client.get(f"/town?key={KEY}", follow_redirects=True).text
    assert f'value="http://localhost/feed/town.xml?key={KEY}"' in page
    assert (
        f'<link rel="alternate" type="application/rss+xml" title="山城 - 山城镜像" href="http://localhost/feed/town.xml?key={KEY}">'
        in page
    )
    assert '<link rel="canonical" href="http://localhost/town">' in page


# ---------------------------------------------------------------- a feed in a browser


@pytest.mark.parametrize("path", FEEDS)
def test_who_opens_a_feed_in_a_browser_sees_a_page_and_no_reader_ever_does(
    client: Client, path: str
) -> None:
    before = client.get(path)
    opened = client.get(path, headers=OPENED)
    assert opened.mimetype == "text/html"
    assert (
        opened.headers["Cache-Control"] == "no-store"
    )  # a cache that ignores Vary can't give it to a reader
    assert "Sec-Fetch-Dest" in opened.headers["Vary"]
    assert f'value="http://localhost{path}"'.replace("读书", "%E8%AF%BB%E4%B9%A6") in opened.text
    assert STORIES[1].title in opened.text
    for headers in (
        {},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
        {"Accept": "text/html"},
    ):
        again = client.get(path, headers=headers)
        assert (again.data, again.mimetype) == (before.data, before.mimetype)
        assert "Sec-Fetch-Dest" in again.headers["Vary"]
    raw = re.search(r'<a href="(\?[^"]*raw)">', opened.text)
    assert raw
    assert client.get(path + raw[1], headers=OPENED).data == before.data


def test_a_filtered_feed_in_a_browser_shows_what_the_filter_leaves_and_keeps_its_address(
    client: Client,
) -> None:
    opened = client.get("/feed/town.xml?filter=菜园", headers=OPENED).text
    assert STORIES[2].title in opened
    assert STORIES[1].title not in opened
    assert 'value="http://localhost/feed/town.xml?filter=%E8%8F%9C%E5%9B%AD"' in opened


def test_what_is_wrong_with_a_feeds_address_is_a_page_in_a_browser_and_a_line_to_a_reader(
    client: Client,
) -> None:
    for path, status in (("/feed/town.xml?limit=x", 400), ("/feed/moon.xml", 404)):
        opened, read = client.get(path, headers=OPENED), client.get(path)
        assert (opened.status_code, opened.mimetype) == (status, "text/html")
        assert (read.status_code, read.mimetype) == (status, "text/plain")


def test_a_signature_is_one_of_the_feed_however_it_is_opened(client: Client) -> None:
    path = "/feed/town/archive/1.xml.minisig"
    assert client.get(path, headers=OPENED).data == client.get(path).data


# ---------------------------------------------------------------- books


def test_a_book_is_linked_and_given_where_there_is_one(standing: Standing, tmp_path: Path) -> None:
    data = tmp_path / "var"
    (data / "books" / "town").mkdir(parents=True)
    (data / "books" / "town.epub").write_bytes(b"PK book of the town")
    (data / "books" / "town" / "city.epub").write_bytes(b"PK book of the city")
    client = standing.app(data=data).test_client()
    assert 'href="book/town.epub" type="application/epub+zip"' in client.get("/town").text
    assert "epub" not in client.get("/letters").text
    whole = client.get("/book/town.epub", buffered=True)
    assert (whole.data, whole.mimetype) == (b"PK book of the town", "application/epub+zip")
    assert (
        client.get(
            "/book/town.epub", headers={"If-None-Match": whole.headers["ETag"]}, buffered=True
        ).status_code
        == 304
    )
    assert (
        client.get("/book/town.epub", headers={"Range": "bytes=0-1"}, buffered=True).data == b"PK"
    )
    assert client.get("/book/town/city.epub", buffered=True).data == b"PK book of the city"
    for path in (
        "/book/letters.epub",
        "/book/moon.epub",
        "/book/..%2Ftown.epub",
        "/book/town/..%2F..%2Fx.epub",
    ):
        assert client.get(path).status_code == 404


# ---------------------------------------------------------------- how much it is


@pytest.mark.corpus
def test_no_page_of_the_real_mirror_but_long_articles_takes_more_than_40_kb(modern: object) -> None:
    from realsite import Harvest  # noqa: PLC0415 (its fixture is a session's)

    assert isinstance(modern, Harvest)
    standing = Standing(modern.settings, modern.mirror, modern.store, None, "")  # type: ignore[arg-type]
    client, style = (
        standing.app(trusted_hosts=("localhost",)).test_client(),
        len(STATIC["mirror.css"]),
    )
    section = max(modern.mirror.sections, key=lambda section: len(section.channels))
    index = f"/{section.name}/blob/master/indexes/{section.channels[0].id}/README.md"
    for script in ("", "opencc=s2t"):
        for path in (
            "/",
            f"/{section.name}",
            "/subscribe",
            index,
            "/tag/中共",
            f"/feed/{section.name}.xml?limit=200",
        ):
            page = client.get(f"{path}{'&' if '?' in path else '?'}{script}", headers=OPENED)
            assert page.status_code == 200, path
            assert len(page.data) + style <= MOST_BYTES, path
