"""What others see of the store: ports, each with its one implementation in SQL beside it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Headline,
    ListingItem,
    Page,
    PrunableArticle,
    Request,
    StoredPicture,
    Url,
    Validators,
    Version,
    Waiting,
    WaitingPicture,
)
from feedproxy.store.archive import Archive
from feedproxy.store.polling import HostBudget, Lease, Records, Schedule, Serials
from feedproxy.store.search import Search

Clock = Callable[[], datetime]


class Library(Protocol):
    """What the web side reads. Every method raises StoreError where the store can't be read."""

    @property
    def archive(self) -> Archive:
        """What was published, page by page."""

    @property
    def search(self) -> Search:
        """Articles by words."""

    def version(self, channels: Collection[str]) -> Version:
        """Return what changes with every change to an entry of *channels*, or to where its links lead."""

    def change_counter(self) -> int:
        """Return a number that is another one after each change of the store, whatever changed, in some µs.

        It says nothing across processes, and a store that can't tell gives another one each time.
        """

    def probe(self, channels: Collection[str], limit: int) -> None:
        """Read the newest articles of *channels*, as a feed does.

        Raises:
            StoreError: they can't be read, or any process has found the store to be damaged.

        """

    def snapshot(self) -> AbstractContextManager["Library"]:
        """Give a library whose reads all show one state of the store: that of the first read."""

    def articles(self, articles: Collection[ArticleId]) -> list[Article]:
        """Return those of *articles* that are held, in their order."""

    def newest(self, channels: Collection[str], limit: int, *, tag: str = "") -> list[Article]:
        """Return the newest articles of *channels*, or of those with a *tag*, newest first, each once."""

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the same as headlines, each with the channels it is in."""

    def index(self, channel: str, offset: int, limit: int) -> list[Headline]:
        """Return the articles of a channel, newest first, *offset* below the newest."""

    def count(self, channel: str) -> int:
        """Return how many articles of a channel are held."""

    def neighbours(
        self, article_id: ArticleId, channel: str
    ) -> tuple[Headline | None, Headline | None]:
        """Return the articles of a channel that were published before and after one of its articles."""

    def tagged(self, tag: str, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the newest articles of *channels* with a tag."""

    def pictures(self, articles: Collection[ArticleId]) -> Mapping[Url, StoredPicture]:
        """Return those pictures of *articles* that are held."""

    def picture(self, key: str) -> StoredPicture | None:
        """Return the picture whose upstream address has that `urls.picture_key`, None if it is not held."""

    def article(self, article_id: ArticleId) -> Article | None:
        """Return an article that is held, None if it is not."""

    def channels_of(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, frozenset[str]]:
        """Return the channels of those of *articles* that are held."""

    def period(
        self, channels: Collection[str], since: datetime, until: datetime | None, limit: int | None
    ) -> list[ArticleId]:
        """Return the articles of *channels* published from *since* on and before *until*, newest first, *limit* at most."""

    def original(self, article_id: ArticleId) -> Url | None:
        """Return the upstream address of an article that is waiting or linked to, None if it was never heard of."""

    def request(self, article_id: ArticleId) -> Request | None:
        """Return the request for an article that is not held, None if nobody asked for it."""


class WebStore(Library, Protocol):
    """Where readers ask for articles that are not held, all that the web side ever writes; and what operators look at."""

    @property
    def schedule(self) -> Schedule:
        """When what is polled."""

    @property
    def lease(self) -> Lease:
        """Who polls."""

    @property
    def budget(self) -> HostBudget:
        """When which host may be asked."""

    @property
    def records(self) -> Records:
        """What happened."""

    def ask(self, article_id: ArticleId, *, most: int, now: datetime) -> bool:
        """Queue an article, once; return False if it was never heard of, or if *most* requests are open."""


