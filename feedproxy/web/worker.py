"""The server's worker: what it refuses before the application sees it is answered as plainly, and with the same headers."""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from feedproxy.web.answers import TEXT
from feedproxy.web.gate import headers_of

_BODY = b"this is no request that can be answered\n"


class Worker(ThreadWorker):  # type: ignore[misc] # no types are published
    """gunicorn's threaded worker, but for its own error pages, which quote what was sent and say nothing to browsers."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ANN401 (gunicorn's)
        """Answer a request that is none."""
        super().handle_error(req, _Instead(client), addr, exc)


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
