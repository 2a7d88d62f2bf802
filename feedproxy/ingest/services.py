"""The collaborators that the ingest works with."""

from collections.abc import Callable
from dataclasses import dataclass

from feedproxy.fetch import Fetcher
from feedproxy.media import Media
from feedproxy.model import REQUESTED, Images, Mirror
from feedproxy.store import Clock, Store


def _go_on() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Services:
    """The collaborators of the ingest: the real ones, or those of a test.

    *is_stopping* says whether the process is told to stop: work that has not begun is left for the next run.
    """

    mirror: Mirror
    store: Store
    fetcher: Fetcher
    media: Media
    clock: Clock
    is_stopping: Callable[[], bool] = _go_on

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that may be asked for pictures."""
        return self.mirror.picture_hosts

    @property
    def picture_channels(self) -> frozenset[str]:
        """The channels whose articles' pictures are kept."""
        keeping = [section for section in self.mirror.sections if section.images is Images.STORE]
        channels = {channel.id for section in keeping for channel in section.channels}
        return frozenset(channels | {REQUESTED} if keeping else channels)
