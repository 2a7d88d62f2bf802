"""The application: routes, headers, and what a reader is told when something fails."""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from feedproxy.errors import FeedproxyError, StoreError
from feedproxy.media import MediaFolder
from feedproxy.model import Images, Mirror
from feedproxy.settings import Settings, load_settings
from feedproxy.sources import load_mirror
from feedproxy.store import Clock, Desk, open_store
from feedproxy.web.answers import TEXT
from feedproxy.web.operators import Operators
from feedproxy.web.views import Views

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)
# gunicorn stops for good on this exit code of a worker, instead of starting it again and again.
_BOOT_FAILED = 3
_NOT_FOUND = 404
# RFC 1123, 2.1, with a port; or an IPv6 address in brackets (RFC 3986, 3.2.2).
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,15}\.?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
# Pictures come from elsewhere only where a section says so.
_POLICY = "default-src 'none'; img-src {images}; style-src 'self'; base-uri 'none'; form-action 'self'"


def make_app(environ: Mapping[str, str], clock: Clock) -> Flask:
    """Return the application for an environment, as gunicorn serves it; ends the process with one line if it can't."""
    try:
        settings = load_settings(environ)
        logging.basicConfig(level=settings.log.upper(), format="%(asctime)s %(levelname)s %(message)s")
        mirror, library = load_mirror(settings.config), open_store(settings.store_url, settings.data)
        return create_app(settings, mirror, library, MediaFolder(settings.media), clock)
    except FeedproxyError as e:
        print(f"feedproxy: {e}", file=sys.stderr)  # noqa: T201 (there is no log yet)
        raise SystemExit(_BOOT_FAILED) from e


def create_app(settings: Settings, mirror: Mirror, library: Desk, media: MediaFolder, clock: Clock) -> Flask:
    """Return the application that answers from *library* and *media*."""
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False  # its redirects name whatever host the client names
    views = Views(settings, mirror, library, media, clock, clock())
    for rule, view, method in (*views.rules(), *Operators(settings, mirror, library, clock).rules()):
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
    app.register_error_handler(StoreError, _store_failed)
    app.register_error_handler(SecurityError, _untrusted)
    app.register_error_handler(Exception, _broken)
    is_linking = any(section.images is Images.LINK for section in mirror.sections)
    headers = _HEADERS | {"Content-Security-Policy": _POLICY.format(images="'self' http: https:" if is_linking else "'self'")}

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(headers)
        return response

    app.wsgi_app = _HostCheck(app.wsgi_app)  # type: ignore[method-assign]
    if count := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        code = error.code or 500
        answer = views.say(code, "没有这个页面" if code == _NOT_FOUND else "不能这样请求", "请从首页进入。")
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        if isinstance(error, RequestedRangeNotSatisfiable):
            answer.headers["Content-Range"] = f"bytes */{error.length}"
        return answer

    return app


class _HostCheck:
    """Answers requests whose host name is none before Flask stumbles over it; others go on in lower case."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower().removesuffix(":")
        if host and not _HOST.fullmatch(host):
            return Response("this is no host name\n", 400, _HEADERS, content_type=TEXT)(environ, start_response)
        if host:
            environ["HTTP_HOST"] = host
        return self._app(environ, start_response)


def _store_failed(error: StoreError) -> Response:
    _log.error("%s", error)
    text = "the mirror's store can't be read at the moment; please try again in a minute\n"
    return Response(text, 503, {"Retry-After": "60"}, content_type=TEXT)


def _untrusted(_error: SecurityError) -> Response:
    _log.warning("request for the host %r, which is not in FEEDPROXY_TRUSTED_HOSTS", request.environ.get("HTTP_HOST"))
    return Response("this mirror does not answer under this host name\n", 400, content_type=TEXT)


def _broken(error: Exception) -> Response:
    _log.error("%r failed", request.path, exc_info=error)
    return Response("something went wrong; the operator finds it in the log\n", 500, content_type=TEXT)
