"""Poll a channel: fetch its listing and its articles, and store them."""

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
from feedproxy.ingest.checkouts import read_checkout
from feedproxy.ingest.dates import date_listing
from feedproxy.ingest.pictures import PictureFetcher
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
# Articles fetched before the exclusive lock is released to other pollers.
_BATCH = 20
# Length of a poll's claim: after that the poll has ended, or its process is dead.
_LONGEST_POLL = timedelta(minutes=5)
# Pages of a gap that one poll reads; the next poll continues.
_MAX_GAP_PAGES = 10
# Latest articles whose publication times determine a channel's polling interval.
_PACE_ARTICLES = 10


@dataclass(frozen=True, slots=True)
class ChannelPoller:
    """Polls channels. A failing article does not affect others; a failing store stops the run.

    Every method raises StoreError if the store can't be read or written. The exclusive lock is
    released between batches of articles, so several processes can work on one store.
    """

    services: Services

    @property
    def pictures(self) -> PictureFetcher:
        """Fetches and stores pictures."""
        return PictureFetcher(self.services)

    @property
    def _verifier(self) -> Verifier:
        return Verifier(self.services.fetcher, self.services.store.serials)

    def poll(
        self, channel: Channel, *, round_began: datetime | None = None, is_whole: bool = True
    ) -> Report:
        """Poll a channel's listing; if *is_whole*, fetch its due articles and extend the archives.

        With *round_began*, ignore back-off for articles last tried before *round_began*.
        """
        began = self.services.clock()
        report = Report(channel)
        state, page, failure = self._ask_sources(channel, report)
        if is_whole:
            self._fetch_articles(channel, report, round_began)
            archive(self.services)
        with self.services.store.transaction() as store:
            services = replace(self.services, store=store)
            _remember(services, state, page, failure)
            watch(services, report)
        report.seconds = (self.services.clock() - began).total_seconds()
        return report

    def claim(self, channel: Channel) -> bool:
        """Claim the poll of a due channel; return False if another process has claimed it."""
        seen = self.services.store.schedule.state(channel.id).next_poll_at
        return self.services.store.schedule.begin_poll(
            channel.id, seen, self.services.clock() + _LONGEST_POLL
        )

    def fetch_due(self, channel: Channel) -> Report:
        """Fetch the due articles of a channel, and extend the archives."""
        report = Report(channel)
        self._fetch_articles(channel, report, None)
        archive(self.services)
        watch(self.services, report)
        return report

    def serve_readers(self) -> None:
        """Fetch the articles that readers requested since the last call."""
        if self.services.store.requests.enqueue():
            self.answer_requests()

    def answer_requests(self) -> Report:
        """Fetch the due articles among those that readers requested."""
        return self.fetch_due(self.requested)

    @property
    def requested(self) -> Channel:
        """The internal channel of articles requested by readers; no section contains it."""
        return Channel(
            REQUESTED, "asked for by readers", self.services.mirror.sites[0], Source("", Url(""))
        )

    def backfill(
        self,
        channel: Channel,
        *,
        pages: int,
        since: datetime | None = None,
        on_page: Callable[[Backfill, Report], None] = lambda _walk, _report: None,
    ) -> Report:
        """Backfill a channel: page back through its listing, and fetch all missing articles.

        An interrupted backfill continues where it stopped.

        Args:
            channel: the channel to backfill.
            pages: the maximum number of listing pages.
            since: stop after the first page without an article published at or after this time.
            told: called after each page with the progress and the report.

        """
        # a poll of these sources reads the whole listing already
        if channel.kind == "feedproxy" or not urls.is_web(channel.url):
            return self.poll(channel)
        schedule, report = self.services.store.schedule, Report(channel)
        progress = schedule.backfill(channel.id) or Backfill(channel.id, channel.url, 0)
        if progress.pages >= pages:  # left by a deeper or a finished backfill
            progress = Backfill(channel.id, channel.url, 0)
        seen: set[Url] = set()
        try:
            while (
                progress.next_url
                and progress.next_url not in seen
                and progress.pages < pages
                and not self.services.is_stopping()
            ):
                seen.add(progress.next_url)
                progress = self._backfill_page(channel, progress, report, since)
                on_page(progress, report)
        except UpstreamError as e:
            report.note(e)
        else:
            if not self.services.is_stopping():
                schedule.forget_backfill(channel.id)
        watch(self.services, report)
        return report

    def give_up(self, channel: Channel, error: Exception) -> Report:
        """Record a poll that failed with an unexpected error, so that back-off applies to it."""
        failure = UpstreamError(channel.url, f"the poll failed: {error!r}")
        state = replace(self.services.store.schedule.state(channel.id), last_error=str(failure))
        self.services.store.schedule.save_poll(
            policy.after_poll(state, self.services.mirror.poll, self.services.clock())
        )
        return Report(channel, failures=[failure])

    # -------------------------------------------------------------- listings

    def _ask_sources(
        self, channel: Channel, report: Report
    ) -> tuple[ChannelState, Page | None, UpstreamError | None]:
        """Read the listing from the channel's first source, or from a fallback source.

        A fallback is used only after the first source has failed for `fallback_hours`. Every poll
        still tries the first source first. Return the channel's state, the listing's page where
        there is one, and the error of the first source if all failed.
        """
        failures: list[UpstreamError] = []
        for source in channel.sources:
            state, page, failure = self._ask_source(replace(channel, source=source), report)
            if failure is None:
                stand_in = f"{source.url}, as {failures[0]}" if failures else ""
                if stand_in:
                    _log.warning("%s: read from %s", channel.id, stand_in)
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
                return Replica(self.services, channel, report).replicate(state), None, None
            if not urls.is_web(channel.url):
                return *read_checkout(self.services, channel, state, report), None
            with self.services.store.exclusive_lock():
                state, page = self._read_listing(channel, state, report)
            return self._close_gap(channel, state, report), page, None
        except UpstreamError as e:
            rule = (
                f"listing.item of sites/{channel.site.name}.toml"
                if channel.kind == "html"
                else "the feed"
            )
            report.note_listing(Url(e.url), rule, e)
            # read the state again: a part of a gap may have been closed and stored
            return self.services.store.schedule.state(channel.id), page, e

    def _read_listing(
        self, channel: Channel, state: ChannelState, report: Report
    ) -> tuple[ChannelState, Page]:
        """Fetch the listing, and store its items if it differs from the last stored listing."""
        state = replace(state, last_error="")
        if channel.source.key:  # redirects are not signed: adopt none
            page = self.services.fetcher.fetch(channel.url, keep=True)
        else:
            requested, page = self._fetch_listing(
                channel, policy.effective_url(channel, state, self.services.clock())
            )
            state = policy.note_redirect(channel, state, requested, page, self.services.clock())
        # the digest covers the parsing rules: a change of them makes the listing a new one
        digest = hashlib.sha256(
            f"{channel.kind} {channel.site.listing}".encode() + page.body
        ).hexdigest()
        if digest == state.listing_hash:
            report.note_listing(page.url)
            report.listed = state.listed
            return state, page
        if channel.kind == "mirror":
            page = self._verifier.check(channel.url, page, channel.source)
        listing = self._parse(page, channel, channel.kind)
        report.note_listing(page.url)
        next_url = listing.next_url or channel.archive_url
        if (
            state.succeeded_at
            and next_url
            and not self._was_seen(channel, listing, state.succeeded_at)
        ):
            # store the gap before the items: once they are stored, the gap can't be detected again,
            # for example after a kill between the two writes
            since = state.gap_since if state.gap_url and state.gap_since else state.succeeded_at
            state = replace(state, gap_url=next_url, gap_since=since)
            self.services.store.schedule.save_poll(state)
        # a mirror's index lists all articles, so an unknown item in it may be an old article
        is_new_on_top = state.succeeded_at is not None and channel.kind != "mirror"
        sighting = policy.Sighting.NEW if is_new_on_top else policy.Sighting.PAST
        self._store_items(channel, listing, report, sighting, self.services.clock())
        return replace(
            state, listing_hash=digest, listed=len(listing.items), ttl_s=listing.ttl_s
        ), page

    def _was_seen(self, channel: Channel, listing: Listing, until: datetime) -> bool:
        """Return whether a listing page reaches back to articles listed before *until*.

        True if the last item, or more than half of the items, were listed before. A few known
        items are not enough, as articles can be pinned to the top.
        """
        ids = [item.id for item in listing.items]
        known = self.services.store.queue.listed(channel.id, ids, until)
        return ids[-1] in known or len(known) > len(ids) / 2

    def _close_gap(self, channel: Channel, state: ChannelState, report: Report) -> ChannelState:
        """Page back to articles seen before, if more were published than the first page shows.

        Such a gap arises, for example, while this server is down. Return the channel's state.
        """
        for _ in range(_MAX_GAP_PAGES):
            if not state.gap_url or self.services.is_stopping():
                break
            with self.services.store.exclusive_lock():
                try:
                    listing = self._fetch_page(channel, Url(state.gap_url))
                except NotAskedError:
                    raise
                except UpstreamError as e:
                    # the first page was read, so the poll succeeds; the next poll tries again
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
                self._store_items(channel, listing, report, policy.Sighting.GAP, anchor)
                state = replace(state, gap_url=next_url)
                self.services.store.schedule.save_poll(state)
        return state

    def _fetch_listing(self, channel: Channel, requested: Url) -> tuple[Url, Page]:
        """Return the URL that answered and the listing's page.

        If an adopted redirect target fails, fall back to the configured URL.
        """
        try:
            return requested, self.services.fetcher.fetch(requested, keep=True)
        except FetchError as e:
            if requested == channel.url or isinstance(e, NotAskedError):
                raise
            return channel.url, self.services.fetcher.fetch(channel.url, keep=True)

    def _backfill_page(
        self, channel: Channel, progress: Backfill, report: Report, since: datetime | None
    ) -> Backfill:
        """Store one listing page of a backfill, fetch its articles, and return the new progress."""
        url = progress.next_url or channel.url
        with self.services.store.exclusive_lock():
            listing = self._fetch_page(channel, url)
            anchor = (
                self.services.store.oldest(channel.id, policy.ALL_KNOWN) or self.services.clock()
            )
            self._store_items(channel, listing, report, policy.Sighting.PAST, anchor)
        self._fetch_articles(channel, report, None)
        archive(self.services)
        next_url = listing.next_url or (channel.archive_url if url == channel.url else None)
        progress = Backfill(
            channel.id,
            None if since and self._is_older(listing, since) else next_url,
            progress.pages + 1,
        )
        self.services.store.schedule.save_backfill(progress)
        return progress

    def _fetch_page(self, channel: Channel, url: Url) -> Listing:
        """Fetch and parse a further page of a channel's listing; verify a signed mirror's page."""
        page = self.services.fetcher.fetch(url)
        if source := self.services.mirror.mirrored_at(url):
            page = self._verifier.check(url, page, source)
        return self._parse(page, channel, self._kind_of(channel, url))

    def _parse(self, page: Page, channel: Channel, kind: str) -> Listing:
        """Return a listing whose entries have the IDs under which the store knows them."""
        listing = parse_listing(page, channel.site, kind)
        items = self.services.store.queue.identify(channel.site.name, listing.items)
        return replace(listing, items=tuple(items))

    def _kind_of(self, channel: Channel, url: Url) -> str:
        """Return the listing kind of a URL: the channel's for its own URL, else mirror or html."""
        below = "mirror" if self.services.mirror.mirrored_at(url) else "html"
        return channel.kind if url == channel.url else below

    def _is_older(self, listing: Listing, since: datetime) -> bool:
        """Return whether all known dates on a listing page are before *since*.

        A date is known from the listing or from a stored article. False if none is known.
        """
        articles = (
            self.services.store.article(item.id) if item.published is None else None
            for item in listing.items
        )
        dates = [
            item.published or (stored.published if stored else None)
            for item, stored in zip(listing.items, articles, strict=True)
        ]
        known = [date for date in dates if date]
        return bool(known) and max(known) < since

    def _store_items(
        self,
        channel: Channel,
        listing: Listing,
        report: Report,
        sighting: policy.Sighting,
        anchor: datetime,
    ) -> None:
        """Store the items of a listing page, each with a date (see `policy.date_items`)."""
        report.listed += len(listing.items)
        for reason in listing.lost:
            report.note(ListingError(channel.url, reason))
        items = date_listing(self.services, channel, listing.items, sighting, anchor)
        self.services.store.queue.add_listing(
            channel.id, items, self.services.clock(), site=channel.site.name
        )

    # -------------------------------------------------------------- articles

    def _fetch_articles(
        self, channel: Channel, report: Report, round_began: datetime | None
    ) -> None:
        """Fetch the due articles batch by batch.

        Between batches, release the exclusive lock and fetch articles that readers requested.
        """
        seen: set[ArticleId] = set()
        fetcher = ArticleFetcher(self.services, channel, report)
        rules = self.services.mirror.poll
        while not self.services.is_stopping():
            with self.services.store.exclusive_lock():
                waiting = self.services.store.queue.of_channel(channel.id)
                due = policy.due_articles(
                    waiting, self.services.clock(), rules, round_began=round_began
                )
                batch = [each for each in due if each.item.id not in seen][:_BATCH]
                if not batch:
                    return
                fetcher.fetch(batch)
            seen.update(each.item.id for each in batch)
            if channel.id != REQUESTED:
                self.serve_readers()


def _remember(
    services: Services, state: ChannelState, page: Page | None, failure: UpstreamError | None
) -> None:
    """Store the result of a poll and the time of the next one."""
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
    services.store.schedule.save_poll(after)
    outcome = "failed" if failure else "ok"
    services.store.records.add({("polls", state.channel, outcome if was_asked else "not_asked"): 1})
