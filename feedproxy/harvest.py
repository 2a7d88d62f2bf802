"""The shell: one channel, from its listing to the store; faults become a report.

The only module that knows the rooms of the path: fetch, parse, extract, sanitise, plan, store.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from feedproxy import plan, sources, urls
from feedproxy.errors import UpstreamError
from feedproxy.extract import extract_article
from feedproxy.fetch import Fetcher
from feedproxy.model import (
    Article,
    Channel,
    ChannelState,
    DirtyHtml,
    Extract,
    Listing,
    ListingItem,
    Mirror,
    Page,
    Site,
    Url,
    Waiting,
)
from feedproxy.parse import parse_listing
from feedproxy.rewrite import linked_articles
from feedproxy.sanitise import clean, plain_text
from feedproxy.store import Store

_log = logging.getLogger(__name__)
Clock = Callable[[], datetime]

# A summary is for lists: about three lines of Chinese.
_SUMMARY_CHARACTERS = 200
# More parts than any article has; a chain of links that goes on is a trap.
_MAX_PARTS = 20


@dataclass(slots=True)
class Report:
    """What became of one poll of one channel."""

    channel: Channel
    listed: int = 0
    new: int = 0
    updated: int = 0
    failures: list[UpstreamError] = field(default_factory=list)
    seconds: float = 0

    def count(self, outcome: plan.Outcome) -> None:
        """Count an article that was fetched."""
        self.new += outcome is plan.Outcome.NEW
        self.updated += outcome is plan.Outcome.UPDATED


@dataclass(frozen=True, slots=True)
class Harvester:
    """What a harvest works with."""

    mirror: Mirror
    store: Store
    fetcher: Fetcher
    clock: Clock

    def poll(self, channel: Channel, *, round_began: datetime | None = None, pages: int = 1) -> Report:
        """Poll one channel: its listing, *pages* deep, then every article that waits and is due.

        With *round_began* whatever was not tried since then is due. One bad article costs no other; a broken
        store stops the run.

        Raises:
            StoreError: the store can't be read or written.

        """
        began = self.clock()
        report = Report(channel)
        with self.store.turn():
            state = self.store.states().get(channel.id, ChannelState(channel.id))
            try:
                state = replace(self._take_listing(channel, state, report, pages), last_error="")
            except UpstreamError as e:
                _note(report, e)
                state = replace(state, last_error=str(e))
            self._take_articles(channel, report, round_began)
            self.store.remember_poll(plan.after_poll(state, self.mirror.poll, self.clock()))
        report.seconds = (self.clock() - began).total_seconds()
        return report

    def _take_listing(self, channel: Channel, state: ChannelState, report: Report, pages: int) -> ChannelState:
        """Store what the listing shows; its first page only if it is another than the one that was stored last."""
        first = self.fetcher.fetch(channel.url, keep=True)
        digest = hashlib.sha256(first.body).hexdigest()
        if pages == 1 and digest == state.listing_hash:
            report.listed = state.listed
            return state
        listing = parse_listing(first, channel.site, channel.kind)
        self._remember(channel, listing, report)
        self._go_deeper(channel, listing.next_url or channel.archive_url, report, pages - 1)
        return replace(state, listing_hash=digest, listed=len(listing.items))

    def _go_deeper(self, channel: Channel, url: Url | None, report: Report, pages: int) -> None:
        """Store what the older pages of a listing show, *pages* of them."""
        seen = {channel.url}
        while url and url not in seen and pages > 0:
            seen.add(url)
            pages -= 1
            listing = parse_listing(self.fetcher.fetch(url), channel.site, "html")
            self._remember(channel, listing, report)
            url = listing.next_url

    def _remember(self, channel: Channel, listing: Listing, report: Report) -> None:
        report.listed += len(listing.items)
        self.store.remember_listing(channel.id, listing.items, self.clock())

    def _take_articles(self, channel: Channel, report: Report, round_began: datetime | None) -> None:
        due = plan.due_articles(self.store.waiting(channel.id), self.clock(), round_began=round_began)
        for waiting, answer in _fetch_all(self.fetcher, due, self.mirror.fetch.articles_at_once):
            now = self.clock()
            try:
                page = answer.result()
                extract = whole_article(page, self.mirror, channel.site, self.fetcher)
                fetched = self._make_article(extract, page.url, waiting.item, channel.site)
            except UpstreamError as e:
                _note(report, e)
                self.store.failed(waiting.item.id, e.reason, now=now, try_at=plan.next_try(waiting.tries, self.mirror.poll, now))
                continue
            article, outcome = plan.settle(self.store.article(waiting.item.id), fetched, now)
            if outcome is plan.Outcome.SAME:
                self.store.settled(article.id)
            else:
                self.store.save(article, page, now)
            report.count(outcome)

    def _make_article(self, extract: Extract, base: Url, item: ListingItem, site: Site) -> Article:
        """Return the clean article of an extract from the page at *base*; *item* says what its listing knew."""
        body = clean(extract.body, base)
        published = (extract.published or item.published or self.clock()).replace(microsecond=0)
        return Article(
            id=item.id,
            site=site.name,
            url=item.url,
            entry_id=plan.entry_id(site.name, published.astimezone(ZoneInfo(site.timezone)), item.id),
            title=extract.title,
            body=body,
            summary=_shortened(plain_text(body)),
            published=published,
            updated=published,
            author=extract.author or site.title,
            tags=extract.tags,
            picture=extract.picture,
            links=linked_articles(body, self.mirror, besides=item.id),
        )


def whole_article(page: Page, mirror: Mirror, site: Site, fetcher: Fetcher) -> Extract:
    """Return the article on *page*; of one in parts, all parts, or what its page for the whole holds.

    Raises:
        UpstreamError: there is none, or a part of it can't be had.

    """
    rules = sources.rules_for(mirror, urls.host_of(page.url))
    extract = extract_article(page, rules, site)
    if extract.single_url and extract.single_url != page.url:
        page = fetcher.fetch(extract.single_url)
        extract = extract_article(page, rules, site)
    bodies, seen, next_url = [extract.body], {page.url}, extract.next_url
    while next_url and next_url not in seen and len(seen) < _MAX_PARTS:
        seen.add(next_url)
        part = extract_article(fetcher.fetch(next_url), rules, site)
        bodies.append(part.body)
        next_url = part.next_url
    return replace(extract, body=DirtyHtml("".join(f"<div>{body}</div>" for body in bodies))) if len(bodies) > 1 else extract


def _shortened(text: str) -> str:
    return text if len(text) <= _SUMMARY_CHARACTERS else text[:_SUMMARY_CHARACTERS].rstrip() + "…"


def _note(report: Report, error: UpstreamError) -> None:
    report.failures.append(error)
    _log.warning("%s: %s", report.channel.id, error)


def _fetch_all(fetcher: Fetcher, due: Iterable[Waiting], at_once: int) -> Iterator[tuple[Waiting, Future[Page]]]:
    """Fetch what is due, *at_once* at a time and only a little ahead of the reader; yield in the given order."""
    ahead: deque[tuple[Waiting, Future[Page]]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        for waiting in due:
            ahead.append((waiting, pool.submit(fetcher.fetch, waiting.item.url)))
            if len(ahead) > 2 * at_once:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()
