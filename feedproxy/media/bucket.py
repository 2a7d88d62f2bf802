"""Pictures on an S3 server, one object for each file, shared by all machines.

The only module that imports fsspec and s3fs. S3 writes objects atomically, so there are no
unfinished files. Reading an object and looking up its size is one request each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import s3fs
from botocore.exceptions import BotoCoreError

from feedproxy.errors import StoreError
from feedproxy.media.folder import PictureFile, is_name

_WAITS = {"connect_timeout": 5, "read_timeout": 15, "retries": {"max_attempts": 2}}
_ADVICE = "check FEEDPROXY_MEDIA_URL, FEEDPROXY_MEDIA_ENDPOINT and the keys"


class S3Media:
    """Implements `Media` below a URL such as s3://bucket/prefix.

    Without *key* the credentials are those that AWS' own tools would find.
    """

    def __init__(self, url: str, *, endpoint: str = "", key: str = "", secret: str = "") -> None:
        self._url, self._root = url, url.removeprefix("s3://")
        self._options = {
            "endpoint_url": endpoint or None,
            "key": key or None,
            "secret": secret or None,
            "config_kwargs": _WAITS,
        }
        self._opened: s3fs.S3FileSystem | None = None

    def put(self, variant: PictureFile) -> None:
        """See `Media`."""
        path = self._path(variant.file.name)
        if self._length(path) == len(variant.body):
            return
        with self._telling(variant.file.name, "written"):
            self._files.pipe_file(path, variant.body)

    def read(self, name: str) -> bytes | None:
        """See `Media`."""
        if not is_name(name):
            return None
        with self._telling(name, "read"):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def find(self, name: str) -> Path | None:  # noqa: ARG002 (the signature is that of `Media`)
        """See `Media`; no file is on this machine, so the result is always None."""
        return None

    def names(self) -> Iterator[str]:
        """See `Media`."""
        with self._telling("", "listed"):
            found = self._files.find(self._root, refresh=True)
        return (name for path in found if is_name(name := path.rpartition("/")[2]))

    def leftovers(self, now: datetime) -> Iterator[str]:  # noqa: ARG002 (the signature is that of `Media`)
        """See `Media`; there are none."""
        return iter(())

    def size(self, name: str) -> int:
        """See `Media`."""
        return self._length(self._path(name)) or 0

    def remove(self, name: str) -> int:
        """See `Media`."""
        size = self.size(name)
        with self._telling(name, "deleted"):
            self._files.rm_file(self._path(name))
        return size

    @property
    def _files(self) -> Any:  # noqa: ANN401 (s3fs has no types)
        """The S3 client, opened on first use because its thread does not survive a fork."""
        if self._opened is None:
            # with more concurrency s3fs would request an object's size before its content
            once = {"use_listings_cache": False, "skip_instance_cache": True, "max_concurrency": 1}
            self._opened = s3fs.S3FileSystem(**self._options, **once)
        return self._opened

    def _length(self, path: str) -> int | None:
        with self._telling(path, "looked at"):
            try:
                return int(self._files.info(path)["size"])
            except FileNotFoundError:
                return None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name[:2]}/{name}"

    @contextmanager
    def _telling(self, name: str, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, BotoCoreError) as e:
            words = " ".join(str(e).split()) or type(e).__name__
            raise StoreError(
                f"media: {self._url} {name} can't be {what}: {words}; {_ADVICE}"
            ) from e
