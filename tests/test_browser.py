"""A real browser shows the mirror's pages whole and asks nobody else: the invented site's, and the real ones.

Prints its figures; run it alone with `pytest -n0 -s tests/test_browser.py`.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Literal
from urllib.parse import quote

import pytest
from flask import Flask
from newsroom import STORIES, Newsroom, Story
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from realsite import NOW, Harvest
from serving import served

from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.web import create_app

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
# The last: whatever a page asks for elsewhere is not only counted, but refused.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
SCHEMES = ("light", "dark")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
LOOK = """() => ({
    pictures: [...document.images].map(image => [image.currentSrc || image.src, image.complete && image.naturalWidth > 0]),
    scripts: document.scripts.length,
    width: document.documentElement.scrollWidth,
    brightness: getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).reduce((sum, part) => sum + part),
    styled: document.styleSheets.length,
})"""
WANTED = Story(
    "n900",
    "20/1/1",
    "去年的集市",
    "去年的集市上，老人第一次摆出了自己做的风筝，引来不少孩子。",
    (),
    ("市集",),
    "/pic/900.png",
)
LINKING = replace(
    STORIES[3],
    text=f"""一本绝版多年的诗集再版，书店门口排起了长队，像<a href="{WANTED.path}">去年的集市</a>。
        <img src="/pic/queue.png" alt="长队"><img src="https://away.example/x.png" alt="别处的图">
        <video src="https://away.example/v.mp4" poster="/pic/v.png"></video>""",
)


@dataclass
class Visitor:
    """Somebody at a browser, and what they noticed on the way."""

    page: Page
    address: str
    width: int
    elsewhere: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(10_000)
        self.page.on("request", self._note_request)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.said.append(f"{self.page.url}: {error}"))

    def open(self, path: str) -> None:
        """Open a page; its pictures must be whole, its style sheet there, and nothing wider than the screen."""
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == 200, path
        self.look()

    def look(self) -> None:
        found = self.page.evaluate(LOOK)
        missing = [source for source, is_whole in found["pictures"] if not is_whole]
        assert (missing, found["scripts"], found["styled"]) == ([], 0, 1), self.page.url
        assert found["width"] <= self.width, self.page.url
        self.seen.update(pages=1, pictures=len(found["pictures"]))

    def click(self, name: str, role: Literal["link", "button"] = "link") -> None:
        with self.page.expect_navigation(wait_until="load"):
            self.page.get_by_role(role, name=name, exact=True).first.click()
        self.look()

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def _note_request(self, request: Request) -> None:
        self.seen["requests"] += 1
        if not request.url.startswith(self.address + "/"):
            self.elsewhere.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type} at {message.location['url']}: {message.text}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@contextmanager
def visit(browser: Browser, app: Flask, scheme: str, size: dict[str, int]) -> Iterator[Visitor]:
    """Serve an application and send somebody there; nobody else may be asked, and nothing may be complained of."""
    with served(app) as address:
        context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
        visitor = Visitor(context.new_page(), address, size["width"])
        try:
            yield visitor
            assert (visitor.elsewhere, visitor.said) == ([], [])
        finally:
            context.close()


@pytest.fixture
def filled(newsroom: Newsroom, channel_poller: ChannelPoller, app: Flask) -> Flask:
    newsroom.stories = (*STORIES[:3], LINKING)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    newsroom.stories = (*newsroom.stories, WANTED)
    return app


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_reader_who_clicks_through_the_mirror_sees_it_whole_and_never_leaves(
    filled: Flask, browser: Browser, scheme: str, size: dict[str, int]
) -> None:
    with visit(browser, filled, scheme, size) as reader:
        reader.open("/")
        for link, heading in [
            ("文苑", "文苑"),
            (LINKING.title, LINKING.title),
            ("读书", "读书"),
            (STORIES[1].title, STORIES[1].title),
            ("城事", "城事"),
            (STORIES[0].title, STORIES[0].title),
            ("山城", "山城"),
            (STORIES[2].title, STORIES[2].title),
            ("首页", "山城"),
        ]:
            reader.click(link)
            assert reader.heading == heading
        assert reader.seen["pictures"] == 3


def test_an_article_that_is_not_held_is_fetched_for_the_reader_who_asks(
    filled: Flask, channel_poller: ChannelPoller, browser: Browser
) -> None:
    with visit(browser, filled, "light", PHONE) as reader:
        reader.open(f"/town/blob/master/pages/books/{LINKING.id}.md")
        reader.click("去年的集市")
        assert reader.heading == "这篇文章还没有收录"
        reader.click("请镜像去取这篇文章", "button")
        assert "已经排队" in reader.page.inner_text("main")
        assert reader.page.get_by_role("main").get_by_role("button").count() == 0
        channel_poller.serve_readers()
        reader.page.reload()
        assert reader.heading == WANTED.title
        assert WANTED.text in reader.page.inner_text("main")
        reader.look()
        # the one thing that a browser has to say: that the page it was sent to answered 404
        assert all("404" in message for message in reader.said)
        reader.said.clear()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_as_light_or_dark_as_the_reader_wants_them(
    filled: Flask, browser: Browser, scheme: str
) -> None:
    with visit(browser, filled, scheme, PHONE) as reader:
        reader.open("/")
        brightness = reader.page.evaluate(LOOK)["brightness"]
    assert brightness > 700 if scheme == "light" else brightness < 100


def every(count: int, of: list[str]) -> list[str]:
    """Return *count* entries, spread evenly."""
    return [of[(2 * at + 1) * len(of) // (2 * count)] for at in range(count)]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", DESK), pytest.param("dark", PHONE, marks=pytest.mark.soak)],
    ids=["light-desk", "dark-phone"],
)
def test_the_real_pages_are_whole_and_ask_nobody_else(
    modern: Harvest, browser: Browser, scheme: str, size: dict[str, int]
) -> None:
    mirror, store = modern.mirror, modern.store
    places = [
        (section.name, channel.id) for section in mirror.sections for channel in section.channels
    ]
    chosen = [
        f"/{section}/blob/master/pages/{channel}/{every(1, [each.id for each in store.newest([channel], 10_000)])[0]}.md"
        for section, channel in places
    ]
    tags = sorted({tag for article in modern.articles().values() for tag in article.tags})
    lists = [
        "/",
        *(f"/{section.name}" for section in mirror.sections),
        *(f"/tag/{quote(tag, safe='')}" for tag in every(10, tags)),
    ]
    indexes = [f"/{section}/blob/master/indexes/{channel}/README.md" for section, channel in places]
    settings = modern.settings.model_copy(update={"trusted_hosts": ("127.0.0.1",)})
    app = create_app(settings, mirror, store, FolderMedia(modern.settings.media), lambda: NOW)
    with visit(browser, app, scheme, size) as reader:
        for path in chain(lists, indexes, chosen):
            reader.open(path)
        print(
            f"\n{scheme}: {dict(reader.seen)}, {len(reader.elsewhere)} elsewhere, {len(reader.said)} messages"
        )
    assert reader.seen["pictures"] > 50


@pytest.mark.parametrize("is_plain", [True, False])
def test_the_button_works_from_the_mirrors_own_page_and_not_from_another_sites(
    settings: Settings,
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    browser: Browser,
    *,
    is_plain: bool,
) -> None:
    """Over plain HTTP browsers send no Sec-Fetch-Site, and from a page without referrers the origin "null"."""
    newsroom.stories = (*STORIES[:3], LINKING)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    host, services = "mirror.example" if is_plain else "127.0.0.1", channel_poller.services
    named = settings.model_copy(update={"trusted_hosts": (host,)})
    app = create_app(named, services.mirror, services.store, services.media, services.clock)
    rules = "--host-resolver-rules=MAP mirror.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with served(app) as address:
        chromium = browser.browser_type.launch(
            executable_path=CHROMIUM, args=[*OPTIONS[:-1], rules]
        )
        target = address.replace("127.0.0.1", host) + "/town/blob/master/pages/books/n900.md"
        page = chromium.new_page()
        page.set_default_timeout(10_000)
        form = f'<meta name="referrer" content="no-referrer"><form method="post" action="{target}"><button>'
        page.route(
            "http://elsewhere.example/**",
            lambda route: route.fulfill(content_type="text/html", body=form),
        )
        statuses = []
        for start in ("http://elsewhere.example/", target):
            page.goto(start)
            with page.expect_response(lambda found: found.request.method == "POST") as posted:
                page.click("form[method=post] button")
            statuses.append(posted.value.status)
        chromium.close()
    assert statuses == [403, 303]
