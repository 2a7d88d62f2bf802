"""Sessions: what is sent with every request, and what is kept of the answers."""

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
    """One that keeps nothing, one that keeps answers and asks again each time, and one that asks once a day.

    *faults* are raised while a cache that is shared is away.
    """

    plain: requests.Session
    keeping: CachedSession
    daily: CachedSession
    faults: tuple[type[Exception], ...] = ()

    def stop_keeping(self) -> bool:
        """Keep nothing from now on; return whether anything was kept until now."""
        was_keeping = not self.keeping.settings.disabled
        self.keeping.settings.disabled = self.daily.settings.disabled = True
        return was_keeping

    def close(self) -> None:
        """Close connections and cache."""
        self.plain.close()
        for session in (self.keeping, self.daily):
            session.close()  # type: ignore[no-untyped-call]


def open_sessions(
    settings: Settings, limits: FetchLimits, pace: Pace, cache_file: Path | None
) -> Sessions:
    """Return sessions over one guarded way to the network; without *cache_file* nothing is kept on disk."""
    # one cache each, as a session leaves its settings there
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
        allowable_codes=(200,),
        allowable_methods=("GET",),
    )


def _daily(backend: BaseCache) -> CachedSession:
    """Return a session that asks once a day, for what changes seldom; that it is not there is an answer, too."""
    return CachedSession(
        backend=backend,
        expire_after=_DAY_S,
        cache_control=False,
        stale_if_error=False,
        allowable_codes=(200, 401, 403, 404, 410),
        allowable_methods=("GET",),
    )


def _open_cache(file: Path | None) -> BaseCache:
    """Return the cache in *file*, or in memory; a file that is broken is put aside, as it only saves work."""
    if file is None:
        return BaseCache()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if fault := _fault_of(file):
            aside = file.with_suffix(".broken")
            _log.warning("%s: %s; put aside as %s", file, fault, aside.name)
            file.replace(aside)
        return _Cache(file)
    except (sqlite3.Error, OSError) as e:
        _log.warning("%s: %s; nothing is kept there until the next start", file, e)
        return BaseCache()


def _open_shared(redis_url: str) -> tuple[BaseCache, BaseCache, tuple[type[Exception], ...]]:
    """Return two caches in Redis, and what they raise while that is away; one answer is kept for each address."""
    from requests_cache.backends.redis import RedisCache  # noqa: PLC0415 (its library is only where it is needed)

    from feedproxy import redis_backend  # noqa: PLC0415

    client = redis_backend.connect(redis_url)
    listings, robots = (
        RedisCache(f"feedproxy:{name}", connection=client, serializer="json", ttl=False)
        for name in ("listings", "robots")
    )
    return listings, robots, (redis_backend.RedisError,)


def _fault_of(file: Path) -> str:
    """Return what is broken in a cache; one that is locked, or on a full disk, is not.

    Raises:
        sqlite3.Error: it can't be looked at.

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
    """A table that is given up when another process holds its file: requests-cache 1.3 would wait for ever, and say nothing."""

    @contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        with self._lock:
            connection = self._connection
            assert connection is not None  # noqa: S101 (as the library has just opened it)
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
    """A cache of such tables."""

    def __init__(self, file: Path) -> None:
        super(SQLiteCache, self).__init__(
            cache_name=str(file)
        )  # whose own tables would be made at once
        form: dict[str, Any] = {"wal": True, "busy_timeout": _BUSY_TIMEOUT_MS}
        self.responses = _CacheTable(file, table_name="responses", serializer="json", **form)
        self.redirects = _CacheTable(
            file,
            table_name="redirects",
            serializer=None,
            lock=self.responses._lock,  # noqa: SLF001
            **form,
        )
