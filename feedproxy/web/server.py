"""What gunicorn is told: `gunicorn --config python:feedproxy.web.server` serves what the store holds, at FEEDPROXY_BIND."""

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

# Connections that a worker holds at once. Slow clients cost a connection and some kilobytes each, so there is room for many.
_CONNECTIONS = 2_000
# How long a client may take to send a request, or may be idle between two.
_REQUEST_S = 10


def _settings() -> Settings:
    try:
        return load_settings(os.environ)
    except FeedproxyError as e:
        print(f"feedproxy: {e}", file=sys.stderr)  # noqa: T201 (there is no log yet)
        raise SystemExit(3) from e


_chosen = _settings()
# Lines of gunicorn's about single requests: behind these words they quote addresses, targets, headers and bodies.
_ABOUT_REQUESTS = re.compile(
    "Invalid request|Error handling (?:HTTP/2 )?request|Socket error processing request|HTTP/2"
    "|Exception in post_request hook|Ignored premature client disconnection|Closing connection"
)


class _NoReaders(logging.Filter):
    """Takes out of gunicorn's lines what they quote of requests: nothing that is logged says who reads what."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a line about a request; pass every line on."""
        if match := _ABOUT_REQUESTS.match(str(record.msg)):
            record.msg, record.args = match[0], ()
            error = record.exc_info[1] if record.exc_info else None
            bare = logs.without_messages(error) if error else None
            record.exc_info = (type(bare), bare, bare.__traceback__) if bare else None
        return True


class _Log(Logger):  # type: ignore[misc] # no types are published
    """gunicorn's own lines, in the form of ours."""

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
accesslog = None  # whatever gunicorn's default becomes: an access log says who reads what
# Nothing that a client says of itself is believed here: the application counts its proxies (FEEDPROXY_TRUSTED_PROXIES).
forwarded_allow_ips, forwarder_headers = "", ""

# Each connection is an open file; systemd and shells allow 1,024 unless a process asks for more.
_open_files, _most_open_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(
    resource.RLIMIT_NOFILE,
    (max(_open_files, min(2 * _CONNECTIONS, _most_open_files)), _most_open_files),
)
