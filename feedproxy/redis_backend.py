"""State that several machines share in Redis: the request budgets of hosts, and the leader's lease.

The only module that makes Redis clients. All times are by Redis' own clock, so the clocks of the
machines may differ; returned times are converted to the caller's clock. Each operation is one Lua
script, which Redis runs atomically. Every method raises StoreError while Redis is unavailable.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from feedproxy.errors import StoreError
from feedproxy.model import LONGEST_DELAY, LONGEST_QUEUE, LONGEST_QUIET, MOST_QUEUED

__all__ = ["RedisBudget", "RedisError", "RedisLease", "connect"]

_log = logging.getLogger(__name__)
_PREFIX = "feedproxy"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A slot for requests to a host expires this long after its process died; its holder renews it three
# times within that period.
_PLACE_S, _RENEWALS = 15.0, 3
# Seconds between two attempts of a waiting process to take a slot. A released slot wakes a waiting
# process; a slot that expires wakes none.
_LOOK_S = 1

# The current time in microseconds, by the caller's clock in tests and by Redis' clock otherwise.
# Lua's numbers, which are doubles, hold such values exactly until the year 2255.
_NOW = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local function moment(key, field) return tonumber(redis.call('HGET', key, field) or '') or 0 end
local function put(key, field, value) \
redis.call('HSET', key, field, string.format('%.0f', value)) end
"""
_RESERVE = (
    _NOW
    + """
local host, gap, most_quiet, longest = \
ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local next_at, quiet = moment(KEYS[1], host), moment(KEYS[2], host)
local is_believed = next_at <= now + longest
if is_believed and quiet > now and quiet <= now + most_quiet then return {now, now, quiet} end
local start = now
if is_believed and next_at > now then start = next_at end
put(KEYS[1], host, start + gap)
redis.call('HDEL', KEYS[2], host)
return {now, start, 0}
"""
)
_HOLD = (
    _NOW
    + """
local host, until_at, longest, day = \
ARGV[2], now + tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local quiet = moment(KEYS[2], host)
if moment(KEYS[1], host) > now + longest then put(KEYS[1], host, now)
elseif quiet > until_at and quiet <= now + day then until_at = quiet end
put(KEYS[2], host, until_at)
"""
)
_QUIET = _NOW + "return {now, redis.call('HGETALL', KEYS[1])}"
_LEAD = (
    _NOW
    + """
local lease, ends = tonumber(ARGV[3]), moment(KEYS[1], 'until')
local is_mine = redis.call('HGET', KEYS[1], 'owner') == ARGV[2]
if not is_mine and ends > now and ends <= now + 2 * lease then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2])
put(KEYS[1], 'until', now + lease)
return 1
"""
)
_RESIGN = "if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_TAKE_PLACE = (
    _NOW
    + """
local place = tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 2 * place, '+inf')
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + place), ARGV[2])
return 1
"""
)
_KEEP_PLACE = (
    _NOW + "redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[3])), ARGV[2])"
)
_FREE_PLACE = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('LPUSH', KEYS[2], 1)
redis.call('LTRIM', KEYS[2], 0, 15)
redis.call('EXPIRE', KEYS[2], 60)
"""


def connect(url: str) -> Redis:
    """Return a client for the Redis at *url*; it connects on first use and reconnects if needed."""
    patience = Retry(ExponentialBackoff(cap=0.5, base=0.05), 2)
    client: Redis = Redis.from_url(
        url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30, retry=patience
    )
    return client


class _Scripts:
    """Runs Lua scripts in Redis; with *is_test* the time is the caller's, not Redis' own."""

    def __init__(self, client: Redis, *, is_test: bool) -> None:
        self.client, self._is_test = client, is_test

    def run(self, script: str, keys: tuple[str, ...], *arguments: str | float) -> Any:  # noqa: ANN401 (depends on the script)
        try:
            return self.client.register_script(script)(
                keys=[f"{_PREFIX}:{key}" for key in keys], args=[*arguments]
            )
        except RedisError as e:
            raise StoreError(f"redis: {e}") from e

    def now(self, caller: datetime) -> int | str:
        return _microseconds(caller - _EPOCH) if self._is_test else ""

    def wait(self, key: str) -> None:
        try:
            self.client.blpop([f"{_PREFIX}:{key}"], timeout=_LOOK_S)
        except RedisError as e:
            raise StoreError(f"redis: {e}") from e


class RedisLease:
    """Implements `store.coordination.Lease` in Redis."""

    def __init__(self, client: Redis, *, is_test: bool = False) -> None:
        self._scripts = _Scripts(client, is_test=is_test)

    def lead(self, owner: str, now: datetime, until: datetime) -> bool:
        """See `store.coordination.Lease`."""
        return bool(
            self._scripts.run(
                _LEAD, ("lease",), self._scripts.now(now), owner, _microseconds(until - now)
            )
        )

    def resign(self, owner: str) -> None:
        """See `store.coordination.Lease`."""
        self._scripts.run(_RESIGN, ("lease",), owner)

    def leader(self) -> tuple[str, datetime] | None:
        """See `store.coordination.Lease`."""
        owner, until = self._scripts.run(
            "return redis.call('HMGET', KEYS[1], 'owner', 'until')", ("lease",)
        )
        return (owner.decode(), _EPOCH + int(until) * _MICROSECOND) if owner and until else None


class RedisBudget:
    """Implements `fetch.Budget` in Redis, shared by all workers on all machines."""

    def __init__(self, client: Redis, *, is_test: bool = False) -> None:
        self._scripts = _Scripts(client, is_test=is_test)
        self._held: dict[str, str] = {}
        self._lock = threading.Lock()
        self._keeper: threading.Thread | None = None

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        """See `fetch.Budget`."""
        gap = timedelta(seconds=gap_s)
        most_quiet, longest = timedelta(seconds=most_quiet_s), max(LONGEST_QUEUE, MOST_QUEUED * gap)
        spans = [_microseconds(span) for span in (gap, most_quiet, longest)]
        there, start, quiet = self._scripts.run(
            _RESERVE, ("next", "quiet"), self._scripts.now(now), host, *spans
        )
        return now + (start - there) * _MICROSECOND, now + (
            quiet - there
        ) * _MICROSECOND if quiet else None

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        """See `fetch.Budget`."""
        spans = [
            _microseconds(span)
            for span in (until - now, MOST_QUEUED * LONGEST_DELAY, LONGEST_QUIET)
        ]
        self._scripts.run(_HOLD, ("next", "quiet"), self._scripts.now(now), host, *spans)

    def quiet(self, now: datetime) -> dict[str, datetime]:
        """See `fetch.Budget`."""
        there, pairs = self._scripts.run(_QUIET, ("quiet",), self._scripts.now(now))
        found = {
            pairs[at].decode(): (int(pairs[at + 1]) - there) * _MICROSECOND
            for at in range(0, len(pairs), 2)
        }
        return {
            host: now + span for host, span in found.items() if timedelta(0) < span <= LONGEST_QUIET
        }

    @contextmanager
    def slot(self, host: str, at_once: int) -> Iterator[None]:
        """See `fetch.Budget`.

        A slot is a lease that its process renews, so it expires soon after its process died.
        """
        member, key = uuid.uuid4().hex, f"places:{host}"
        while not self._scripts.run(_TAKE_PLACE, (key,), "", member, at_once, _PLACE_S * 1e6):
            self._scripts.wait(f"freed:{host}")
        self._keep(member, key)
        try:
            yield
        finally:
            with self._lock:
                del self._held[member]
            try:
                self._scripts.run(_FREE_PLACE, (key, f"freed:{host}"), member)
            except StoreError as e:
                _log.debug("%s; the slot expires by itself", e)

    def _keep(self, member: str, key: str) -> None:
        with self._lock:
            self._held[member] = key
            # the thread does not survive a fork, so a child process starts its own
            if self._keeper is None or not self._keeper.is_alive():
                self._keeper = threading.Thread(target=self._renew, daemon=True)
                self._keeper.start()

    def _renew(self) -> None:
        """Renew all held slots, until none is held."""
        rest = threading.Event()
        while not rest.wait(_PLACE_S / _RENEWALS):
            with self._lock:
                if not self._held:
                    self._keeper = None
                    return
                try:
                    for member, key in self._held.items():
                        self._scripts.run(_KEEP_PLACE, (key,), "", member, _PLACE_S * 1e6)
                except StoreError as e:
                    _log.debug("%s; slots are not renewed", e)


def _microseconds(span: timedelta) -> int:
    return span // _MICROSECOND
