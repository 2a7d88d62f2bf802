"""Row 7: what a feed document costs after one new article."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from feedgen.feed import FeedGenerator

from bench.measure import Pairs, Result, alternate, at_most
from bench.stores import NOW, SMALL, BenchStore, Setup, bench_store, copy_of, store_of
from feedproxy import paths
from feedproxy.model import Article, ArticleId, ListingItem, Url
from feedproxy.output import ALL, FeedSelector, RenderContext, make_feed, selector_of

# A pair takes a hundredth of a second.
_TIMES = 5


@dataclass(slots=True)
class Renders:
    """Articles that come into a store, one by one, and the feeds they are in."""

    opened: BenchStore
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def after_news(self) -> float:
        """Have one new article; return the seconds of the processor that its section's feed takes to be made."""
        selector, *_ = [
            each
            for each in self._take_news()
            if each.name == self.opened.section.name and not each.channel
        ]
        context = RenderContext(
            self.opened.mirror, self.opened.store, self.opened.settings.public_url
        )
        began = time.process_time()
        make_feed(context, selector, "xml")
        return time.process_time() - began

    def articles(self) -> list[Article]:
        """Return the entries of the section's feed."""
        ids = [channel.id for channel in self.opened.section.channels]
        return self.opened.store.newest(ids, self.opened.mirror.feeds.entries)

    def _take_news(self) -> list[FeedSelector]:
        """Store an article like the one that leaves the feed of the newest one's channel, younger than all.

        So feeds stay what they are. Return what it is in: everything, its section, its channel.
        """
        store, section, new_id = (
            self.opened.store,
            self.opened.section,
            ArticleId(f"n{90_000_000 + next(self.numbers)}"),
        )
        newest = self.articles()[0]
        shown_in = store.channels_of([newest.id])[newest.id]
        channels = [channel for channel in section.channels if channel.id in shown_in]
        old = store.newest([channels[0].id], self.opened.mirror.feeds.entries)[-1]
        later = newest.published + timedelta(minutes=1)
        news = replace(
            old, id=new_id, url=Url(old.url.replace(old.id, new_id)), published=later, updated=later
        )
        for channel in channels:
            store.queue.add_listing(channel.id, [ListingItem(new_id, news.url, news.title)], NOW)
        store.save(news, [], {}, NOW)
        store.archive.append(self.opened.mirror.logs, NOW)
        names = [
            (ALL, ""),
            (section.name, ""),
            *((section.name, channel.id) for channel in channels),
        ]
        return [
            selector
            for selector in (selector_of(self.opened.mirror, *name) for name in names)
            if selector
        ]


def make_ready(context: RenderContext, selectors: list[FeedSelector]) -> None:
    """Make every form of some feeds, as the web side does."""
    for selector in selectors:
        for form in paths.FORMATS:
            make_feed(context, selector, form)


def by_feedgen(articles: list[Article]) -> float:
    """Return the seconds of the processor that feedgen takes for one feed of *articles*."""
    began = time.process_time()
    feed = FeedGenerator()
    feed.title("feed")
    feed.link(href="http://127.0.0.1:8000/feed.xml")
    feed.description("feed")
    for article in articles:
        entry = feed.add_entry(order="append")
        entry.guid(f"tag:news.example,2026-01-01:{article.id}")
        entry.title(article.title)
        entry.link(href=article.url)
        entry.description(article.summary)
        entry.content(article.body, type="CDATA")
        entry.published(article.published)
        entry.updated(article.updated)
    feed.updated(NOW)
    feed.rss_str()
    return time.process_time() - began


def often(ours: Callable[[], float], theirs: Callable[[], float], setup: Setup) -> Pairs:
    """Measure both, with the garbage of other rows out of the collector's way, as the web side's worker has what it loaded."""
    gc.collect()
    gc.freeze()
    try:
        return alternate(ours, theirs, _TIMES * setup.rounds)
    finally:
        gc.unfreeze()


def feeds(setup: Setup) -> Iterator[Result]:
    """Measure row 7."""
    with bench_store(copy_of(setup, store_of(setup, SMALL), "renders")) as small:
        renders = Renders(small)
        renders.after_news()
        entries = renders.articles()
        pairs = often(renders.after_news, lambda: by_feedgen(entries), setup)
    shown = Pairs(
        tuple(each * 1e3 for each in pairs.ours), tuple(each * 1e3 for each in pairs.theirs)
    )
    raw = f"{shown.raw('ms', theirs='feedgen, the same entries')}; RSS of a section"
    yield Result("7", "one feed document after one new article", at_most(4), pairs.ratio, raw)
