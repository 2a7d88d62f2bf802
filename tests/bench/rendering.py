"""Row 7: what one new article costs until every feed that shows it is ready to serve."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from statistics import median

from feedgen.feed import FeedGenerator

from bench.measure import Pairs, Result, alternate, at_most, figure
from bench.stores import NOW, SMALL, Held, Setup, copy_of, held, store_of
from feedproxy import paths
from feedproxy.edition import ALL, Fragments, Ground, Scope, make_feed, scope_of
from feedproxy.model import Article, ArticleId, ListingItem, Url
from feedproxy.web.answers import prepare
from feedproxy.web.feeds import FEED_TYPES

# A pair takes a hundredth of a second.
_TIMES = 5


@dataclass(slots=True)
class Renders:
    """Articles that come into a store, one by one, and the feeds they are in."""

    opened: Held
    fragments: Fragments = field(default_factory=Fragments)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def after_news(self) -> float:
        """Have one new article; return the seconds of the processor until all its feeds are ready."""
        scopes = self._take_news()
        opened = self.opened
        ground = Ground(opened.mirror, opened.store, opened.settings.public_url, fragments=self.fragments)
        began = time.process_time()
        make_ready(ground, scopes)
        return time.process_time() - began

    def anew(self) -> float:
        """Return the same for feeds of whose entries none was made before."""
        self.fragments = Fragments()
        return self.after_news()

    def articles(self) -> list[Article]:
        """Return the entries of the section's feed."""
        ids = [channel.id for channel in self.opened.section.channels]
        return self.opened.store.newest(ids, self.opened.mirror.entries)

    def _take_news(self) -> list[Scope]:
        """Store an article like the one that leaves the feed of the newest one's channel, younger than all.

        So feeds stay what they are. Return what it is in: everything, its section, its channel.
        """
        store, section, new_id = self.opened.store, self.opened.section, ArticleId(f"n{90_000_000 + next(self.numbers)}")
        newest = self.articles()[0]
        shown_in = store.channels_of([newest.id])[newest.id]
        channels = [channel for channel in section.channels if channel.id in shown_in]
        old = store.newest([channels[0].id], self.opened.mirror.entries)[-1]
        later = newest.published + timedelta(minutes=1)
        news = replace(old, id=new_id, url=Url(old.url.replace(old.id, new_id)), published=later, updated=later)
        for channel in channels:
            store.remember_listing(channel.id, [ListingItem(new_id, news.url, news.title)], NOW)
        store.save(news, [], {}, NOW)
        store.archive.append(self.opened.mirror.logs, NOW)
        names = [(ALL, ""), (section.name, ""), *((section.name, channel.id) for channel in channels)]
        return [scope for scope in (scope_of(self.opened.mirror, *name) for name in names) if scope]


def make_ready(ground: Ground, scopes: list[Scope]) -> None:
    """Make every form of some feeds, as the web side does."""
    for scope in scopes:
        version = ground.library.archive.version(scope.log, scope.channel_ids)
        for form in paths.FORMATS:
            prepare(make_feed(ground, scope, form, version=version), FEED_TYPES[form], version.moment)


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
    with held(copy_of(setup, store_of(setup, SMALL), "renders")) as small:
        renders = Renders(small)
        renders.after_news()
        entries = renders.articles()
        pairs = often(renders.after_news, lambda: by_feedgen(entries), setup)
        anew = median(renders.anew() for _ in range(setup.rounds)) * 1e3
    shown = Pairs(tuple(each * 1e3 for each in pairs.ours), tuple(each * 1e3 for each in pairs.theirs))
    times = shown.raw("ms", theirs="feedgen, one feed")
    raw = f"{times}; all, its section and its channel in three forms; with nothing made before {figure(anew)} ms"
    yield Result("7", "all feeds of one new article, ready to serve", at_most(4), pairs.ratio, raw)
