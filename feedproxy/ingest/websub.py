"""Notify a WebSub hub of changed feeds; the hub fetches them and delivers them to subscribers."""

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
    """Notifies *hub* of the feeds below *public_url* that changed.

    *announced* has the versions that the hub was notified of, by archive name. It is kept in memory
    only: after a start, the hub is notified of every feed once, although most have not changed.
    """

    hub: Callable[[Sequence[str]], None]
    public_url: str
    announced: dict[str, Version] = field(default_factory=dict)

    def tell(self, mirror: Mirror, store: Store) -> bool:
        """Notify the hub of feeds changed since the last success; return False if that fails."""
        everything, *parts = mirror.logs
        newest = store.archive.version(everything.name, everything.channels)
        if self.announced.get(everything.name) == newest:
            return True
        versions = {log.name: store.archive.version(log.name, log.channels) for log in parts} | {
            everything.name: newest
        }
        changed = [log for log, version in versions.items() if self.announced.get(log) != version]
        try:
            self.hub([address for log in changed for address in self._addresses(log)])
        except FetchError as e:
            _log.warning("websub: %s; the notification is sent again later", e)
            return False
        self.announced.update(versions)
        return True

    def _addresses(self, log: str) -> Iterator[str]:
        name, _, channel = log.partition("/")
        return (
            paths.absolute(paths.feed(name, channel, feed_format=feed_format), self.public_url)
            for feed_format in paths.FORMATS
        )