class Store(WebStore, Protocol):
    """What the poller needs besides. Every method but `exclusive_lock` is one transaction: it happens wholly or not at all."""

    @property
    def serials(self) -> Serials:
        """The serials of what is signed."""

    def exclusive_lock(self) -> AbstractContextManager[object]:
        """Hold off every other poller of this store for a while."""

    def transaction(self) -> AbstractContextManager["Store"]:
        """Give a store whose reads and writes are one transaction; it is undone if the block raises.

        A transaction begun on that store is a part of it, and can be undone alone. While one is open,
        its thread can neither write through the store itself nor take the turn.
        """

    def remember_listing(self, channel: str, items: Sequence[ListingItem], now: datetime) -> int:
        """Store what a listing shows, and queue its `news` that have an http(s) address.

        Return how many articles of the listing were unknown.
        """

    def news(self, channel: str, items: Sequence[ListingItem]) -> set[ArticleId]:
        """Return the articles of a listing that are not held, or whose headline has changed.

        A change of white space is none.
        """

    def listed(
        self, channel: str, articles: Collection[ArticleId], until: datetime
    ) -> set[ArticleId]:
        """Return those of *articles* that a listing of the channel has shown *until* then."""

    def waiting(self, channel: str, only: Collection[ArticleId] | None = None) -> list[Waiting]:
        """Return the articles of a channel that are to be fetched, or *only* some of these, in the listing's order."""

    def channels_waiting(self, now: datetime, horizon: datetime) -> set[str]:
        """Return the channels that show an article that is due; a moment beyond *horizon* is not believed."""

    def save(
        self,
        article: Article,
        pages: Sequence[Page],
        pictures: Mapping[Url, StoredPicture],
        now: datetime,
        *,
        again_at: datetime | None = None,
        tries: int = 0,
        is_fetched: bool = True,
    ) -> None:
        """Store an article with its pages, and those of its pictures that came with it; the others are to be fetched.

        If it was fetched, it waits no longer, or until *again_at*. Every channel that shows it or links to it has changed; what
        it was before is kept as a version.
        """

    def redate(self, article: Article, now: datetime) -> None:
        """Store an article's date, which was a guess before; every channel that shows it or links to it has changed."""

    def dates(
        self, articles: Collection[ArticleId]
    ) -> Mapping[ArticleId, tuple[datetime, DateSource]]:
        """Return when those of *articles* that are held were published, and where that comes from."""

    def site_dates(self, site: str) -> Mapping[ArticleId, datetime]:
        """Return when the articles of a site were published of which upstream says so."""

    def oldest(
        self, channel: str, sources: Collection[DateSource], since: datetime | None = None
    ) -> datetime | None:
        """Return the earliest date after *since* of what a channel shows, held or waiting, that comes from one of *sources*."""

    def settled(self, article_id: ArticleId, *, again_at: datetime | None = None) -> None:
        """Have an article wait no longer, or until *again_at*: it was fetched and is as it was."""

    def mark_gone(self, article_id: ArticleId, now: datetime) -> None:
        """Remember that upstream has an article no more; it stays, and waits no longer."""

    def drop(self, articles: Collection[ArticleId], now: datetime) -> None:
        """Delete articles, with all that is theirs alone; every channel that showed or links to one of them has changed."""

    def validators(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, Validators]:
        """Return the validators of those of *articles* that are held and came as one page."""

    def pages(self, article_id: ArticleId) -> list[Page]:
        """Return the pages that an article was extracted from."""

    def versions(self, article_id: ArticleId) -> list[Article]:
        """Return an article as it was before each of its changes, oldest first."""

    def walk(self, channels: Collection[str], *, since: datetime | None = None) -> list[ArticleId]:
        """Return the IDs of all articles of *channels* that are held, or of those published *since* then."""

    def put_off(
        self, article_id: ArticleId, error: str, *, tries: int, now: datetime, try_at: datetime
    ) -> None:
        """Remember that an article could not be had, how often that was tried, and when to try again."""

    def dated(self, channels: Collection[str]) -> list[tuple[ArticleId, datetime]]:
        """Return the IDs of all articles of *channels* that are held, with when they were published, oldest first."""

    def tags(self, channels: Collection[str]) -> list[str]:
        """Return the tags that articles of *channels* have, in the order of their names."""

    def prunable(self, channels: Collection[str], entries: int) -> list[PrunableArticle]:
        """Return the articles that are not among the newest *entries* of any of *channels*, oldest first."""

    def check(self) -> str:
        """Return what is wrong with the store's own structure, "" if nothing is."""

    def compact(self) -> None:
        """Give back the room that what was deleted took."""

    def known_pictures(self, urls: Collection[Url]) -> set[Url]:
        """Return those of *urls* that were heard of before, held or not."""

    def due_pictures(
        self, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int
    ) -> list[WaitingPicture]:
        """Return pictures at *hosts* to fetch now, longest due first, of articles that one of *channels* shows."""

    def keep_picture(self, url: Url, stored: StoredPicture, now: datetime) -> None:
        """Store a picture that came later than its articles; every channel that shows one of them has changed."""

    def picture_failed(self, url: Url, error: str, *, tries: int, try_at: datetime) -> None:
        """Remember that a picture could not be had, how often that was tried, and when to try again."""

    def used_files(self) -> set[str]:
        """Return the names of the files of pictures that an article shows."""

    def unused_pictures(self) -> list[Url]:
        """Return the pictures that no article shows any more."""

    def fetch_again(self, files: Collection[str], now: datetime) -> None:
        """Have the pictures be fetched again whose *files* are missing."""

    def drop_unused_pictures(self) -> None:
        """Forget them, and their files."""

    def take_requests(self) -> bool:
        """Have the articles that readers asked for wait in the channel `REQUESTED`; return whether there were any."""

    def forget_request(self, article_id: ArticleId) -> None:
        """Have an article that only readers asked for wait no longer."""
