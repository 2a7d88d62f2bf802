"""Responses of the application: media types, cache control, validity; files, whole or in part."""

import re
from typing import TYPE_CHECKING

from flask import Response, request

from feedproxy.web.cache import VALIDITY, Validity

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# The name that feed readers know; none is registered.
OPML = "text/x-opml; charset=utf-8"
# One minute is unnoticed by readers of news and takes the load of a crowd; after that clients revalidate.
REVALIDATE = "public, max-age=60, stale-if-error=86400"
DAY = "public, max-age=86400"
# A year, the longest that is of use (RFC 9111, 5.2.2.1), without revalidation (RFC 8246).
FOR_EVER = "public, max-age=31536000, immutable"
NO_STORE = "no-store"
# For feeds, which a browser that opens their address gets as a page.
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
    """Have the cache keep the response to the present request while *validity* holds."""
    request.environ[VALIDITY] = validity
    return response


def is_opened() -> bool:
    """Return whether a person opens the address in a browser (Fetch Metadata, 2.1); no feed reader says so."""
    return request.headers.get("Sec-Fetch-Dest") == "document"


def send_file(body: bytes, media_type: str, tag: str) -> Response:
    """Return a file that never changes: whole, in part (RFC 9110, 14), or 304.

    Raises:
        RequestedRangeNotSatisfiable: the part begins beyond the end.

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
    """Return a request without a range that must not be honoured.

    Unknown units must be ignored, several ranges may be (RFC 9110, 14.2); If-None-Match comes first (13.2.2).
    """
    is_valid = (
        environ["REQUEST_METHOD"] == "GET"
        and _RANGE.fullmatch(environ.get("HTTP_RANGE", "").strip())
        and environ.get("HTTP_IF_RANGE", "").strip() in ("", f'"{tag}"')
        and not request.if_none_match.contains_weak(tag)
    )
    ignored = () if is_valid else ("HTTP_RANGE", "HTTP_IF_RANGE")
    return {name: value for name, value in environ.items() if name not in ignored}
