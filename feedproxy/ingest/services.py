"""The services that the ingest pipeline uses."""

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
    """The services of the ingest pipeline; tests pass fakes.

    *is_stopping* returns whether to stop before the next piece of work.
    """

    mirror: Mirror
    store: Store
    fetcher: Fetcher
    media: Media
    clock: Clock
    is_stopping: Callable[[], bool] = _go_on

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts from which pictures may be fetched."""
        return self.mirror.picture_hosts

    @property
    def picture_channels(self) -> frozenset[str]:
        """The channels for whose articles pictures are stored."""
        keeping = [section for section in self.mirror.sections if section.images is Images.STORE]
        channels = {channel.id for section in keeping for channel in section.channels}
        return frozenset(channels | {REQUESTED} if keeping else channels)
