"""No attack reaches a reader: every one is harvested as an article, and opened as a page of the mirror and as a feed's entry.

The feed reader is the worst there can be: it puts an entry into a bare document as it came, in a
browser, without any policy. That the attacks are some is shown by the same browser, which is given
them as they are.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import html5lib
import pytest
import serving
from attacks import ATTACKS, TEXTS, written
from collections_of_attacks import FOLDER, READERS, collection
from conftest import Clock
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from newsroom import HOST, Newsroom, Story, open_newsroom, page_of, write_config
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Frame, Request
from test_browser import CHROMIUM, browser
from test_rewrite import CLEANED, IN_FEED, MIRROR, PLACES, ROOT
from test_sanitise import SOUP

from feedproxy import markup, paths, sanitise
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import DirtyHtml, SafeHtml, Url
from feedproxy.rewrite import LinkContext, rewrite_links
from feedproxy.store import open_store
from feedproxy.web import create_app

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
PAGE = Url("https://news.example/gb/21/11/9/page.htm")
BARE = '<!DOCTYPE html><meta charset="utf-8"><title>x</title><link rel="icon" href="data:,"><body>{}</body></html>'
AT_ONCE = 25
FEEDS = ("/feed/town.xml", "/feed/town.atom", "/feed/town.json")
# Does what a reader might do, here and in every frame: points at everything, clicks everything
# (that leads nowhere else), opens what can be opened; then lets what that started happen.
TOUCH = """async frames => {
    const touch = document => {
        document.addEventListener("click", event => {
            const link = event.target.closest?.("a[href], area[href]");
            if (link && /^https?:/.test(link.protocol ?? "")) event.preventDefault();
        }, true);
        for (const element of document.querySelectorAll("*")) {
            element.removeAttribute("target");  // what opens in front of a page stops its clock
            for (const {name} of [...element.attributes])
                if (name.startsWith("on")) element.dispatchEvent(new Event(name.slice(2), {bubbles:
                true, cancelable: true}));
            element.focus?.();
            if (element.localName == "details") element.open = !element.open;
            if (element.popover) element.togglePopover();
            for (const name of ["mouseover", "mousedown", "click"])
                element.dispatchEvent(new MouseEvent(name, {bubbles: true, cancelable: true}));
        }
    };
    touch(document);
    for (const frame of document.querySelectorAll("body > iframe.shown"))
        try { touch(frame.contentDocument) } catch {}
    for (let left = frames; left; left--) await new Promise(requestAnimationFrame);
}"""
# Has all that is shown be written and read again, as readers do; says what changed.
REWRITE = """() => [window, ...document.querySelectorAll("body > iframe.shown")].flatMap(
    frame => {
        const document = frame.document ?? frame.contentDocument;
        const before = document?.body?.innerHTML;
        if (before === undefined || document.querySelector("body > iframe.shown")) return [];
        document.body.innerHTML = before;
        return before == document.body.innerHTML ? [] : [before, document.body.innerHTML];
    }
)"""
TREES = """texts => texts.map(text => {
    const walk = node => node.nodeType == Node.TEXT_NODE ? node.data : node.nodeType !=
    Node.ELEMENT_NODE ? [node.nodeName] : [
        node.localName, [...node.attributes].map(({name, value}) => [name, value]).sort(),
        ...[...node.childNodes].map(walk)
    ]; const parsed = new DOMParser().parseFromString(`<div>${text}</div>`,
    "text/html").body.firstChild; const set = document.createElement("div"); set.innerHTML = text;
    return [parsed, set].map(root => [...root.childNodes].map(walk));
})"""


@dataclass
class Probe:
    """What a browser did that it was not to do."""

    context: BrowserContext
    known: tuple[str, ...]
    hits: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(10_000)
        self.context.expose_function("hit", self._note_hit)
        self.context.on("request", self._note_request)
        self.context.on("page", lambda page: self.moves.append(f"opened {page.url}"))
        self.page = self.context.new_page()
        self.moves.clear()
        self.page.on("dialog", self._note_dialog)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("framenavigated", self._note_move)
        self._context = ""

    def open(self, address: str) -> None:
        """Open a page, and do there whatever a reader could do."""
        self._context = address
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        self.touch()

    def touch(self, frames: int = 1) -> None:
        self.page.evaluate(TOUCH, frames)

    def take(self) -> dict[str, list[str]]:
        """Return what was noticed since the last time."""
        noticed = {
            "hits": self.hits,
            "asked": self.asked,
            "dialogs": self.dialogs,
            "moves": self.moves,
            "said": self.said,
        }
        found = {name: list(each) for name, each in noticed.items() if each}
        for each in noticed.values():
            each.clear()
        return found

    def _note_hit(self, number: object) -> None:
        self.hits.append(str(number))

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(self.known):
            self.asked.append(request.url)

    def _note_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note_message(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text}")

    def _note_move(self, frame: Frame) -> None:
        if frame.url != self._context:
            self.moves.append(frame.url)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an application; yield its address with the "/" at its end, so that no other port begins alike."""
    with serving.served(app) as address:
        yield f"{address}/"


