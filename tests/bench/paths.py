"""Five core paths, each over invented pages, always the same: what `bench.counts` counts. Opens no network and no store.

`python -m bench.paths` runs each inside one call of libffi's `ffi_call`, by which callgrind tells them apart; with `calls` it
prints how many calls of functions each makes.
"""

import ctypes
import json
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, cast

from samples import BODY, LISTING_URL, make_page, modern_article, modern_listing

from feedproxy.configuration import load_mirror
from feedproxy.extract import extract_article
from feedproxy.ingest.drafts import make_article
from feedproxy.model import Article, ArticleId, ListingItem, Site, StoredPicture, Url, Version
from feedproxy.output import Pages, RenderContext, context_of, make_feed, selector_of
from feedproxy.parse import parse_listing
from feedproxy.sanitise import clean

_CONFIG = Path(__file__).resolve().parents[2] / "config"
_NOW = datetime(2022, 1, 2, tzinfo=UTC)
_PARAGRAPHS, _ENTRIES = 4, 50


@dataclass(frozen=True, slots=True)
class _Library:
    """A library of a few articles, all in one channel."""

    bench_store: tuple[Article, ...]
    channel: str

    @property
    def archive(self) -> "_Library":
        return self

    def version(self, log: str, channels: Collection[str]) -> Version:
        del log, channels
        return Version(1, None)

    def snapshot(self) -> AbstractContextManager["_Library"]:
        return nullcontext(self)

    def newest(self, channels: Collection[str], limit: int, *, tag: str) -> list[Article]:
        del tag
        return list(self.bench_store[:limit]) if self.channel in channels else []

    def articles(self, articles: Collection[ArticleId]) -> list[Article]:
        return [each for each in self.bench_store if each.id in articles]

    def channels_of(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, frozenset[str]]:
        bench_store = {article.id for article in self.bench_store}
        return {
            article_id: frozenset((self.channel,))
            for article_id in articles
            if article_id in bench_store
        }

    @property
    def pictures(self) -> "_Library":
        return self

    def of(self, articles: Collection[ArticleId]) -> Mapping[Url, StoredPicture]:
        del articles
        return {}

    def neighbours(self, article_id: ArticleId, channel: str) -> tuple[None, None]:
        del article_id, channel
        return None, None


def core_paths() -> dict[str, Callable[[], object]]:
    """Return what runs each path once, by its name."""
    mirror = load_mirror(_CONFIG)
    site: Site = mirror.sites[0]
    own = Url(f"https://{site.hosts[0]}/gb/21/11/9/n99000001.htm")
    listing = make_page(
        modern_listing(range(20)).replace("www.news.example", site.hosts[0]), Url(LISTING_URL)
    )
    text = modern_article(BODY * _PARAGRAPHS).replace("www.news.example", site.hosts[0])
    page, item = (
        make_page(text, own),
        ListingItem(ArticleId("n99000001"), own, "山村石桥 百年后重修"),
    )
    extract = extract_article(page, site.article, site)
    article = make_article([(page, extract)], item, site, mirror, _NOW).article
    section = mirror.sections[0]
    store = _Library(tuple(_copies(article)), section.channels[0].id)
    context = RenderContext(mirror, cast("Any", store), "http://mirror.example")
    selector = selector_of(mirror, section.name)
    assert selector
    return {
        "parse a listing": lambda: parse_listing(listing, site, "html"),
        "extract an article": lambda: extract_article(page, site.article, site),
        "sanitise": lambda: clean(extract.body, own),
        "rewrite and render a page": lambda: Pages(context).article_in(
            context_of(context, [article], section.name), article, store.channel
        ),
        "render a feed": lambda: make_feed(context, selector, "xml"),
    }


def _copies(article: Article) -> list[Article]:
    """Return articles of one text, each of its own ID and an hour older than the last."""
    ids = [ArticleId(f"n{99_000_001 + number}") for number in range(_ENTRIES)]
    return [
        replace(
            article,
            id=each,
            url=Url(article.url.replace(article.id, each)),
            published=article.published - timedelta(hours=number),
        )
        for number, each in enumerate(ids)
    ]


def count_calls(work: Callable[[], object]) -> int:
    """Return how many functions *work* calls, of Python and of C."""
    calls = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def run_marked(work: Callable[[], object]) -> None:
    """Run *work* as a function of C's that Python calls, so inside libffi's `ffi_call`, which nothing else here uses."""
    ctypes.CFUNCTYPE(None)(lambda: bool(work()) and None)()


def main() -> None:
    """Run each path twice: once, so that what is made once is there; and once to be counted."""
    found = core_paths()
    for work in found.values():
        work()
    if sys.argv[1:] == ["calls"]:
        print(json.dumps({name: count_calls(work) for name, work in found.items()}))
    else:
        for work in found.values():
            run_marked(work)


if __name__ == "__main__":
    main()
