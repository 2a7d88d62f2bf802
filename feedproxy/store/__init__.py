"""The store: what is held, what waits, and how each channel's polls went. The only room that imports SQLAlchemy.

`Library` is what readers need, `Store` what the poller needs besides; `open_store` makes the SQL implementation
of both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from feedproxy.model import (
    Article,
    ArticleId,
    ChannelState,
    Headline,
    ListingItem,
    Page,
    Request,
    StoredPicture,
    Url,
    Version,
    Waiting,
    WaitingPicture,
)
from feedproxy.store.sql import SqlStore, open_store

Clock = Callable[[], datetime]

__all__ = ["Clock", "Desk", "Library", "SqlStore", "Store", "open_store"]


class Library(Protocol):
    """What the web side reads. Every method raises StoreError where the store can't be read."""

    def version(self, channels: Collection[str]) -> Version:
        """Return what changes with every change to an entry of *channels*, or to where its links lead."""

    def newest(self, channels: Collection[str], limit: int) -> list[Article]:
        """Return the newest articles of *channels*, newest first, each once."""

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the same as headlines, each with the channels it is in."""

    def index(self, channel: str, offset: int, limit: int) -> list[Headline]:
        """Return the articles of a channel, newest first, *offset* below the newest."""

    def count(self, channel: str) -> int:
        """Return how many articles of a channel are held."""

    def neighbours(self, article_id: ArticleId, channel: str) -> tuple[Headline | None, Headline | None]:
        """Return the articles of a channel that were published before and after one of its articles."""

    def tagged(self, tag: str, limit: int) -> list[Headline]:
        """Return the newest articles with a tag."""

    def newest_tagged(self, tag: str, limit: int) -> list[Article]:
        """Return the same, whole."""

    def pictures(self, articles: Collection[ArticleId]) -> Mapping[Url, StoredPicture]:
        """Return those pictures of *articles* that are held."""

    def article(self, article_id: ArticleId) -> Article | None:
        """Return an article that is held, None if it is not."""

    def channels_of(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, frozenset[str]]:
        """Return the channels of those of *articles* that are held."""

    def original(self, article_id: ArticleId) -> Url | None:
        """Return the upstream address of an article that is waiting or linked to, None if it was never heard of."""

    def request(self, article_id: ArticleId) -> Request | None:
        """Return the request for an article that is not held, None if nobody asked for it."""


class Desk(Library, Protocol):
    """Where readers ask for articles that are not held: all that the web side ever writes."""

    def ask(self, article_id: ArticleId, *, most: int, now: datetime) -> bool:
        """Queue an article, once; return False if it was never heard of, or if *most* requests are open."""


class Store(Desk, Protocol):
    """What the poller needs besides. Every method but `turn` is one transaction: it happens wholly or not at all."""

    def turn(self) -> AbstractContextManager[None]:
        """Hold off every other poller of this store for a while."""

    def states(self) -> dict[str, ChannelState]:
        """Return what is remembered of each channel's polls."""

    def remember_poll(self, state: ChannelState) -> None:
        """Store a channel's state."""

    def remember_listing(self, channel: str, items: Sequence[ListingItem], now: datetime) -> int:
        """Store what a listing shows and have what is not held, or shows another headline than before, wait.

        Return how many articles of the listing were unknown.
        """

    def waiting(self, channel: str) -> list[Waiting]:
        """Return the articles of a channel that are to be fetched, in the listing's order."""

    def save(self, article: Article, pages: Sequence[Page], pictures: Mapping[Url, StoredPicture], now: datetime) -> None:
        """Store an article with its pages, and those of its pictures that came with it; the others are to be fetched.

        It waits no longer, and every channel that shows it or links to it has changed.
        """

    def settled(self, article_id: ArticleId) -> None:
        """Have an article wait no longer: it was fetched and is as it was."""

    def failed(self, article_id: ArticleId, error: str, *, now: datetime, try_at: datetime) -> None:
        """Remember that an article could not be had, and when to try again."""

    def known_pictures(self, urls: Collection[Url]) -> set[Url]:
        """Return those of *urls* that were heard of before, held or not."""

    def due_pictures(self, hosts: Collection[str], channels: Collection[str], now: datetime, limit: int) -> list[WaitingPicture]:
        """Return pictures at *hosts* to fetch now, longest due first, of articles that one of *channels* shows."""

    def keep_picture(self, url: Url, stored: StoredPicture, now: datetime) -> None:
        """Store a picture that came later than its articles; every channel that shows one of them has changed."""

    def picture_failed(self, url: Url, error: str, *, tries: int, try_at: datetime) -> None:
        """Remember that a picture could not be had, how often that was tried, and when to try again."""

    def used_files(self) -> set[str]:
        """Return the names of the files of pictures that an article shows."""

    def unused_pictures(self) -> list[Url]:
        """Return the pictures that no article shows any more."""

    def drop_unused_pictures(self) -> None:
        """Forget them, and their files."""

    def take_requests(self) -> None:
        """Have the articles that readers asked for wait in the channel `REQUESTED`."""

    def forget_request(self, article_id: ArticleId) -> None:
        """Have an article that only readers asked for wait no longer."""
