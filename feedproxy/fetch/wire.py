"""Time and size limits for everything that is read from a connection, headers included.

A socket's timeout applies to each read, so a server that sends a byte now and then never exceeds
it. Connections here therefore check the deadline of the whole download, redirects included, at each
read, and count the bytes.
"""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.client import HTTPResponse
from typing import Any

from feedproxy.fetch.bodies import Kind
from feedproxy.model import FetchLimits

# Real responses have headers of 2 KB; http.client accepts a hundred lines of 64 KB.
_MAX_HEADER_BYTES = 64 * 1024
# Factor for the overhead of chunked encoding: each chunk has a length, and trailers may follow.
_MOST_FOR_A_BYTE = 2


class LimitError(OSError):
    """Headers or a body are larger than the limit; the message says which."""


class DeadlineError(TimeoutError):
    """The time limit of a download is exceeded."""


@dataclass(slots=True)
class Download:
    """The limits of one download with all its redirects: kind, size and remaining time."""

    limits: FetchLimits
    kind: Kind
    left_s: float
    deadline: float = 0.0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count the time of a request; the time that it waits for its slot does not count."""
        self.deadline = time.monotonic() + self.left_s
        try:
            yield
        finally:
            self.left_s = self.deadline - time.monotonic()

    def wait_s(self, most_s: float) -> float:
        """Return the time to wait for the next read, at most *most_s* seconds.

        Raises:
            DeadlineError: the download has no time left.

        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError
        return min(left, most_s)


# The download of the current thread. It is a context variable, because neither requests nor
# requests-cache passes a parameter on to the connection.
download: ContextVar[Download] = ContextVar("download")


class _Wire(io.RawIOBase):
    """The bytes of one response, limited in time and size."""

    def __init__(self, raw: io.RawIOBase, connection: Any) -> None:  # noqa: ANN401 (a socket, or a wrapper of urllib3 or ssl)
        self._raw, self._connection, self._download = raw, connection, download.get()
        self._most, self._what = _MAX_HEADER_BYTES, "headers are"

    def begin_body(self) -> None:
        """Apply the limits of the body from now on."""
        self._most, self._what = (
            self._download.limits.max_body_bytes * _MOST_FOR_A_BYTE + _MAX_HEADER_BYTES,
            "body is",
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 (a buffer, as in io)
        read_timeout_s = self._download.limits.read_timeout_s
        self._connection.settimeout(self._download.wait_s(read_timeout_s))
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            self._download.wait_s(read_timeout_s)
            raise
        self._most -= count or 0
        if self._most < 0:
            raise LimitError(f"{self._what} too large")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """A response that is read through a `_Wire`."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (http.client's arguments)
        super().__init__(sock, *args, **kwargs)
        self._wire = _Wire(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._wire)

    def begin(self) -> None:
        """Read the headers, then apply the limits of the body."""
        super().begin()
        self._wire.begin_body()


@cache
def watched(pool: Any) -> Any:  # noqa: ANN401 (a class of connection pools, and a subclass of it)
    """Return a subclass of a connection pool class whose connections apply the limits."""
    connection = type(
        f"Watched{pool.ConnectionCls.__name__}",
        (pool.ConnectionCls,),
        {"response_class": _Response},
    )
    return type(f"Watched{pool.__name__}", (pool,), {"ConnectionCls": connection})
