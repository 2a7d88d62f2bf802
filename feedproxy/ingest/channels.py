"""One channel, from its listing to the store."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from feedproxy import policy, urls
from feedproxy.errors import FetchError, GoneError, ListingError, NotAskedError, UpstreamError
from feedproxy.ingest.alarms import watch
from feedproxy.ingest.archive import archive
from feedproxy.ingest.article_fetcher import ArticleFetcher
from feedproxy.ingest.checkouts import take_checkout
from feedproxy.ingest.dates import date_listing
from feedproxy.ingest.pictures import Pictures
from feedproxy.ingest.replicas import Replica
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.ingest.verification import Verifier
from feedproxy.model import (
    REQUESTED,
    ArticleId,
    Backfill,
    Channel,
    ChannelState,
    Listing,
    Page,
    Source,
    Url,
)
from feedproxy.parse import parse_listing

_log = logging.getLogger(__name__)
# Articles that are fetched before another poller may have its turn.
_BATCH = 20
# The poll of a channel is over by then, or its process is dead.
_LONGEST_POLL = timedelta(minutes=5)
# Pages of a gap that one poll walks down; the next one goes on.
_MAX_GAP_PAGES = 10
# Whose publication times tell a channel's pace.
_PACE_ARTICLES = 10


@dataclass(frozen=True, slots=True)
class Harvester:
    """Polls channels with the parts of a kit. One bad article costs no other; a broken store stops the run.

    Every method raises StoreError where the store can't be read or written. Another process may take turns with this one
    between any two batches of articles.
    """

    services: Services

    @property
    def pictures(self) -> Pictures:
        """What takes pictures in."""
        return Pictures(self.services)

    @property
    def _trust(self) -> Verifier:
        return Verifier(self.services.fetcher, self.services.store.serials)

    def poll(
        self, channel: Channel, *, round_began: datetime | None = None, is_whole: bool = True
    ) -> Report:
        """Poll one channel: its listing, then, unless others see to that, every article that waits and is due, and the archives.

        With *round_began* whatever was not tried since then is due.
        """
        began = self.services.clock()
        report = Report(channel)
        state, page, failure = self._ask_sources(channel, report)
        if is_whole:
            self._take_articles(channel, report, round_began)
            archive(self.services)
        with self.services.store.transaction() as store:
            services = replace(self.services, store=store)
            _remember(services, state, page, failure)
            watch(services, report)
        report.seconds = (self.services.clock() - began).total_seconds()
        return report

    def claim(self, channel: Channel) -> bool:
        """Claim the poll of a channel that is due; return False if another process has it."""
        seen = self.services.store.schedule.state(channel.id).next_poll_at
        return self.services.store.schedule.begin_poll(
            channel.id, seen, self.services.clock() + _LONGEST_POLL
        )

    def take(self, channel: Channel) -> Report:
        """Fetch the articles of a channel that wait and are due."""
        report = Report(channel)
        self._take_articles(channel, report, None)
        archive(self.services)
        watch(self.services, report)
        return report

    def serve_readers(self) -> None:
        """Fetch what readers have asked for since this was looked at last."""
        if self.services.store.take_requests():
            self.answer_requests()

    def answer_requests(self) -> Report:
        """Fetch the articles that readers asked for, as far as they are due."""
        return self.take(self.requested)

    @property
    def requested(self) -> Channel:
        """The channel of what readers asked for, which no section shows."""
        return Channel(
            REQUESTED, "asked for by readers", self.services.mirror.sites[0], Source("", Url(""))
        )

    def walk(
        self,
        channel: Channel,
        *,
        pages: int,
        since: datetime | None = None,
        told: Callable[[Backfill, Report], None] = lambda _walk, _report: None,
    ) -> Report:
        """Walk a listing down, and fetch what is not held; one that was interrupted goes on where it was.

        Args:
            channel: whose listing.
            pages: how many pages at most.
            since: ends the walk below the first page that shows nothing published since then.
            told: is told after each page how far it came.

        """
        if channel.kind == "feedproxy" or not urls.is_web(
            channel.url
        ):  # whose polls go all the way
            return self.poll(channel)
        schedule, report = self.services.store.schedule, Report(channel)
        walk = schedule.backfill(channel.id) or Backfill(channel.id, channel.url, 0)
        if walk.pages >= pages:  # one that went deeper was interrupted, or is over
            walk = Backfill(channel.id, channel.url, 0)
        seen: set[Url] = set()
        try:
            while (
                walk.next_url
                and walk.next_url not in seen
                and walk.pages < pages
                and not self.services.is_stopping()
            ):
                seen.add(walk.next_url)
                walk = self._go_down(channel, walk, report, since)
                told(walk, report)
        except UpstreamError as e:
            report.note(e)
        else:
            if not self.services.is_stopping():
                schedule.forget_backfill(channel.id)
        watch(self.services, report)
        return report

    def give_up(self, channel: Channel, error: Exception) -> Report:
        """Remember a poll that failed in a way that nobody foresaw, so that it is not repeated at once."""
        told = UpstreamError(channel.url, f"the poll failed: {error!r}")
        state = replace(self.services.store.schedule.state(channel.id), last_error=str(told))
        self.services.store.schedule.remember_poll(
            policy.after_poll(state, self.services.mirror.poll, self.services.clock())
        )
        return Report(channel, failures=[told])

    # -------------------------------------------------------------- listings

    def _ask_sources(
        self, channel: Channel, report: Report
    ) -> tuple[ChannelState, Page | None, UpstreamError | None]:
        """Take the listing from the channel's first source; where that has failed for long, from the next that has it.

        The first one goes on being asked first.
        """
        failures: list[UpstreamError] = []
        for source in channel.sources:
            state, page, failure = self._ask_source(replace(channel, source=source), report)
            if failure is None:
                stand_in = f"{source.url}, as {failures[0]}" if failures else ""
                if stand_in:
                    _log.warning("%s: taken from %s", channel.id, stand_in)
                return (
                    replace(
                        state,
                        own_at=state.own_at if failures else self.services.clock(),
                        stand_in=stand_in,
                    ),
                    page,
                    None,
                )
            failures.append(failure)
            if not policy.is_fallback_due(state, self.services.mirror.poll, self.services.clock()):
                break
        for failure in failures:
            report.note(failure)
        return replace(state, last_error=str(failures[0])), None, failures[0]

    def _ask_source(
        self, channel: Channel, report: Report
    ) -> tuple[ChannelState, Page | None, UpstreamError | None]:
        state, page = self.services.store.schedule.state(channel.id), None
        try:
            if channel.kind == "feedproxy":
                return Replica(self.services, channel, report).take(state), None, None
            if not urls.is_web(channel.url):
                return *take_checkout(self.services, channel, state, report), None
            with self.services.store.exclusive_lock():
                state, page = self._take_listing(channel, state, report)
            return self._close_gap(channel, state, report), page, None
        except UpstreamError as e:
            rule = (
                f"listing.item of sites/{channel.site.name}.toml"
                if channel.kind == "html"
                else "the feed"
            )
            report.note_listing(Url(e.url), rule, e)
            # as it is in the store: a gap may have been walked down a part of the way
            return self.services.store.schedule.state(channel.id), page, e

    def _take_listing(
        self, channel: Channel, state: ChannelState, report: Report
    ) -> tuple[ChannelState, Page]:
        """Store what the listing shows, if it is another than the one that was stored last."""
        state = replace(state, last_error="")
        if channel.source.key:  # a redirect is not signed
            page = self.services.fetcher.fetch(channel.url, keep=True)
        else:
            asked, page = self._fetch_listing(
                channel, policy.effective_url(channel, state, self.services.clock())
            )
            state = policy.remember_redirect(channel, state, asked, page, self.services.clock())
        # what is read in another way is another listing
        digest = hashlib.sha256(
            f"{channel.kind} {channel.site.listing}".encode() + page.body
        ).hexdigest()
        if digest == state.listing_hash:
            report.note_listing(page.url)
            report.listed = state.listed
            return state, page
        if channel.kind == "mirror":
            page = self._trust.check(channel.url, page, channel.source)
        listing = parse_listing(page, channel.site, channel.kind)
        report.note_listing(page.url)
        next_url = listing.next_url or channel.archive_url
        if (
            state.succeeded_at
            and next_url
            and not self._was_seen(channel, listing, state.succeeded_at)
        ):
            # remembered before what hides the gap is: a poll that is killed in between would not see it again
            since = state.gap_since if state.gap_url and state.gap_since else state.succeeded_at
            state = replace(state, gap_url=next_url, gap_since=since)
            self.services.store.schedule.remember_poll(state)
        # what is new in an index of a mirror may be old: such an index lists all articles
        is_new_on_top = state.succeeded_at is not None and channel.kind != "mirror"
        sighting = policy.Sighting.NEW if is_new_on_top else policy.Sighting.PAST
        self._take_items(channel, listing, report, sighting, self.services.clock())
        return replace(
            state, listing_hash=digest, listed=len(listing.items), ttl_s=listing.ttl_s
        ), page

    def _was_seen(self, channel: Channel, listing: Listing, until: datetime) -> bool:
        """Tell whether a listing goes down to what it has shown until then; what is pinned to its top says nothing of that."""
        ids = [item.id for item in listing.items]
        known = self.services.store.listed(channel.id, ids, until)
        return ids[-1] in known or len(known) > len(ids) / 2

    def _close_gap(self, channel: Channel, state: ChannelState, report: Report) -> ChannelState:
        """Walk down to what was seen before, where more was published than a listing's first page shows, as in an outage."""
        for _ in range(_MAX_GAP_PAGES):
            if not state.gap_url or self.services.is_stopping():
                break
            with self.services.store.exclusive_lock():
                try:
                    listing = self._fetch_lower(channel, Url(state.gap_url))
                except NotAskedError:
                    raise
                except (
                    UpstreamError
                ) as e:  # the listing itself is fine; the gap is tried again with the next poll
                    report.note(e)
                    if isinstance(e, GoneError):
                        _log.warning("%s: what was published in a gap ends at %s", channel.id, e)
                        state = replace(state, gap_url="")
                    break
                is_closed = self._was_seen(
                    channel, listing, state.gap_since or self.services.clock()
                )
                next_url = "" if is_closed else listing.next_url or ""
                anchor = (
                    self.services.store.oldest(channel.id, policy.ALL_KNOWN, state.gap_since)
                    or self.services.clock()
                )
                self._take_items(channel, listing, report, policy.Sighting.GAP, anchor)
                state = replace(state, gap_url=next_url)
                self.services.store.schedule.remember_poll(state)
        return state

    def _fetch_listing(self, channel: Channel, asked: Url) -> tuple[Url, Page]:
        """Return a listing, and where it was had: its own address, where a redirect that was adopted leads nowhere any more."""
        try:
            return asked, self.services.fetcher.fetch(asked, keep=True)
        except FetchError as e:
            if asked == channel.url or isinstance(e, NotAskedError):
                raise
            return channel.url, self.services.fetcher.fetch(channel.url, keep=True)

    def _go_down(
        self, channel: Channel, walk: Backfill, report: Report, since: datetime | None
    ) -> Backfill:
        """Take one page of a walk, and the articles it shows; return where it goes on."""
        url = walk.next_url or channel.url
        with self.services.store.exclusive_lock():
            listing = self._fetch_lower(channel, url)
            anchor = (
                self.services.store.oldest(channel.id, policy.ALL_KNOWN) or self.services.clock()
            )
            self._take_items(channel, listing, report, policy.Sighting.PAST, anchor)
        self._take_articles(channel, report, None)
        archive(self.services)
        next_url = listing.next_url or (channel.archive_url if url == channel.url else None)
        walk = Backfill(
            channel.id,
            None if since and self._is_older(listing, since) else next_url,
            walk.pages + 1,
        )
        self.services.store.schedule.remember_backfill(walk)
        return walk

    def _fetch_lower(self, channel: Channel, url: Url) -> Listing:
        """Return a page of a channel's listing on the way down; one of a mirror that must be signed only if it is."""
        page = self.services.fetcher.fetch(url)
        if source := self.services.mirror.mirrored_at(url):
            page = self._trust.check(url, page, source)
        return parse_listing(page, channel.site, self._kind_of(channel, url))

    def _kind_of(self, channel: Channel, url: Url) -> str:
        """Return how a page of a channel's listing is read: below the first one, as a page of the site, or of a mirror."""
        below = "mirror" if self.services.mirror.mirrored_at(url) else "html"
        return channel.kind if url == channel.url else below

    def _is_older(self, listing: Listing, since: datetime) -> bool:
        """Tell whether nothing on a page was published since then, as far as it says so, or is held."""
        articles = (
            self.services.store.article(item.id) if item.published is None else None
            for item in listing.items
        )
        dates = [
            item.published or (held.published if held else None)
            for item, held in zip(listing.items, articles, strict=True)
        ]
        known = [date for date in dates if date]
        return bool(known) and max(known) < since

    def _take_items(
        self,
        channel: Channel,
        listing: Listing,
        report: Report,
        sighting: policy.Sighting,
        anchor: datetime,
    ) -> None:
        """Store what a page of a listing shows, each item with a date, as `policy.date_items` has it."""
        report.listed += len(listing.items)
        for reason in listing.lost:
            report.note(ListingError(channel.url, reason))
        items = date_listing(self.services, channel, listing.items, sighting, anchor)
        self.services.store.remember_listing(channel.id, items, self.services.clock())

    # -------------------------------------------------------------- articles

    def _take_articles(
        self, channel: Channel, report: Report, round_began: datetime | None
    ) -> None:
        """Fetch what waits and is due, batch by batch; between two batches another process may have its turn."""
        seen: set[ArticleId] = set()
        taker = ArticleFetcher(self.services, channel, report)
        rules = self.services.mirror.poll
        while not self.services.is_stopping():
            with self.services.store.exclusive_lock():
                waiting = self.services.store.waiting(channel.id)
                due = policy.due_articles(
                    waiting, self.services.clock(), rules, round_began=round_began
                )
                batch = [each for each in due if each.item.id not in seen][:_BATCH]
                if not batch:
                    return
                taker.take(batch)
            seen.update(each.item.id for each in batch)
            if channel.id != REQUESTED:
                self.serve_readers()


def _remember(
    services: Services, state: ChannelState, page: Page | None, failure: UpstreamError | None
) -> None:
    """Store how a poll went, and when the next is."""
    latest = services.store.headlines([state.channel], _PACE_ARTICLES)
    was_asked = not isinstance(failure, NotAskedError)
    after = policy.after_poll(
        state,
        services.mirror.poll,
        services.clock(),
        published=[headline.published for headline in latest],
        fresh_s=page.fresh_s if page else 0,
        quiet_until=failure.until if isinstance(failure, FetchError) else None,
        was_asked=was_asked,
    )
    services.store.schedule.remember_poll(after)
    outcome = "failed" if failure else "ok"
    services.store.records.add({("polls", state.channel, outcome if was_asked else "not_asked"): 1})
