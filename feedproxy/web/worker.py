"""gunicorn's worker class: one greenlet per connection, so slow clients delay nobody else."""

from typing import Any

from gunicorn.workers.ggevent import GeventWorker

from feedproxy.web import counters
from feedproxy.web.access import headers_of
from feedproxy.web.responses import NO_STORE, TEXT

_BODY = b"bad request\n"
# The seconds that a client may take to read the data of one write: 1 MB at 17 KB a second.
_SEND_S = 60


class Worker(GeventWorker):  # type: ignore[misc] # no types are published
    """gunicorn's gevent worker with our error pages; gunicorn's own repeat the client's input."""

    def init_process(self) -> None:
        """Assign a row of counters to the process."""
        counters.take_row(self.age)
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:  # noqa: ANN401 (gunicorn's)
        """Serve a connection, with a time limit for each write."""
        client.settimeout(_SEND_S)
        # GeventWorker.handle would remove the time limit, so its base class is called.
        super(GeventWorker, self).handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:  # noqa: ANN401 (the same)
        """Answer a request; close the connection if the client does not read the response."""
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as e:
            raise StopIteration from e  # gunicorn's way to end a connection

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ANN401 (gunicorn's)
        """Answer a request that can't be parsed."""
        super().handle_error(req, _ErrorPage(client), addr, exc)


class _ErrorPage:
    """A connection that replaces the error page written to it by our own."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 (a socket)
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._connection, name)

    def sendall(self, page: bytes) -> None:
        """Send our error page with the status line of *page*."""
        headers = headers_of("text/plain", is_indexed=False, is_linking=False)
        headers |= {
            "Content-Type": TEXT,
            "Content-Length": str(len(_BODY)),
            "Cache-Control": NO_STORE,
            "Connection": "close",
        }
        lines = [
            page.partition(b"\r\n")[0].decode("latin-1"),
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._connection.sendall("\r\n".join((*lines, "", "")).encode() + _BODY)
