"""What became of a poll."""

import logging
from dataclasses import dataclass, field

from feedproxy import plan
from feedproxy.errors import UpstreamError
from feedproxy.model import Channel

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What became of one poll of one channel; *missing* are pictures that could not be had, which fails no poll."""

    channel: Channel
    listed: int = 0
    new: int = 0
    updated: int = 0
    pictures: int = 0
    missing: list[UpstreamError] = field(default_factory=list)
    failures: list[UpstreamError] = field(default_factory=list)
    seconds: float = 0

    def count(self, outcome: plan.Outcome) -> None:
        """Count an article that was fetched."""
        self.new += outcome is plan.Outcome.NEW
        self.updated += outcome is plan.Outcome.UPDATED

    def note(self, error: UpstreamError) -> None:
        """Add a failure, and log it."""
        self.failures.append(error)
        _log.warning("%s: %s", self.channel.id, error)

    def note_missing(self, error: UpstreamError) -> None:
        """Add a picture that could not be had, and log it."""
        self.missing.append(error)
        _log.info("%s: picture %s", self.channel.id, error)
