"""Feeds that changed are told to a WebSub hub, which fetches them and delivers them to their subscribers at once."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from feedproxy import paths
from feedproxy.errors import FetchError
from feedproxy.model import Mirror, Version
from feedproxy.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announcer:
    """Tells *hub* of the feeds below *public_url*; *told* are their versions as it knows them, by the name of their archive.

    What it was told is not kept beyond a process: after a start it hears of each feed once, and finds most as they were.
    """

    hub: Callable[[Sequence[str]], None]
    public_url: str
    told: dict[str, Version] = field(default_factory=dict)

    def tell(self, mirror: Mirror, store: Store) -> bool:
        """Tell of what has changed since the hub took it last; return False if it did not take it now."""
        everything, *parts = mirror.logs
        newest = store.archive.version(everything.name, everything.channels)
        if self.told.get(everything.name) == newest:
            return True
        versions = {log.name: store.archive.version(log.name, log.channels) for log in parts} | {
            everything.name: newest
        }
        changed = [log for log, version in versions.items() if self.told.get(log) != version]
        try:
            self.hub([address for log in changed for address in self._addresses(log)])
        except FetchError as e:
            _log.warning("websub: %s; telling it again later", e)
            return False
        self.told.update(versions)
        return True

    def _addresses(self, log: str) -> Iterator[str]:
        name, _, channel = log.partition("/")
        return (
            paths.absolute(paths.feed(name, channel, form=form), self.public_url)
            for form in paths.FORMATS
        )
