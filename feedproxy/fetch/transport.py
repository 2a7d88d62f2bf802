"""The last step to the network: where a host is really reached, and which addresses are never reached.

Every request of a session goes through `GuardedAdapter`, and has its turn there: redirects, listings, articles alike.
"""

import ipaddress
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from feedproxy.fetch.bodies import BodyError, read_body
from feedproxy.fetch.pace import Pace
from feedproxy.model import FetchLimits

PORTS = (80, 443)


class RefusedError(requests.exceptions.InvalidURL):
    """An address that is not to be reached; says why."""


class UnusableBodyError(requests.exceptions.ContentDecodingError):
    """A body that can't be taken; says why."""


def public_addresses(host: str) -> list[str]:
    """Return the public IP addresses of *host*; loopback, private, link-local, reserved and shared ones are none.

    Raises:
        RefusedError: the host has other addresses only.
        OSError: the name can't be resolved.

    """
    found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
    public = [address for address in found if ipaddress.ip_address(address.partition("%")[0]).is_global]
    if not public:
        raise RefusedError(f"{host} is at {', '.join(found)}, which is no public address")
    return public


class _Checked:
    """Connects to the very addresses that were checked, so that no second look-up can give another.

    A certificate is still checked against the name, not the address.
    """

    def _new_conn(self: Any) -> socket.socket:
        host, failure = self._dns_host, None
        for address in public_addresses(host):
            self._dns_host = address
            try:
                connection: socket.socket = super()._new_conn()  # type: ignore[misc]
            except HTTPError as e:
                failure = e
            else:
                return connection
            finally:
                self._dns_host = host
        raise failure or RefusedError(f"{host} has no address")


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
        super().__init__(pool_maxsize=limits.requests_at_once, pool_block=True)

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
        finally:
            response.raw.release_conn()  # a closed connection has a place in the pool, too
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]  # noqa: SLF001


class GuardedAdapter(_WholeBodyAdapter):
    """Reaches hosts at the origins that the operator named, all others at their public addresses only.

    Behind a proxy the proxy is reached, and it looks up names. A host's own address stays in the answer. A request may
    have to wait for its turn; QuietError says that it has none for now.
    """

    def __init__(self, limits: FetchLimits, origins: Mapping[str, str], pace: Pace) -> None:
        self._origins, self._direct, self._pace = origins, _WholeBodyAdapter(limits), pace
        super().__init__(limits)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Have every connection checked."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _CheckedHTTPPool, "https": _CheckedHTTPSPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Send *request* where its host is to be reached; refuse it before anything is sent."""
        parts = urlsplit(request.url or "")
        if "@" in parts.netloc:
            raise RefusedError("an address with a user name")
        if parts.port not in (None, *PORTS):
            raise RefusedError(f"port {parts.port} is not 80 or 443")
        host = parts.hostname or ""
        with self._pace.turn(host):
            outcome = "failed"
            try:
                response = self._send(request, *args, **kwargs)
                outcome = str(response.status_code)
            finally:
                self._pace.count(host, outcome)
        return response

    def _send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        parts = urlsplit(request.url or "")
        origin = self._origins.get(parts.hostname or "")
        if origin is None:
            return super().send(request, *args, **kwargs)
        sent = request.copy()
        sent.headers["Host"] = parts.netloc
        sent.url = origin + (request.url or "").removeprefix(f"{parts.scheme}://{parts.netloc}")
        response = self._direct.send(sent, *args, **{**kwargs, "proxies": {}})
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Close all connections."""
        self._direct.close()
        super().close()
