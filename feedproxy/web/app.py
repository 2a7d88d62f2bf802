"""The application: routes, headers, and what a reader is told when something fails."""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable, SecurityError, TooManyRequests
from werkzeug.middleware.proxy_fix import ProxyFix

from feedproxy import logs
from feedproxy.choice import PARAMETERS
from feedproxy.edition import RAW, SCRIPT
from feedproxy.errors import FeedproxyError, StoreError
from feedproxy.media import Media, open_media
from feedproxy.model import Images, Mirror
from feedproxy.settings import Settings, load_settings
from feedproxy.sign import signing_key
from feedproxy.sources import load_mirror
from feedproxy.store import Clock, Desk, open_desk
from feedproxy.web import counters
from feedproxy.web.archives import Archives
from feedproxy.web.cache import ResponseCache
from feedproxy.web.feeds import Feeds
from feedproxy.web.gate import guard, headers_of
from feedproxy.web.operators import Operators
from feedproxy.web.responses import TEXT
from feedproxy.web.search import Searches
from feedproxy.web.subscriptions import Subscriptions
from feedproxy.web.views import Views
from feedproxy.web.windows import Windows

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)
# gunicorn stops for good on this exit code of a worker, instead of starting it again and again.
_BOOT_FAILED = 3
# A feed takes about 0.5 MB with its compressed forms, a page 20 KB.
_CACHE_BYTES = 48_000_000
# Unnoticed by readers, and the store is not asked thousands of times a second.
_INTERVAL = timedelta(milliseconds=10)
# The query parameters that select a response, beside those of feeds.
_PARAMETERS = frozenset((*PARAMETERS, SCRIPT, RAW, "q", "before", "key"))
# RFC 1123, 2.1, with a port; or an IPv6 address in brackets (RFC 3986, 3.2.2).
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,15}\.?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?")
_BROKEN, _FAILED = 500, 503
_WORDS = {
    401: ("这个镜像需要钥匙", "请用带有 ?key=… 的地址打开，钥匙由镜像的管理员发给。"),
    404: ("没有这个页面", "请从首页进入。"),
    429: ("请求太多了", "请过一分钟再试。"),
}


def make_app(environ: Mapping[str, str], clock: Clock) -> Flask:
    """Return the application for an environment, as gunicorn serves it; ends the process with one line if it can't."""
    try:
        settings = load_settings(environ)
        logs.begin(settings.log, logs.formatter(settings.log_format, is_terminal=sys.stderr.isatty()))
        mirror = load_mirror(settings.config)
        library = open_desk(settings.store_url, settings.data, settings.database_read_url, redis_url=settings.redis_url)
        return create_app(settings, mirror, library, open_media(settings), clock, interval=_INTERVAL)
    except FeedproxyError as e:
        print(f"feedproxy: {e}", file=sys.stderr)  # noqa: T201 (there is no log yet)
        raise SystemExit(_BOOT_FAILED) from e


def create_app(
    settings: Settings, mirror: Mirror, library: Desk, media: Media, clock: Clock, *, interval: timedelta = timedelta()
) -> Flask:
    """Return the application that answers from *library* and *media*; a response may be older than these by an *interval*."""
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False  # its redirects name whatever host the client names
    windows = Windows(settings.redis_url)
    feeds = Feeds(windows)
    views = Views(settings, mirror, library, media, clock, windows)
    for rule, view, method in (
        *views.rules(),
        *Subscriptions(views, feeds).rules(),
        *Archives(views, signing_key(settings)).rules(),
        *Searches(views, feeds).rules(),
        *Operators(settings, mirror, library, clock).rules(),
    ):
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
    guard(app, settings, windows)
    _tell_errors(app, views)
    is_linking = any(section.images is Images.LINK for section in mirror.sections)

    @app.after_request
    def protect(response: Response) -> Response:
        counters.count(f"{max(2, response.status_code // 100)}xx")
        response.headers.update(headers_of(response.mimetype or "", is_indexed=settings.indexed, is_linking=is_linking))
        return response

    app.wsgi_app = ResponseCache(  # type: ignore[method-assign]
        app.wsgi_app, library.pulse, clock, parameters=_PARAMETERS, max_bytes=_CACHE_BYTES, interval=interval
    )
    app.wsgi_app = _HostCheck(app.wsgi_app, settings.public_url)  # type: ignore[method-assign]
    if count := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]

    return app


class _HostCheck:
    """Refuses requests whose host name is none; others go on in lower case, or with the host of the mirror's *public_url*.

    So made-up host names make no responses of their own where the mirror knows its address.
    """

    def __init__(self, app: "WSGIApplication", public_url: str) -> None:
        self._app, self._public = app, urlsplit(public_url)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower().removesuffix(":")
        if host and not _HOST.fullmatch(host):
            answer = Response("this is no host name\n", 400, content_type=TEXT)
            answer.headers.update(headers_of("text/plain", is_indexed=False, is_linking=False))
            return answer(environ, start_response)
        if self._public.netloc:
            environ["HTTP_HOST"], environ["wsgi.url_scheme"] = self._public.netloc, self._public.scheme
        elif host:
            environ["HTTP_HOST"] = host
        return self._app(environ, start_response)


def _tell_errors(app: Flask, views: Views) -> None:
    """Have *app* tell readers in the mirror's own form what went wrong, and the operator in the log."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        code = error.code or _BROKEN
        answer = views.say(code, *_WORDS.get(code, ("不能这样请求", "请从首页进入。")))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        if isinstance(error, RequestedRangeNotSatisfiable):
            answer.headers["Content-Range"] = f"bytes */{error.length}"
        if isinstance(error, TooManyRequests):
            answer.headers["Retry-After"] = "60"
        return answer

    @app.errorhandler(StoreError)
    def store_failed(error: StoreError) -> Response:
        _log.error("%s", error)
        answer = views.say(_FAILED, "镜像暂时读不到文章", "请过一分钟再试。")
        answer.headers["Retry-After"] = "60"
        return answer

    @app.errorhandler(SecurityError)
    def untrusted(_error: SecurityError) -> Response:
        _log.warning("request for the host %r, which is not in FEEDPROXY_TRUSTED_HOSTS", request.environ.get("HTTP_HOST"))
        return Response("this mirror does not answer under this host name\n", 400, content_type=TEXT)

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        _log.error("%r failed", request.path, exc_info=error)
        return views.say(_BROKEN, "出了问题", "镜像的管理员会在日志里看到。请过一会儿再试。")
