"""Every link of the mirror leads where it should: over the invented site, live and from disk; and the checker bites."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote

import pytest
from conftest import Clock
from fakes import open_calm_fetcher
from flask import Flask
from flask.testing import FlaskClient
from linkcheck import Answer, Crawl, Mirror, crawl, faults, resolve, targets_by_page, write
from newsroom import HOST, STORIES, Newsroom, Story, open_newsroom, write_config
from newsroom import Answer as Sent

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.store import Store, open_store
from feedproxy.web import create_app

PUBLIC = "https://mirror.example"
Ask = Callable[[Sequence[str]], Iterable[Answer]]
# More than a section's front page lists, so that they are found by way of their channel's pages.
OLDER = tuple(
    Story(
        f"n{2000 + n}",
        f"20/{n % 12 + 1}/{n % 28 + 1}",
        f"旧闻第{n}则",
        f"第{n}则旧闻的全文。",
        ("city",),
    )
    for n in range(60)
)
WANTED = Story(
    "n900",
    "21/5/9",
    "没有收录的文章",
    "这篇文章没有频道，只有别的文章提到它。",
    (),
    ("诗歌",),
    "/pic/900.png",
)
TAGS = ("A%2FB", "100%25", "C%23", "x%26y", "U.S.", "a%20b", "q%3Fr", "%E4%BB%80%E4%B9%88%EF%BC%9F")
LINKING = replace(
    STORIES[0],
    tags=TAGS,
    text=f"""清晨五点，山城的早市已经热闹起来，菜农们挑着担子走进石板街，担子里的青菜还带着露水，卖豆浆的老人在街口生起了炉子。
        这时<a href="/21/5/2/n102.htm">图书馆</a>和<a href="//localhost/21/5/3/n103.html?a=1">菜园</a>都还没有开门，
        <a href="{STORIES[3].path}">诗集</a>也没有，
        <a href="{WANTED.path}">没有收录的</a>也在这里，<a href="#note">见注</a>，<a href="/about.htm">关于本报</a>，
        <a href="https://away.example/page?utm_source=x">别处</a>，<a href="/pic/large.png"><img src="/pic/small.png"></a>，
        <a href="/pic/101.png"><img src="/pic/101.png" srcset="/pic/101-2x.png 2x" alt="早市"></a>，
        <img src="/pic/gone.png" alt="没有了">，
        <video src="https://away.example/v.mp4" poster="https://away.example/v.jpg"></video><a name="note"></a>注。""",
)


@dataclass(frozen=True)
class Site:
    """The invented site's mirror, filled."""

    store: Store
    client: FlaskClient

    def crawl(self) -> Crawl:
        return crawl(Mirror(of_client(self.client), PUBLIC, hosts=frozenset((HOST, "localhost"))))


def of_client(client: FlaskClient) -> Ask:
    def ask(addresses: Sequence[str]) -> Iterator[Answer]:
        for address in addresses:
            answer = client.get(address)
            yield answer.status_code, answer.headers.get("Location", ""), answer.data

    return ask


@contextmanager
def file_server(folder: Path) -> Iterator[Ask]:
    """Serve a folder as it is, and give what asks its server."""

    class Files(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)

    def ask(addresses: Sequence[str]) -> Iterator[Answer]:
        for address in addresses:
            connection.request("GET", address)
            response = connection.getresponse()
            yield response.status, response.headers.get("Location", ""), response.read()

    yield ask
    connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


def open_site(room: Newsroom, folder: Path) -> Site:
    room.stories = (*OLDER, LINKING, *STORIES[1:])
    room.faults["/pic/gone.png"] = Sent(b"", 404)
    settings = Settings(
        config=write_config(folder / "config", "feed"),
        data=folder,
        origins={HOST: room.origin},
        public_url=PUBLIC,
    )
    mirror, store = load_mirror(settings.config), open_store(settings.store_url, folder)
    media, clock = FolderMedia(settings.media), Clock()
    fetcher = open_calm_fetcher(settings, mirror, cache_file=folder / "cache.sqlite")
    for channel in mirror.channels:
        ChannelPoller(Services(mirror, store, fetcher, media, clock)).poll(channel)
    fetcher.close()
    return Site(store, create_app(settings, mirror, store, media, clock).test_client())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_newsroom() as room:
        opened = open_site(room, tmp_path_factory.mktemp("links"))
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def crawled(site: Site) -> Crawl:
    return site.crawl()


