"""The real pages: harvested from the stand-in upstream in ../shared, compared with the mirror it was made from.

Prints its figures; run it alone with `pytest -s tests/test_corpus.py`.
"""

import difflib
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import pytest
from conftest import SHARED
from feedcheck import check_atom, check_json_feed, check_rss
from lxml import html

from feedproxy.errors import FetchError
from feedproxy.harvest import Harvester
from feedproxy.media import MediaFolder
from feedproxy.model import Article, Mirror, Page, Url
from feedproxy.sanitise import plain_text
from feedproxy.settings import Settings
from feedproxy.sources import load_mirror
from feedproxy.store import SqlStore, open_store
from feedproxy.web import create_app

pytestmark = pytest.mark.corpus
CONFIG = Path(__file__).resolve().parents[1] / "config"
LAYOUTS = ("modern", "classic")
_WHITE = re.compile(r"\s+")
MAX_FEED_ITEMS = 20
NOW = datetime(2022, 1, 2, tzinfo=UTC)


@cache
def stand_in() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", SHARED / "upstream" / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stand_in"] = module
    spec.loader.exec_module(module)
    return module


class SiteFetcher:
    """The stand-in's pages without its server."""

    def __init__(self, layout: str) -> None:
        self.site: Any = stand_in().Site(SHARED / "mirror", layout, "real")
        self.asked: list[str] = []

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        del keep
        if url.startswith("https://i.epochtimes.com/"):
            return Page(url, stand_in().picture(url.removeprefix("https://i.epochtimes.com")), "image/png")
        path = url.removeprefix("https://www.epochtimes.com")
        self.asked.append(path)
        return Page(url, self._body(path, url), "text/html; charset=utf-8")

    def _body(self, path: str, url: Url) -> bytes:
        listing = re.fullmatch(r"/gb/(n[a-z]+\d+)(?:_(\d+))?\.(htm|xml)", path)
        if listing is None:
            body = self.site.article(path)
        elif listing[3] == "xml":
            body = self.site.feed(listing[1])
        else:
            body = self.site.listing(listing[1], int(listing[2] or 1))
        if body is None:
            raise FetchError(url, "answered 404")
        return bytes(body)

    def new_round(self) -> None:
        """Nothing is ever silent here."""


@dataclass
class Harvest:
    """What one layout brought."""

    mirror: Mirror
    store: SqlStore
    fetcher: SiteFetcher
    settings: Settings

    def articles(self) -> dict[str, Article]:
        everything = self.store.newest([channel.id for channel in self.mirror.channels], 10_000)
        return {article.id: article for article in everything}


def harvest(layout: str, folder: Path, config: Path = CONFIG, pages: int = 99) -> Harvest:
    mirror = load_mirror(config)
    settings = Settings(config=CONFIG, data=folder, trusted_hosts=("localhost",))
    store = open_store(settings.store_url, folder)
    done = Harvest(mirror, store, SiteFetcher(layout), settings)
    harvester = Harvester(mirror, store, done.fetcher, MediaFolder(settings.media), lambda: NOW)
    for channel in mirror.channels:
        report = harvester.poll(channel, pages=pages)
        assert report.failures == []
    return done


@pytest.fixture(scope="module")
def harvests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Harvest]]:
    done = {layout: harvest(layout, tmp_path_factory.mktemp(layout)) for layout in LAYOUTS}
    yield done
    for each in done.values():
        each.store.close()


@pytest.fixture(params=LAYOUTS)
def harvested(request: pytest.FixtureRequest, harvests: dict[str, Harvest]) -> Harvest:
    return harvests[request.param]


def squeezed(text: str) -> str:
    return _WHITE.sub("", text)


def text_of(markup: str) -> str:
    root = html.fragment_fromstring(markup, create_parent="div")
    return squeezed("".join(root.xpath(".//text()[not(ancestor::script) and not(ancestor::style)]")))


@dataclass
class Copies:
    """What the mirrored pages of an article say: one stands in each of its channels, some from an earlier day than others."""

    titles: set[str] = field(default_factory=set)
    leads: set[bool] = field(default_factory=set)
    captions: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)


def mirrored(article_id: str) -> Copies:
    copies = Copies()
    for file in sorted(SHARED.glob(f"mirror/*/pages/*/{article_id}.md")):
        page = file.read_text("utf-8", errors="replace")
        markup = page[page.find("<div") : page.rfind("\n---\n")]
        lead, _, body = markup.rpartition("</div></div><hr/>")
        copies.titles.add(page.split("\n", 1)[0].removeprefix("### ").strip())
        copies.leads.add("<img" in lead)
        copies.captions.add(text_of(lead.partition('<div class="caption">')[2]) if lead else "")
        copies.texts.add(text_of(body or markup))
    return copies


