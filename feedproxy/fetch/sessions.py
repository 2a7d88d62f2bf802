"""Sessions: what is sent with every request, and what is kept of the answers."""

import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests
from requests_cache import EXPIRE_IMMEDIATELY, CachedSession
from requests_cache.backends.base import BaseCache
from requests_cache.backends.sqlite import SQLiteCache

from feedproxy import __version__
from feedproxy.fetch.bodies import ACCEPT_ENCODING
from feedproxy.fetch.pace import Pace
from feedproxy.fetch.transport import GuardedAdapter
from feedproxy.model import FetchLimits
from feedproxy.settings import Settings

_log = logging.getLogger(__name__)
_BUSY_TIMEOUT_MS = 30_000
_DAY_S = 86_400
_ACCEPT = "text/html, application/rss+xml, application/atom+xml, application/feed+json, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Sessions:
    """One that keeps nothing, one that keeps answers and asks again each time, and one that asks once a day."""

    plain: requests.Session
    keeping: CachedSession
    daily: CachedSession

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


def open_sessions(settings: Settings, limits: FetchLimits, pace: Pace, cache_file: Path | None) -> Sessions:
    """Return sessions over one guarded way to the network; without *cache_file* nothing is kept on disk."""
    # one cache each, as a session leaves its settings there
    robots_file = cache_file.with_name(f"robots-{cache_file.name}") if cache_file else None
    sessions = Sessions(requests.Session(), _keeping(_open_cache(cache_file)), _daily(_open_cache(robots_file)))
    adapter = GuardedAdapter(limits, settings.origins, pace)
    for session in (sessions.plain, sessions.keeping, sessions.daily):
        _prepare(session, settings, limits, adapter)
    return sessions


def _prepare(session: requests.Session, settings: Settings, limits: FetchLimits, adapter: GuardedAdapter) -> None:
    session.headers = requests.structures.CaseInsensitiveDict(
        {
            "User-Agent": f"feedproxy/{__version__}" + (f" (operated by {settings.contact})" if settings.contact else ""),
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
