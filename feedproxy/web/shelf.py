"""The shelf: answers that were made and are good until the store changes."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial

from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web.answers import Answer
from feedproxy.web.heads import Made
from feedproxy.web.press import Press

_log = logging.getLogger(__name__)
# What an answer takes besides its bodies: its key, its tags, its lock, its headers.
_SLOT_BYTES = 4000


@dataclass(slots=True, weakref_slot=True, eq=False)
class Held:
    """An answer as long as the shelf holds it, and how to find out whether it is good: by the store's *pulse*, then its version.

    *touch* has the shelf hold it longer; *heads* are headers that were made before, where they may take memory.
    """

    answer: Answer
    version: Version
    renew: Callable[[], Version]
    touch: Callable[[], None]
    pulse: int | None = None
    heads: dict[tuple[str, str, bool], Made] = field(default_factory=dict)

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
        self.lock, self.size = threading.Lock(), 0
        self.held: Held | None = None


class Shelf:
    """Holds the latest answer for each key, the most recently asked for, within *max_bytes* of memory.

    What other workers have made is taken from the *press*, and what is made here goes there; with *is_pressed* its bodies stay
    there.
    """

    def __init__(self, max_bytes: int, press: Press | None = None, *, is_pressed: bool = False) -> None:
        self._max_bytes, self._size, self._lock = max_bytes, 0, threading.Lock()
        self._press, self._is_pressed, self._generation = press, is_pressed, 0
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
                    slot.held = Held(self._obtain(key, now, make), now, version, partial(self._touch, key))
                    self._account(key, slot)
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

    def _obtain(self, key: Hashable, version: Version, make: Callable[[Version], Answer]) -> Answer:
        """Return an answer from the press; a new one where it has none."""
        if self._press is None:
            return make(version)
        found = self._press.find(key, version)
        if found is None:
            made = make(version)
            found = self._press.put(key, version, made)
            if not self._is_pressed:
                return made
        self._follow(self._press.generation)
        return found if self._is_pressed else replace(found, forms=dict(found.forms), size=sum(map(len, found.forms.values())))

    def _follow(self, generation: int) -> None:
        """Let go of what is in a file that was begun anew, so that the old one can end."""
        with self._lock:
            if self._is_pressed and generation != self._generation:
                self._generation = generation
                self._slots.clear()
                self._size = 0

    def _account(self, key: Hashable, slot: _Slot) -> None:
        """Count what a slot takes, and drop the oldest ones that are too much."""
        with self._lock:
            if self._slots.get(key) is not slot or slot.held is None:
                return
            size = _SLOT_BYTES + slot.held.answer.size
            self._size, slot.size = self._size + size - slot.size, size
            while self._size > self._max_bytes and len(self._slots) > 1:
                _, oldest = self._slots.popitem(last=False)
                self._size -= oldest.size
