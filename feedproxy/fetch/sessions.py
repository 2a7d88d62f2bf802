"""HTTP sessions: the headers of every request, and the response caches."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests_cache import EXPIRE_IMMEDIATELY, CachedSession
from requests_cache.backends.base import BaseCache
from requests_cache.backends.sqlite import SQLiteCache, SQLiteDict

from feedproxy import __version__
from feedproxy.configuration.settings import Settings
from feedproxy.fetch.bodies import ACCEPT_ENCODING
from feedproxy.fetch.pace import Pace
from feedproxy.fetch.transport import GuardedAdapter
from feedproxy.model import FetchLimits

_log = logging.getLogger(__name__)
_BUSY_TIMEOUT_MS = 1_000
_DAY_S = 86_400
_ACCEPT = "text/html, application/rss+xml, application/atom+xml, application/feed+json, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Three sessions: one without a cache, one that always revalidates, one that asks once a day.

    *faults* are the exceptions that a shared cache raises while it is unavailable.
    """

    plain: requests.Session
    keeping: CachedSession
    daily: CachedSession
    faults: tuple[type[Exception], ...] = ()

    def stop_keeping(self) -> bool:
        """Stop caching; return whether caching was on until now."""
        was_keeping = not self.keeping.settings.disabled
        self.keeping.settings.disabled = self.daily.settings.disabled = True
        return was_keeping

    def close(self) -> None:
        """Close the connections and the caches."""
        self.plain.close()
        for session in (self.keeping, self.daily):
            session.close()  # type: ignore[no-untyped-call]


def open_sessions(
    settings: Settings, limits: FetchLimits, pace: Pace, cache_file: Path | None
) -> Sessions:
    """Return sessions that share a guarded adapter; without *cache_file* caches are in memory."""
    # each session has its own cache, because a session leaves its settings in its cache
    robots_file = cache_file.with_name(f"robots-{cache_file.name}") if cache_file else None
    if cache_file and settings.redis_url:
        listings, robots, faults = _open_shared(settings.redis_url)
    else:
        listings, robots, faults = _open_cache(cache_file), _open_cache(robots_file), ()
    sessions = Sessions(requests.Session(), _keeping(listings), _daily(robots), faults)
    adapter = GuardedAdapter(limits, settings.origins, pace)
    for session in (sessions.plain, sessions.keeping, sessions.daily):
        _prepare(session, settings, limits, adapter)
    return sessions


def _prepare(
    session: requests.Session, settings: Settings, limits: FetchLimits, adapter: GuardedAdapter
) -> None:
    session.headers = requests.structures.CaseInsensitiveDict(
        {
            "User-Agent": f"feedproxy/{__version__}"
            + (f" (operated by {settings.contact})" if settings.contact else ""),
            "Accept": _ACCEPT,
            "Accept-Encoding": ACCEPT_ENCODING,
        }
    )
    session.trust_env = False
    session.max_redirects = limits.max_redirects
    session.proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}
    session.mount("http://", adapter)
    session.mount("https://", adapter)


def _keeping(backend: BaseCache) -> CachedSession:
    """Return a session that sends a request each time, a conditional one where it can.

    Every cached response expires immediately: requests-cache would serve an unexpired response
    whenever upstream fails. Articles bypass this session, because requests-cache 1.3 stores
    responses even where a request says DO_NOT_CACHE.
    """
    return CachedSession(
        backend=backend,
        expire_after=EXPIRE_IMMEDIATELY,
        always_revalidate=True,
        cache_control=False,
        stale_if_error=False,
        allowable_codes=(200,),
        allowable_methods=("GET",),
    )


def _daily(backend: BaseCache) -> CachedSession:
    """Return a session that caches for a day, for robots.txt; error responses are cached, too."""
    return CachedSession(
        backend=backend,
        expire_after=_DAY_S,
        cache_control=False,
        stale_if_error=False,
        allowable_codes=(200, 401, 403, 404, 410),
        allowable_methods=("GET",),
    )


def _open_cache(file: Path | None) -> BaseCache:
    """Return the cache in *file*, or one in memory; a broken file is renamed to ``*.broken``.

    A cache only saves work, so no failure here is an error: without a usable file the cache is in
    memory until the next start.
    """
    if file is None:
        return BaseCache()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if fault := _fault_of(file):
            aside = file.with_suffix(".broken")
            _log.warning("%s: %s; renamed to %s", file, fault, aside.name)
            file.replace(aside)
        return _Cache(file)
    except (sqlite3.Error, OSError) as e:
        _log.warning("%s: %s; not used until the next start", file, e)
        return BaseCache()


def _open_shared(redis_url: str) -> tuple[BaseCache, BaseCache, tuple[type[Exception], ...]]:
    """Return two caches in Redis, and the exceptions that they raise while it is unavailable.

    A cache keeps one response for each URL.
    """
    from requests_cache.backends.redis import RedisCache  # noqa: PLC0415 (an optional dependency)

    from feedproxy import redis_backend  # noqa: PLC0415

    client = redis_backend.connect(redis_url)
    listings, robots = (
        RedisCache(f"feedproxy:{name}", connection=client, serializer="json", ttl=False)
        for name in ("listings", "robots")
    )
    return listings, robots, (redis_backend.RedisError,)


def _fault_of(file: Path) -> str:
    """Return what is broken in a cache file, "" if nothing is.

    Raises:
        sqlite3.Error: the file can't be checked, because it is locked or the disk is full.

    """
    with closing(sqlite3.connect(file, timeout=_BUSY_TIMEOUT_MS / 1000)) as connection:
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as e:
            return str(e)
    return "" if found == ("ok",) else str(found[0])


class _CacheTable(SQLiteDict):
    """A cache table that raises an error if another process locks its file for too long.

    requests-cache 1.3 would wait without end and without a message.
    """

    @contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        with self._lock:
            connection = self._connection
            assert connection is not None  # noqa: S101 (the library has just opened it)
            connection.execute("BEGIN IMMEDIATE")
            self._active_transaction = True
            try:
                yield
                connection.commit()
            except sqlite3.Error:
                connection.rollback()
                raise
            finally:
                self._active_transaction = False


class _Cache(SQLiteCache):
    """A cache of such tables, in one SQLite file."""

    def __init__(self, file: Path) -> None:
        # skips the constructor of SQLiteCache, which would make tables of its own
        super(SQLiteCache, self).__init__(cache_name=str(file))
        options: dict[str, Any] = {"wal": True, "busy_timeout": _BUSY_TIMEOUT_MS}
        self.responses = _CacheTable(file, table_name="responses", serializer="json", **options)
        self.redirects = _CacheTable(
            file,
            table_name="redirects",
            serializer=None,
            lock=self.responses._lock,  # noqa: SLF001
            **options,
        )
