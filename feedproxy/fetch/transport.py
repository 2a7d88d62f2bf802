"""The last step to the network: where a host is really reached, and which addresses are never reached.

Every connection of a session goes through one of these adapters: redirects, listings, articles alike.
"""

import ipaddress
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from feedproxy.fetch.bodies import BodyError, read_body
from feedproxy.model import FetchLimits

PORTS = (80, 443)


class RefusedError(requests.exceptions.InvalidURL):
    """An address that is not to be reached; says why."""


class UnusableBodyError(requests.exceptions.ContentDecodingError):
    """A body that can't be taken; says why."""


def public_address(host: str, port: int) -> str:
    """Return a public IP address of *host*; refuse loopback, private, link-local, reserved and shared ones.

    Raises:
        RefusedError: the host has another address only, or the port is not a web server's.
        OSError: the name can't be resolved.

    """
    if port not in PORTS:
        raise RefusedError(f"port {port} is not 80 or 443")
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    public = [address for address in found if ipaddress.ip_address(address.partition("%")[0]).is_global]
    if not public:
        raise RefusedError(f"{host} is at {', '.join(dict.fromkeys(found))}, which is no public address")
    return public[0]


class _Checked:
    """Connects to the very address that was checked, so that no second look-up can give another.

    A certificate is still checked against the name, not the address.
    """

    def _new_conn(self: Any) -> socket.socket:
        host = self._dns_host
        self._dns_host = public_address(host, self.port)
        try:
            connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        finally:
            self._dns_host = host
        return connection


class _CheckedHTTPConnection(_Checked, HTTPConnection):
    pass


class _CheckedHTTPSConnection(_Checked, HTTPSConnection):
    pass


class _CheckedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _CheckedHTTPConnection


class _CheckedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPSConnection


class _WholeBodyAdapter(HTTPAdapter):
    """Takes bodies itself: in time, within the limit, whole."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits
        super().__init__(pool_maxsize=limits.articles_at_once, pool_block=True)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Send *request* and take the answer's body."""
        deadline = time.monotonic() + self._limits.total_timeout_s
        kwargs["stream"] = True
        response = super().send(request, *args, **kwargs)
        self._take(response, deadline)
        return response

    def _take(self, response: requests.Response, deadline: float) -> None:
        encoding = response.headers.pop("Content-Encoding", "")
        try:
            body = read_body(
                response.raw, encoding, max_bytes=self._limits.max_body_bytes, expired=lambda: time.monotonic() > deadline
            )
        except BodyError as e:
            response.raw.close()
            raise UnusableBodyError(str(e)) from e
        except HTTPError as e:
            response.raw.close()
            raise UnusableBodyError(f"body was cut off: {e}") from e
        response.raw.release_conn()
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]  # noqa: SLF001


class GuardedAdapter(_WholeBodyAdapter):
    """Reaches hosts at their public addresses only; behind a proxy the proxy is reached, and it looks up names."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Have every connection checked."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _CheckedHTTPPool, "https": _CheckedHTTPSPool}


class OriginAdapter(_WholeBodyAdapter):
    """Reaches one host at the origin that the operator named, whatever its address; its own address stays in the answer."""

    def __init__(self, origin: str, limits: FetchLimits) -> None:
        self._origin = origin
        super().__init__(limits)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Send *request* to the origin, past any proxy."""
        kwargs["proxies"] = {}
        sent, parts = request.copy(), urlsplit(request.url or "")
        sent.headers["Host"] = parts.netloc
        sent.url = self._origin + (request.url or "").removeprefix(f"{parts.scheme}://{parts.netloc}")
        response = super().send(sent, *args, **kwargs)
        response.request, response.url = request, request.url or ""
        return response