def test_every_article_is_reached_by_clicks_from_the_front_page_under_each_of_its_channels(
    crawled: Crawl,
) -> None:
    pages = {id_: {page.path for page in found} for id_, found in crawled.articles().items()}
    sections = {"city": ("town",), "books": ("town", "letters")}
    for story in (*OLDER, *STORIES):
        places = [(section, channel) for channel in story.channels for section in sections[channel]]
        assert pages.pop(story.id) == {
            f"/{section}/blob/master/pages/{channel}/{story.id}.md" for section, channel in places
        }
    assert pages == {}
    kinds = {
        crawled.pages[page.found_on].reading.kind
        for found in crawled.articles().values()
        for page in found
    }
    assert kinds == {"html"}


def test_every_stored_picture_is_reached(site: Site, crawled: Crawl) -> None:
    names = {page.path.removeprefix("/media/") for page in crawled.of_kind("file")} - {
        "/static/mirror.svg"
    }
    assert len(names) == len(site.store.pictures.used_files()) > 4
    assert names == site.store.pictures.used_files()


def test_every_section_channel_and_tag_is_reached_with_all_its_feeds(crawled: Crawl) -> None:
    tags = {*TAGS, *(tag for story in STORIES[1:] for tag in story.tags)}
    pages = {f"/{name}" for name in ("town", "letters")} | {f"/tag/{unquote(tag)}" for tag in tags}
    lists = [
        f"{section}/{channel}"
        for section, channel in (("town", "city"), ("town", "books"), ("letters", "books"))
    ]
    pages |= {"/{}/blob/master/indexes/{}/README.md".format(*place.split("/")) for place in lists}
    pages |= {f"/town/blob/master/indexes/city/{number}.md" for number in (2, 3)}
    selectors = ["all", "town", "letters", *lists, *(f"tag/{unquote(tag)}" for tag in tags)]
    feeds = {
        f"/feed/{scope}.{feed_format}"
        for scope in selectors
        for feed_format in ("xml", "atom", "json")
    }
    assert pages <= {unquote(page.path) for page in crawled.of_kind("html")}
    assert {unquote(page.path) for page in crawled.of_kind("feed")} == feeds | {
        "/feeds.opml",
        "/opensearch.xml",
    }


def test_no_link_is_broken_or_leads_to_a_blocked_host_or_lacks_its_suffix(crawled: Crawl) -> None:
    assert faults(crawled) == []
    assert crawled.not_held == {"/town/blob/master/pages/city/n900.md"}


def test_nothing_leads_outside_but_the_navigation_and_what_an_article_links_to(
    crawled: Crawl,
) -> None:
    # "feed:" has no host: it leads to a program of the reader's
    assert set(crawled.outside) - {""} == {"elsewhere.example", "away.example"}
    away = {target.outside for _, _, target in crawled.links if "away.example" in target.outside}
    assert away == {"https://away.example/page", "https://away.example/v.mp4"}


def test_no_link_needs_a_redirect(crawled: Crawl) -> None:
    assert [page.path for page in crawled.pages.values() if page.leads_to] == []


def test_a_page_is_the_same_under_every_suffix(site: Site, crawled: Crawl) -> None:
    for page in crawled.of_kind("html"):
        assert (
            site.client.get(f"{page.path}?n1").data == site.client.get(page.path).data == page.body
        )


