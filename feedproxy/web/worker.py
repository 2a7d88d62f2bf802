"""The server's worker: what it refuses before the application sees it is answered as plainly, and with the same headers."""

import gc
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import ThreadWorker

from feedproxy.web import tally
from feedproxy.web.answers import TEXT
from feedproxy.web.gate import headers_of
from feedproxy.web.heads import Made

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_BODY = b"this is no request that can be answered\n"


class Worker(ThreadWorker):  # type: ignore[misc] # no types are published
    """gunicorn's threaded worker, but for its own error pages, which quote what was sent and say nothing to browsers."""

    def init_process(self) -> None:
        """Have it count its answers beside those of the others."""
        tally.take_row(self.age)
        super().init_process()

    def load_wsgi(self) -> None:
        """Have headers that are ours be sent as they are: to look at each takes longer than all else of an answer.

        What is loaded now stays, so collecting garbage need not walk through it again and again.
        """
        super().load_wsgi()
        gc.collect()
        gc.freeze()
        self.wsgi: WSGIApplication = unchecked(self.app.wsgi())

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ANN401 (gunicorn's)
        """Answer a request that is none."""
        super().handle_error(req, _Instead(client), addr, exc)


def unchecked(app: "WSGIApplication") -> "WSGIApplication":
    """Return *app*, its headers not looked at where it `Made` them; they are of a GET or HEAD, with a length, or of a 304."""

    def answer(environ: "WSGIEnvironment", start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 (a method of gunicorn's response)
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401 (as in WSGI)
            if not isinstance(headers, Made):
                return start_response(status, headers, exc_info)
            response = start_response.__self__
            response.status, response.status_code, response.headers = status, int(status[:3]), headers.block
            response.response_length = headers.length
            response._omits_body = headers.length is None or environ["REQUEST_METHOD"] == "HEAD"  # noqa: SLF001
            return response.write

        return app(environ, start)

    return answer


class _Instead:
    """A connection on which an error page is to be written; ours is written instead of it."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 (a socket, or what gunicorn made of it)
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._connection, name)

    def sendall(self, page: bytes) -> None:
        """Send our page with the status of *page*."""
        headers = headers_of("text/plain", is_indexed=False, is_linking=False)
        headers |= {"Content-Type": TEXT, "Content-Length": str(len(_BODY)), "Cache-Control": "no-store", "Connection": "close"}
        lines = [page.partition(b"\r\n")[0].decode("latin-1"), *(f"{name}: {value}" for name, value in headers.items())]
        self._connection.sendall("\r\n".join((*lines, "", "")).encode() + _BODY)
