"""Who may come in, and what every answer says to browsers and robots."""

import hmac
import ipaddress

from flask import Flask, Response, g, request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests, Unauthorized

from feedproxy import paths
from feedproxy.settings import Settings
from feedproxy.web.windows import Windows

ROBOTS = "/robots.txt"
# What needs no key: it shows nothing of the mirror, or asks for a token of its own.
_OPEN = frozenset(
    (ROBOTS, "/healthz", "/readyz", "/status", "/status.json", "/metrics", paths.STYLE, paths.ICON, paths.WELL_KNOWN_ICON)
)
_COOKIE, _YEAR_S = "key", 31_536_000
# A key has at least 16 characters: so many guesses in a minute find none.
_GUESSES = RateLimitItemPerMinute(20)
_IPV6_NETWORK = 64
_NO_FEATURES = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen"),
        *("geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture"),
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
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
# Pictures come from elsewhere only where a section says so.
_PAGE = "default-src 'none'; img-src {images}; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def headers_of(media_type: str, *, is_indexed: bool, is_linking: bool) -> dict[str, str]:
    """Return what an answer of a media type says to browsers and robots, whatever it is.

    Pages are shown by this mirror only; feeds and pictures are for readers of other origins, too.
    """
    is_page = media_type == "text/html"
    policy = _PAGE.format(images="'self' http: https:" if is_linking else "'self'") if is_page else _NOTHING
    headers = _EVERYWHERE | {
        "Content-Security-Policy": policy,
        "Cross-Origin-Resource-Policy": "same-origin" if is_page else "cross-origin",
    }
    return headers if is_indexed else headers | {"X-Robots-Tag": "noindex, nofollow"}


def client_of(address: str) -> str:
    """Return whom an address belongs to: of IPv6 everybody has a network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False)) if found.version == 6 else address  # noqa: PLR2004


def given_key() -> str:
    """Return the key that the present request came in by, "" where none is needed."""
    return str(g.get("key", ""))


def guard(app: Flask, settings: Settings, guesses: Windows) -> None:
    """Have *app* ask for a key, where the operator has given out any."""
    if not settings.access_keys:
        return
    keys = [key.encode() for key in settings.access_keys]

    @app.before_request
    def admit() -> None:
        if request.path in _OPEN:
            return
        given = request.args.get("key") or request.cookies.get(_COOKIE, "")
        fitting = [key for key in keys if hmac.compare_digest(key, given.encode())]
        if fitting:
            g.key = fitting[0].decode()
        elif given and not guesses.hit(_GUESSES, "guesses", client_of(request.remote_addr or "")):
            raise TooManyRequests(retry_after=60)
        else:
            raise Unauthorized

    @app.after_request
    def keep(response: Response) -> Response:
        """Have a browser bring the key along, so that no link has to; and no cache between give to all what is for one."""
        cache_control = response.headers.get("Cache-Control", "")
        response.headers["Cache-Control"] = cache_control.replace("public", "private")
        response.vary.add("Cookie")
        if given_key() and request.args.get("key") and response.mimetype == "text/html":
            secure = request.is_secure or settings.public_url.startswith("https:")
            response.set_cookie(_COOKIE, given_key(), max_age=_YEAR_S, secure=secure, httponly=True, samesite="Lax")
        return response