def test_an_article_that_a_reader_asked_for_joins_the_mirror(
    newsroom: Newsroom, channel_poller: ChannelPoller, app: Flask
) -> None:
    newsroom.stories = (LINKING, *STORIES[1:], WANTED)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    mirror = Mirror(of_client(app.test_client()), hosts=frozenset((HOST,)))
    assert app.test_client().post(*crawl(mirror).not_held).status_code == 303
    channel_poller.serve_readers()
    found = crawl(mirror)
    assert (faults(found), found.not_held) == ([], set())
    assert [page.path for page in found.articles()[WANTED.id]] == [
        f"/town/blob/master/pages/requested/{WANTED.id}.md"
    ]


@pytest.mark.parametrize("below", ["", "/mirrors/山城"])
def test_links_of_plain_files_lead_where_those_of_the_live_mirror_do(
    crawled: Crawl, tmp_path: Path, below: str
) -> None:
    write(crawled, tmp_path / below.lstrip("/"))
    folder = quote(below)
    with file_server(tmp_path) as ask:
        files = crawl(replace(crawled.mirror, ask=ask, folder=folder), "/")
    check_files(crawled, files)


def check_files(live: Crawl, files: Crawl) -> None:
    """Assert that a mirror that was written to disk leads where the live one does; nobody answers there for what is not held."""
    assert {path for path, page in live.pages.items() if page.status == 200} <= {
        path for path in files.pages if _ends(files, path) == 200
    }
    assert targets_by_page(files) == targets_by_page(live)
    broken = {fault.kind for fault in faults(files)} - {fault.kind for fault in faults(live)}
    assert broken <= {"broken"}
    assert {path for path in files.pages if _ends(files, path) != 200} == live.not_held


def _ends(found: Crawl, path: str) -> int:
    page = found.pages[path]
    return found.pages[page.leads_to.path].status if page.leads_to else page.status


def page_of(body: str = "", head: str = "") -> Answer:
    return 200, "", f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>".encode()