def common_start(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(first), len(second)))


def similarity(got: str, wanted: str) -> float:
    """Return the share of characters that two texts have in common, in order."""
    start = common_start(got, wanted)
    end = common_start(got[start:][::-1], wanted[start:][::-1])
    middle = difflib.SequenceMatcher(None, got[start : len(got) - end], wanted[start : len(wanted) - end], autojunk=False)
    common = start + end + sum(block.size for block in middle.get_matching_blocks())
    return 2 * common / (len(got) + len(wanted))


def test_every_article_of_every_channel_is_brought_once(harvested: Harvest) -> None:
    site = harvested.fetcher.site
    assert set(harvested.articles()) == set(site.articles)
    asked = [path for path in harvested.fetcher.asked if re.search(r"/n\d+\.htm$", path)]
    assert len(asked) == len(set(asked)) == len(site.articles)
    for channel in harvested.mirror.channels:
        held = {article.id for article in harvested.store.newest([channel.id], 10_000)}
        assert held == set(site.channels[channel.id]["order"])


def test_articles_equal_the_mirrored_pages(harvested: Harvest) -> None:
    articles, site = harvested.articles(), harvested.fetcher.site
    wrong: dict[str, list[str]] = {"title": [], "day": [], "picture": [], "caption": [], "tags": [], "text": []}
    least = 1.0
    for article_id, article in articles.items():
        wanted, upstream = mirrored(article_id), site.articles[article_id]
        tags = tuple(dict.fromkeys(unquote(tag) for tag in upstream["tags"]))
        checks = {
            "title": article.title in wanted.titles,
            "day": article.published.astimezone(stand_in().CST).date() == upstream["published"].date(),
            "picture": (article.picture is not None) in wanted.leads,
            "caption": squeezed(article.picture.caption if article.picture else "") in wanted.captions,
            "tags": article.tags == tags,
        }
        text = squeezed(plain_text(article.body))
        checks["text"] = text in wanted.texts
        if not checks["text"]:
            least = min(least, max(similarity(text, each) for each in wanted.texts))
        for name, holds in checks.items():
            if not holds:
                wrong[name].append(article_id)
    shares = {name: 1 - len(ids) / len(articles) for name, ids in wrong.items()}
    print(
        f"\n{len(articles)} articles, equal:",
        {name: f"{share:.2%}" for name, share in shares.items()},
        f"least alike: {least:.2%}",
    )
    print({name: ids for name, ids in wrong.items() if ids})
    assert wrong["title"] == wrong["day"] == wrong["picture"] == wrong["caption"] == wrong["tags"] == []
    assert shares["text"] >= 0.995
    assert least >= 0.98


def test_no_white_space_of_mark_up_stands_between_chinese_characters(harvested: Harvest) -> None:
    broken = re.compile(r"[\u4e00-\u9fff]\s*\n\s*[\u4e00-\u9fff]")
    for article in harvested.articles().values():
        assert not broken.search(article.title)
        assert not broken.search(re.sub(r"<(?!/?(?:p|div|br|h\d|li|td|tr)\b)[^>]*>", "", article.body))


def test_all_feeds_of_the_real_site_are_valid(harvests: dict[str, Harvest]) -> None:
    harvested = harvests["modern"]
    app = create_app(harvested.settings, harvested.mirror, harvested.store, MediaFolder(harvested.settings.media), lambda: NOW)
    client = app.test_client()
    schemas = SHARED / "schemas"
    scopes = ["all", *(section.name for section in harvested.mirror.sections)]
    scopes += [f"{section.name}/{channel.id}" for section in harvested.mirror.sections for channel in section.channels]
    for scope in scopes:
        assert check_rss(client.get(f"/feed/{scope}.xml").data) == []
        assert check_atom(client.get(f"/feed/{scope}.atom").data, schema=schemas / "atom-rfc4287.rng") == []
        assert check_json_feed(client.get(f"/feed/{scope}.json").data, schema=schemas / "feed.json") == []


def test_both_layouts_give_equal_articles(harvests: dict[str, Harvest]) -> None:
    assert harvests["modern"].articles() == harvests["classic"].articles()


def test_rss_listings_bring_the_newest_and_backfill_the_rest(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)
    for file in (config / "sections").iterdir():
        file.write_text(file.read_text("utf-8").replace('kind = "html"', 'kind = "feed"'), "utf-8")
    once = harvest("modern", tmp_path / "var", config, pages=1)
    newest = {each for channel in once.fetcher.site.channels.values() for each in channel["order"][::-1][:MAX_FEED_ITEMS]}
    assert set(once.articles()) == newest
    once.store.close()
    deep = harvest("modern", tmp_path / "var", config)
    assert set(deep.articles()) == set(deep.fetcher.site.articles)
    deep.store.close()
