"""The processes of `stampbot run`, as it saw them a moment ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import redis

from bot.store.codec import decode, encode
from bot.store.keys import Keys
from bot.store.soft import soft

_KEPT_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """One process: whether it runs, and how often it was started again."""

    name: str
    up: bool
    restarts: int


class ProcessStates:
    """Nothing here raises redis.RedisError."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._key = keys.processes()

    @soft(None)
    def note(self, states: tuple[ProcessState, ...]) -> None:
        """Write them down, for 30 seconds: what nothing renews any more is not shown."""
        self._redis.set(self._key, encode(states), ex=_KEPT_S)

    @soft(())
    def all(self) -> tuple[ProcessState, ...]:
        """The states, in the order of starting. Empty: there is no `stampbot run`, or Redis is away."""
        return decode(self._redis.get(self._key), tuple[ProcessState, ...]) or ()
