"""HTTP transport: where the connections to a host go, and which addresses are refused.

Every request of a session goes through `GuardedAdapter` and waits there for its slot, whether it is
for a redirect, a listing or an article.
"""

import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from feedproxy.fetch.bodies import BodyError, read_body
from feedproxy.fetch.guard import RefusedError, check_host, public_addresses
from feedproxy.fetch.pace import Pace
from feedproxy.fetch.wire import LimitError, download, watched
from feedproxy.model import FetchLimits

_OK = 200


class UnusableBodyError(requests.exceptions.ContentDecodingError):
    """A response body that is refused; the message has the reason."""


class _Checked:
    """Connects to the very addresses that were checked.

    A second look-up could return other addresses (DNS rebinding). The certificate is still verified
    for the name, not for the address.
    """

    def _new_conn(self) -> socket.socket:
        this: Any = self  # the attributes are those of the class that this is mixed into
        host, failure, patience_s = this._dns_host, None, this.timeout  # noqa: SLF001
        for address in public_addresses(host):
            this._dns_host = address  # noqa: SLF001
            try:
                this.timeout = download.get().wait_s(patience_s)
                connection: socket.socket = super()._new_conn()  # type: ignore[misc]
            except HTTPError as e:
                failure = e
            else:
                return connection
            finally:
                this._dns_host, this.timeout = host, patience_s  # noqa: SLF001
        raise failure or RefusedError(f"{host} has no address")


class _CheckedHTTPConnection(_Checked, HTTPConnection):
    pass


class _CheckedHTTPSConnection(_Checked, HTTPSConnection):
    pass


class _CheckedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _CheckedHTTPConnection


class _CheckedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPSConnection


def _watched(pools: Mapping[str, Any]) -> dict[str, Any]:
    return {scheme: watched(pool) for scheme, pool in pools.items()}


class _WholeBodyAdapter(HTTPAdapter):
    """Reads bodies itself: checks their kind, time limit, size and completeness."""

    pools: Mapping[str, Any] = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits
        super().__init__(pool_maxsize=limits.requests_at_once, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Use pools whose connections enforce time and size limits."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _watched(self.pools)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:  # noqa: ANN401
        """Use such pools for connections to a proxy, too."""
        is_new = proxy not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            manager.pool_classes_by_scheme = _watched(manager.pool_classes_by_scheme)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> requests.Response:
        """Send *request* and read the response's body."""
        kwargs["stream"] = True
        with download.get().under_way():
            response = super().send(request, *args, **kwargs)
            self._read_whole(response)
        return response

    def _read_whole(self, response: requests.Response) -> None:
        encoding = response.headers.pop("Content-Encoding", "")
        # a redirect or an error may have any body
        kind = download.get().kind if response.status_code == _OK else None
        try:
            body = read_body(response.raw, encoding, kind, max_bytes=self._limits.max_body_bytes)
        except (BodyError, LimitError) as e:
            response.raw.close()
            raise UnusableBodyError(str(e)) from e
        except HTTPError as e:
            response.raw.close()
            raise UnusableBodyError(f"body was cut off: {e}") from e
        finally:
            response.raw.release_conn()  # a closed connection occupies a place in the pool, too
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]  # noqa: SLF001


class GuardedAdapter(_WholeBodyAdapter):
    """Connects to configured hosts at their origins, and to all others at public addresses only.

    Behind a proxy the connection is to the proxy, which resolves names. The URL of a response is
    always the one that was requested, not the origin's. A request waits for its slot; QuietError
    says that requests to the host are paused.
    """

    pools: Mapping[str, Any] = {"http": _CheckedHTTPPool, "https": _CheckedHTTPSPool}

    def __init__(self, limits: FetchLimits, origins: Mapping[str, str], pace: Pace) -> None:
        self._origins, self._direct, self._pace = origins, _WholeBodyAdapter(limits), pace
        super().__init__(limits)

    def send(
        self,
        request: requests.PreparedRequest,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> requests.Response:
        """Send *request* to its host or to that host's origin; refuse forbidden ones unsent.

        Raises:
            RefusedError: the URL has a user name, a port that is not allowed or a forbidden host.
            QuietError: requests to the host are paused.

        """
        parts = urlsplit(request.url or "")
        if "@" in parts.netloc:
            raise RefusedError("an address with a user name")
        if parts.port is not None and parts.port not in self._limits.ports:
            raise RefusedError(f"port {parts.port} is not among fetch.ports")
        host = parts.hostname or ""
        if host not in self._origins:
            check_host(host)
        with self._pace.request_slot(host):
            outcome = "failed"
            try:
                response = self._send(request, *args, **kwargs)
                outcome = str(response.status_code)
            finally:
                self._pace.count(host, outcome)
        return response

    def _send(
        self,
        request: requests.PreparedRequest,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> requests.Response:
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
