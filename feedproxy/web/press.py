"""The press: answers that were made, in a file that all workers of a machine share and that outlives them.

The file is a log of records that are never changed: what one worker has made the others find there, also after a restart. It
may be deleted at any time; what is damaged is made anew. Its name says what made it, so that another version of the program, or
another configuration, finds nothing of it.
"""

import hashlib
import json
import logging
import os
import struct
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path

import feedproxy
from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web.answers import Answer

_log = logging.getLogger(__name__)
# What stands before each record: a mark, the hash of its key, the lengths of its head and of its bodies, the hash of both.
_FRAME = struct.Struct(">4s16sII16s")
_MARK = b"made"


def digest_of(made_by: object) -> str:
    """Return the name of what makes answers: the program, the libraries beside it, and *made_by* as it is printed."""
    return hashlib.sha256(f"{_program()} {made_by!r}".encode()).hexdigest()[:16]


@cache
def _program() -> str:
    found = hashlib.sha256(sys.version.encode())
    for name in sorted(info.name for folder in sys.path for info in Path(folder).glob("*.dist-info")):  # each has its version
        found.update(name.encode())
    package = Path(feedproxy.__file__).parent
    for file in sorted(each for each in package.rglob("*") if each.is_file() and each.suffix != ".pyc"):
        found.update(f"{file.relative_to(package)}\n".encode() + file.read_bytes())
    return found.hexdigest()


class Press:
    """Answers in the file *name* of a *folder*, which is begun anew after *max_bytes*; files of other names are deleted.

    Records are added under a lock on the folder and never changed, so readers need none. A file that was begun anew stays open
    as long as something of it is in use; *generation* is another number after each.
    """

    def __init__(self, folder: Path, name: str, max_bytes: int) -> None:
        self._path, self._max_bytes = folder / name, max_bytes
        self._lock, self.generation = threading.Lock(), 0
        self._file: _File | None = None
        self._end, self._places = 0, dict[bytes, int]()
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            for other in set(folder.iterdir()) - {self._path, self._path.with_name("lock")}:
                other.unlink()

    def find(self, key: object, version: Version) -> Answer | None:
        """Return what was made for *key*, as it is printed, at a *version*; None if nothing was. Its bodies stay in the file."""
        name = _hash_of(repr(key).encode())
        try:
            with self._lock:
                found = self._read(name, version)
                if found is None:  # by this worker; perhaps by another one meanwhile
                    self._catch_up()
                    found = self._read(name, version)
                return found
        except OSError as e:
            _log.warning("answers that were made can't be read: %s", e)
            return None

    def put(self, key: object, version: Version, answer: Answer) -> Answer:
        """Add an answer; return it with its bodies in the file, or as it is where the file can't be written."""
        name, head, bodies = _hash_of(repr(key).encode()), _head_of(version, answer), b"".join(answer.forms.values())
        record = _FRAME.pack(_MARK, name, len(head), len(bodies), _hash_of(head + bodies)) + head + bodies
        try:
            with self._lock, self._alone():
                self._catch_up()
                if self._file is None or self._end >= self._max_bytes:
                    self._begin_anew()
                assert self._file is not None  # noqa: S101 (it was just begun)
                self._file.write(record, self._end)
                self._places[name], self._end = self._end, self._end + len(record)
                lengths = {coding: len(body) for coding, body in answer.forms.items()}
                return replace(answer, forms=_Bodies(self._file, self._end - len(bodies), lengths), size=0)
        except OSError as e:
            _log.warning("an answer can't be put by: %s", e)
            return answer

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._path.with_name("lock").open("a") as lock:
            flock(lock, LOCK_EX)
            yield

    def _begin_anew(self) -> None:
        number, name = tempfile.mkstemp(dir=self._path.parent)
        os.close(number)
        Path(name).replace(self._path)
        self._catch_up()

    def _catch_up(self) -> None:
        """Find the records that were added since; all, if the file is another one than before."""
        try:
            number = self._path.stat().st_ino
        except FileNotFoundError:
            self._file, self._end, self._places = None, 0, {}
            return
        if self._file is None or os.fstat(self._file.number).st_ino != number:
            self.generation += self._file is not None
            self._file, self._end, self._places = _File(self._path), 0, {}
        size = os.fstat(self._file.number).st_size
        while len(frame := os.pread(self._file.number, _FRAME.size, self._end)) == _FRAME.size:
            mark, name, head, bodies, _ = _FRAME.unpack(frame)
            end = self._end + _FRAME.size + head + bodies
            if mark != _MARK or end > size:  # what a process left that was killed: the next record takes its place
                break
            self._places[name], self._end = self._end, end

    def _read(self, name: bytes, version: Version) -> Answer | None:
        """Return an answer, if its record is of that version, and whole."""
        start = self._places.get(name)
        if start is None or self._file is None:
            return None
        _, _, head, bodies, digest = _FRAME.unpack(os.pread(self._file.number, _FRAME.size, start))
        record = os.pread(self._file.number, head + bodies, start + _FRAME.size)
        if _hash_of(record) != digest:
            return None
        return _answer_of(record[:head], version, self._file, start + _FRAME.size + head)


class _File:
    """An open file, closed when nobody needs it any more."""

    def __init__(self, path: Path) -> None:
        self._path, self.number = path, os.open(path, os.O_RDWR | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.number)

    def write(self, record: bytes, at: int) -> None:
        """Write a whole record; raises OSError if there is no room."""
        if os.pwrite(self.number, record, at) != len(record):
            raise OSError(f"{self._path}: no room")


class _Bodies(Mapping[str, bytes]):
    """Bodies by content coding, one after the other from *start* on, as they lie in a file."""

    __slots__ = ("_file", "_lengths", "_start")

    def __init__(self, file: _File, start: int, lengths: Mapping[str, int]) -> None:
        self._file, self._start, self._lengths = file, start, lengths

    def __getitem__(self, coding: str) -> bytes:
        start, length = self._start, self._lengths[coding]
        for other, before in self._lengths.items():
            if other == coding:
                break
            start += before
        try:
            body = os.pread(self._file.number, length, start)
        except OSError as e:
            raise StoreError(f"web: an answer can't be read: {e}") from e
        if len(body) != length:
            raise StoreError("web: an answer can't be read: its file is cut")
        return body

    def __contains__(self, coding: object) -> bool:
        return coding in self._lengths

    def __iter__(self) -> Iterator[str]:
        return iter(self._lengths)

    def __len__(self) -> int:
        return len(self._lengths)


def _hash_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


def _head_of(version: Version, answer: Answer) -> bytes:
    lengths = {coding: len(body) for coding, body in answer.forms.items()}
    said = (
        answer.media_type,
        answer.tag,
        answer.changed and answer.changed.isoformat(),
        answer.cache_control,
        answer.vary,
        lengths,
    )
    return json.dumps((repr(version), *said)).encode()


def _answer_of(head: bytes, version: Version, file: _File, start: int) -> Answer | None:
    made_at, media_type, tag, changed, cache_control, vary, lengths = json.loads(head)
    if made_at != repr(version):
        return None
    when = datetime.fromisoformat(changed) if changed else None
    return Answer(media_type, tag, _Bodies(file, start, lengths), 0, when, cache_control, vary)
