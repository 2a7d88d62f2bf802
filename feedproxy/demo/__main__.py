"""Serve the fictional newspaper on this machine until stopped: `python -m feedproxy.demo PORT`."""

import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from feedproxy.demo import answer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as the library calls it)
        """Log nothing: the poller logs what it fetches."""


def _app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    found = answer(environ["PATH_INFO"])
    media_type, body = found or ("text/plain", b"no such page")
    start_response(
        "200 OK" if found else "404 Not Found",
        [("Content-Type", media_type), ("Content-Length", str(len(body)))],
    )
    return [body]


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches every process of the terminal; the demo command ends this one
    with make_server("127.0.0.1", int(sys.argv[1]), _app, handler_class=_Quiet) as server:
        server.serve_forever()
