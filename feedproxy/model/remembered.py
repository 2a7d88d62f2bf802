"""What the poller remembers from one poll to the next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from feedproxy.model.harvested import ListingItem
from feedproxy.model.texts import ArticleId, Url

# The channel of articles that came because a reader asked for them.
REQUESTED = "requested"

# How far ahead the moments of a host may lie; those beyond were written by a clock that has jumped since. No queue before it is
# longer than the first, but where it asks for a minute between two requests, as many may queue.
LONGEST_QUEUE, LONGEST_QUIET = timedelta(minutes=10), timedelta(days=1)
MOST_QUEUED, LONGEST_DELAY = 64, timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What the store remembers of a channel's polls.

    *listing_hash* is of the last listing that was taken in whole, *listed* is how many articles it showed, *ttl_s* for
    how many seconds it said that it holds. *moved_to* is where permanent redirects have led from
    the configured address *moved_from* since *moved_since*. What
    scrolled out of the listing unseen since *gap_since* goes on at *gap_url*.
    *outcomes* are of the last pages that rules were tried on, oldest first: "." where they fit, "x" where not.
    *own_at* is when the first source answered last, *stand_in* says what stands in for it, and why, "" while it answers.
    *replica* is how many pages of another feedproxy's archive were taken, and whose.
    """

    channel: str
    listing_hash: str = ""
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    next_poll_at: datetime | None = None
    failures: int = 0
    last_error: str = ""
    listed: int = 0
    ttl_s: float = 0
    moved_from: str = ""
    moved_to: str = ""
    moved_since: datetime | None = None
    gap_url: str = ""
    gap_since: datetime | None = None
    outcomes: str = ""
    own_at: datetime | None = None
    stand_in: str = ""
    replica: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An article that a listing showed and that is not held yet, or is to be fetched again; *seen* is since when."""

    item: ListingItem
    tries: int = 0
    try_at: datetime | None = None
    tried_at: datetime | None = None
    seen: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule of a site that stopped to fit what a channel shows; *url* is an example. *closed* is None while it lasts."""

    channel: str
    site: str
    rule: str
    url: Url
    reason: str
    opened: datetime
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class PrunableArticle:
    """An article that may be deleted: when it was published, and about how many bytes it takes with its pictures."""

    id: ArticleId
    published: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far a walk down a channel's listing has come: where it goes on, None at its end, and how many pages it took."""

    channel: str
    next_url: Url | None
    pages: int


@dataclass(frozen=True, slots=True)
class WaitingPicture:
    """A picture that an article shows and that is not held yet."""

    url: Url
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A reader's wish for an article that is not held; *error* says why it could not be had so far."""

    id: ArticleId
    url: Url
    error: str = ""
