"""Assemble the application: routes, headers, cache and error pages."""

import logging
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    RequestedRangeNotSatisfiable,
    SecurityError,
    TooManyRequests,
)
from werkzeug.middleware.proxy_fix import ProxyFix

from feedproxy import logs
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings, load_settings
from feedproxy.errors import FeedproxyError, StoreError
from feedproxy.feed_options import PARAMETERS
from feedproxy.media import Media, open_media
from feedproxy.model import Images, Mirror
from feedproxy.output import RAW, SCRIPT
from feedproxy.sign import signing_key
from feedproxy.store import Clock, Store, open_web_store
from feedproxy.web import counters
from feedproxy.web.access import RequestCheck, guard, headers_of
from feedproxy.web.archives import Archives
from feedproxy.web.cache import ResponseCache
from feedproxy.web.feeds import Feeds
from feedproxy.web.operators import Operators
from feedproxy.web.rate_limits import RateLimiter
from feedproxy.web.responses import TEXT
from feedproxy.web.search import Searches
from feedproxy.web.subscriptions import Subscriptions
from feedproxy.web.views import Views

_log = logging.getLogger(__name__)
# With this exit code of a worker gunicorn stops, instead of restarting the worker forever.
_BOOT_FAILED = 3
# The cache's memory. A feed takes about 0.5 MB with its compressed forms, a page 20 KB.
_CACHE_BYTES = 48_000_000
# How long the store's change counter may be reused. Readers do not notice the delay, and it spares
# the store thousands of queries a second.
_INTERVAL = timedelta(milliseconds=10)
# The query parameters, besides those of feeds, that select a response.
_PARAMETERS = frozenset((*PARAMETERS, SCRIPT, RAW, "q", "before", "key"))
_BROKEN, _FAILED = 500, 503
_WORDS = {
    401: (
        "这个镜像需要钥匙",
        "请用带有 ?key=… 的地址打开，钥匙由镜像的管理员发给。浏览器要允许 Cookie。",
    ),
    404: ("没有这个页面", "请从首页进入。"),
    429: ("请求太多了", "请过一分钟再试。"),
}


class _App(Flask):
    """Flask with error logs that do not quote readers' requests."""

    def log_exception(self, exc_info: Any) -> None:  # noqa: ANN401 (the type in `logging`)
        """Log an error with its URL rule.

        Exception messages are left out, as they may quote the request.
        """
        _log.error("%s failed", request.url_rule, exc_info=logs.without_messages(exc_info[1]))


def make_app(environ: Mapping[str, str], clock: Clock) -> Flask:
    """Return the application for an environment, as gunicorn serves it.

    If it can't be created, print one line and end the process.
    """
    try:
        settings = load_settings(environ)
        logs.begin(
            settings.log, logs.formatter(settings.log_format, is_terminal=sys.stderr.isatty())
        )
        mirror = load_mirror(settings.config)
        store = open_web_store(
            settings.store_url,
            settings.data,
            settings.database_read_url,
            redis_url=settings.redis_url,
        )
        return create_app(settings, mirror, store, open_media(settings), clock, interval=_INTERVAL)
    except FeedproxyError as e:
        print(f"feedproxy: {e}", file=sys.stderr)  # noqa: T201 (logging is not set up yet)
        raise SystemExit(_BOOT_FAILED) from e


def create_app(
    settings: Settings,
    mirror: Mirror,
    store: Store,
    media: Media,
    clock: Clock,
    *,
    interval: timedelta = timedelta(),
) -> Flask:
    """Return the application that answers from *store* and *media*.

    A cached response may lag behind them by *interval*.
    """
    app = _App(__name__, static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False  # its redirects use the Host header unchecked
    limiter = RateLimiter(settings.redis_url)
    feeds = Feeds(limiter)
    views = Views(settings, mirror, store, media, clock, limiter)
    get_routes = (
        views.routes(),
        Subscriptions(views, feeds).routes(),
        Archives(views, signing_key(settings)).routes(),
        Searches(views, feeds).routes(),
        Operators(settings, mirror, store, clock, limiter).routes(),
    )
    for method, routes in (*(("GET", each) for each in get_routes), ("POST", views.post_routes())):
        for rule, view in routes.items():  # a rule that two of them have is an error of Flask
            app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
    guard(app, settings, limiter)
    _tell_errors(app, views)
    is_linking = any(section.images is Images.LINK for section in mirror.sections)

    @app.after_request
    def protect(response: Response) -> Response:
        counters.count(f"{max(2, response.status_code // 100)}xx")
        response.headers.update(
            headers_of(response.mimetype or "", is_indexed=settings.indexed, is_linking=is_linking)
        )
        return response

    app.wsgi_app = ResponseCache(  # type: ignore[method-assign]
        app.wsgi_app,
        store.change_counter,
        clock,
        parameters=_PARAMETERS,
        max_bytes=_CACHE_BYTES,
        interval=interval,
        host=urlsplit(settings.public_url).netloc,
    )
    app.wsgi_app = RequestCheck(app.wsgi_app)  # type: ignore[method-assign]
    if count := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]

    return app


def _tell_errors(app: Flask, views: Views) -> None:
    """Register error handlers that show readers an error page and log errors for the operator."""

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
        _log.warning(
            "request for the host %r, which is not in FEEDPROXY_TRUSTED_HOSTS",
            request.environ.get("HTTP_HOST"),
        )
        return Response(
            "this mirror does not answer under this host name\n", 400, content_type=TEXT
        )

    @app.errorhandler(Exception)
    def broken(_error: Exception) -> Response:
        app.log_exception(sys.exc_info())
        return views.say(_BROKEN, "出了问题", "镜像的管理员会在日志里看到。请过一会儿再试。")
