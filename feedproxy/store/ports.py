"""Define the store's interfaces for other packages: ports, implemented in SQL in this package."""

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
    """Read access for the web side. Every method raises StoreError if the store can't be read."""

    @property
    def archive(self) -> Archive:
        """The archives, page by page."""

    @property
    def search(self) -> Search:
        """Full-text search."""

    def version(self, channels: Collection[str]) -> Version:
        """Return a version that changes with *channels*.

        It changes with every change to one of their entries, or to an article that one of them
        links to.
        """

    def change_counter(self) -> int:
        """Return a number that differs after each change of the store; takes a few µs.

        Numbers of different processes can't be compared. A store that can't detect changes returns
        a new number each time.
        """

    def probe(self, channels: Collection[str], limit: int) -> None:
        """Read the newest articles of *channels*, as a feed does.

        Raises:
            StoreError: they can't be read, or any process has found damage to the store.

        """

    def snapshot(self) -> AbstractContextManager["Library"]:
        """Open a library whose reads all show the state of the store at the first read."""

    def articles(self, articles: Collection[ArticleId]) -> list[Article]:
        """Return those of *articles* that are stored, in their order."""

    def newest(self, channels: Collection[str], limit: int, *, tag: str = "") -> list[Article]:
        """Return the newest articles of *channels*, newest first, without duplicates.

        With *tag* only articles with this tag are returned.
        """

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the headlines of the newest articles of *channels*, with all channels of each."""

    def index(self, channel: str, offset: int, limit: int) -> list[Headline]:
        """Return *limit* headlines of a channel, newest first, without the *offset* newest."""

    def count(self, channel: str) -> int:
        """Return the number of stored articles of a channel."""

    def neighbours(
        self, article_id: ArticleId, channel: str
    ) -> tuple[Headline | None, Headline | None]:
        """Return the headlines before and after an article in the order of a channel's dates."""

    def tagged(self, tag: str, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the newest headlines of *channels* with a tag."""

    def pictures(self, articles: Collection[ArticleId]) -> Mapping[Url, StoredPicture]:
        """Return the stored pictures of *articles*, by upstream address."""

    def picture(self, key: str) -> StoredPicture | None:
        """Return the picture with this `urls.picture_key`, None if it is not stored."""

    def article(self, article_id: ArticleId) -> Article | None:
        """Return a stored article, None if it is not stored."""

    def channels_of(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, frozenset[str]]:
        """Return the channels of each stored article among *articles*."""

    def period(
        self, channels: Collection[str], since: datetime, until: datetime | None, limit: int | None
    ) -> list[ArticleId]:
        """Return the articles of *channels* published from *since* on and before *until*.

        The newest come first; *limit* of them are returned at most.
        """

    def original(self, article_id: ArticleId) -> Url | None:
        """Return the upstream address of a queued or linked article, None if it is unknown."""

    def request(self, article_id: ArticleId) -> Request | None:
        """Return the open request for an article, None if there is none."""


class WebStore(Library, Protocol):
    """The store of the web side: it reads, and writes only readers' requests for articles.

    It also has what operators look at.
    """

    @property
    def schedule(self) -> Schedule:
        """The schedule of polls."""

    @property
    def lease(self) -> Lease:
        """The lease of the leading poller."""

    @property
    def budget(self) -> HostBudget:
        """The rate limit of each host."""

    @property
    def records(self) -> Records:
        """Counters, figures and alarms."""

    def ask(self, article_id: ArticleId, *, most: int, now: datetime) -> bool:
        """Queue a request for an article, once; return whether it is queued.

        It is not if the article's address is unknown, or if *most* requests are open.
        """


class Store(WebStore, Protocol):
    """The store of the poller.

    Every method but `exclusive_lock` is one transaction, which happens wholly or not at all.
    """

    @property
    def serials(self) -> Serials:
        """The serials of signed publications."""

    def exclusive_lock(self) -> AbstractContextManager[object]:
        """Keep every other poller of this store out for the length of the block."""

    def transaction(self) -> AbstractContextManager["Store"]:
        """Open a store whose reads and writes are one transaction, undone if the block raises.

        A transaction opened on that store is nested, and can be undone alone. While a transaction
        is open, its thread can neither write through the outer store nor acquire the exclusive
        lock.
        """

    def remember_listing(self, channel: str, items: Sequence[ListingItem], now: datetime) -> int:
        """Store the items of a listing, and queue its `news` that have an http(s) address.

        Return the number of articles that were unknown.
        """

    def news(self, channel: str, items: Sequence[ListingItem]) -> set[ArticleId]:
        """Return the articles of a listing that are not stored, or whose headline has changed.

        A change of white space does not count.
        """

    def listed(
        self, channel: str, articles: Collection[ArticleId], until: datetime
    ) -> set[ArticleId]:
        """Return those of *articles* that the channel's listing first showed by *until*."""

    def waiting(self, channel: str, only: Collection[ArticleId] | None = None) -> list[Waiting]:
        """Return a channel's queued articles, or *only* these of them, in the listing's order."""

    def channels_waiting(self, now: datetime, horizon: datetime) -> set[str]:
        """Return the channels with queued articles that are due.

        A time after *horizon* counts as due, as it was written by a clock that was wrong.
        """

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
        """Store an article with its pages and its fetched *pictures*; queue its other pictures.

        If the article *is_fetched*, it leaves the queue, or is due there again at *again_at*. Its
        earlier state is kept as a version. The change counts for every channel that lists the
        article, or one that links to it.
        """

    def redate(self, article: Article, now: datetime) -> None:
        """Store a better date for an article whose date was a guess.

        The change counts for every channel that lists the article, or one that links to it.
        """

    def dates(
        self, articles: Collection[ArticleId]
    ) -> Mapping[ArticleId, tuple[datetime, DateSource]]:
        """Return publication date and date source of each stored article among *articles*."""

    def site_dates(self, site: str) -> Mapping[ArticleId, datetime]:
        """Return the publication dates of a site's articles, as far as upstream gave them."""

    def oldest(
        self, channel: str, sources: Collection[DateSource], since: datetime | None = None
    ) -> datetime | None:
        """Return the earliest date of a channel's stored and queued articles, None without any.

        Only dates from one of *sources*, and after *since*, are considered.
        """

    def settled(self, article_id: ArticleId, *, again_at: datetime | None = None) -> None:
        """Take an unchanged article off the queue, or make it due there again at *again_at*."""

    def mark_gone(self, article_id: ArticleId, now: datetime) -> None:
        """Record that upstream has deleted an article; it stays stored, and leaves the queue."""

    def drop(self, articles: Collection[ArticleId], now: datetime) -> None:
        """Delete articles, with all rows that belong to them alone.

        The change counts for every channel that listed one of them, or an article that links to
        one.
        """

    def validators(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, Validators]:
        """Return the validators of stored *articles* that came as a single page."""

    def pages(self, article_id: ArticleId) -> list[Page]:
        """Return the pages that an article was extracted from."""

    def versions(self, article_id: ArticleId) -> list[Article]:
        """Return an article as it was before each of its changes, oldest first."""

    def ids(self, channels: Collection[str], *, since: datetime | None = None) -> list[ArticleId]:
        """Return the IDs of all stored articles of *channels*, or those dated *since* or later."""

    def put_off(
        self, article_id: ArticleId, error: str, *, tries: int, now: datetime, try_at: datetime
    ) -> None:
        """Record that fetching an article failed, the number of tries, and when to try again."""

    def dated(self, channels: Collection[str]) -> list[tuple[ArticleId, datetime]]:
        """Return the IDs and dates of all stored articles of *channels*, oldest first."""

    def tags(self, channels: Collection[str]) -> list[str]:
        """Return the tags of the articles of *channels*, sorted by name."""

    def prunable(self, channels: Collection[str], entries: int) -> list[PrunableArticle]:
        """Return the articles not among the newest *entries* of any of *channels*, oldest first."""

    def check(self) -> str:
        """Check the structure of the store; return the first fault, "" if there is none."""

    def compact(self) -> None:
        """Return the space of deleted rows to the file system."""

    def known_pictures(self, urls: Collection[Url]) -> set[Url]:
        """Return those of *urls* that are known, with or without stored files."""

    def due_pictures(
        self, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int
    ) -> list[WaitingPicture]:
        """Return pictures at *hosts* to fetch now, of articles in *channels*, longest due first."""

    def keep_picture(self, url: Url, stored: StoredPicture, now: datetime) -> None:
        """Store a picture fetched after its articles; the change counts for their channels."""

    def picture_failed(self, url: Url, error: str, *, tries: int, try_at: datetime) -> None:
        """Record that fetching a picture failed, the number of tries, and when to try again."""

    def used_files(self) -> set[str]:
        """Return the names of the files of pictures that an article shows."""

    def unused_pictures(self) -> list[Url]:
        """Return the pictures that no article shows any more."""

    def fetch_again(self, files: Collection[str], now: datetime) -> None:
        """Queue the pictures whose *files* are missing to be fetched again."""

    def drop_unused_pictures(self) -> None:
        """Delete the rows of unused pictures, and of files without a picture."""

    def take_requests(self) -> bool:
        """Move requests to the queue, in the channel `REQUESTED`; return whether there were any."""

    def forget_request(self, article_id: ArticleId) -> None:
        """Take an article off the queue if it is there only for a reader's request."""
