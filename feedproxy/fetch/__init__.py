"""HTTP client for upstream: sessions, response cache, address guard, limits, request rates.

The only package that imports requests and requests_cache. All network access goes through it. It
makes no decisions about the content that it fetches.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from feedproxy import urls
from feedproxy.configuration.settings import Settings
from feedproxy.errors import DeniedError, FetchError, GoneError, NotAskedError, StoreError
from feedproxy.fetch.bodies import Kind
from feedproxy.fetch.guard import RefusedError
from feedproxy.fetch.headers import conditions, fresh_seconds, retry_after, sent_at, validators_in
from feedproxy.fetch.local import Folders, is_local
from feedproxy.fetch.messages import describe_failure, is_silence
from feedproxy.fetch.pace import Budget, Pace, QuietError
from feedproxy.fetch.robots import Rules
from feedproxy.fetch.sessions import Sessions, open_sessions
from feedproxy.fetch.webhook import Hub, Webhook
from feedproxy.fetch.wire import Download, download
from feedproxy.model import FetchLimits, Mirror, Page, Robots, Url, Validators

__all__ = ["Budget", "Fetcher", "HttpFetcher", "Hub", "Webhook", "open_fetcher"]

_log = logging.getLogger(__name__)

# Exceptions that a request may raise: of requests, of urllib3 below it, and for invalid host names.
_FOREIGN = (requests.RequestException, HTTPError, OSError, UnicodeError)
_OK, _NOT_MODIFIED, _TOO_MANY, _SERVER_ERROR = 200, 304, 429, 500
_ERRORS: Mapping[int, type[FetchError]] = {
    **dict.fromkeys((401, 402, 403, 451), DeniedError),
    **dict.fromkeys((404, 410), GoneError),
}
_BUSY = (_TOO_MANY, 503)
_PERMANENT = (301, 308)
# A URL in a message may be a megabyte long.
_MAX_SHOWN = 300
# The reason phrase of a response is upstream's text, too.
_MAX_PHRASE = 60
_ROBOTS_AGE, _ROBOTS_RETRY = timedelta(days=1), timedelta(minutes=10)


class Fetcher(Protocol):
    """What the ingest package needs of the network."""

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        """Return the page at *url*; with *keep* cache it for a conditional request next time.

        Raises:
            FetchError: there was no usable response.

        """

    def fetch_picture(self, url: Url) -> bytes:
        """Return the picture at *url*; raises as `fetch` does."""

    def refetch(self, url: Url, known: Validators) -> Page | None:
        """Return the page at *url*, None if *known* still validates it; raises as `fetch` does."""

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return the number of requests by host and outcome since the last call."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """The hosts that a request may go to, and the kind of body that is looked for."""

    hosts: frozenset[str]
    kind: Kind


class HttpFetcher:
    """Fetches from the hosts of configured sites within their request rates.

    *secret*, the proxy's password, is masked in error messages.
    """

    def __init__(
        self,
        sessions: Sessions,
        hosts: frozenset[str],
        picture_hosts: frozenset[str],
        limits: FetchLimits,
        pace: Pace,
        *,
        folders: Folders,
        secret: str = "",
    ) -> None:
        self._sessions, self._pace = sessions, pace
        self._pages, self._pictures = (
            _Accepted(hosts, Kind.TEXT),
            _Accepted(hosts | picture_hosts, Kind.PICTURE),
        )
        self._limits, self._secret, self._folders = limits, secret, folders
        self._robots: dict[str, tuple[Rules, datetime]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._reported: set[str] = set()

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        """See `Fetcher`."""
        if is_local(url):
            return self._local(url)
        return self._page(
            url,
            *self._ask(
                self._sessions.keeping if keep else self._sessions.plain, url, {}, self._pages
            ),
        )

    def fetch_picture(self, url: Url) -> bytes:
        """See `Fetcher`."""
        if is_local(url):
            return self._local(url).body
        return self._page(url, *self._ask(self._sessions.plain, url, {}, self._pictures)).body

    def refetch(self, url: Url, known: Validators) -> Page | None:
        """See `Fetcher`."""
        if is_local(url):
            return self._folders.read(url, known)
        conditional = conditions(known)
        response, is_moved = self._ask(self._sessions.plain, url, conditional, self._pages)
        is_same = conditional and response.status_code == _NOT_MODIFIED
        return None if is_same else self._page(url, response, is_moved)

    def counts(self) -> dict[tuple[str, str], int]:
        """See `Fetcher`."""
        return self._pace.take_counts()

    def close(self) -> None:
        """Close the connections and the cache."""
        self._sessions.close()

    def _local(self, url: Url) -> Page:
        page = self._folders.read(url)
        assert page is not None  # noqa: S101 (None is for known validators only)
        return page

    def _page(self, url: Url, response: requests.Response, is_moved: bool) -> Page:  # noqa: FBT001 (as `_ask` returns it)
        """Return the page in a response.

        Raises:
            FetchError: the status is not 200.

        """
        if response.status_code != _OK:
            phrase = "".join(filter(str.isprintable, response.reason or ""))[:_MAX_PHRASE]
            reason = f"answered {response.status_code} {phrase}".rstrip()
            kind = _ERRORS.get(response.status_code, FetchError)
            raise kind(url, reason, until=self._patience(response))
        return Page(
            Url(response.url),
            response.content,
            response.headers.get("Content-Type", ""),
            validators_in(response.headers),
            fresh_seconds(response.headers, self._pace.clock()),
            moved=is_moved,
            sent=sent_at(response.headers),
        )

    def _patience(self, response: requests.Response) -> datetime | None:
        """Return the end of the pause that an overloaded host asks for, None if it asks for none.

        That is a 429 (RFC 6585, 4), or a 503 with Retry-After (RFC 9110, 15.6.4).
        """
        if response.status_code not in _BUSY:
            return None
        until = retry_after(response.headers, self._pace.clock())
        is_asked = until is not None or response.status_code == _TOO_MANY
        return self._pace.rest(urls.host_of(response.url), until) if is_asked else None

    def _ask(
        self, session: requests.Session, url: Url, headers: dict[str, str], goods: _Accepted
    ) -> tuple[requests.Response, bool]:
        """Request *url* if its host and robots.txt allow that.

        Return the response, and whether it was reached by permanent redirects only.
        """
        host = urls.host_of(url)
        if host not in goods.hosts:
            raise FetchError(url, "refused: not a host of a configured site")
        self._heed_robots(url, host)
        return self._get(session, url, headers, goods)

    def _get(
        self, session: requests.Session, url: Url, headers: dict[str, str], goods: _Accepted
    ) -> tuple[requests.Response, bool]:
        host = urls.host_of(url)
        timeout = (self._limits.connect_timeout_s, self._limits.read_timeout_s)
        # only redirects of this request: a cached response has those of its own request, too
        redirects: list[int] = []

        def check(response: requests.Response, *_args: object, **_kwargs: object) -> None:
            _check_redirect(response, goods.hosts)
            redirects.extend([response.status_code] if response.is_redirect else [])

        running = download.set(Download(self._limits, goods.kind, self._limits.total_timeout_s))
        try:
            response = session.get(url, headers=headers, timeout=timeout, hooks={"response": check})
        except QuietError as e:
            raise NotAskedError(url, f"not requested: {e}", until=e.until) from e
        except sqlite3.DatabaseError as e:
            self._do_without_cache(e)
            raise FetchError(url, f"the response cache failed: {e}") from e
        except self._sessions.faults as e:
            # Redis holds the request budgets as well, so without it nothing is requested
            raise StoreError(f"redis: {e}") from e
        except _FOREIGN as e:
            if is_silence(e):
                self._pace.note_silence(host)
            raise FetchError(url, describe_failure(e, self._limits, self._secret)) from e
        finally:
            download.reset(running)
        if response.status_code not in _BUSY:
            self._pace.note_answer(host)
        return response, bool(redirects) and all(status in _PERMANENT for status in redirects)

    # -------------------------------------------------------------- robots.txt

    def _heed_robots(self, url: Url, host: str) -> None:
        """Apply the crawl delay of a host's robots.txt; report or obey what it disallows.

        Raises:
            FetchError: robots.txt is to be obeyed, and disallows *url* or is not available.

        """
        if self._limits.robots is Robots.IGNORE:
            return
        is_obeyed = self._limits.robots is Robots.OBEY
        with self._locks.setdefault(host, threading.Lock()):  # one request for all threads
            rules = self._rules_of(url, host, is_obeyed=is_obeyed)
        self._pace.slow_down(host, rules.delay_s)
        if rules.allow(url):
            return
        if is_obeyed:
            raise FetchError(url, "refused: robots.txt disallows it")
        if host not in self._reported:
            self._reported.add(host)
            _log.warning(
                '%s: robots.txt disallows it; fetch.robots = "obey" leaves such addresses alone',
                url,
            )

    def _rules_of(self, url: Url, host: str, *, is_obeyed: bool) -> Rules:
        """Return a host's rules, requested once a day.

        A robots.txt that does not exist disallows nothing (RFC 9309, 2.3.1).
        """
        rules, until = self._robots.get(host, (Rules(), None))
        now = self._pace.clock()
        if until and now < until:
            return rules
        robots_url = Url(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/robots.txt")
        try:
            response, _ = self._get(
                self._sessions.daily, robots_url, {}, _Accepted(frozenset((host,)), Kind.TEXT)
            )
        except NotAskedError:
            raise
        except FetchError as e:
            if is_obeyed:
                raise FetchError(url, f"robots.txt can't be fetched: {e.reason}") from e
            self._robots[host] = rules, now + _ROBOTS_RETRY
            return rules
        if until := self._patience(response):
            raise NotAskedError(url, f"not requested: {host} asked for a pause", until=until)
        if response.status_code == _OK:
            rules = Rules(response.content.decode("utf-8", "replace"))
        elif response.status_code >= _SERVER_ERROR and is_obeyed:
            raise FetchError(url, f"robots.txt can't be fetched: answered {response.status_code}")
        self._robots[host] = (
            rules,
            now + (_ROBOTS_RETRY if response.status_code >= _SERVER_ERROR else _ROBOTS_AGE),
        )
        return rules

    # -------------------------------------------------------------- failures

    def _do_without_cache(self, error: sqlite3.DatabaseError) -> None:
        """Stop using the cache; the next start renames the broken file."""
        if self._sessions.stop_keeping():
            _log.error("the response cache failed and is disabled: %s", error)


def open_fetcher(
    settings: Settings,
    mirror: Mirror,
    budget: Budget,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    *,
    cache_file: Path | None = None,
    more_hosts: tuple[str, ...] = (),
    more_folders: tuple[Path, ...] = (),
) -> HttpFetcher:
    """Return a fetcher for the sites of *mirror*; without *cache_file* no response is cached.

    *budget* limits the request rate of each host. *more_hosts* and *more_folders* are hosts and
    folders that the operator names on the command line; they are allowed as well.
    """
    remote = {urls.host_of(source.url) for source in mirror.sources if not is_local(source.url)}
    hosts = (
        frozenset(host for site in mirror.sites for host in site.hosts) | remote | set(more_hosts)
    )
    picture_hosts = frozenset(host for site in mirror.sites for host in site.picture_hosts)
    pace = Pace(budget, mirror.fetch, clock, sleep)
    sessions = open_sessions(settings, mirror.fetch, pace, cache_file)
    local = [
        Path(unquote(urlsplit(source.base).path))
        for source in mirror.sources
        if is_local(source.url)
    ]
    folders = Folders([*local, *more_folders], mirror.fetch.max_body_bytes)
    return HttpFetcher(
        sessions,
        hosts,
        picture_hosts,
        mirror.fetch,
        pace,
        folders=folders,
        secret=urlsplit(settings.proxy).password or "",
    )


def _check_redirect(response: requests.Response, hosts: frozenset[str]) -> None:
    """Refuse a redirect to a host that is not in *hosts*."""
    target = (
        urls.resolve(response.url, response.headers["Location"])
        if response.is_redirect
        else Url(response.url)
    )
    if target is None or urls.host_of(target) not in hosts:
        shown = repr(response.headers.get("Location", ""))[:_MAX_SHOWN]
        raise RefusedError(f"redirect to {shown}, which is not a host of a configured site")
