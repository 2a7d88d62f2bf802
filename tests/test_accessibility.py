"""Everybody can use the mirror: by WCAG 2.2 AA as far as axe-core knows it, by keyboard alone, and without scripts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from fakes import NOW
from newsroom import STORIES
from playwright.sync_api import Browser, Page
from serving import served
from standing import Standing, open_standing
from test_browser import CHROMIUM, browser

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
ARTICLE = "/town/blob/master/pages/city/n102.md"
KINDS = {
    "front page": "/",
    "section": "/town",
    "channel": "/town/blob/master/indexes/city/README.md",
    "tag": "/tag/读书",
    "article": ARTICLE,
    "article in the other script": f"{ARTICLE}?opencc=s2t",
    "not held": "/town/blob/master/pages/books/n900.md",
    "error": "/nowhere/x",
    "search": "/search",
    "found": "/search?q=%E5%9B%BE%E4%B9%A6%E9%A6%86",
    "subscribe": "/subscribe",
    "feed": "/feed/town.xml",
    "archive": "/feed/town/archive/1.atom",
    "wrong feed": "/feed/town.xml?limit=x",
}
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
# Which of the page's stops gets the focus, in turn, and whether its outline shows that; -1 is anything else.
WATCH = """() => {
    const stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden])")];
    window.walked = [];
    document.addEventListener("focusin", ({ target }) => {
        const style = getComputedStyle(target), box = target.getBoundingClientRect();
        const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.bottom > 0;
        window.walked.push([stops.indexOf(target), seen]);
    });
    return stops.length;
}"""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with open_standing(tmp_path_factory.mktemp("access")) as opened:
        opened.store.archive.append(opened.mirror.logs, NOW)
        yield opened


@pytest.fixture(scope="module")
def address(standing: Standing) -> Iterator[str]:
    with served(standing.app()) as opened:
        yield opened


@contextmanager
def at(browser: Browser, **wishes: object) -> Iterator[Page]:
    context = browser.new_context(**wishes)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        pytest.param("light", PHONE, id="light-phone"),
        pytest.param("dark", DESK, id="dark-desk"),
        pytest.param("light", DESK, id="light-desk", marks=pytest.mark.soak),
        pytest.param("dark", PHONE, id="dark-phone", marks=pytest.mark.soak),
    ],
)
def test_axe_finds_nothing_against_any_kind_of_page(
    browser: Browser, address: str, scheme: str, size: dict[str, int]
) -> None:
    found: dict[str, str] = {}
    with at(
        browser, color_scheme=scheme, viewport=size, bypass_csp=True
    ) as page:  # whose scripts the mirror forbids
        for kind, path in KINDS.items():
            page.goto(address + path)
            result = Axe().run(page, options=RULES).response
            assert len(result["passes"]) > 10, kind
            found |= {
                f"{kind}: {each['id']}": each["nodes"][0]["html"] for each in result["violations"]
            }
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], kind
    assert found == {}


def test_every_page_is_walked_by_keyboard_from_the_skip_link_to_the_end(
    browser: Browser, address: str
) -> None:
    with at(browser, viewport=DESK) as page:
        for kind, path in KINDS.items():
            page.goto(address + path)
            stops = page.evaluate(WATCH)
            for _ in range(stops + 1):
                page.keyboard.press("Tab")
            walked = page.evaluate("window.walked")
            assert walked[:stops] == [[at, True] for at in range(stops)], kind
            assert [at for at, _ in walked[stops:]] in ([], [0]), (
                f"{kind}: a stop more than there are"
            )
            assert page.locator("a, button, input").first.inner_text() == "跳到正文", kind


def test_the_skip_link_passes_the_navigation(browser: Browser, address: str) -> None:
    with at(browser, viewport=PHONE) as page:
        page.goto(f"{address}/town")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")


def test_without_scripts_a_reader_reads_switches_subscribes_and_asks(
    browser: Browser, address: str
) -> None:
    with at(browser, viewport=PHONE, java_script_enabled=False) as page:
        page.goto(address)
        page.get_by_role("link", name=STORIES[1].title).first.click()
        page.get_by_role("link", name="繁體").click()
        assert page.locator("h1").inner_text() == "河邊的圖書館"
        page.get_by_role("link", name="讀書").first.click()
        assert page.locator("html").get_attribute("lang") == "zh-Hant"
        page.get_by_role("link", name="简体").click()
        page.get_by_role("link", name="订阅", exact=True).click()
        assert (
            page.get_by_label("读书的订阅地址").first.input_value()
            == f"{address}/feed/town/books.xml"
        )
        page.goto(address + KINDS["not held"])
        page.get_by_role("button", name="去取这篇文章").click()
        assert "已经排队" in page.locator("main").inner_text()


@pytest.mark.parametrize("form", ["xml", "atom", "json"])
def test_chromium_shows_a_feed_as_a_page_and_itself_where_that_is_asked_for(
    browser: Browser, address: str, form: str
) -> None:
    with at(browser, viewport=DESK) as page:
        page.goto(f"{address}/feed/town.{form}")
        assert page.get_by_label("山城的订阅地址").input_value() == f"{address}/feed/town.{form}"
        for story in STORIES:
            assert page.get_by_role("link", name=story.title).count() == 1
        raw = page.get_by_role("link", name="订阅源本身").get_attribute("href")
        fetched = page.request.get(f"{address}/feed/town.{form}")
        assert fetched.headers["content-type"].startswith("application/")
        with page.expect_response(f"**/feed/town.{form}?raw") as given:
            page.evaluate("address => { location.href = address }", raw)
        assert given.value.headers["content-type"] == fetched.headers["content-type"]


def test_a_gate_that_lets_all_pass_is_none(browser: Browser, standing: Standing) -> None:
    nameless = replace(
        standing.mirror, about=replace(standing.mirror.about, name=" ", description="")
    )
    with (
        served(replace(standing, mirror=nameless).app()) as opened,
        at(browser, bypass_csp=True) as page,
    ):
        page.goto(opened)
        assert {each["id"] for each in Axe().run(page, options=RULES).response["violations"]} >= {
            "empty-heading"
        }
