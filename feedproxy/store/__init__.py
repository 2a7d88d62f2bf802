"""The store: what is held, what waits, and how each channel's polls went. The only room that imports SQLAlchemy.

`Library` is what readers need, `Store` what the poller needs besides; `open_store` makes the SQL implementation
of both.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from feedproxy.model import Article, ArticleId, ChannelState, Headline, ListingItem, Page, Url, Version, Waiting
from feedproxy.store.sql import SqlStore, open_store

__all__ = ["Library", "SqlStore", "Store", "open_store"]


class Library(Protocol):
    """What the web side reads. Every method raises StoreError where the store can't be read."""

    def version(self, channels: Collection[str]) -> Version:
        """Return what changes with every change to an entry of *channels*, or to where its links lead."""

    def newest(self, channels: Collection[str], limit: int) -> list[Article]:
        """Return the newest articles of *channels*, newest first, each once."""

    def headlines(self, channels: Collection[str], limit: int) -> list[Headline]:
        """Return the same as headlines, each with the channels it is in."""

    def tagged(self, tag: str, limit: int) -> list[Headline]:
        """Return the newest articles with a tag."""

    def article(self, article_id: ArticleId) -> Article | None:
        """Return an article that is held, None if it is not."""

    def channels_of(self, articles: Collection[ArticleId]) -> Mapping[ArticleId, frozenset[str]]:
        """Return the channels of those of *articles* that are held."""

    def original(self, article_id: ArticleId) -> Url | None:
        """Return the upstream address of an article that is waiting or linked to, None if it was never heard of."""


class Store(Library, Protocol):
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

    def save(self, article: Article, pages: Sequence[Page], now: datetime) -> None:
        """Store an article with its pages; it waits no longer, and every channel that shows it or links to it has changed."""

    def settled(self, article_id: ArticleId) -> None:
        """Have an article wait no longer: it was fetched and is as it was."""

    def failed(self, article_id: ArticleId, error: str, *, now: datetime, try_at: datetime) -> None:
        """Remember that an article could not be had, and when to try again."""
