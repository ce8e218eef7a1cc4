"""Small texts in Redis that all processes of the bot change, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import redis

from bot.store.soft import soft

TEXT_TTL_S: Final = 86400
_TRIES: Final = 50


class AtomicText:
    """One small text in Redis. Nothing here raises redis.RedisError. Safe to share between threads."""

    def __init__(self, client: redis.Redis, key: str) -> None:
        self._redis = client
        self._key = key
        # Threads of one process wait here; only processes meet in Redis.
        self._lock = threading.Lock()

    @soft(False)
    def change(self, act: Callable[[str | None, float], str]) -> bool:
        """Call `act` with the text (None: there is none) and the time of Redis, in seconds; keep what it returns.

        `act` may be called more than once, and the last call counts. False: Redis is away, and nothing is known to be kept.
        """
        with self._lock:
            return self._change(act)

    def _change(self, act: Callable[[str | None, float], str]) -> bool:
        with self._redis.pipeline() as pipe:
            for _ in range(_TRIES):
                try:
                    pipe.watch(self._key)  # type: ignore[no-untyped-call]
                    found = pipe.get(self._key)
                    seconds, micros = pipe.time()
                    text = act(_text(found), seconds + micros / 1e6)
                    pipe.multi()
                    pipe.set(self._key, text, ex=TEXT_TTL_S)
                    pipe.execute()
                except redis.WatchError:
                    continue
                return True
        return False


def _text(found: bytes | str | None) -> str | None:
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found
