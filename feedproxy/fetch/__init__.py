"""The only door to the network: session, cache, address guard, limits, politeness.

The only room that imports requests and requests_cache. It decides nothing about what it brings.
"""

import logging
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests_cache import EXPIRE_IMMEDIATELY, CachedSession
from requests_cache.backends.base import BaseCache
from requests_cache.backends.sqlite import SQLiteCache
from urllib3.exceptions import HTTPError

from feedproxy import __version__, urls
from feedproxy.errors import FetchError, NotAskedError
from feedproxy.fetch.bodies import ACCEPT_ENCODING
from feedproxy.fetch.transport import GuardedAdapter, RefusedError, UnusableBodyError
from feedproxy.model import FetchLimits, Mirror, Page, Url
from feedproxy.settings import Settings

__all__ = ["Fetcher", "HttpFetcher", "open_fetcher"]

_log = logging.getLogger(__name__)

_BUSY_TIMEOUT_MS = 30_000
# What a request may raise: requests itself, urllib3 below it, names that are none.
_FOREIGN = (requests.RequestException, HTTPError, OSError, UnicodeError)
_OK = 200


class Fetcher(Protocol):
    """What harvest needs of the network."""

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        """Return the page at *url*; *keep* its copy for a conditional request next time.

        Raises:
            FetchError: no usable answer came.

        """

    def new_round(self) -> None:
        """Ask hosts again that were silent too often."""


class HttpFetcher:
    """Fetches from the hosts of configured sites, a few requests at a time for each host; *secret* is never told."""

    def __init__(
        self, plain: requests.Session, caching: CachedSession, hosts: frozenset[str], limits: FetchLimits, *, secret: str = ""
    ) -> None:
        self._plain, self._caching = plain, caching
        self._hosts, self._limits, self._secret = hosts, limits, secret
        self._slots: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(limits.articles_at_once))
        self._silent: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        """See `Fetcher`."""
        host = urls.host_of(url)
        if host not in self._hosts:
            raise FetchError(url, "refused: no host of a configured site")
        with self._lock:
            slot, silent = self._slots[host], self._silent[host]
        if silent >= self._limits.give_up_after:
            raise NotAskedError(url, f"not asked: {host} did not answer {silent} times running")
        with slot:
            response = self._get(url, host, keep=keep)
        if response.status_code != _OK:
            raise FetchError(url, f"answered {response.status_code} {response.reason or ''}".rstrip())
        return Page(Url(response.url), response.content, response.headers.get("Content-Type", ""))

    def new_round(self) -> None:
        """See `Fetcher`."""
        with self._lock:
            self._silent.clear()

    def close(self) -> None:
        """Close connections and cache."""
        self._plain.close()
        self._caching.close()  # type: ignore[no-untyped-call]

    def _get(self, url: Url, host: str, *, keep: bool) -> requests.Response:
        timeout = (self._limits.connect_timeout_s, self._limits.read_timeout_s)
        try:
            session: requests.Session = self._caching if keep else self._plain
            response = session.get(url, timeout=timeout, hooks={"response": self._check_redirect})
        except sqlite3.DatabaseError as e:
            self._do_without_cache(e)
            raise FetchError(url, f"the response cache failed: {e}") from e
        except _FOREIGN as e:
            with self._lock:
                self._silent[host] = self._silent[host] + 1 if _is_silence(e) else 0
            raise FetchError(url, self._in_words(e)) from e
        with self._lock:
            self._silent[host] = 0
        return response

    def _do_without_cache(self, error: sqlite3.DatabaseError) -> None:
        """Keep nothing from now on; the broken file is put aside at the next start."""
        if not self._caching.settings.disabled:
            _log.error("the response cache failed and is not used any more: %s", error)
            self._caching.settings.disabled = True

    def _check_redirect(self, response: requests.Response, *_args: object, **_kwargs: object) -> None:
        """Hold that a redirect leads to a host of a configured site."""
        target = urls.resolve(response.url, response.headers["Location"]) if response.is_redirect else Url(response.url)
        if target is None or urls.host_of(target) not in self._hosts:
            raise RefusedError(f"redirect to {response.headers.get('Location')!r}, which is no host of a configured site")

    def _in_words(self, error: Exception) -> str:
        """Say in one line what happened."""
        causes = list(_causes(error))
        refused = next((cause for cause in causes if isinstance(cause, RefusedError)), None)
        if refused:
            return f"refused: {refused}"
        if isinstance(error, UnusableBodyError):
            return str(error)
        if isinstance(error, requests.ConnectTimeout):
            return f"no connection within {self._limits.connect_timeout_s:g} s"
        if _is_silence(error):
            return f"silent for {self._limits.read_timeout_s:g} s"
        if isinstance(error, requests.TooManyRedirects):
            return f"more than {self._limits.max_redirects} redirects"
        words = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
        return f"no usable answer: {words.replace(self._secret, '***') if self._secret else words}"


def open_fetcher(
    settings: Settings, mirror: Mirror, *, cache_file: Path | None = None, more_hosts: tuple[str, ...] = ()
) -> HttpFetcher:
    """Return a fetcher for the sites of *mirror*; without *cache_file* nothing is kept on disk.

    *more_hosts* are hosts that the operator names on the command line.
    """
    hosts = frozenset(host for site in mirror.sites for host in (*site.hosts, *site.picture_hosts)) | set(more_hosts)
    adapter = GuardedAdapter(mirror.fetch, settings.origins)
    plain, caching = requests.Session(), _caching_session(_open_cache(cache_file) if cache_file else BaseCache())
    for session in (plain, caching):
        session.headers = requests.structures.CaseInsensitiveDict(
            {
                "User-Agent": f"feedproxy/{__version__}" + (f" (operated by {settings.contact})" if settings.contact else ""),
                "Accept": "text/html, application/rss+xml, application/atom+xml, application/feed+json, */*;q=0.5",
                "Accept-Encoding": ACCEPT_ENCODING,
            }
        )
        session.trust_env = False
        session.max_redirects = mirror.fetch.max_redirects
        session.proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}
        session.mount("http://", adapter)
        session.mount("https://", adapter)
    return HttpFetcher(plain, caching, hosts, mirror.fetch, secret=urlsplit(settings.proxy).password or "")


def _caching_session(backend: BaseCache) -> CachedSession:
    """Return a session that asks each time, conditionally where it can.

    Everything is expired at once: what is not would be given whenever upstream fails. Articles go past it, as
    requests-cache 1.3 stores answers even where a request says DO_NOT_CACHE.
    """
    return CachedSession(
        backend=backend,
        expire_after=EXPIRE_IMMEDIATELY,
        always_revalidate=True,
        cache_control=False,
        stale_if_error=False,
        allowable_codes=(_OK,),
        allowable_methods=("GET",),
    )


def _is_silence(error: Exception) -> bool:
    # a body that stops arriving is a ConnectionError to requests
    return isinstance(error, requests.Timeout) or "Read timed out" in str(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, down to the root."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _open_cache(file: Path) -> SQLiteCache:
    """Return the cache in *file*; a file that is broken is put aside, as it only saves work."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != ("ok",):
            raise sqlite3.DatabaseError(found[0])  # noqa: TRY301 (the same as what SQLite itself raises)
    except sqlite3.DatabaseError as e:
        aside = file.with_suffix(".broken")
        _log.warning("%s: %s; put aside as %s", file, e, aside.name)
        file.replace(aside)
    return SQLiteCache(str(file), serializer="json", wal=True, busy_timeout=_BUSY_TIMEOUT_MS)
