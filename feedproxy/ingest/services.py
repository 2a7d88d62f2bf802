"""What a harvest works with."""

from collections.abc import Callable
from dataclasses import dataclass

from feedproxy.fetch import Fetcher
from feedproxy.ingest.ahead import Extractors
from feedproxy.media import Media
from feedproxy.model import REQUESTED, Images, Mirror
from feedproxy.store import Clock, Store


def _go_on() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Services:
    """The real parts, or those of a test.

    *is_stopping* tells that what is not begun is to be left for the next time, *extractors* are processes
    for pages, if there are any.
    """

    mirror: Mirror
    store: Store
    fetcher: Fetcher
    media: Media
    clock: Clock
    is_stopping: Callable[[], bool] = _go_on
    extractors: Extractors | None = None

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