def reader_of(entries: Sequence[str]) -> Flask:
    """Return a feed reader that shows entries as they are: some in one document, or each in a frame of its own."""
    app = Flask("reader")
    framed = '<iframe class=shown src="/{0}/{0}" sandbox="allow-scripts allow-same-origin allow-forms allow-modals"></iframe>'

    def show(first: int, last: int) -> str:
        return BARE.format(
            "".join(f"<article>{entry}</article>" for entry in entries[first : last + 1])
        )

    def frame(first: int, last: int) -> str:
        return BARE.format(
            "".join(framed.format(number) for number in range(first, min(last + 1, len(entries))))
        )

    app.add_url_rule("/<int:first>/<int:last>", "show", show)
    app.add_url_rule("/frames/<int:first>/<int:last>", "frame", frame)
    return app


def show_all(
    entries: Sequence[str], browser: Browser, *known: str, at_once: int = AT_ONCE
) -> dict[str, Any]:
    """Show entries in a reader, twice; return what was noticed, by the first entry of those among which it was."""
    found = {}
    with served(reader_of(entries)) as reader, probing(browser, reader, *known) as probe:
        for first in range(0, len(entries), at_once):
            probe.open(f"{reader}{first}/{first + at_once - 1}")
            changed = probe.page.evaluate(REWRITE)
            probe.touch()
            if noticed := probe.take() | ({"changed": changed} if changed else {}):
                found[entries[first]] = noticed
    return found


@contextmanager
def probing(browser: Browser, *known: str) -> Iterator[Probe]:
    context = browser.new_context()
    try:
        yield Probe(context, known)
    finally:
        context.close()


# -------------------------------------------------------------- the harvest


def words_of(number: int) -> str:
    """Return a text that no other article has."""
    return "".join(
        f"第{number}天的第{guest}位客人走过了山村的第{number * 7 + guest}座石桥。"
        for guest in range(1, 6)
    )


def story_of(number: int, markup: str) -> Story:
    return Story(
        f"n{number}",
        "21/5/1",
        f"第{number}座桥",
        f"{words_of(number)}<div>{markup}</div>",
        ("city",),
    )


def body_stories() -> list[Story]:
    """Return an article for each attack alone, and some in which many follow each other."""
    is_standalone = [story_of(attack.number, attack.markup) for attack in ATTACKS]
    together = [
        story_of(5_000 + at, "".join(f"<p>{attack.markup}</p>" for attack in ATTACKS[at::50]))
        for at in range(50)
    ]
    joined = [
        story_of(6_000 + at, "石桥".join(attack.markup for attack in ATTACKS[at::20]))
        for at in range(20)
    ]
    return [*is_standalone, *together, *joined]


def text_stories() -> list[Story]:
    """Return articles whose headline, byline, caption and tag are attacks: as mark-up, and as text that shows mark-up."""
    stories = []
    for number, text in enumerate(TEXTS, 7_000):
        raw = written(text, number)
        for offset, said in ((0, raw), (100, escape(raw))):
            body = f"{words_of(number + offset)}（记者{said}报导）"
            tags = (quote(f"桥{number}{raw}"[:90], safe=""),)
            stories.append(
                Story(
                    f"n{number + offset}",
                    "21/5/2",
                    f"桥{number}{said}",
                    body,
                    ("city",),
                    tags,
                    f"/pic/{number + offset}.png",
                )
            )
    return stories


STORIES = (*body_stories(), *text_stories())
LISTING = "".join(f'<li><a href="{story.path}">第{story.id}座桥</a></li>' for story in STORIES)


@dataclass
class Mirrored:
    """The mirror of what the invented site published."""

    app: Flask
    newsroom: Newsroom
    failures: list[str]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    folder = tmp_path_factory.mktemp("attacked")
    with open_newsroom() as newsroom:
        newsroom.stories = STORIES
        newsroom.faults["/city.htm"] = page_of(f'<!DOCTYPE html><ul class="list">{LISTING}</ul>')
        chosen = Settings(
            config=write_config(folder / "config"),
            data=folder / "var",
            origins={HOST: newsroom.origin},
        )
        mirror, clock = load_mirror(chosen.config), Clock()
        mirror = replace(mirror, feeds=replace(mirror.feeds, entries=1_000))
        store, media = open_store(chosen.store_url, chosen.data), FolderMedia(chosen.media)
        cache = chosen.data / "cache.sqlite"
        fetcher = open_fetcher(
            chosen, mirror, store.budget, clock, lambda _: None, cache_file=cache
        )
        report = ChannelPoller(Services(mirror, store, fetcher, media, clock)).backfill(
            mirror.channels[0], pages=1
        )
        yield Mirrored(
            create_app(chosen, mirror, store, media, clock),
            newsroom,
            [str(each) for each in report.failures],
        )
        fetcher.close()
        store.close()


