"""Check access to the mirror, and set the security headers of all responses."""

import hmac
import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus, urlsplit

from flask import Flask, Response, g, request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from feedproxy import paths
from feedproxy.configuration.settings import Settings
from feedproxy.web.rate_limits import RateLimiter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROBOTS = "/robots.txt"
# Paths that need no access key: they reveal nothing of the mirror, or require the operator's token.
_OPEN = frozenset(
    (
        ROBOTS,
        "/healthz",
        "/readyz",
        "/status",
        "/status.json",
        "/metrics",
        paths.STYLE,
        paths.ICON,
        paths.WELL_KNOWN_ICON,
    )
)
_COOKIE, _YEAR_S = "key", 31_536_000
# An access key has at least 16 characters, so this many guesses per minute are not enough to find
# one.
_GUESSES = RateLimitItemPerMinute(20)
_IPV6_NETWORK = 64
_SCHEMES = ("http", "https")
# A host name (RFC 1123, section 2.1) or an IPv6 address in brackets (RFC 3986, section 3.2.2), with
# an optional port.
_HOST = re.compile(
    r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,15}\.?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?"
)
# Characters allowed in a query (RFC 3986, section 3.4), and "%" of those encoded already.
_QUERY = "!$&'()*+,;=:@/?%"
# Values of `Sec-Fetch-Site` on requests that were not caused by another site.
_OWN_SITE = ("same-origin", "none")
_NO_FEATURES = ", ".join(
    f"{feature}=()"
    for feature in (
        *(
            "accelerometer",
            "autoplay",
            "browsing-topics",
            "camera",
            "display-capture",
            "encrypted-media",
            "fullscreen",
        ),
        *(
            "geolocation",
            "gyroscope",
            "magnetometer",
            "microphone",
            "midi",
            "payment",
            "picture-in-picture",
        ),
        *("publickey-credentials-get", "screen-wake-lock", "usb", "xr-spatial-tracking"),
    )
)
_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": _NO_FEATURES,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOTHING = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)
# Pages may show pictures of other hosts only if a section is configured so.
_PAGE = (
    "default-src 'none'; img-src {images}; style-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def headers_of(media_type: str, *, is_indexed: bool, is_linking: bool) -> dict[str, str]:
    """Return the security and robots headers of all responses of a media type.

    Pages may be embedded by this mirror only; feeds and pictures may be read from other origins.
    """
    is_page = media_type == "text/html"
    policy = (
        _PAGE.format(images="'self' http: https:" if is_linking else "'self'")
        if is_page
        else _NOTHING
    )
    headers = _EVERYWHERE | {
        "Content-Security-Policy": policy,
        "Cross-Origin-Resource-Policy": "same-origin" if is_page else "cross-origin",
    }
    return headers if is_indexed else headers | {"X-Robots-Tag": "noindex, nofollow"}


class RequestCheck:
    """WSGI middleware that validates a request's host and scheme.

    It answers 400 if the Host header is invalid (RFC 9112, section 3.2), and passes other hosts on
    in lower case. It is wrapped by `ProxyFix`: if a proxy forwards a scheme other than http or
    https, the scheme of the connection is used.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        host = environ.get("HTTP_HOST", "").lower().removesuffix(":")
        may_be_missing = environ.get("SERVER_PROTOCOL") == "HTTP/1.0"
        if not _HOST.fullmatch(host) and not (may_be_missing and not host):
            answer = Response(
                "this is not a host name\n", 400, content_type="text/plain; charset=utf-8"
            )
            answer.headers.update(headers_of("text/plain", is_indexed=False, is_linking=False))
            return answer(environ, start_response)
        if host:
            environ["HTTP_HOST"] = host
        scheme = environ["wsgi.url_scheme"].lower()
        if scheme not in _SCHEMES:
            scheme = environ.get("werkzeug.proxy_fix.orig", {}).get("wsgi.url_scheme", "http")
        environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)


def client_of(address: str) -> str:
    """Return the client to which rate limits count an address; for IPv6 its /64 network.

    An IPv6 user commonly has a whole network. Some proxies add a port to the address. All invalid
    addresses count as one client.

    >>> (client_of("192.0.2.7:5000"), client_of("::ffff:192.0.2.7"),
    ...  client_of("[2001:db8::1]:443"), client_of("_x"))
    ('192.0.2.7', '192.0.2.7', '2001:db8::/64', 'unknown')
    """
    for written in (address, address.rpartition(":")[0].strip("[]")):
        try:
            found = ipaddress.ip_address(written)
        except ValueError:
            continue
        found = getattr(found, "ipv4_mapped", None) or found
        if found.version == 6:  # noqa: PLR2004 (the IP version)
            return str(ipaddress.ip_network((int(found), _IPV6_NETWORK), strict=False))
        return str(found)
    return "unknown"


def given_secret(parameter: str) -> str:
    """Return the secret that the request carries, "" without one.

    It is the token of `Authorization: Bearer`, the password of `Authorization: Basic`, or a
    parameter of the query.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    if scheme.lower() == "basic":
        return (request.authorization and request.authorization.password) or ""
    return request.args.get(parameter, "")


def count_guess(guesses: RateLimiter) -> None:
    """Count a wrong secret against its client.

    Raises:
        TooManyRequests: the client has sent too many in the last minute.

    """
    if not guesses.hit(_GUESSES, "guesses", client_of(request.remote_addr or "")):
        raise TooManyRequests(retry_after=60)


def given_key() -> str:
    """Return the access key of the current request, "" if none is needed."""
    return str(g.get("key", ""))


def guard(app: Flask, settings: Settings, guesses: RateLimiter) -> None:
    """Make *app* reject POST requests from other sites, and require a key if any is configured."""
    public_host = urlsplit(settings.public_url).netloc.lower()

    @app.before_request
    def refuse_foreign_posts() -> None:
        if request.method == "POST" and _is_foreign(public_host):
            raise Forbidden

    if settings.access_keys:
        _demand_keys(app, settings, guesses)


def _is_foreign(public_host: str) -> bool:
    """Return whether another site caused the request (Fetch Metadata, section 2.4).

    Browsers do not send `Sec-Fetch-Site` over plain HTTP, and old browsers never send it; but all
    send `Origin` or `Referer` with a POST. A client that sends none of these headers is not a
    browser.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OWN_SITE
    source = request.headers.get("Origin") or request.headers.get("Referer")
    if source is None:
        return False
    try:
        return urlsplit(source).netloc.lower() not in {request.host, public_host} - {""}
    except ValueError:
        return True


def _demand_keys(app: Flask, settings: Settings, guesses: RateLimiter) -> None:
    keys = [key.encode() for key in settings.access_keys]

    @app.before_request
    def admit() -> None:
        if request.path in _OPEN:
            return
        given = given_secret("key") or request.cookies.get(_COOKIE, "")
        fitting = [key for key in keys if hmac.compare_digest(key, given.encode())]
        if fitting:
            g.key = fitting[0].decode()
            return
        if given:
            count_guess(guesses)
        raise Unauthorized

    @app.after_request
    def keep(response: Response) -> Response:
        is_secure = request.is_secure or settings.public_url.startswith("https:")
        return _for_one_reader(response, is_secure=is_secure)


def _for_one_reader(response: Response, *, is_secure: bool) -> Response:
    """Store the key in a cookie, and forbid shared caches to store a response for one reader."""
    cache_control = response.headers.get("Cache-Control", "")
    response.headers["Cache-Control"] = cache_control.replace("public", "private")
    response.vary.update(("Authorization", "Cookie"))
    if response.status_code == 401:  # noqa: PLR2004 (the HTTP status)
        response.headers.setdefault("WWW-Authenticate", 'Bearer realm="mirror"')  # RFC 9110, 11.6.1
    # A redirect keeps its own target, so only pages without one are redirected.
    is_page = response.mimetype == "text/html" and response.location is None
    if given_key() and request.args.get("key") and is_page:
        if request.method in ("GET", "HEAD"):
            _redirect_without_key(response)
        response.set_cookie(
            _COOKIE, given_key(), max_age=_YEAR_S, secure=is_secure, httponly=True, samesite="Lax"
        )
    return response


def _redirect_without_key(response: Response) -> None:
    """Change a response into a redirect to the same page without the key.

    So the key does not stay in the address bar or the browser's history.
    """
    pairs = request.query_string.decode("latin-1").split("&")
    query = "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]) != "key")
    path = quote("/" + request.path.lstrip("/"))  # "//" would start a host name
    for name in ("ETag", "Last-Modified", "Content-Encoding", "Content-Length", "Vary"):
        response.headers.pop(name, None)
    response.status_code = 302
    response.headers["Location"] = f"{path}?{quote(query, safe=_QUERY)}" if query else path
    response.headers["Cache-Control"] = "no-store"
    response.set_data(b"")
