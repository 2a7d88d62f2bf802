"""What was made and may be of use again, in memory, within bounds."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

_Made = TypeVar("_Made")
# What a value takes besides its own size: its key, its place among the others.
_SLOT_BYTES = 300


class Memo(Generic[_Made]):
    """The most recently used values of at most *max_bytes*, by keys that say all that they were made of."""

    def __init__(self, max_bytes: int, size_of: Callable[[_Made], int]) -> None:
        self._max_bytes, self._size_of, self._size, self._lock = max_bytes, size_of, 0, threading.Lock()
        self._made = OrderedDict[Hashable, _Made]()

    def find(self, keys: Sequence[Hashable]) -> list[_Made | None]:
        """Return the values of *keys*, None for each that there is none of (any more)."""
        with self._lock:
            found = [self._made.get(key) for key in keys]
            for key, value in zip(keys, found, strict=True):
                if value is not None:
                    self._made.move_to_end(key)
        return found

    def keep(self, key: Hashable, value: _Made) -> _Made:
        """Return *value*, kept from now on."""
        with self._lock:
            before = self._made.pop(key, None)
            self._made[key] = value
            self._size += _SLOT_BYTES + self._size_of(value) if before is None else self._size_of(value) - self._size_of(before)
            while self._size > self._max_bytes and len(self._made) > 1:
                _, oldest = self._made.popitem(last=False)
                self._size -= _SLOT_BYTES + self._size_of(oldest)
        return value
