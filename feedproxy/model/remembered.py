"""The state that the poller keeps from one poll to the next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from feedproxy.model.articles import ListingItem
from feedproxy.model.texts import ArticleId, Url

# The channel of articles that readers requested.
REQUESTED = "requested"

# Limits of the rate-limiting times stored for a host; times beyond them were written by a clock
# that has jumped since. No queue for a host is longer than LONGEST_QUEUE, or than MOST_QUEUED
# requests at the host's delay take, if that is longer. A host may demand a delay of up to
# LONGEST_DELAY between two requests, and a pause of up to LONGEST_QUIET.
LONGEST_QUEUE, LONGEST_QUIET = timedelta(minutes=10), timedelta(days=1)
MOST_QUEUED, LONGEST_DELAY = 64, timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """The stored state of a channel's polls.

    *listing_hash* is the hash of the last listing that was processed completely, *listed* its
    number of articles, *ttl_s* its declared time to live in seconds. *moved_to* is where permanent
    redirects have led from the configured address *moved_from* since *moved_since*. Articles that
    have left the listing unseen since *gap_since* continue at *gap_url*. *outcomes* are the results
    of the site's rules on the last pages, oldest first: "." for a match, "x" for none. *own_at* is
    when the first source last responded. *stand_in* names the fallback in use, and why, "" while
    the first source responds. *replica_pages* is the number of pages read from the archive of
    another feedproxy at *replica_url*.
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
    replica_url: str = ""
    replica_pages: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An article in a listing that must still be fetched, or fetched again.

    *seen* is when it was first seen.
    """

    item: ListingItem
    tries: int = 0
    try_at: datetime | None = None
    tried_at: datetime | None = None
    seen: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A site's rule that no longer matches a channel's pages.

    *url* is an example. *closed* is None while it lasts.
    """

    channel: str
    site: str
    rule: str
    url: Url
    reason: str
    opened: datetime
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class PrunableArticle:
    """An article that may be deleted.

    *size* is its approximate size in bytes, with its pictures.
    """

    id: ArticleId
    published: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """The progress of reading a channel's older listing pages.

    *next_url* is the next page, None at the end; *pages* is how many were read.
    """

    channel: str
    next_url: Url | None
    pages: int


@dataclass(frozen=True, slots=True)
class WaitingPicture:
    """A picture of an article that is not stored yet."""

    url: Url
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A reader's request for an article that is not stored.

    *error* says why fetching it has failed so far.
    """

    id: ArticleId
    url: Url
    error: str = ""
