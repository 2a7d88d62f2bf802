"""The shelf: answers that were made and are good until the store changes."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web.answers import Answer

_log = logging.getLogger(__name__)
# What an answer takes besides its bodies: its key, its tags, its lock.
_SLOT_BYTES = 2000


class _Slot:
    """The latest answer for one key; its lock has each version made once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: tuple[Version, Answer] | None = None


class Shelf:
    """Holds the latest answer for each key, the most recently asked for, within *max_bytes*."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._lock = max_bytes, threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(self, key: Hashable, version: Callable[[], Version], make: Callable[[Version], Answer]) -> Answer:
        """Return the answer for *key*, made anew if its version is another; the last good one if the store fails.

        Raises:
            StoreError: the store fails, and there is no answer yet; whatever *make* raises goes through.

        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
        with slot.lock:
            try:
                now = version()
                if slot.made is None or slot.made[0] != now:
                    slot.made = now, make(now)
                    self._drop_oldest()
            except StoreError as e:
                if slot.made is None:
                    raise
                _log.error("%s; the last good copy is served", e)
            finally:
                if slot.made is None:
                    self._forget(key, slot)
            return slot.made[1]

    def _forget(self, key: Hashable, slot: _Slot) -> None:
        """Leave no slot without an answer, as nothing would ever drop it."""
        with self._lock:
            if self._slots.get(key) is slot:
                del self._slots[key]

    def _drop_oldest(self) -> None:
        with self._lock:
            sizes = {key: _SLOT_BYTES + (slot.made[1].size if slot.made else 0) for key, slot in self._slots.items()}
            total = sum(sizes.values())
            while total > self._max_bytes and len(self._slots) > 1:
                key, _ = self._slots.popitem(last=False)
                total -= sizes[key]
