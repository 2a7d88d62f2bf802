"""What was made and may be of use again, in memory, within bounds."""

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

_Made = TypeVar("_Made")
# What a value takes besides its own size: its key, its place among the others.
_SLOT_BYTES = 300


class Memo(Generic[_Made]):
    """Values by keys that say all that they were made of; together they take at most *max_bytes*.

    There are two generations: when the younger one has half of that, what nobody asked for in its time is dropped. So to find
    what is young takes no lock and moves nothing.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[_Made], int]) -> None:
        self._most, self._size_of, self._size, self._lock = max_bytes // 2, size_of, 0, threading.Lock()
        self._young, self._old = dict[Hashable, _Made](), dict[Hashable, _Made]()

    def find(self, keys: Iterable[Hashable]) -> list[_Made | None]:
        """Return the values of *keys*, None for each that there is none of (any more)."""
        young = self._young
        return [young.get(key) or self._revive(key) for key in keys]

    def keep(self, key: Hashable, value: _Made) -> _Made:
        """Return *value*, kept from now on."""
        with self._lock:
            self._size += _SLOT_BYTES + self._size_of(value)
            if self._size > self._most:
                self._old, self._young, self._size = self._young, {}, _SLOT_BYTES + self._size_of(value)
            self._young[key] = value
        return value

    def _revive(self, key: Hashable) -> _Made | None:
        value = self._old.get(key)
        return None if value is None else self.keep(key, value)
