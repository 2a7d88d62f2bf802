"""An HTTP cache in front of the application (RFC 9111), in the memory of one process.

It keeps complete 200 responses that the application marks with a `Validity`, by scheme, host, path,
query and the request headers that `Vary` names. It reuses them while the store's version for them
is unchanged, answers conditional requests (RFC 9110, section 13), and compresses them. All other
requests and responses pass through unchanged. If the store or the application fails, it serves the
last good response (RFC 5861, section 4).
"""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.http import http_date, is_resource_modified
from werkzeug.wsgi import ClosingIterator

from feedproxy.errors import StoreError
from feedproxy.model import Version
from feedproxy.web import counters
from feedproxy.web.encoding import choose_coding, encode

_log = logging.getLogger(__name__)
# The key in the WSGI environment under which a view leaves the `Validity` of its response.
VALIDITY = "feedproxy.validity"
# The estimated size of an entry without its bodies: its key, headers and version.
_ENTRY_BYTES = 3_000
# The variants kept of one address; more only come from forged values of request headers.
_MAX_VARIANTS = 4
# Headers that a 304 leaves out because they describe the content (RFC 9110, section 15.4.5).
_OF_CONTENT = frozenset(("Content-Type", "Content-Encoding", "Content-Length"))
# Requests for the same address wait while one of them makes a new response. Addresses are spread
# over this many locks.
_LOCKS = 64

Headers = list[tuple[str, str]]


class Key(NamedTuple):
    """What a request asks for: its origin, its path, and the query parameters that select."""

    origin: str
    path: str
    query: str


@dataclass(frozen=True, slots=True)
class Validity:
    """The time for which a response may be reused.

    It is valid while *current* returns *version*; without a version it is always valid. *current*
    raises StoreError if the store can't be read.
    """

    version: Version | None = None
    current: Callable[[], Version | None] = lambda: None


@dataclass(slots=True, eq=False)
class _Entry:
    """A stored response.

    *seen* is the value of the change counter at which it was last found valid, *size* is in bytes.
    *selecting* are the request headers that selected it, as names and values of the WSGI
    environment (RFC 9111, section 4.1).
    """

    key: Key
    headers: Headers
    bodies: dict[str, bytes]
    tag: str
    modified: datetime | None
    validity: Validity
    selecting: tuple[tuple[str, str], ...]
    size: int
    seen: int | None = None

    def matches(self, environ: WSGIEnvironment) -> bool:
        """Return whether a request selects this variant."""
        return all(environ.get(name, "") == value for name, value in self.selecting)


