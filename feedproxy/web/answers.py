"""Answers: bytes with their validators, conditional requests (RFC 9110, 13) and compression.

An answer is made once and given many times: gzip, which all clients know, and the tag are made with it, other codings when
somebody asks for them.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import brotli
import zstandard
from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from feedproxy.edition import Document

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# What readers of feeds know it by; none is registered.
OPML = "text/x-opml; charset=utf-8"
# A feed of 360 KB has 131 KB with gzip in 9 ms, 124 KB with zstd in 4 ms, 116 KB with brotli in 8 ms.
_ZSTD_LEVEL, _BROTLI_QUALITY = 6, 5
# Smaller bodies gain nothing.
_MIN_PACKED_BYTES = 500
# One minute is unnoticed by readers of news and takes the load of a crowd; after that a validator is asked for.
REVALIDATE = "public, max-age=60, stale-if-error=86400"
# A year, the longest that is of use (RFC 9111, 5.2.2.1), and no question in between (RFC 8246).
FOR_EVER = "public, max-age=31536000, immutable"
NO_STORE = "no-store"
_PLAIN_VARY = "Accept-Encoding"
# What is a feed to readers, and a page to who opens it.
OPENED_VARY = f"{_PLAIN_VARY}, Sec-Fetch-Dest"
# The content codings that an answer has from the first request on that asks for them, and all, the smaller ones first.
_PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda body: brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY),
    "zstd": lambda body: zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body),
}
_CODINGS = (*_PACKERS, "gzip")
# One at a time, so that nothing is compressed twice.
_packing = threading.Lock()
_FINE = (200, 206, 304)
_RANGE = re.compile(r"bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A body in the *forms* it is sent in, by content coding, each with a strong validator of its own (RFC 9110, 8.8.3.3).

    The body as it was made has the coding "". Those that nobody has asked for yet are made when somebody does (`form`).
    *size* is how many bytes of memory they take in the end.
    """

    media_type: str
    tag: str
    forms: Mapping[str, bytes]
    size: int
    changed: datetime | None
    cache_control: str
    vary: str = _PLAIN_VARY

    @property
    def body(self) -> bytes:
        """The body as it was made."""
        return self.forms[""]

    def coding(self, accept: str) -> str:
        """Return the content coding that an Accept-Encoding asks for and the answer has, "" for none."""
        return next(iter(codings_of(accept)), "") if "gzip" in self.forms else ""

    def form(self, coding: str) -> bytes:
        """Return the body in a content coding that it has; if need be made now, and kept if the others are in memory."""
        if coding in self.forms:
            return self.forms[coding]
        with _packing:
            made = self.forms.get(coding) or _PACKERS[coding](self.body)
            if isinstance(self.forms, dict):
                self.forms[coding] = made
        return made

    def complete(self) -> None:
        """Make all content codings that nobody has asked for yet."""
        for coding in _PACKERS if "gzip" in self.forms else ():
            self.form(coding)

    def headers(self, coding: str) -> dict[str, str]:
        """Return what is said of it in a content coding."""
        own = {"Content-Type": self.media_type, "Cache-Control": self.cache_control, "Vary": self.vary}
        if coding:
            own["Content-Encoding"] = coding
        return own | {"ETag": self.entity_tag(coding)}

    def entity_tag(self, coding: str) -> str:
        """Return its validator in a content coding."""
        return f'"{self.tag}-{coding}"' if coding else f'"{self.tag}"'


def prepare(
    body: bytes | Document,
    media_type: str,
    changed: datetime | None = None,
    cache_control: str = REVALIDATE,
    vary: str = _PLAIN_VARY,
) -> Answer:
    """Return the answer with *body*; equal bodies make equal answers, whenever and wherever."""
    document = body if isinstance(body, Document) else Document(body)
    forms = {"": document.whole()}
    if len(forms[""]) >= _MIN_PACKED_BYTES:
        forms["gzip"] = document.gzip(forms[""])
    return Answer(media_type, document.digest[:32], forms, size_of(forms), changed, cache_control, vary)


def is_opened(environ: "WSGIEnvironment") -> bool:
    """Return whether somebody opens an address in a browser (Fetch Metadata, 2.1): no feed reader says so."""
    return bool(environ.get("HTTP_SEC_FETCH_DEST") == "document")


def size_of(forms: Mapping[str, bytes]) -> int:
    """Return how many bytes an answer's bodies take at most, once all have been asked for: none is larger than gzip's."""
    return len(forms[""]) + len(_CODINGS) * len(forms.get("gzip", b""))


@lru_cache(256)
def codings_of(accept: str) -> tuple[str, ...]:
    """Return the content codings of ours that an Accept-Encoding asks for (RFC 9110, 12.5.3), the smaller ones first.

    Who takes anything ("*") may know no newer ones than gzip.

    >>> codings_of("gzip, deflate, br, zstd"), codings_of("*"), codings_of("gzip;q=0, zstd;q=0.1")
    (('br', 'zstd', 'gzip'), ('gzip',), ('zstd',))
    """
    accepted = parse_accept_header(accept, Accept)
    named = {name.lower() for name, _ in accepted}
    return tuple(coding for coding in _CODINGS if accepted[coding] > 0 and (coding in named or coding == "gzip"))


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


def send(answer: Answer, *, status: int = 200, cache_control: str = "", modified: datetime | None = None) -> Response:
    """Return the response to the present request: whole, compressed if asked for, or 304; *modified* is its Last-Modified."""
    coding = answer.coding(request.environ.get("HTTP_ACCEPT_ENCODING", ""))
    response = Response(answer.form(coding), status=status, headers=answer.headers(coding))
    if cache_control:
        response.headers["Cache-Control"] = cache_control
    if status != 200:  # noqa: PLR2004 (HTTP's own number)
        del response.headers["ETag"]
        return response
    if modified:
        response.last_modified = modified.astimezone(UTC)
    response.make_conditional(request.environ)
    return response
