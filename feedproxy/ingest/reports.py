"""Reports: the outcomes and errors of a poll."""

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
    """Whether a page matched the rules; if not, *rule* is the failing rule, *reason* the cause."""

    url: Url
    rule: str = ""
    reason: str = ""


@dataclass(slots=True)
class Report:
    """The result of one poll of one channel.

    *articles* counts articles by outcome: new, updated, redated, same, gone, excerpt, failed.
    *missing* has the errors of pictures that could not be fetched; these do not fail the poll.
    *fits* records which articles matched the rules, without repeats of the same error; *listing*
    records it for the listing. *delays* counts new articles by the hours from publication
    to storage.
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
        """The number of new articles."""
        return self.articles["new"]

    @property
    def updated(self) -> int:
        """The number of changed articles."""
        return self.articles["updated"]

    def note(self, error: UpstreamError) -> None:
        """Add and log a failure; ignore every NotAskedError after the first."""
        if isinstance(error, NotAskedError) and any(
            isinstance(each, NotAskedError) for each in self.failures
        ):
            return
        self.failures.append(error)
        _log.warning(
            "%s: %s", self.channel.id, error, extra={"channel": self.channel.id, "url": error.url}
        )

    def note_fit(self, url: Url, rule: str, error: UpstreamError | None = None) -> None:
        """Record whether a page matched *rule*, or the rule named in the error.

        An error that is no RuleError, such as a failed fetch, records nothing.
        """
        if error is None:
            self.fits.append(RuleFit(url))
        elif isinstance(error, RuleError):
            self.fits.append(RuleFit(url, error.rule or rule, error.reason))

    def note_listing(self, url: Url, rule: str = "", error: UpstreamError | None = None) -> None:
        """Record whether the listing matched *rule*; errors of fetching it record nothing."""
        if error is None or isinstance(error, ListingError):
            self.listing = RuleFit(url, rule, error.reason) if error else RuleFit(url)

    def note_delay(self, delay: timedelta) -> None:
        """Count a new article by its delay.

        An article older than a week is ignored: it comes from a backfill, and says nothing about
        polling.
        """
        hours = delay / timedelta(hours=1)
        if hours <= _OLD_HOURS:
            self.delays[next((f"{limit}" for limit in _DELAY_HOURS if hours <= limit), "more")] += 1

    def note_missing(self, error: UpstreamError) -> None:
        """Add and log a picture that could not be fetched."""
        self.missing.append(error)
        _log.info(
            "%s: picture %s",
            self.channel.id,
            error,
            extra={"channel": self.channel.id, "url": error.url},
        )
