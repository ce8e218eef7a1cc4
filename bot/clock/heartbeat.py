"""The heartbeat of the clock: without a clock no comment and no new commit is noticed, and nothing else shows that it is gone.

Workers and probers have heartbeats of RQ. Redis measures the age, so the clocks of two machines are never compared.
"""

from __future__ import annotations

from math import inf
from typing import Final

import redis

from bot.store.keys import Keys

BEAT_S: Final = 20.0
"""A clock writes its heartbeat at least so often, however seldom it enqueues."""
_KEPT_S: Final = 30 * 86400


class Heartbeat:
    """When a clock of this installation wrote its last heartbeat."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._key = keys.heartbeat()

    def beat(self) -> None:
        """Write the heartbeat. Raises redis.RedisError."""
        self._redis.set(self._key, "1", ex=_KEPT_S)

    def silent_s(self) -> float | None:
        """Seconds since the last heartbeat; infinite: none since Redis was wiped, or for a month. None: Redis is away."""
        try:
            left_ms = int(self._redis.pttl(self._key))
        except redis.RedisError:
            return None
        return max(0.0, _KEPT_S - left_ms / 1000) if left_ms >= 0 else inf
