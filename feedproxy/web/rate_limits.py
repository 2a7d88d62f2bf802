"""How often a client may do what costs something: windows of a minute, of all web nodes in Redis, else of this process."""

import time

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

# A Redis that is away is not asked for every request.
_REST_S = 5.0
# Nobody waits longer to be counted.
_PATIENCE_S = 0.5


class RateLimiter:
    """Counts in Redis; while that is away, as where there is none, in memory: no reader waits for it."""

    def __init__(self, redis_url: str = "") -> None:
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = _open(redis_url) if redis_url else None
        self._rests_until = 0.0

    def hit(self, rule: RateLimitItem, *who: str) -> bool:
        """Count something that a client does, and return whether it may."""
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
