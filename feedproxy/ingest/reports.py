"""What became of a poll."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from feedproxy.errors import ListingError, NotAskedError, RuleError, UpstreamError
from feedproxy.model import Channel, Url

_log = logging.getLogger(__name__)
_DELAY_HOURS, _OLD_HOURS = (1, 3, 6, 12, 24), 7 * 24


@dataclass(frozen=True, slots=True)
class RuleFit:
    """Whether a page fitted the rules; *rule* and *reason* say which did not, and how."""

    url: Url
    rule: str = ""
    reason: str = ""


@dataclass(slots=True)
class Report:
    """What became of one poll of one channel; *missing* are pictures that could not be had, which fails no poll.

    *articles* counts what became of articles: new, updated, redated, same, gone, excerpt, failed. *fits* are the articles that
    rules were tried on for the first time, *listing* is how the listing itself fitted them; *delays* count the new articles by
    how long they took from publication to here.
    """

    channel: Channel
    listed: int = 0
    articles: Counter[str] = field(default_factory=Counter)
    pictures: int = 0
    missing: list[UpstreamError] = field(default_factory=list)
    failures: list[UpstreamError] = field(default_factory=list)
    fits: list[RuleFit] = field(default_factory=list)
    listing: RuleFit | None = None
    delays: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    @property
    def new(self) -> int:
        """How many articles were new."""
        return self.articles["new"]

    @property
    def updated(self) -> int:
        """How many articles changed."""
        return self.articles["updated"]

    def note(self, error: UpstreamError) -> None:
        """Add a failure, and log it; that a host is left alone is said once."""
        if isinstance(error, NotAskedError) and any(
            isinstance(each, NotAskedError) for each in self.failures
        ):
            return
        self.failures.append(error)
        _log.warning(
            "%s: %s", self.channel.id, error, extra={"channel": self.channel.id, "url": error.url}
        )

    def note_fit(self, url: Url, rule: str, error: UpstreamError | None = None) -> None:
        """Add how a page fitted *rule*, or the one that an error names; what could not be had says nothing of either."""
        if error is None:
            self.fits.append(RuleFit(url))
        elif isinstance(error, RuleError):
            self.fits.append(RuleFit(url, error.rule or rule, error.reason))

    def note_listing(self, url: Url, rule: str = "", error: UpstreamError | None = None) -> None:
        """Remember how the listing fitted *rule*; what could not be had says nothing of it."""
        if error is None or isinstance(error, ListingError):
            self.listing = RuleFit(url, rule, error.reason) if error else RuleFit(url)

    def note_delay(self, delay: timedelta) -> None:
        """Count a new article; one that is older than its listing's memory came by a walk, and says nothing of delays."""
        hours = delay / timedelta(hours=1)
        if hours <= _OLD_HOURS:
            self.delays[next((f"{limit}" for limit in _DELAY_HOURS if hours <= limit), "more")] += 1

    def note_missing(self, error: UpstreamError) -> None:
        """Add a picture that could not be had, and log it."""
        self.missing.append(error)
        _log.info(
            "%s: picture %s",
            self.channel.id,
            error,
            extra={"channel": self.channel.id, "url": error.url},
        )
