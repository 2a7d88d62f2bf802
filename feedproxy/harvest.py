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
from feedproxy.errors import ExtractError, NotAskedError, UpstreamError
from feedproxy.extract import extract_article
from feedproxy.fetch import Fetcher
from feedproxy.model import (
    Article,
    ArticleId,
    Channel,
    ChannelState,
    Extract,
    Listing,
    ListingItem,
    Mirror,
    Page,
    SafeHtml,
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
# No headline is longer, whatever an upstream sends.
_TITLE_CHARACTERS = 300
# More parts than any article has; a chain of links that goes on is a trap.
_MAX_PARTS = 20
# Articles that are fetched before another poller may have its turn.
_BATCH = 20


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
        store stops the run. Another poller may take turns with this one between any two batches of articles.

        Raises:
            StoreError: the store can't be read or written.

        """
        began = self.clock()
        report = Report(channel)
        state = self.store.states().get(channel.id, ChannelState(channel.id))
        was_asked = True
        try:
            with self.store.turn():
                state = replace(self._take_listing(channel, state, report, pages), last_error="")
        except UpstreamError as e:
            _note(report, e)
            state = replace(state, last_error=str(e))
            was_asked = not isinstance(e, NotAskedError)
        self._take_articles(channel, report, round_began)
        self.store.remember_poll(plan.after_poll(state, self.mirror.poll, self.clock(), was_asked=was_asked))
        report.seconds = (self.clock() - began).total_seconds()
        return report

    def give_up(self, channel: Channel, error: Exception) -> Report:
        """Remember a poll that failed in a way that nobody foresaw, so that it is not repeated at once."""
        told = UpstreamError(channel.url, f"the poll failed: {error!r}")
        state = self.store.states().get(channel.id, ChannelState(channel.id))
        self.store.remember_poll(plan.after_poll(replace(state, last_error=str(told)), self.mirror.poll, self.clock()))
        return Report(channel, failures=[told])

    def _take_listing(self, channel: Channel, state: ChannelState, report: Report, pages: int) -> ChannelState:
        """Store what the listing shows; its first page only if it is another than the one that was stored last."""
        first = self.fetcher.fetch(channel.url, keep=True)
        # what is read in another way is another listing
        digest = hashlib.sha256(f"{channel.kind} {channel.site.listing}".encode() + first.body).hexdigest()
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
        """Fetch what waits and is due, batch by batch; between two batches another poller may have its turn."""
        seen: set[ArticleId] = set()
        while True:
            with self.store.turn():
                due = plan.due_articles(self.store.waiting(channel.id), self.clock(), round_began=round_began)
                batch = [waiting for waiting in due if waiting.item.id not in seen][:_BATCH]
                for waiting, answer in _fetch_all(self.fetcher, batch, self.mirror.fetch.articles_at_once):
                    self._take_article(channel, waiting, answer, report)
            if not batch:
                return
            seen.update(waiting.item.id for waiting in batch)

    def _take_article(self, channel: Channel, waiting: Waiting, answer: Future[Page], report: Report) -> None:
        item, now = waiting.item, self.clock()
        try:
            parts = self._parts(answer.result(), item, channel.site)
            fetched = self._make_article(parts, item, channel.site)
            held = self.store.article(item.id)
            if reason := plan.doubt(held, fetched, item, has_rules=bool(channel.site.article.body)):
                raise ExtractError(item.url, reason)
        except UpstreamError as e:
            _note(report, e)
            if not isinstance(e, NotAskedError):
                self.store.failed(item.id, e.reason, now=now, try_at=plan.next_try(waiting.tries, self.mirror.poll, now))
            return
        article, outcome = plan.settle(held, fetched, now)
        if outcome is plan.Outcome.SAME:
            self.store.settled(article.id)
        else:
            self.store.save(article, [page for page, _ in parts], now)
        report.count(outcome)

    def _parts(self, page: Page, item: ListingItem, site: Site) -> list[tuple[Page, Extract]]:
        """Return an article's parts, if the page is the article's at all."""
        found = urls.identify(site, page.url)
        if site.article_url and (found is None or found[0] != item.id):
            raise ExtractError(item.url, f"leads to {page.url}, which is not this article")
        return article_parts(page, self.mirror, site, self.fetcher)

    def _make_article(self, parts: list[tuple[Page, Extract]], item: ListingItem, site: Site) -> Article:
        """Return the clean article of its parts; *item* says what its listing knew."""
        first, now = parts[0][1], self.clock()
        body = join_clean(parts)
        published = plan.credible(first.published, now) or plan.credible(item.published, now) or now.replace(microsecond=0)
        return Article(
            id=item.id,
            site=site.name,
            url=item.url,
            entry_id=plan.entry_id(site.name, published.astimezone(ZoneInfo(site.timezone)), item.id),
            title=_shortened(first.title, _TITLE_CHARACTERS),
            body=body,
            summary=_shortened(plain_text(body), _SUMMARY_CHARACTERS),
            published=published,
            updated=published,
            author=_shortened(first.author, _TITLE_CHARACTERS) or site.title,
            tags=tuple(dict.fromkeys(tag for _, part in parts for tag in part.tags)),
            picture=first.picture,
            links=linked_articles(body, self.mirror, besides=item.id),
            rule=first.rule,
        )


def article_parts(page: Page, mirror: Mirror, site: Site, fetcher: Fetcher) -> list[tuple[Page, Extract]]:
    """Return the pages that hold the article on *page*, with what was found on each: one, unless it comes in parts.

    Raises:
        UpstreamError: there is none, or a part of it can't be had.

    """
    rules = sources.rules_for(mirror, urls.host_of(page.url))
    extract = extract_article(page, rules, site)
    if extract.single_url and extract.single_url != page.url:
        page = fetcher.fetch(extract.single_url)
        extract = extract_article(page, rules, site)
    parts, seen = [(page, extract)], {page.url}
    while (url := parts[-1][1].next_url) and url not in seen and len(parts) < _MAX_PARTS:
        seen.add(url)
        page = fetcher.fetch(url)
        parts.append((page, extract_article(page, rules, site)))
    return parts


def join_clean(parts: list[tuple[Page, Extract]]) -> SafeHtml:
    """Return the clean body of all parts.

    Raises:
        TooLargeError: a part is too large to be cleaned.

    """
    bodies = [clean(extract.body, page.url) for page, extract in parts]
    return bodies[0] if len(bodies) == 1 else SafeHtml("".join(f"<div>{body}</div>" for body in bodies))


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rstrip() + "…"


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