def entries_of(address: str) -> dict[str, dict[str, set[str]]]:
    """Return what each entry has as HTML in the three forms of a feed: by its address, its contents and its summaries."""
    entries: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    rss, atom, items = (urlopen(address + path[1:]).read() for path in FEEDS)
    for item in etree.fromstring(rss).iterfind(".//item"):
        entry = entries[str(item.findtext("link"))]
        entry["content"].add(
            str(item.findtext("{http://purl.org/rss/1.0/modules/content/}encoded"))
        )
        entry["summary"].add(str(item.findtext("description")))
    space = "{http://www.w3.org/2005/Atom}"
    for element in etree.fromstring(atom).iterfind(f"{space}entry"):
        content = element.find(f"{space}content")
        assert content is not None
        assert content.get("type") == "html"
        entries[str(element.find(f"{space}link").get("href"))]["content"].add(str(content.text))  # type: ignore[union-attr]
    for each in json.loads(items)["items"]:
        entries[each["url"]]["content"].add(each["content_html"])
    return entries


def test_every_attack_is_harvested_as_an_article(mirrored: Mirrored) -> None:
    print(
        f"\n{len(ATTACKS)} attacks: {dict(Counter(attack.kind for attack in ATTACKS))}; {len(STORIES)} articles"
    )
    assert mirrored.failures == []
    assert len(ATTACKS) >= 300


def test_no_page_of_the_mirror_runs_asks_or_says_anything(
    mirrored: Mirrored, browser: Browser
) -> None:
    with served(mirrored.app) as address, probing(browser, address) as probe:
        found = {}
        for story in STORIES[len(ATTACKS) :]:
            probe.open(f"{address}town/blob/master/pages/city/{story.id}.md")
            if noticed := probe.take():
                found[story.id] = noticed
    assert found == {}


def test_no_entry_of_a_feed_runs_asks_or_says_anything_where_nothing_protects_its_reader(
    mirrored: Mirrored, browser: Browser
) -> None:
    with served(mirrored.app) as address:
        entries = entries_of(address)
        assert len(entries) == len(STORIES)
        assert {len(entry["content"]) for entry in entries.values()} == {1}, (
            "the three forms of a feed differ"
        )
        shown = [
            html
            for entry in entries.values()
            for kind in ("content", "summary")
            for html in entry[kind]
        ]
        assert show_all(shown, browser, address) == {}


@pytest.mark.soak
def test_the_same_attacks_do_run_and_ask_where_nobody_cleans_them(browser: Browser) -> None:
    worked: set[int] = set()
    with (
        served(reader_of([attack.markup for attack in ATTACKS])) as reader,
        probing(browser, reader) as probe,
    ):
        for first in range(0, len(ATTACKS), 2 * AT_ONCE):
            probe.open(f"{reader}frames/{first}/{first + 2 * AT_ONCE - 1}")
            probe.page.evaluate(REWRITE)
            probe.touch(3)
            noticed = probe.take()
            worked.update(
                int(number) for hit in noticed.get("hits", []) for number in re.findall(r"\d+", hit)
            )
            worked.update(
                int(number)
                for url in noticed.get("asked", [])
                for number in re.findall(r"//probe\.example/(\d+)", url)
            )
    missed = [attack for attack in ATTACKS if attack.number not in worked]
    of_kind = Counter(attack.kind for attack in ATTACKS)
    missed_of_kind = Counter(attack.kind for attack in missed)
    print(
        f"\n{len(ATTACKS) - len(missed)} of {len(ATTACKS)} attacks work unless cleaned: {missed_of_kind}"
    )
    assert worked <= {attack.number for attack in ATTACKS}
    assert all(missed_of_kind[kind] < count / 2 for kind, count in of_kind.items())


# -------------------------------------------------------------- one tree


def tree_of(root: Any) -> list[Any]:
    """Return what stands in an element as nested lists, whoever made it."""
    inside = [root.text or ""]
    for child in root:
        inside += [
            [child.tag, sorted(map(list, child.attrib.items())), *tree_of(child)],
            child.tail or "",
        ]
    return [each for each in inside if each != ""]


def trees_of(clean: str, of_chromium: Sequence[list[Any]]) -> dict[str, list[Any]]:
    """Return the trees that three parsers make of clean HTML."""
    read = html5lib.parseFragment(clean, container="div", namespaceHTMLElements=False)
    parsed, inner = of_chromium
    return {
        "lxml": tree_of(markup.fragment(clean)),
        "html5lib": tree_of(read),
        "document": parsed,
        "innerHTML": inner,
    }


