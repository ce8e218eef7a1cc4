"""Counters that all processes share, for the metrics page."""

from __future__ import annotations

from collections.abc import Mapping

import redis

from bot.store.keys import Keys
from bot.store.soft import NOTHING, soft


class Counters:
    """Counts by name. They may start at zero again at any time, and nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys

    @soft(None)
    def add(self, name: str, by: int = 1) -> None:
        """Count `by` more of `name`."""
        self._redis.hincrby(self._keys.counters(), name, by)

    @soft(NOTHING)
    def all(self) -> Mapping[str, int]:
        """All counts, by name. Empty if Redis is away."""
        found = self._redis.hgetall(self._keys.counters())
        return {_text(name): int(count) for name, count in sorted(found.items())}


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
