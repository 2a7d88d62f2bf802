"""Another feedproxy as a source: its archive, page after page, each article as that mirror holds it.

A page is stored in one transaction with how far the walk has come, so one that was interrupted goes on where it was.
"""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from feedproxy import paths, plan
from feedproxy.errors import ExtractError, ListingError, SignatureError, UpstreamError
from feedproxy.exchange import read_record
from feedproxy.harvest.kit import Kit
from feedproxy.harvest.mirrored import Copy, copy_of_received, settle_copy
from feedproxy.harvest.pictures import Pictures
from feedproxy.harvest.reports import Report
from feedproxy.model import Channel, ChannelState, ListingItem, Page, StoredPicture, Url
from feedproxy.parse import ArchivePage, page_number, page_url, parse_archive, parse_subscription
from feedproxy.sign import SIGNATURE_SUFFIX, read_public_key, verify


@dataclass(frozen=True, slots=True)
class Replica:
    """Takes a channel from another feedproxy; *report* says what became of its articles."""

    kit: Kit
    channel: Channel
    report: Report

    def take(self, state: ChannelState) -> tuple[ChannelState, Page]:
        """Take what the archive has beyond what was taken before; return how far that came.

        Raises:
            UpstreamError: a page can't be had, is none, or is not signed as it is to be.

        """
        subscription = self.kit.fetcher.fetch(self.channel.url, keep=True)
        listing = parse_subscription(subscription, self.channel.site)
        self.report.listed = len(listing.items)
        newest = page_number(listing.next_url) if listing.next_url else 0
        taken = _taken(state, self.channel.url)
        first = 1 if taken > newest else taken + 1  # an archive that has become shorter is another one
        for number in range(first, newest + 1):
            if self.kit.is_stopping() or not listing.next_url:
                break
            state = self._take_page(page_url(listing.next_url, number), number, state, is_newest=number == newest)
        return replace(state, listed=len(listing.items), last_error=""), subscription

    def _take_page(self, url: Url, number: int, state: ChannelState, *, is_newest: bool) -> ChannelState:
        page = self.kit.fetcher.fetch(url, keep=is_newest)
        digest = hashlib.sha256(f"{number} ".encode() + page.body).hexdigest()
        if digest == state.listing_hash:
            return state
        self._check_signature(page)
        archive = parse_archive(page)
        copies = list(self._copies(page, archive))
        pictures = self._fetch_pictures(copies)
        taken = number if archive.is_full else number - 1
        state = replace(state, listing_hash=digest, replica=f"{taken} {self.channel.url}")
        with self.kit.store.turn(), self.kit.store.together():
            for copy in copies:
                self._keep(copy, pictures)
            items = [ListingItem(copy.draft.article.id, copy.draft.article.url, copy.draft.article.title) for copy in copies]
            self.kit.store.remember_listing(self.channel.id, items, self.kit.clock())
            self.kit.store.schedule.remember_poll(state)
        return state

    def _check_signature(self, page: Page) -> None:
        """Hold that a page is signed by the key that its source must have."""
        if not self.channel.source.key:
            return
        path, mark, query = page.url.partition("?")
        try:
            signature = self.kit.fetcher.fetch(Url(f"{path}{SIGNATURE_SUFFIX}{mark}{query}")).body
            signed = verify(page.body, signature, read_public_key(self.channel.source.key))
        except SignatureError as e:
            raise ListingError(page.url, f"is refused: {e}") from e
        if not signed.startswith("/feed/") or not path.endswith(signed):
            raise ListingError(page.url, f"is refused: its signature is that of {signed!r}")

    def _copies(self, page: Page, archive: ArchivePage) -> Iterator[Copy]:
        """Yield the articles of a page, oldest first; one that is none is told, and costs only itself."""
        for record in reversed(archive.records):
            try:
                received = read_record(record)
                yield copy_of_received(page, received, self.kit.mirror, self.kit.clock())
            except ValueError as e:
                self.report.note(ExtractError(page.url, f"a record in it is damaged: {e}"))
            except UpstreamError as e:
                self.report.note(e)

    def _fetch_pictures(self, copies: list[Copy]) -> Mapping[Url, StoredPicture]:
        """Return the pictures that the other mirror has; those that it has not are fetched from their own hosts later."""
        base = self.channel.url.partition("/feed/")[0]
        _, mark, query = self.channel.url.partition("?")
        pictures, begun = Pictures(self.kit), dict[Url, Future[StoredPicture]]()
        with ThreadPoolExecutor(self.kit.mirror.fetch.requests_at_once) as pool:
            for copy in copies:
                shown = copy.draft.article.pictures
                at = {url: Url(f"{base}{paths.media(paths.media_of(url)[0])}{mark}{query}") for url in shown}
                pictures.start(pool, shown, self.channel.id, begun, at)
            had, _ = pictures.collect(begun)
        self.report.pictures += len(had)
        return had

    def _keep(self, copy: Copy, pictures: Mapping[Url, StoredPicture]) -> None:
        store, now = self.kit.store, self.kit.clock()
        held = store.article(copy.draft.article.id)
        try:
            article, outcome = settle_copy(held, copy, now)
        except UpstreamError as e:
            self.report.note(e)
            return
        self.report.articles[outcome] += 1
        if outcome is plan.Outcome.REDATED:
            store.redate(article, now)
        elif outcome is not plan.Outcome.SAME:
            own = {url: pictures[url] for url in article.pictures if url in pictures}
            store.save(article, [], own, now, again_at=plan.next_check(article.published, self.kit.mirror.poll, now))


def _taken(state: ChannelState, url: Url) -> int:
    """Return up to which page the archive of a source was taken in whole."""
    number, _, of = state.replica.partition(" ")
    return int(number) if of == url and number.isdigit() else 0
