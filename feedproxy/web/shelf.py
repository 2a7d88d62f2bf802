"""The shelf: answers that were made and are good until the store changes."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web.answers import Answer
from feedproxy.web.spool import Spool

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
        self.lock, self.size = threading.Lock(), 0
        self.held: Held | None = None


class Shelf:
    """Holds the latest answer for each key, the most recently asked for, within *max_bytes* of memory.

    With a *spool* their bodies lie there.
    """

    def __init__(self, max_bytes: int, spool: Spool | None = None) -> None:
        self._max_bytes, self._size, self._lock, self._spool = max_bytes, 0, threading.Lock(), spool
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
                    slot.held = Held(self._put_by(make(now)), now, version, partial(self._touch, key))
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

    def _put_by(self, answer: Answer) -> Answer:
        """Return an answer with its bodies in the spool; as it is where there is none, or none that takes them."""
        if self._spool is None:
            return answer
        if self._spool.is_full:
            self._spool.begin_anew()
            with self._lock:
                self._slots.clear()
                self._size = 0
        try:
            return replace(answer, forms=self._spool.put(answer.forms), size=0)
        except OSError as e:
            _log.warning("an answer can't be put by: %s", e)
            return answer

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
