"""Pictures in a folder: files written atomically, in 256 subfolders by the start of their names."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from feedproxy import files
from feedproxy.errors import StoreError
from feedproxy.model import MediaFile

# Media type by file name extension.
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_NAME_DIGITS = 32
_NAME = re.compile(rf"[0-9a-f]{{{_NAME_DIGITS}}}\.(?:{'|'.join(MEDIA_TYPES)})")
# The pattern of picture files; temporary files are in the same subfolders.
_PARTS = "??/*"


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture file's description and its content."""

    file: MediaFile
    body: bytes


class Media(Protocol):
    """Picture files by name; a name is the hash of the content, so no file ever changes.

    Every failure is a StoreError.
    """

    def put(self, variant: PictureFile) -> None:
        """Store a file, unless it is stored already."""

    def read(self, name: str) -> bytes | None:
        """Return the content of the file *name*, None if there is no such file.

        A *name* that is not the name of a picture file is not looked up.
        """

    def find(self, name: str) -> Path | None:
        """Return the path of the file *name* on this machine, None if it is not here."""

    def names(self) -> Iterator[str]:
        """Yield the names of all stored files."""

    def leftovers(self, now: datetime) -> Iterator[str]:
        """Yield the names of unfinished files, whose writers were killed."""

    def size(self, name: str) -> int:
        """Return the size in bytes of one of `names` or `leftovers`, 0 if it no longer exists."""

    def remove(self, name: str) -> int:
        """Delete one of `names` or `leftovers`; return the number of bytes freed."""


def is_name(text: str) -> bool:
    """Return whether a text has the form of a picture file's name."""
    return bool(_NAME.fullmatch(text))


def name_of(body: bytes, ending: str) -> str:
    """Return the name of a file with the content *body*.

    >>> name_of(b"", "png")
    'e3b0c44298fc1c149afbf4c8996fb924.png'
    """
    return f"{hashlib.sha256(body).hexdigest()[:_NAME_DIGITS]}.{ending}"


def is_named_by(name: str, body: bytes) -> bool:
    """Return whether *name* is the name of a file with the content *body*."""
    return name == name_of(body, name.rpartition(".")[2])


class FolderMedia:
    """Implements `Media` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, variant: PictureFile) -> None:
        """Store a file, unless it is stored already.

        Raises:
            StoreError: the file can't be written.

        """
        file = self._file(variant.file.name)
        try:
            if file.exists() and file.stat().st_size == len(variant.body):
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            with files.whole(file) as opened:
                opened.write(variant.body)
        except OSError as e:
            raise StoreError(
                f"media: {file} can't be written: {(e.strerror or str(e)).lower()}; "
                "check FEEDPROXY_DATA"
            ) from e

    def read(self, name: str) -> bytes | None:
        """Return the content of the file *name*, None if there is no such file.

        A *name* that is not the name of a picture file is not looked up on the disk.

        Raises:
            StoreError: the file exists and can't be read.

        """
        if not _NAME.fullmatch(name):
            return None
        try:
            return self._file(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise StoreError(
                f"media: {self._file(name)} can't be read: {(e.strerror or str(e)).lower()}"
            ) from e

    def find(self, name: str) -> Path | None:
        """Return the path of the file *name*, None if there is no such file."""
        return next(iter(self._found(name)), None) if _NAME.fullmatch(name) else None

    def names(self) -> Iterator[str]:
        """Yield the names of all stored files."""
        return (file.name for file in self._folder.glob("??/*") if _NAME.fullmatch(file.name))

    def leftovers(self, now: datetime) -> Iterator[str]:
        """Yield the names of unfinished files, whose writers were killed."""
        return (file.name for file in files.abandoned(self._folder, _PARTS, now))

    def size(self, name: str) -> int:
        """Return the size in bytes of one of `names` or `leftovers`, 0 if it no longer exists."""
        return sum(file.stat().st_size for file in self._found(name))

    def remove(self, name: str) -> int:
        """Delete one of `names` or `leftovers`; return the number of bytes freed."""
        size = 0
        for file in self._found(name):
            try:
                size += file.stat().st_size
                file.unlink()
            except OSError as e:
                raise StoreError(
                    f"media: {file} can't be deleted: {(e.strerror or str(e)).lower()}"
                ) from e
        return size

    def _found(self, name: str) -> list[Path]:
        if _NAME.fullmatch(name):
            return [file for file in (self._file(name),) if file.is_file()]
        return [file for file in self._folder.glob(_PARTS + files.PART) if file.name == name]

    def _file(self, name: str) -> Path:
        return self._folder / name[:2] / name
