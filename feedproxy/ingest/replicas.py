"""Replicate a channel from another feedproxy: read its archive page by page.

Each page and the progress are stored in one transaction, so an interrupted replication continues
where it stopped.
"""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from feedproxy import paths, policy
from feedproxy.errors import (
    AlteredPictureError,
    ExtractError,
    GoneError,
    ListingError,
    UpstreamError,
)
from feedproxy.ingest.mirrored import Copy, copy_of_replicated, merge_copy
from feedproxy.ingest.pictures import PictureCopy, PictureFetcher
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.ingest.verification import Verifier
from feedproxy.model import Channel, ChannelState, ListingItem, Page, StoredPicture, Url
from feedproxy.parse import ArchivePage, parse_archive
from feedproxy.replication import read_record
from feedproxy.store import Store

# Maximum number of pages per poll, a million articles: the mirror's own figures are not trusted.
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Replica:
    """Replicates a channel from another feedproxy, and adds the outcomes to *report*."""

    services: Services
    channel: Channel
    report: Report

    @property
    def verifier(self) -> Verifier:
        """Verifies signatures."""
        return Verifier(self.services.fetcher, self.services.store.serials)

    def replicate(self, state: ChannelState) -> ChannelState:
        """Store the archive's pages beyond those stored before; return the state with the progress.

        The URLs of the pages are derived from the feed's URL; links in the pages are not trusted.

        Raises:
            UpstreamError: a page can't be fetched or parsed, or its required signature is missing
                or wrong.

        """
        source = self.channel.source
        first = (state.replica_pages if state.replica_url == source.url else 0) + 1
        for number in range(first, first + _MOST_PAGES):
            if self.services.is_stopping():
                break
            try:
                state, is_full = self._replicate_page(number, state, keep=number == first)
            except GoneError:
                if first == 1 or number != first or (source.key and not source.allow_older):
                    raise
                # a shorter archive is a new one: read it from the start
                return self.replicate(replace(state, replica_url="", replica_pages=0))
            if not is_full:
                break
        return replace(state, listed=self.report.listed, last_error="")

    def _replicate_page(
        self, number: int, state: ChannelState, *, keep: bool
    ) -> tuple[ChannelState, bool]:
        """Store one page; return the state with the progress, and whether the page is full."""
        at = paths.archive_at(self.channel.url, number)
        if at is None:
            raise ListingError(
                self.channel.url,
                "is not a feedproxy feed: it must end in /feed/<section>/<channel>.json",
            )
        page = self.services.fetcher.fetch(at[0], keep=keep)
        digest = hashlib.sha256(f"{number} ".encode() + page.body).hexdigest()
        if digest == state.listing_hash:
            self.report.listed += state.listed
            return state, False
        self.verifier.check_archive(at[0], page, self.channel.source, at[1])
        archive = parse_archive(page)
        self.report.listed += len(archive.records)
        copies = list(self._copies(page, archive))
        pictures = self._fetch_pictures(copies)
        pages = number if archive.is_full else number - 1
        state = replace(
            state, listing_hash=digest, replica_url=self.channel.url, replica_pages=pages
        )
        with self.services.store.exclusive_lock(), self.services.store.transaction() as store:
            for copy in copies:
                self._keep(store, copy, pictures)
            items = [
                ListingItem(copy.draft.article.id, copy.draft.article.url, copy.draft.article.title)
                for copy in copies
            ]
            store.queue.add_listing(self.channel.id, items, self.services.clock())
            store.schedule.save_poll(state)
        return state, archive.is_full

    def _copies(self, page: Page, archive: ArchivePage) -> Iterator[Copy]:
        """Yield the articles of a page, oldest first; skip and report damaged or rejected ones."""
        for record in reversed(archive.records):
            try:
                received = read_record(record)
                yield copy_of_replicated(
                    page,
                    received,
                    self.services.mirror,
                    self.services.clock(),
                    self.channel.site,
                )
            except ValueError as e:
                self.report.note(ExtractError(page.url, f"a record in it is damaged: {e}"))
            except UpstreamError as e:
                self.report.note(e)

    def _fetch_pictures(self, copies: list[Copy]) -> Mapping[Url, StoredPicture]:
        """Return the pictures that the other mirror has.

        The others are fetched from their own hosts later.
        """
        pictures, begun = PictureFetcher(self.services), dict[Url, Future[StoredPicture]]()
        with ThreadPoolExecutor(self.services.mirror.fetch.requests_at_once) as pool:
            for copy in copies:
                shown = copy.draft.article.pictures
                pictures.start(
                    pool,
                    shown,
                    self.channel.id,
                    begun,
                    {url: self._picture_copy(url) for url in shown},
                )
            fetched, failed = pictures.collect(begun)
        for error in failed:
            if isinstance(error, AlteredPictureError):
                self.report.note(error)
        self.report.pictures += len(fetched)
        return fetched

    def _picture_copy(self, url: Url) -> PictureCopy:
        """Return the copy of a picture at the other mirror, with a check of its signature."""
        path = paths.media(paths.picture_names(url).original)
        place = paths.beside_feed(self.channel.url, path)
        return PictureCopy(
            place, lambda body: self.verifier.check_picture(place, body, self.channel.source, path)
        )

    def _keep(self, store: Store, copy: Copy, pictures: Mapping[Url, StoredPicture]) -> None:
        now = self.services.clock()
        stored = store.article(copy.draft.article.id)
        try:
            article, outcome = merge_copy(stored, copy, now)
        except UpstreamError as e:
            self.report.note(e)
            return
        self.report.articles[outcome] += 1
        if outcome is policy.ArticleOutcome.REDATED:
            store.redate(article, now)
        elif outcome is not policy.ArticleOutcome.SAME:
            own = {url: pictures[url] for url in article.pictures if url in pictures}
            store.save(
                article,
                [],
                own,
                now,
                again_at=policy.next_check(article.published, self.services.mirror.poll, now),
            )
