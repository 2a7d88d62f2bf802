"""The shelf: answers that were made and are good until the store changes."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web.answers import Answer

_log = logging.getLogger(__name__)


class Shelf:
    """Holds the latest answer for each of at most *size* keys; each is made once for each version of what it shows."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[Version, Answer]] = OrderedDict()

    def get(self, key: Hashable, version: Callable[[], Version], make: Callable[[Version], Answer]) -> Answer:
        """Return the answer for *key*, made anew if its version is another; the last good one if the store fails.

        Raises:
            StoreError: the store fails, and there is no answer yet.

        """
        with self._lock:
            held = self._answers.get(key)
            try:
                now = version()
                if held is None or held[0] != now:
                    held = now, make(now)
            except StoreError as e:
                if held is None:
                    raise
                _log.error("%s; the last good copy is served", e)
            self._answers[key] = held
            self._answers.move_to_end(key)
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)
        return held[1]
