"""Answers: bytes with their validators, conditional requests (RFC 9110, 13) and compression.

An answer is made once and given many times: the compressed form and the tags are made with it.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Response, request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# What readers of feeds know it by; none is registered.
OPML = "text/x-opml; charset=utf-8"
_GZIP_LEVEL = 6
# Smaller bodies gain nothing.
_MIN_GZIP_BYTES = 500
# One minute is unnoticed by readers of news and takes the load of a crowd; after that a validator is asked for.
REVALIDATE = "public, max-age=60, stale-if-error=86400"
# A year, the longest that is of use (RFC 9111, 5.2.2.1), and no question in between (RFC 8246).
FOR_EVER = "public, max-age=31536000, immutable"
NO_STORE = "no-store"
_FINE = (200, 206, 304)
_RANGE = re.compile(r"bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A body in the forms it is sent in, each with a strong validator of its own (RFC 9110, 8.8.3.3)."""

    body: bytes
    media_type: str
    tag: str
    gzipped: bytes
    changed: datetime | None

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self.body) + len(self.gzipped)


def prepare(body: bytes, media_type: str, changed: datetime | None = None) -> Answer:
    """Return the answer with *body*; equal bodies make equal answers, whenever and wherever."""
    gzipped = gzip.compress(body, _GZIP_LEVEL, mtime=0) if len(body) >= _MIN_GZIP_BYTES else b""
    return Answer(body, media_type, hashlib.sha256(body).hexdigest()[:32], gzipped, changed)


def send_file(body: bytes, media_type: str, tag: str) -> Response:
    """Return the response with a file that never changes: whole, a part (RFC 9110, 14), or 304.

    Raises:
        RequestedRangeNotSatisfiable: the part that is asked for is beyond its end.

    """
    response = Response(body, content_type=media_type)
    response.headers["Cache-Control"] = FOR_EVER
    response.set_etag(tag)
    response.make_conditional(_heeded(request.environ, tag), accept_ranges=True, complete_length=len(body))
    if response.status_code not in _FINE:
        response.headers["Cache-Control"] = NO_STORE
        response.set_data(b"")
    return response


def _heeded(environ: "WSGIEnvironment", tag: str) -> "WSGIEnvironment":
    """Return a request as it counts: a range only where it is one, of a GET, of this file, and not known already.

    Unknown units must be ignored, several ranges may be (RFC 9110, 14.2); If-None-Match comes first (13.2.2).
    """
    is_heeded = (
        environ["REQUEST_METHOD"] == "GET"
        and _RANGE.fullmatch(environ.get("HTTP_RANGE", "").strip())
        and environ.get("HTTP_IF_RANGE", "").strip() in ("", f'"{tag}"')
        and not request.if_none_match.contains_weak(tag)
    )
    ignored = () if is_heeded else ("HTTP_RANGE", "HTTP_IF_RANGE")
    return {name: value for name, value in environ.items() if name not in ignored}


def send(answer: Answer, *, status: int = 200, cache_control: str = REVALIDATE, modified: datetime | None = None) -> Response:
    """Return the response to the present request: whole, compressed if asked for, or 304; *modified* is its Last-Modified."""
    is_gzip = bool(answer.gzipped) and request.accept_encodings["gzip"] > 0
    response = Response(answer.gzipped if is_gzip else answer.body, status=status, content_type=answer.media_type)
    response.headers["Cache-Control"] = cache_control
    response.vary.add("Accept-Encoding")
    if is_gzip:
        response.headers["Content-Encoding"] = "gzip"
    if status != 200:  # noqa: PLR2004 (HTTP's own number)
        return response
    response.set_etag(f"{answer.tag}-gzip" if is_gzip else answer.tag)
    if modified:
        response.last_modified = modified.astimezone(UTC)
    response.make_conditional(request.environ)
    return response
