"""The folder with pictures: files that are whole or not there, in 256 folders by the beginning of their names."""

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

# By the ending of a file's name.
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_NAME_DIGITS = 32
_NAME = re.compile(rf"[0-9a-f]{{{_NAME_DIGITS}}}\.(?:{'|'.join(MEDIA_TYPES)})")
# Temporary files lie in the same folders.
_PARTS = "??/*"


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file and its content."""

    file: MediaFile
    body: bytes


class Media(Protocol):
    """Files by name; a name is the hash of its content, so none ever changes. What fails is a StoreError."""

    def put(self, form: PictureFile) -> None:
        """Keep a file, if it is not kept yet."""

    def read(self, name: str) -> bytes | None:
        """Return the content of the file of that name, None if there is none; no other text is looked for."""

    def find(self, name: str) -> Path | None:
        """Return where on this machine the file of that name is, None if it is not."""

    def names(self) -> Iterator[str]:
        """Yield the names of all files that are kept."""

    def leftovers(self, now: datetime) -> Iterator[str]:
        """Yield the names of files that were never finished, as their writer was killed."""

    def size(self, name: str) -> int:
        """Return the size in bytes of one of `names` or `leftovers`, 0 if it is gone."""

    def remove(self, name: str) -> int:
        """Delete one of `names` or `leftovers`; return how many bytes that freed."""


def is_name(text: str) -> bool:
    """Tell whether a text is the name of a file that may be kept."""
    return bool(_NAME.fullmatch(text))


def name_of(body: bytes, ending: str) -> str:
    """Return the name of a file by its content.

    >>> name_of(b"", "png")
    'e3b0c44298fc1c149afbf4c8996fb924.png'
    """
    return f"{hashlib.sha256(body).hexdigest()[:_NAME_DIGITS]}.{ending}"


def is_named_by(name: str, body: bytes) -> bool:
    """Tell whether a name is that of a content."""
    return name == name_of(body, name.rpartition(".")[2])


class FolderMedia:
    """Files by name; a name is the hash of its content, so a file never changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, form: PictureFile) -> None:
        """Keep a file, if it is not kept yet.

        Raises:
            StoreError: it can't be written.

        """
        file = self._file(form.file.name)
        try:
            if file.exists() and file.stat().st_size == len(form.body):
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            with files.whole(file) as opened:
                opened.write(form.body)
        except OSError as e:
            raise StoreError(
                f"media: {file} can't be written: {(e.strerror or str(e)).lower()}; check FEEDPROXY_DATA"
            ) from e

    def read(self, name: str) -> bytes | None:
        """Return the content of the file of that name, None if there is none; no other text is looked for on the disk.

        Raises:
            StoreError: it is there and can't be read.

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
        """Return the file of that name, None if there is none."""
        return next(iter(self._found(name)), None) if _NAME.fullmatch(name) else None

    def names(self) -> Iterator[str]:
        """Yield the names of all files that are kept."""
        return (file.name for file in self._folder.glob("??/*") if _NAME.fullmatch(file.name))

    def leftovers(self, now: datetime) -> Iterator[str]:
        """Yield the names of files that were never finished, as their writer was killed."""
        return (file.name for file in files.abandoned(self._folder, _PARTS, now))

    def size(self, name: str) -> int:
        """Return the size in bytes of one of `names` or `leftovers`, 0 if it is gone."""
        return sum(file.stat().st_size for file in self._found(name))

    def remove(self, name: str) -> int:
        """Delete one of `names` or `leftovers`; return how many bytes that freed."""
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