class ResponseCache:
    """Keeps the most recently requested responses of *app* within *max_bytes*.

    *change_counter* returns a different number after each change of the store; it is read at most
    once per *interval*. *parameters* are the query parameters that select a response; the cache key
    leaves out all others. *host* is given if responses do not depend on the host of the request; it
    then replaces scheme and host in the cache key.
    """

    def __init__(
        self,
        app: WSGIApplication,
        change_counter: Callable[[], int],
        clock: Callable[[], datetime],
        *,
        parameters: Iterable[str],
        max_bytes: int,
        interval: timedelta = timedelta(),
        host: str = "",
    ) -> None:
        self._app, self._read_counter, self._clock, self._host = app, change_counter, clock, host
        # A restart may change the configuration and so the responses. Therefore Last-Modified is
        # never earlier than the start of this process.
        self._began = clock()
        self._parameters, self._max_bytes = frozenset(parameters), max_bytes
        self._interval, self._counter = interval, (self._began - interval, 0)
        self._entries, self.size = OrderedDict[Key, list[_Entry]](), 0
        self._lock = threading.Lock()
        self._key_locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "HTTP_RANGE" in environ:
            return self._app(environ, start_response)
        key = self._key(environ)
        entry = self._find(key, environ)
        if entry is None:
            return self._forward(key, None, environ, start_response)
        if not self._is_fresh(entry):
            with self._key_locks[hash(key) % _LOCKS]:
                entry = self._find(key, environ)
                if entry is None or not self._is_fresh(entry):
                    return self._forward(key, entry, environ, start_response)
        counters.count("cached")
        return self._send(entry, environ, start_response)

    # -------------------------------------------------------------- finding

    def _key(self, environ: WSGIEnvironment) -> Key:
        query = environ.get("QUERY_STRING", "")
        if query:  # most links carry `n<ID>` (`paths.suffixed`), which selects nothing
            query = "&".join(
                part for part in query.split("&") if part.partition("=")[0] in self._parameters
            )
        host = self._host or f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
        return Key(host, environ["PATH_INFO"], query)

    def _find(self, key: Key, environ: WSGIEnvironment) -> _Entry | None:
        with self._lock:
            variants = self._entries.get(key)
            if variants is None:
                return None
            self._entries.move_to_end(key)
            return next((each for each in variants if each.matches(environ)), None)

    def _is_fresh(self, entry: _Entry) -> bool:
        """Return whether the cached response is fresh.

        It counts as fresh while the store can't be read.
        """
        validity = entry.validity
        if validity.version is None:
            return True
        try:
            counter = self._change_counter()
            if entry.seen != counter and validity.current() != validity.version:
                return False
        except StoreError as e:
            _log.error("%s; the last good response is served", e)
            return True
        except Exception:  # noqa: BLE001 (no other handler exists outside the application)
            return False  # the application will meet and report the same error
        entry.seen = counter
        return True

    def _change_counter(self) -> int:
        now, (read_at, counter) = self._clock(), self._counter
        if not read_at <= now < read_at + self._interval:  # the clock may be set back
            counter = self._read_counter()
            self._counter = now, counter
        return counter

    # -------------------------------------------------------------- storing

    def _forward(
        self,
        key: Key,
        stale: _Entry | None,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Call the application, store and send its response; send the *stale* one if it fails."""
        get = {**environ, "REQUEST_METHOD": "GET"}
        begun = list[tuple[str, Headers]]()
        chunks = self._app(get, lambda status, headers, _=None: begun.append((status, headers)))  # type: ignore[arg-type]
        (status, headers), close = begun[-1], getattr(chunks, "close", lambda: None)
        validity = get.get(VALIDITY)
        if stale is not None and status.startswith("5"):
            close()
            _log.error("the application answered %s; the last good response is served", status)
            return self._send(stale, environ, start_response)
        if not isinstance(validity, Validity) or not status.startswith("200 "):
            if status.startswith(("404 ", "410 ")):  # other statuses say nothing of the resource
                self._replace(key, [])
            start_response(status, headers)
            return ClosingIterator((), close) if environ["REQUEST_METHOD"] == "HEAD" else chunks
        body = b"".join(chunks)
        close()
        return self._send(
            self._store(key, environ, headers, body, validity), environ, start_response
        )

    def _store(
        self,
        key: Key,
        environ: WSGIEnvironment,
        headers: Headers,
        body: bytes,
        validity: Validity,
    ) -> _Entry:
        vary = [
            name.strip() for name, value in headers if name == "Vary" for name in value.split(",")
        ]
        names = ["HTTP_" + name.upper().replace("-", "_") for name in vary]
        changed = validity.version.moment if validity.version else None
        entry = _Entry(
            key=key,
            headers=[
                *(pair for pair in headers if pair[0] not in ("Content-Length", "Vary")),
                ("Vary", ", ".join(["Accept-Encoding", *vary])),
            ],
            bodies={"": body},
            tag=hashlib.sha256(body).hexdigest()[:32],
            # Last-Modified has a resolution of one second, so the time of the change is rounded up.
            modified=(max(changed, self._began) + timedelta(seconds=1)).replace(microsecond=0)
            if changed
            else None,
            validity=validity,
            selecting=tuple((name, environ.get(name, "")) for name in names),
            size=_ENTRY_BYTES + len(body),
        )
        if all(name != "Set-Cookie" for name, _ in headers):
            others = [each for each in self._entries.get(key, ()) if not each.matches(environ)]
            self._replace(key, [entry, *others][:_MAX_VARIANTS])
        return entry

    def _replace(self, key: Key, variants: list[_Entry]) -> None:
        """Replace the stored variants of an address; evict addresses above the size limit.

        The least recently requested addresses are evicted first.
        """
        with self._lock:
            self.size -= sum(each.size for each in self._entries.pop(key, ()))
            if variants:
                self._entries[key] = variants
                self.size += sum(each.size for each in variants)
            while self.size > self._max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self.size -= sum(each.size for each in dropped)

    def _encode(self, entry: _Entry, coding: str) -> bytes:
        """Return a body in a content coding; it is encoded on first use."""
        body = entry.bodies.get(coding)
        if body is None:
            body = entry.bodies[coding] = encode(entry.bodies[""], coding)
            if entry in (variants := self._entries.get(entry.key, [])):
                with self._lock:
                    entry.size += len(body)
                    self.size += len(body)
                self._replace(entry.key, variants)
        return body

    # -------------------------------------------------------------- sending

    def _send(
        self, entry: _Entry, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Send a stored response, compressed if the client accepts that, or a 304 or 412."""
        coding = choose_coding(environ.get("HTTP_ACCEPT_ENCODING", ""), entry.bodies[""])
        tag = f"{entry.tag}-{coding}" if coding else entry.tag
        headers = [*entry.headers, ("ETag", f'"{tag}"')]
        modified = entry.modified if entry.modified and entry.modified <= self._clock() else None
        if environ.get("HTTP_IF_NONE_MATCH") == headers[-1][1] or not is_resource_modified(
            environ, tag, last_modified=modified
        ):
            status = "412 PRECONDITION FAILED" if "HTTP_IF_MATCH" in environ else "304 NOT MODIFIED"
            start_response(status, [pair for pair in headers if pair[0] not in _OF_CONTENT])
            return ()
        body = self._encode(entry, coding)
        if modified:
            headers.append(("Last-Modified", http_date(modified)))
        if coding:
            headers.append(("Content-Encoding", coding))
        headers.append(("Content-Length", str(len(body))))
        start_response("200 OK", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)
