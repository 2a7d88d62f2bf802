"""The spool: bodies on disk instead of in memory, in a file without a name that ends with its process."""

import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

from feedproxy.errors import StoreError


class Spool:
    """A file in *folder* that bodies are appended to, until there are *max_bytes*; the system keeps in memory what is asked for.

    Nothing in it is ever changed, so readers need no lock; what was put into the file before holds that as long as it is needed.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes, self._lock = folder, max_bytes, threading.Lock()
        self._file: _File | None = None
        self._end = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to begin anew."""
        return self._end >= self._max_bytes

    def begin_anew(self) -> None:
        """Have the next bodies go to another file."""
        with self._lock:
            self._file, self._end = None, 0

    def put(self, forms: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return the same, read from the file each time.

        Raises:
            OSError: there is no room, or the folder can't be written to.

        """
        with self._lock:
            if self._file is None:
                self._file = _File(self._folder)
            places = dict[str, tuple[int, int]]()
            for name, body in forms.items():
                if os.pwrite(self._file.number, body, self._end) != len(body):
                    raise OSError(f"{self._folder}: no room")
                places[name] = self._end, len(body)
                self._end += len(body)
            return _Spooled(self._file, places)


class _File:
    """A file without a name in a folder, closed when nobody needs it any more."""

    def __init__(self, folder: Path) -> None:
        self.number, name = tempfile.mkstemp(dir=folder)
        weakref.finalize(self, os.close, self.number)
        Path(name).unlink()


class _Spooled(Mapping[str, bytes]):
    """Bodies by name, as they lie in a file."""

    __slots__ = ("_file", "_places")

    def __init__(self, file: _File, places: Mapping[str, tuple[int, int]]) -> None:
        self._file, self._places = file, places

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
