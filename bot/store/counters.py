"""Counters that all processes share, for the metrics page."""

from __future__ import annotations

from collections.abc import Mapping

import redis

from bot.store.keys import Keys


class Counters:
    """Counts by name. They may start again from nothing at any time, and nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys

    def add(self, name: str, by: int = 1) -> None:
        """Count `by` more of `name`."""
        try:
            self._redis.hincrby(self._keys.counters(), name, by)
        except redis.RedisError:
            return

    def all(self) -> Mapping[str, int]:
        """All counts, by name. Empty if Redis is away."""
        try:
            found = self._redis.hgetall(self._keys.counters())
        except redis.RedisError:
            return {}
        return {_text(name): int(count) for name, count in sorted(found.items())}


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
