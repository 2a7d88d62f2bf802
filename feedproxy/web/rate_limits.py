"""Rate limits per client, over windows of a minute, in Redis for all web nodes or in memory."""

import time

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

# After an error Redis is not used for this long.
_REST_S = 5.0
# The time limit for Redis, so that requests are not delayed longer.
_PATIENCE_S = 0.5


class RateLimiter:
    """Counts in Redis; while that fails, or without Redis, in this process's memory."""

    def __init__(self, redis_url: str = "") -> None:
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = _open(redis_url) if redis_url else None
        self._rests_until = 0.0

    def hit(self, rule: RateLimitItem, *who: str) -> bool:
        """Count an action of a client, and return whether it is within the limit."""
        if self._shared and time.monotonic() >= self._rests_until:
            try:
                return self._shared.hit(rule, *who)
            except StorageError:
                self._rests_until = time.monotonic() + _REST_S
        return self._own.hit(rule, *who)


def _open(redis_url: str) -> MovingWindowRateLimiter:
    waits = {"socket_connect_timeout": _PATIENCE_S, "socket_timeout": _PATIENCE_S}
    storage = storage_from_string(
        redis_url.replace("unix://", "redis+unix://"),
        wrap_exceptions=True,
        key_prefix="feedproxy:limits",
        **waits,
    )
    return MovingWindowRateLimiter(storage)
