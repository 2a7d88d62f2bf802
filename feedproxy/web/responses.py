"""Build the application's responses: media types, cache control, validity, and files."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flask import Response, request

from feedproxy.web.cache import VALIDITY, Validity

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

View = Callable[..., Response]
# Views by their URL rules.
Routes = Mapping[str, View]

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# The media type that feed readers know; none is registered.
OPML = "text/x-opml; charset=utf-8"
# Readers of news do not notice a delay of one minute, which absorbs bursts of requests; after it
# clients revalidate.
REVALIDATE = "public, max-age=60, stale-if-error=86400"
DAY = "public, max-age=86400"
# A year, the longest useful time (RFC 9111, section 5.2.2.1), without revalidation (RFC 8246).
FOR_EVER = "public, max-age=31536000, immutable"
NO_STORE = "no-store"
# The Vary header of feeds: a browser that opens a feed's address gets a page.
OPENED_VARY = "Sec-Fetch-Dest"
_RANGE = re.compile(r"bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})", re.IGNORECASE)


def respond(
    body: bytes,
    media_type: str,
    status: int = 200,
    *,
    cache_control: str = NO_STORE,
    vary: str = "",
) -> Response:
    """Return a complete response."""
    response = Response(body, status=status, content_type=media_type)
    response.headers["Cache-Control"] = cache_control
    if vary:
        response.headers["Vary"] = vary
    return response


def cacheable(response: Response, validity: Validity = Validity()) -> Response:  # noqa: B008 (a frozen value)
    """Let the cache store the response to the current request while *validity* holds."""
    request.environ[VALIDITY] = validity
    return response


def is_opened() -> bool:
    """Return whether a browser opens the address as a document (Fetch Metadata, section 2.1).

    Feed readers do not send this value.
    """
    return request.headers.get("Sec-Fetch-Dest") == "document"


def send_file(body: bytes, media_type: str, tag: str) -> Response:
    """Return a file that never changes: whole, a part (RFC 9110, section 14), or 304.

    Raises:
        RequestedRangeNotSatisfiable: the part begins after the end of the file.

    """
    response = respond(body, media_type, cache_control=FOR_EVER)
    response.set_etag(tag)
    response.make_conditional(
        _with_valid_range(request.environ, tag), accept_ranges=True, complete_length=len(body)
    )
    if response.status_code not in (200, 206, 304):
        response.headers["Cache-Control"] = NO_STORE
        response.set_data(b"")
    return response


def _with_valid_range(environ: "WSGIEnvironment", tag: str) -> "WSGIEnvironment":
    """Return the request's environment without a range that must not be used.

    Unknown units must be ignored, and multiple ranges may be (RFC 9110, section 14.2).
    If-None-Match takes precedence (section 13.2.2).
    """
    is_valid = (
        environ["REQUEST_METHOD"] == "GET"
        and _RANGE.fullmatch(environ.get("HTTP_RANGE", "").strip())
        and environ.get("HTTP_IF_RANGE", "").strip() in ("", f'"{tag}"')
        and not request.if_none_match.contains_weak(tag)
    )
    ignored = () if is_valid else ("HTTP_RANGE", "HTTP_IF_RANGE")
    return {name: value for name, value in environ.items() if name not in ignored}
