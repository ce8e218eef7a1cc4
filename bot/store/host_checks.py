"""Whether a host was found to do what the bot assumes. Lost with Redis, which costs one more check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import redis

from bot.store.codec import decode, encode
from bot.store.keys import Keys
from bot.store.soft import soft


class HostChecks:
    """When the last whole check of a host (`stampbot conformance`) passed. Nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: Keys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    @soft(None)
    def note_passed(self, hub_url: str) -> None:
        """Write down that it passed now."""
        self._redis.set(self._keys.host_check(hub_url), encode(self._now()))

    @soft(None)
    def passed_at(self, hub_url: str) -> datetime | None:
        """When it passed. None: never that is known of, or Redis is away."""
        return decode(self._redis.get(self._keys.host_check(hub_url)), datetime)
