"""What gunicorn is told: `gunicorn --config python:feedproxy.web.server` serves what the store holds, at FEEDPROXY_BIND."""

import os
import resource
import sys
from typing import Any

from gunicorn.glogging import Logger

from feedproxy import logs
from feedproxy.errors import FeedproxyError
from feedproxy.settings import Settings, load_settings

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


class _Log(Logger):  # type: ignore[misc] # no types are published
    """gunicorn's own lines, in the form of ours."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 (gunicorn's)
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(_chosen.log_format, is_terminal=sys.stderr.isatty()))


wsgi_app = "feedproxy.web.wsgi:app"
bind, workers, loglevel = _chosen.bind, _chosen.workers, _chosen.log
worker_class, logger_class = "feedproxy.web.worker.Worker", _Log
worker_connections = _CONNECTIONS
keepalive = _REQUEST_S
graceful_timeout = 5
control_socket_disable = True
# Nothing that a client says of itself is believed here: the application counts its proxies (FEEDPROXY_TRUSTED_PROXIES).
forwarded_allow_ips, forwarder_headers = "", ""

# Each connection is an open file; systemd and shells allow 1,024 unless a process asks for more.
_open_files, _most_open_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(_open_files, min(2 * _CONNECTIONS, _most_open_files)), _most_open_files))
