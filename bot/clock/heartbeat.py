"""That the clock lives: without it no comment and no new commit is noticed, and nothing else would show that it is gone.

Workers and probers say so themselves, by RQ. How long ago it was is told by Redis, so no two machines' clocks are compared.
"""

from __future__ import annotations

from math import inf
from typing import Final

import redis

from bot.store.keys import Keys

BEAT_S: Final = 20.0
"""A clock that lives says so at least so often, however seldom it knocks."""
_KEPT_S: Final = 30 * 86400


class Heartbeat:
    """When a clock was heard last, by all processes."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._key = keys.heartbeat()

    def beat(self) -> None:
        """The clock lives. Raises redis.RedisError."""
        self._redis.set(self._key, "1", ex=_KEPT_S)

    def silent_s(self) -> float | None:
        """Seconds since a clock was heard; infinite: not since Redis was wiped, or for a month. None: Redis is away."""
        try:
            left_ms = int(self._redis.pttl(self._key))
        except redis.RedisError:
            return None
        return max(0.0, _KEPT_S - left_ms / 1000) if left_ms >= 0 else inf
