"""Single flight across processes: one caller does the work of a key, and the others wait for its result."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis

from bot.store.soft import soft

SINGLE_FLIGHT_TTL_S: Final = 60.0
POLL_S: Final = 0.05
_PAUSE: Final = b"-"
"""In place of a token: no caller is at work, and none may begin yet."""


class Flight:
    """One caller's place at a key.

    `acquired`: the caller is to do the work; else its patience ran out while another caller was at work. `waited`: another
    caller was at work before, so the result may be there by now: read it before doing the work once more.
    """

    def __init__(self, flights: SingleFlight, key: str, ttl_s: float) -> None:
        self.acquired = False
        self.waited = False
        self.token = secrets.token_hex(16)
        self._flights = flights
        self._key = key
        self._ttl_s = ttl_s
        self.extended_at = time.monotonic()
        """When the flight was extended last, monotonic."""

    def extend(self) -> None:
        """Hold the key for its whole time again, from now. Cheap to call often: Redis is asked once in a third of that time."""
        now = time.monotonic()
        if self.acquired and now - self.extended_at > self._ttl_s / 3:
            self.extended_at = now
            self._flights.change(self._key, self.token, lambda pipe, name: pipe.pexpire(name, _ms(self._ttl_s)))


class SingleFlight:
    """At most one flight a key, over all processes with this Redis. `name`: the key in Redis of each.

    Nothing here raises redis.RedisError. While Redis is away every caller does the work, and a process that sleeps through the
    end of its time is not alone any more: this saves doubled work, it guards nothing.
    """

    def __init__(self, client: redis.Redis, name: Callable[[str], str]) -> None:
        self._redis = client
        self._name = name

    @contextmanager
    def run(
        self,
        key: str,
        *,
        ttl_s: float = SINGLE_FLIGHT_TTL_S,
        patience_s: float = SINGLE_FLIGHT_TTL_S,
        pause_s: float = 0.0,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[Flight]:
        """Wait for `key`, at most `patience_s`, and hold it until the block ends, at most `ttl_s`.

        `pause_s`: for so long no caller may begin after the block; by the clock of Redis, which all share. `meanwhile` is
        called now and then during the wait. How it is used:

            with store.asking.run(key) as flight:
                probe = store.forge_probes.get(key) if flight.waited else None
                if probe is None:
                    store.forge_probes.put(replace(ask(url), url=key))
        """
        flight = Flight(self, key, ttl_s)
        began = time.monotonic()
        while True:
            meanwhile()
            flight.acquired, wait_s = self._take(key, flight.token, ttl_s)
            left_s = patience_s - (time.monotonic() - began)
            if flight.acquired or left_s <= 0:
                break
            flight.waited = True
            time.sleep(min(wait_s, left_s))
        try:
            yield flight
        finally:
            if flight.acquired:
                self.change(key, flight.token, lambda pipe, name: _give_back(pipe, name, pause_s))

    @soft((True, 0.0))
    def _take(self, key: str, token: str, ttl_s: float) -> tuple[bool, float]:
        """Whether the key is held now, and if not, after how many seconds to try again."""
        name = self._name(key)
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(name, token, nx=True, px=_ms(ttl_s))
            # Not the answer to SET: a client that repeats it after a lost answer finds the token it wrote itself.
            pipe.get(name)
            pipe.pttl(name)
            _, found, left_ms = pipe.execute()
        if found == token.encode():
            return True, 0.0
        return False, max(0.001, left_ms / 1000) if found == _PAUSE else POLL_S

    @soft(None)
    def change(self, key: str, token: str, act: Callable[[Any, str], object]) -> None:
        """Change the key in Redis, in a transaction, if it still holds this token.

        Where that fails, the key expires by itself, or (WatchError) another caller holds it.
        """
        name = self._name(key)
        with self._redis.pipeline() as pipe:
            pipe.watch(name)  # type: ignore[no-untyped-call]
            if pipe.get(name) == token.encode():
                pipe.multi()
                act(pipe, name)
                pipe.execute()


def _give_back(pipe: Any, name: str, pause_s: float) -> None:
    if pause_s > 0:
        pipe.set(name, _PAUSE, px=_ms(pause_s))
    else:
        pipe.delete(name)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
