"""The configuration of gunicorn: `gunicorn --config python:feedproxy.web.server`.

It serves the store at FEEDPROXY_BIND.
"""

import logging
import os
import re
import resource
import sys
from typing import Any

from gunicorn.glogging import Logger

from feedproxy import logs
from feedproxy.configuration.settings import Settings, load_settings
from feedproxy.errors import FeedproxyError

# Concurrent connections per worker. A slow client costs a connection and some kilobytes, so many
# can be allowed.
_CONNECTIONS = 2_000
# The seconds that a client may take to send a request, or may be idle between two.
_REQUEST_S = 10


def _settings() -> Settings:
    try:
        return load_settings(os.environ)
    except FeedproxyError as e:
        print(f"feedproxy: {e}", file=sys.stderr)  # noqa: T201 (logging is not set up yet)
        raise SystemExit(3) from e


_chosen = _settings()
# The beginnings of gunicorn's log messages about single requests; after them the messages quote
# addresses, targets, headers and bodies.
_ABOUT_REQUESTS = re.compile(
    "Invalid request|Error handling (?:HTTP/2 )?request|Socket error processing request|HTTP/2"
    "|Exception in post_request hook|Ignored premature client disconnection|Closing connection"
)


class _NoReaders(logging.Filter):
    """Removes quotations of requests from gunicorn's messages; no log tells who reads what."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a message about a request; let every message pass."""
        if match := _ABOUT_REQUESTS.match(str(record.msg)):
            record.msg, record.args = match[0], ()
            error = record.exc_info[1] if record.exc_info else None
            bare = logs.without_messages(error) if error else None
            record.exc_info = (type(bare), bare, bare.__traceback__) if bare else None
        return True


class _Log(Logger):  # type: ignore[misc] # no types are published
    """gunicorn's logger with our log format."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 (gunicorn's)
        super().setup(cfg)
        self.error_log.addFilter(_NoReaders())
        for handler in self.error_log.handlers:
            handler.setFormatter(
                logs.formatter(_chosen.log_format, is_terminal=sys.stderr.isatty())
            )


wsgi_app = "feedproxy.web.wsgi:app"
bind, workers, loglevel = _chosen.bind, _chosen.workers, _chosen.log
worker_class, logger_class = "feedproxy.web.worker.Worker", _Log
worker_connections = _CONNECTIONS
keepalive = _REQUEST_S
graceful_timeout = 5
control_socket_disable = True
accesslog = None  # set explicitly, as an access log tells who reads what
# gunicorn trusts no forwarding headers: the application handles its proxies
# (FEEDPROXY_TRUSTED_PROXIES).
forwarded_allow_ips, forwarder_headers = "", ""

# Each connection is an open file; systemd and shells allow 1,024 unless a process raises its limit.
_open_files, _most_open_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(
    resource.RLIMIT_NOFILE,
    (max(_open_files, min(2 * _CONNECTIONS, _most_open_files)), _most_open_files),
)
