"""What gunicorn is told: `gunicorn --config python:feedproxy.web.server` serves what the store holds, at FEEDPROXY_BIND."""

import os
import sys
from typing import Any

from gunicorn.glogging import Logger

from feedproxy import logs
from feedproxy.errors import FeedproxyError
from feedproxy.settings import Settings, load_settings


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
bind, workers, threads, loglevel = _chosen.bind, _chosen.workers, _chosen.threads, _chosen.log
worker_class, logger_class = "feedproxy.web.worker.Worker", _Log
graceful_timeout = 5
control_socket_disable = True
# Nothing that a client says of itself is believed here: the application counts its proxies (FEEDPROXY_TRUSTED_PROXIES).
forwarded_allow_ips, forwarder_headers = "", ""
