"""One channel, from its listing to the store."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from feedproxy import plan, urls
from feedproxy.errors import ExtractError, NotAskedError, UpstreamError
from feedproxy.fetch import Fetcher
from feedproxy.harvest.articles import article_parts, make_article
from feedproxy.harvest.pictures import Pictures
from feedproxy.harvest.reports import Report
from feedproxy.media import MediaFolder
from feedproxy.model import (
    REQUESTED,
    Article,
    ArticleId,
    Channel,
    ChannelState,
    Extract,
    Listing,
    ListingItem,
    Mirror,
    Page,
    Site,
    StoredPicture,
    Url,
    Waiting,
    WaitingPicture,
)
from feedproxy.parse import parse_listing
from feedproxy.store import Clock, Store

# Articles that are fetched before another poller may have its turn.
_BATCH = 20
# How often upstream is asked for an article that no listing shows.
_MAX_REQUEST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Harvester:
    """What a harvest works with."""

    mirror: Mirror
    store: Store
    fetcher: Fetcher
    media: MediaFolder
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
            report.note(e)
            state = replace(state, last_error=str(e))
            was_asked = not isinstance(e, NotAskedError)
        self._take_articles(channel, report, round_began)
        self.store.remember_poll(plan.after_poll(state, self.mirror.poll, self.clock(), was_asked=was_asked))
        report.seconds = (self.clock() - began).total_seconds()
        return report

    def answer_requests(self) -> Report:
        """Fetch the articles that readers asked for, as far as they are due."""
        report = Report(Channel(REQUESTED, "asked for by readers", self.mirror.sites[0], "", Url("")))
        self.store.take_requests()
        self._take_articles(report.channel, report, None)
        return report

    @property
    def pictures(self) -> Pictures:
        """What takes pictures in."""
        return Pictures(self.mirror, self.store, self.fetcher, self.media, self.clock)

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
                self._take_batch(channel, batch, report)
            if not batch:
                return
            seen.update(waiting.item.id for waiting in batch)

    def _take_batch(self, channel: Channel, batch: list[Waiting], report: Report) -> None:
        """Fetch articles; while the pictures of one are on their way the next is read."""
        at_once = self.mirror.fetch.articles_at_once
        in_hand: deque[_Made] = deque()
        begun: dict[Url, Future[StoredPicture]] = {}
        with ThreadPoolExecutor(at_once) as pool:
            for waiting, answer in _fetch_all(self.fetcher, batch, at_once):
                made = self._make(channel, waiting, answer, report)
                if made:
                    made.pictures = self.pictures.start(pool, made.article.pictures, channel.id, begun)
                    in_hand.append(made)
                if len(in_hand) > at_once:
                    self._keep(in_hand.popleft(), report)
            for made in in_hand:
                self._keep(made, report)

    def _make(self, channel: Channel, waiting: Waiting, answer: Future[Page], report: Report) -> "_Made | None":
        """Return what is to be stored of a page, None if that is nothing."""
        item, now = waiting.item, self.clock()
        try:
            site = self._site_of(channel, item)
            parts = self._parts(answer.result(), item, site)
            fetched = make_article(parts, item, site, self.mirror, now)
            held = self.store.article(item.id)
            if reason := plan.doubt(held, fetched, item, has_rules=bool(site.article.body)):
                raise ExtractError(item.url, reason)
        except UpstreamError as e:
            report.note(e)
            self._put_off(channel, waiting, e)
            return None
        article, outcome = plan.settle(held, fetched, now)
        if outcome is plan.Outcome.SAME:
            self.store.settled(article.id)
            return None
        return _Made(article, [page for page, _ in parts], outcome)

    def _keep(self, made: "_Made", report: Report) -> None:
        """Store an article with the pictures that came; the others come later."""
        had, failed = self.pictures.collect(made.pictures)
        self.store.save(made.article, made.pages, had, self.clock())
        for error in failed:
            self.pictures.remember(error, WaitingPicture(Url(error.url)), report)
        report.pictures += len(had)
        report.count(made.outcome)

    def _put_off(self, channel: Channel, waiting: Waiting, error: UpstreamError) -> None:
        """Have an article be tried again later; one that only readers asked for, not for ever."""
        if isinstance(error, NotAskedError):
            return
        if channel.id == REQUESTED and waiting.tries + 1 >= _MAX_REQUEST_TRIES:
            self.store.forget_request(waiting.item.id)
            return
        now = self.clock()
        self.store.failed(waiting.item.id, error.reason, now=now, try_at=plan.next_try(waiting.tries, self.mirror.poll, now))

    def _site_of(self, channel: Channel, item: ListingItem) -> Site:
        """Return the site of an article: its channel's, or of one that was asked for, that of its address."""
        host = urls.host_of(item.url)
        site = channel.site if host in channel.site.hosts else self.mirror.site_of(host)
        if site is None:
            raise ExtractError(item.url, "is at no site that is configured")
        return site

    def _parts(self, page: Page, item: ListingItem, site: Site) -> list[tuple[Page, Extract]]:
        """Return an article's parts, if the page is the article's at all."""
        found = urls.identify(site, page.url)
        if site.article_url and (found is None or found[0] != item.id):
            raise ExtractError(item.url, f"leads to {page.url}, which is not this article")
        return article_parts(page, self.mirror, site, self.fetcher)


@dataclass(slots=True)
class _Made:
    """An article that is ready to be stored, but for its pictures."""

    article: Article
    pages: list[Page]
    outcome: plan.Outcome
    pictures: dict[Url, Future[StoredPicture]] = field(default_factory=dict)


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