ARTICLE, OTHER = "/s/blob/master/pages/c/n1.md", "/s/blob/master/pages/c/n2.md"
RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:media="http://search.yahoo.com/mrss/"><channel><link>http://localhost/</link><item>
 <link>http://localhost{link}</link>{more}<content:encoded>{content}</content:encoded></item></channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><link href="http://localhost/"/><entry>
 <link rel="alternate" href="http://localhost{link}"/><link rel="via" href="http://blocked.example/"/>{more}
 <content type="html">{content}</content></entry></feed>"""
JSON = """{{"version":"https://jsonfeed.org/version/1.1","items":[{{"url":"http://localhost{link}",{more}
 "external_url":"http://blocked.example/","content_html":"{content}"}}]}}"""


def feed_of(
    template: str, content: str = "", *, link: str = f"{ARTICLE}?n1", more: str = ""
) -> Answer:
    return 200, "", template.format(link=link, more=more, content=content).encode()


def small(pages: dict[str, Answer], folder: str = "") -> Crawl:
    """Crawl a site of the pages given, two articles, a style sheet and a picture."""
    known = {
        ARTICLE: page_of(),
        OTHER: page_of(),
        "/x.css": (200, "", b"p {}"),
        "/x.png": (200, "", b"\x89PNG"),
    } | pages
    known = {folder + path: answer for path, answer in known.items()}
    hosts, pictures = frozenset(("blocked.example",)), frozenset(("pictures.example",))

    def ask(addresses: Sequence[str]) -> list[Answer]:
        return [
            known.get(address.partition("?")[0], (404, "", b"nothing")) for address in addresses
        ]

    return crawl(Mirror(ask, folder=folder, hosts=hosts, picture_hosts=pictures))


RIGHT = {
    "": page_of(
        f'<a href="{ARTICLE}?n1">1</a> <a href="folder">f</a> <a href="?x">here</a> <a href="#top">up</a>'
    ),
    ARTICLE: page_of(
        '<a href="n2.md?n1#here">2</a> <a href="#me">me</a> <a id="me" href="/x.png"><img src="../../../../../x.png"></a>'
        '<a href="https://away.example/" rel="noopener noreferrer">away</a> <a href="https://away.example/?n1">navigation</a>'
        '<a title="http://blocked.example/x">nowhere</a> <a href="../c/n9.md?n1">not held</a>',
        '<link rel="canonical" href="http://localhost/s/blob/master/pages/c/n1.md"><link rel="stylesheet" href="/x.css">'
        '<link rel="alternate" href="/feed.xml"><link rel="alternate" href="/feed.atom">'
        '<meta property="og:image" content="/x.png">',
    ),
    OTHER: page_of('<a name="here"></a>'),
    "/s/blob/master/pages/c/n9.md": (
        404,
        "",
        "<!DOCTYPE html><h1>这篇文章还没有收录</h1>原文链接（需翻墙）：http://blocked.example/9<".encode(),
    ),
    "/folder": (301, "/folder/", b""),
    "/folder/": page_of(f'<a href="..{OTHER}?n2">2</a><a href="../feed.json">feed</a>'),
    "/feed.xml": feed_of(
        RSS,
        f'&lt;a href="http://localhost{OTHER}?n1"&gt;',
        more='<enclosure url="http://localhost/x.png"/>',
    ),
    "/feed.atom": feed_of(ATOM, f'&lt;a href="http://localhost{OTHER}?n1"&gt;'),
    "/feed.json": feed_of(
        JSON, f"<a href='http://localhost{OTHER}?n1'>", more='"image":"http://localhost/x.png",'
    ),
}


def test_the_checker_finds_no_fault_where_there_is_none() -> None:
    found = small({path or "/": answer for path, answer in RIGHT.items()})
    assert faults(found) == []
    assert set(found.pages) == {"/", "/x.png", "/x.css", *RIGHT} - {""}
    assert found.outside == {"away.example": 2}


def test_the_checker_counts_equal_links_of_a_page_once() -> None:
    assert (
        len(
            list(
                small(
                    {"/": page_of('<a href="/x.png"></a><a href="/x.png"></a><img src="/x.png">')}
                ).links
            )
        )
        == 2
    )


LISTED, FEED = f'<a href="{ARTICLE}?n1">1</a>', '<a href="/feed">feed</a>'
BITES = {
    "broken": [
        {"/": page_of('<a href="/gone">x</a>')},
        {"/": page_of('<img src="gone.png">')},
        {"/": page_of('<img src="/x.png" srcset="/x.png 1x, /gone.png 2x">')},
        {"/": page_of('<form action="/gone">')},
        {"/": page_of(head='<meta property="og:image" content="http://localhost/gone.png">')},
        {"/": page_of(head='<link rel="canonical" href="http://localhost/gone">')},
        {"/": page_of('<a href="/r">x</a>'), "/r": (302, "/r", b"")},
        {"/": page_of('<a href="/r">x</a>'), "/r": (302, "/gone", b"")},
        {"/": page_of('<a href="/e">x</a>'), "/e": (500, "", b"")},
        {
            "/": page_of('<a href="/e">x</a>'),
            "/e": (404, "", "<!DOCTYPE html><h1>这篇文章还没有收录</h1>".encode()),
        },
        {
            "/": page_of(head='<link href="/x.css">'),
            "/x.css": (200, "", b"p { background: url(gone.png) }"),
        },
        {
            "/": page_of(FEED),
            "/feed": feed_of(RSS, more='<media:content url="http://localhost/gone.png"/>'),
        },
        {
            "/": page_of(FEED),
            "/feed": feed_of(ATOM, more='<link rel="enclosure" href="http://localhost/gone.png"/>'),
        },
        {"/": page_of(FEED), "/feed": feed_of(JSON, more='"image":"http://localhost/gone.png",')},
        {"/": page_of(FEED), "/feed": feed_of(JSON, "<img src='http://localhost/gone.png'>")},
    ],
    "asks another host": [
        {"/": page_of('<img src="https://away.example/x.png">')},
        {"/": page_of('<img src="//away.example/x.png">')},
        {"/": page_of('<img src="/x.png" srcset="https://away.example/x.png 2x">')},
        {"/": page_of('<video poster="https://away.example/x.png"></video>')},
        {"/": page_of('<p style="background: url(https://away.example/x.png)">')},
        {"/": page_of(head="<style>@import 'https://away.example/x.css'</style>")},
        {"/": page_of(head='<script src="https://away.example/x.js"></script>')},
        {"/": page_of(head='<meta http-equiv="refresh" content="1; url=https://away.example/">')},
        {"/": page_of('<iframe src="https://away.example/"></iframe>')},
        {"/": page_of('<form action="https://away.example/">')},
        {"/": page_of(FEED), "/feed": feed_of(RSS, '&lt;img src="https://away.example/x.png"&gt;')},
        {
            "/": page_of(FEED),
            "/feed": feed_of(ATOM, '&lt;img src="https://away.example/x.png"&gt;'),
        },
        {
            "/": page_of(FEED),
            "/feed": feed_of(RSS, more='<enclosure url="https://away.example/x.png"/>'),
        },
    ],
    "names a blocked host": [
        {"/": page_of('<img src="/x.png" data-lazy="https://blocked.example/x.png">')},
        {"/": page_of('<p data-x="//pictures.example/x.png">')},
    ],
    "leads to a blocked host": [{"/": page_of('<a href="http://blocked.example/9">x</a>')}],
    "leads to a picture host": [{"/": page_of('<a href="http://pictures.example/9">x</a>')}],
    "no such anchor": [
        {"/": page_of('<a href="#gone">x</a>')},
        {"/": page_of(LISTED), ARTICLE: page_of('<a href="n2.md?n1#gone">x</a>')},
    ],
    "no suffix": [
        {"/": page_of(f'<a href="{ARTICLE}">1</a>')},
        {"/": page_of(f'<a href="{ARTICLE}?n2">1</a>')},
        {"/": page_of(LISTED), ARTICLE: page_of('<a href="n2.md?n2">x</a>')},
        {"/": page_of(LISTED), ARTICLE: page_of('<a href="../../../../..">x</a>')},
        {"/": page_of(LISTED), ARTICLE: page_of('<a href="https://away.example/">x</a>')},
        {"/": page_of(FEED), "/feed": feed_of(ATOM, link=ARTICLE)},
        {"/": page_of(FEED), "/feed": feed_of(JSON, f"<a href='http://localhost{OTHER}?n2'>x</a>")},
    ],
}


@pytest.mark.parametrize(
    ("kind", "pages"), [(kind, pages) for kind, sites in BITES.items() for pages in sites]
)
def test_the_checker_bites(kind: str, pages: dict[str, Answer]) -> None:
    assert {fault.kind for fault in faults(small(pages))} == {kind}


def test_the_checker_sees_a_link_that_leaves_the_mirrors_folder() -> None:
    assert [
        fault.kind for fault in faults(small({"/": page_of('<a href="/x.png">x</a>')}, "/deep/er"))
    ] == ["leaves the mirror's folder"]
    assert faults(small({"/": page_of('<a href="x.png">x</a>')}, "/deep/er")) == []


# RFC 3986, 5.4
@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("g", "/b/c/g"),
        ("g/", "/b/c/g/"),
        ("/g", "/g"),
        ("?y", "/b/c/d;p?y"),
        ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q#s"),
        ("g?y#s", "/b/c/g?y#s"),
        (";x", "/b/c/;x"),
        ("", "/b/c/d;p?q"),
        (".", "/b/c/"),
        ("..", "/b/"),
        ("../g", "/b/g"),
        ("../..", "/"),
        ("../../../g", "/g"),
        ("./g/.", "/b/c/g/"),
        ("g;x=1/../y", "/b/c/y"),
        ("http://localhost/g", "/g"),
    ],
)
def test_relative_links_are_resolved_by_the_rules(href: str, target: str) -> None:
    path, _, rest = target.partition("?") if "?" in target else (target.partition("#")[0], "", "")
    found = resolve(Mirror(lambda _: []), "/b/c/d;p?q", href)
    assert (found.path, found.outside) == (path, "")
    assert f"{found.query}#{found.fragment}".rstrip("#") == rest