def faults_of(tree: list[Any]) -> Iterator[str]:
    """Yield what has no place in a tree."""
    for element in tree:
        if isinstance(element, str):
            continue
        tag, attributes, *inside = element
        if tag not in sanitise.TAGS:
            yield f"<{tag}>"
        for name, value in attributes:
            is_address = name in ("href", "src", "poster")
            if (
                name.startswith("on")
                or name not in ATTRIBUTES
                or (is_address and not re.match("https?://|#", value))
            ):
                yield f'{name}="{value}"'
        yield from faults_of(inside)


def clean(dirty: str) -> str:
    return sanitise.clean(DirtyHtml(dirty), PAGE)


@pytest.fixture(scope="module")
def parse(browser: Browser) -> Iterator[Callable[[list[str]], list[list[list[Any]]]]]:
    """Chromium's parsers, by a document and by `innerHTML`, for many texts at once."""
    page = browser.new_page()
    yield lambda texts: page.evaluate(TREES, texts)
    page.close()


Parse = Callable[[list[str]], list[list[list[Any]]]]
ATTRIBUTES = (
    *(
        "alt",
        "colspan",
        "controls",
        "datetime",
        "dir",
        "headers",
        "height",
        "href",
        "lang",
        "name",
        "poster",
        "rowspan",
        "scope",
    ),
    *("span", "src", "start", "title", "type", "value", "width"),
)
# Attacks cut short and put together.
PARTS = st.sampled_from(ATTACKS).flatmap(
    lambda attack: st.integers(1, len(attack.markup)).map(lambda to: attack.markup[:to])
)
MIXED = st.lists(
    PARTS | st.sampled_from(ATTACKS).map(lambda attack: attack.markup), max_size=5
).map("".join)


def faults_among(dirty: Sequence[str], parse: Parse) -> dict[str, Any]:
    """Return of what is not clean, or not the same to all parsers, why."""
    found = {}
    cleaned = [clean(each) for each in dirty]
    for html, of_chromium in zip(cleaned, parse(cleaned), strict=True):
        trees = trees_of(html, of_chromium)
        faults = [*faults_of(trees["document"]), *([] if clean(html) == html else ["is not clean"])]
        if faults or len({json.dumps(tree) for tree in trees.values()}) > 1:
            found[html] = faults or trees
    return found


@pytest.mark.parametrize(
    "around",
    ["{}", "<table><tr><td>{}<p>石桥", "<pre>\n\n{}\n<a href=x>石桥", "<ul><li>{}<li>石桥"],
)
def test_all_parsers_make_one_harmless_tree_of_what_is_left_of_an_attack(
    parse: Parse, around: str
) -> None:
    assert faults_among([around.format(attack.markup) for attack in ATTACKS], parse) == {}


@settings(max_examples=25)
@given(st.lists(SOUP | MIXED, min_size=20, max_size=20))
def test_all_parsers_make_one_harmless_tree_of_whatever_is_clean(
    parse: Parse, dirty: list[str]
) -> None:
    assert faults_among(dirty, parse) == {}


@settings(max_examples=200)
@given(MIXED)
def test_attacks_in_any_mixture_are_clean_once_they_were_cleaned(dirty: str) -> None:
    once = clean(dirty)
    assert clean(once) == once


@settings(max_examples=100)
@given(CLEANED, PLACES)
def test_what_is_rewritten_for_a_page_passes_cleaning_unchanged_but_that_it_says_where_its_links_lead(
    safe: SafeHtml, place: LinkContext
) -> None:
    on_page = replace(place, write=lambda to: paths.relative(to, place.page), is_standalone=False)
    absolute = replace(place, write=lambda to: paths.absolute(to, ROOT), is_standalone=False)
    again = sanitise.clean(DirtyHtml(rewrite_links(safe, MIRROR, on_page)), Url(ROOT + place.page))
    expected = rewrite_links(safe, MIRROR, absolute).replace(
        ' rel="noopener noreferrer nofollow"', ""
    )
    assert markup.inner_html(markup.fragment(again)) == expected


# -------------------------------------------------------------- what others collected


@pytest.mark.parametrize("name", READERS)
def test_no_attack_of_a_public_collection_is_left(
    parse: Parse, browser: Browser, name: str
) -> None:
    dirty = collection(name)
    if not dirty:
        pytest.skip(f"{name} is not in {FOLDER.name}; `make attacks` fetches it")
    assert len(dirty) > 15
    assert faults_among(dirty, parse) == {}
    shown = [
        rewrite_links(sanitise.clean(DirtyHtml(each), PAGE), MIRROR, IN_FEED) for each in dirty
    ]
    assert show_all(shown, browser, at_once=200) == {}
    print(f"\n{len(dirty)} attacks of {name}")
