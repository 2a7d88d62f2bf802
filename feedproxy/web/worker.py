"""The server's worker: one greenlet for each connection, so that slow clients hold up nobody."""

from typing import Any

from gunicorn.workers.ggevent import GeventWorker

from feedproxy.web import counters
from feedproxy.web.access import headers_of
from feedproxy.web.responses import NO_STORE, TEXT

_BODY = b"bad request\n"
# How long a client may take to read what is sent to it at once: a feed of 1 MB at 17 KB a second.
_SEND_S = 60


class Worker(GeventWorker):  # type: ignore[misc] # no types are published
    """gunicorn's gevent worker with error pages of ours; its own repeat what the client sent."""

    def init_process(self) -> None:
        """Give the process its row of counters."""
        counters.take_row(self.age)
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:  # noqa: ANN401 (gunicorn's)
        """Serve a connection, with a deadline for each write."""
        client.settimeout(_SEND_S)
        super(GeventWorker, self).handle(
            listener, client, addr
        )  # its own would remove the deadline

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:  # noqa: ANN401 (the same)
        """Answer a request; close the connection of a client that does not read."""
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as e:
            raise StopIteration from e  # how gunicorn's handlers say that a connection ends

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ANN401 (gunicorn's)
        """Answer a request that can't be parsed."""
        super().handle_error(req, _ErrorPage(client), addr, exc)


class _ErrorPage:
    """A connection that sends our error page in place of the one written to it."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 (a socket)
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._connection, name)

    def sendall(self, page: bytes) -> None:
        """Send our page with the status of *page*."""
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
