"""The spool: bodies on disk instead of in memory, in a file without a name that ends with its process."""

import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path

from feedproxy.errors import StoreError


class Spool:
    """A file in *folder* that bodies are appended to, until there are *max_bytes*; the system keeps in memory what is asked for.

    Nothing in it is ever changed, so readers need no lock; what was put into the file before holds that as long as it is needed.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes, self._lock = folder, max_bytes, threading.Lock()
        self._file: _File | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is time to begin anew."""
        return self._file is not None and self._file.end >= self._max_bytes

    def begin_anew(self) -> None:
        """Have the next bodies go to another file."""
        with self._lock:
            self._file = None

    def put(self, forms: Mapping[str, bytes]) -> MutableMapping[str, bytes]:
        """Return the same, read from the file each time.

        Raises:
            OSError: there is no room, or the folder can't be written to.

        """
        with self._lock:
            file = self._file = self._file or _File(self._folder)
        return _Spooled(file, {name: file.append(body) for name, body in forms.items()})


class _File:
    """A file without a name in a folder, closed when nobody needs it any more."""

    def __init__(self, folder: Path) -> None:
        self._lock, self.end = threading.Lock(), 0
        self.number, name = tempfile.mkstemp(dir=folder)
        weakref.finalize(self, os.close, self.number)
        Path(name).unlink()

    def append(self, body: bytes) -> tuple[int, int]:
        """Return where *body* begins from now on, and its length.

        Raises:
            OSError: there is no room.

        """
        with self._lock:
            start = self.end
            if os.pwrite(self.number, body, start) != len(body):
                raise OSError("no room")
            self.end += len(body)
        return start, len(body)


class _Spooled(MutableMapping[str, bytes]):
    """Bodies by name, as they lie in a file."""

    __slots__ = ("_file", "_places")

    def __init__(self, file: _File, places: dict[str, tuple[int, int]]) -> None:
        self._file, self._places = file, places

    def __setitem__(self, name: str, body: bytes) -> None:
        with suppress(OSError):  # then it is made again when it is asked for again
            self._places[name] = self._file.append(body)

    def __delitem__(self, name: str) -> None:
        del self._places[name]

    def __getitem__(self, name: str) -> bytes:
        start, length = self._places[name]
        try:
            body = os.pread(self._file.number, length, start)
        except OSError as e:
            raise StoreError(f"web: an answer can't be read: {e}") from e
        if len(body) != length:
            raise StoreError("web: an answer can't be read: its file is cut")
        return body

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
