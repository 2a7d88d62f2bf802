"""Answers: bytes with their validators, conditional requests (RFC 9110, 13) and compression.

An answer is made once and given many times: the compressed form and the tags are made with it.
"""

import gzip
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response, request

_GZIP_LEVEL = 6
# Smaller bodies gain nothing.
_MIN_GZIP_BYTES = 500
# One minute is unnoticed by readers of news and takes the load of a crowd; after that a validator is asked for.
REVALIDATE = "public, max-age=60, stale-if-error=86400"
# A year, the longest that is of use (RFC 9111, 5.2.2.1), and no question in between (RFC 8246).
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Answer:
    """A body in the forms it is sent in, each with a strong validator of its own (RFC 9110, 8.8.3.3)."""

    body: bytes
    media_type: str
    tag: str
    gzipped: bytes
    modified: datetime | None

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self.body) + len(self.gzipped)


def prepare(body: bytes, media_type: str, modified: datetime | None = None) -> Answer:
    """Return the answer with *body*; equal bodies make equal answers, whenever and wherever."""
    gzipped = gzip.compress(body, _GZIP_LEVEL, mtime=0) if len(body) >= _MIN_GZIP_BYTES else b""
    return Answer(body, media_type, hashlib.sha256(body).hexdigest()[:32], gzipped, modified)


def send_file(body: bytes, media_type: str, tag: str) -> Response:
    """Return the response with a file that never changes: whole, a part (RFC 9110, 14), or 304.

    Raises:
        RequestedRangeNotSatisfiable: the part that is asked for is beyond its end.

    """
    response = Response(body, content_type=media_type)
    response.headers["Cache-Control"] = FOR_EVER
    response.set_etag(tag)
    response.make_conditional(request.environ, accept_ranges=True, complete_length=len(body))
    return response


def send(answer: Answer, *, status: int = 200, cache_control: str = REVALIDATE) -> Response:
    """Return the response to the present request: whole, compressed if asked for, or 304."""
    is_gzip = bool(answer.gzipped) and request.accept_encodings["gzip"] > 0
    response = Response(answer.gzipped if is_gzip else answer.body, status=status, content_type=answer.media_type)
    response.headers["Cache-Control"] = cache_control
    response.vary.add("Accept-Encoding")
    if is_gzip:
        response.headers["Content-Encoding"] = "gzip"
    if status != 200:  # noqa: PLR2004 (HTTP's own number)
        return response
    response.set_etag(f"{answer.tag}-gzip" if is_gzip else answer.tag)
    if answer.modified:
        response.last_modified = answer.modified.astimezone(UTC)
    response.make_conditional(request.environ)
    return response
