"""Mirrors in folders on this machine, read as if they were fetched; no other folder is read."""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from feedproxy.errors import FetchError, GoneError, TooLargeError
from feedproxy.model import Page, Url, Validators

_SCHEME = "file://"
# Opening a file that is not a regular one, such as a pipe, must not block.
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def is_local(url: Url) -> bool:
    """Return whether a URL is a file on this machine."""
    return url.startswith(_SCHEME)


class Folders:
    """Folders that may be read, with their subfolders; a link that leads out of them is refused."""

    def __init__(self, folders: Iterable[Path], max_bytes: int) -> None:
        self._roots, self._max_bytes = tuple(folder.resolve() for folder in folders), max_bytes

    def read(self, url: Url, known: Validators = Validators()) -> Page | None:  # noqa: B008 (frozen)
        """Return the file at *url*, None if its hash is the entity tag in *known*.

        Raises:
            FetchError: the file can't be read, is in no allowed folder, or is too large.

        """
        body = self._body(url)
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        return (
            None
            if known.etag == tag
            else Page(url, body, "text/plain; charset=utf-8", Validators(tag))
        )

    def _body(self, url: Url) -> bytes:
        try:
            file = Path(unquote(urlsplit(url).path)).resolve(strict=True)
            if not any(file.is_relative_to(root) for root in self._roots):
                raise FetchError(url, "refused: not in the folder of a configured mirror")
            with open(os.open(file, _OPEN), "rb") as opened:  # noqa: PTH123 (a descriptor)
                about = os.fstat(opened.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise FetchError(url, "refused: not a regular file")
                body = opened.read(self._max_bytes + 1)
        except FileNotFoundError as e:
            raise GoneError(url, "there is no such file") from e
        except (OSError, ValueError) as e:
            raise FetchError(
                url, f"can't be read: {str(getattr(e, 'strerror', '') or e).lower()}"
            ) from e
        if len(body) > self._max_bytes:
            raise TooLargeError(url, f"file is larger than {self._max_bytes} bytes")
        return body
