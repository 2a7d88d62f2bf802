"""The shelf: answers that were made and are good until the store changes."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web.answers import Answer

_log = logging.getLogger(__name__)
# What an answer takes besides its bodies: its key, its tags, its lock, its headers.
_SLOT_BYTES = 4000


class Made(list[tuple[str, str]]):
    """Headers that were made here and are well formed, so that a server of ours need not look at each again.

    *length* is their Content-Length; *block* are all of them as they are sent, after the name of the first one.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.length = next((int(value) for name, value in self if name == "Content-Length"), None)
        lines = "\r\n".join(f"{name}: {value}" for name, value in self)
        self.block = [(self[0][0], lines.partition(": ")[2])]


@dataclass(frozen=True, slots=True)
class Heads:
    """What an answer says of itself in one content coding.

    *date* is its Last-Modified, which it says from *changed* on: *dated*, before that *undated*; *known* is what a 304 says.
    """

    tag: str
    date: str
    changed: datetime | None
    undated: Made
    dated: Made
    known: Made


@dataclass(slots=True, weakref_slot=True, eq=False)
class Held:
    """An answer as long as the shelf holds it, and how to find out whether it is good: by the store's *pulse*, then its version.

    *touch* has the shelf hold it longer; *heads* are its headers by content coding, once they were made.
    """

    answer: Answer
    version: Version
    renew: Callable[[], Version]
    touch: Callable[[], None]
    pulse: int | None = None
    heads: dict[str, Heads] = field(default_factory=dict)

    def is_good(self, pulse: int) -> bool:
        """Return whether nothing has changed what it shows, *pulse* being the store's present one.

        Raises:
            StoreError: the store can't be read.

        """
        if self.pulse != pulse:
            if self.renew() != self.version:
                return False
            self.pulse = pulse
        return True


class _Slot:
    """The latest answer for one key; its lock has each version made once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held: Held | None = None


class Shelf:
    """Holds the latest answer for each key, the most recently asked for, within *max_bytes*."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._lock = max_bytes, threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(self, key: Hashable, version: Callable[[], Version], make: Callable[[Version], Answer]) -> Held:
        """Return the answer for *key*, made anew if its version is another; the last good one if the store fails.

        Raises:
            StoreError: the store fails, and there is no answer yet; whatever *make* raises goes through.

        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        self._touch(key)
        with slot.lock:
            try:
                now = version()
                if slot.held is None or slot.held.version != now:
                    slot.held = Held(make(now), now, version, partial(self._touch, key))
                    self._drop_oldest()
            except StoreError as e:
                if slot.held is None:
                    raise
                _log.error("%s; the last good copy is served", e)
            finally:
                if slot.held is None:
                    self._forget(key, slot)
            return slot.held

    def _touch(self, key: Hashable) -> None:
        with self._lock:
            if key in self._slots:
                self._slots.move_to_end(key)

    def _forget(self, key: Hashable, slot: _Slot) -> None:
        """Leave no slot without an answer, as nothing would ever drop it."""
        with self._lock:
            if self._slots.get(key) is slot:
                del self._slots[key]

    def _drop_oldest(self) -> None:
        with self._lock:
            sizes = {key: _SLOT_BYTES + (slot.held.answer.size if slot.held else 0) for key, slot in self._slots.items()}
            total = sum(sizes.values())
            while total > self._max_bytes and len(self._slots) > 1:
                key, _ = self._slots.popitem(last=False)
                total -= sizes[key]
