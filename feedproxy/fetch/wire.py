"""What arrives over a connection: in time, and not more than is borne, headers too.

Each read of a socket has its own time limit, which a server that sends a byte now and then never meets. So what an answer
is read from watches the time of the whole errand, its redirects included, and counts.
"""

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.client import HTTPResponse
from typing import Any

from feedproxy.model import FetchLimits

# Real answers have 2 KB; http.client takes a hundred lines of 64 KB.
_MAX_HEADER_BYTES = 64 * 1024
# Chunks of a body have lengths of their own, and are followed by trailers.
_MOST_FOR_A_BYTE = 2


class LimitError(OSError):
    """What arrives is more than is borne; says why."""


class DeadlineError(TimeoutError):
    """The time of an errand is over."""


@dataclass(slots=True)
class Download:
    """What is to be had, with all redirects on the way: of which media types, and in which time."""

    limits: FetchLimits
    media_types: re.Pattern[str]
    left_s: float
    deadline: float = 0.0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count time; waiting for a turn does not count."""
        self.deadline = time.monotonic() + self.left_s
        try:
            yield
        finally:
            self.left_s = self.deadline - time.monotonic()

    def wait_s(self, most_s: float) -> float:
        """Return how long to wait for what comes next.

        Raises:
            OverError: not at all.

        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError
        return min(left, most_s)


# That of the present thread: neither requests nor requests-cache hands anything down to where it is needed.
errand: ContextVar[Download] = ContextVar("errand")


class _Wire(io.RawIOBase):
    """The bytes of one answer."""

    def __init__(self, raw: io.RawIOBase, connection: Any) -> None:  # noqa: ANN401 (a socket, or urllib3's or ssl's of one)
        self._raw, self._connection, self._errand = raw, connection, errand.get()
        self._most, self._what = _MAX_HEADER_BYTES, "headers are"

    def begin_body(self) -> None:
        """Count for the body from now on."""
        self._most, self._what = (
            self._errand.limits.max_body_bytes * _MOST_FOR_A_BYTE + _MAX_HEADER_BYTES,
            "body is",
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 (a buffer, as in io)
        read_timeout_s = self._errand.limits.read_timeout_s
        self._connection.settimeout(self._errand.wait_s(read_timeout_s))
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            self._errand.wait_s(read_timeout_s)
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
    """An answer that is read from a wire."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as http.client calls it)
        super().__init__(sock, *args, **kwargs)
        self._wire = _Wire(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._wire)

    def begin(self) -> None:
        """Read the headers."""
        super().begin()
        self._wire.begin_body()


@cache
def watched(pool: Any) -> Any:  # noqa: ANN401 (a kind of pool, from there and back)
    """Return a kind of pool whose connections read from wires."""
    connection = type(
        f"Watched{pool.ConnectionCls.__name__}",
        (pool.ConnectionCls,),
        {"response_class": _Response},
    )
    return type(f"Watched{pool.__name__}", (pool,), {"ConnectionCls": connection})
