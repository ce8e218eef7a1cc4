"""Flights: of all who want to do one thing, in whatever process, one does it; the others wait for what it brings."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis

SINGLE_FLIGHT_TTL_S: Final = 60.0
POLL_S: Final = 0.05
_PAUSE: Final = b"-"
"""Stands where a token would: nobody is at it, and nobody may begin yet."""


class Flight:
    """One's place in the queue of a key.

    `mine`: go ahead; else patience ran out, and somebody else is still at it. `waited`: somebody else was at it when we
    came, so what we wanted to know may be written down by now: read before doing it once more.
    """

    def __init__(self, flights: SingleFlight, key: str, ttl_s: float) -> None:
        self.acquired = False
        self.waited = False
        self.token = secrets.token_hex(16)
        self._flights = flights
        self._key = key
        self._ttl_s = ttl_s
        self.extended_at = time.monotonic()
        """When we last said that we are at it."""

    def extend(self) -> None:
        """Keep the others waiting for the whole time again, from now. Cheap to call often: asks Redis now and then."""
        now = time.monotonic()
        if self.acquired and now - self.extended_at > self._ttl_s / 3:
            self.extended_at = now
            self._flights.change(self._key, self.token, lambda pipe, name: pipe.pexpire(name, _ms(self._ttl_s)))


class SingleFlight:
    """At most one flight a key, over all processes with this Redis. `name`: the key in Redis of each.

    Nothing here raises redis.RedisError. While Redis is away everybody goes ahead, and a process that sleeps through the
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
        """Wait for one's turn at `key`, at most `patience_s`, and hold it until the block ends, at most `ttl_s`.

        `pause_s`: so long nobody may begin after the block; by the clock of Redis, which all share. `meanwhile` is called
        now and then while we wait. The whole use of it:

            with scratch.asking.once(key) as flight:
                sheet = scratch.forge_sheets.get(key) if flight.waited else None
                if sheet is None:
                    scratch.forge_sheets.put(replace(ask(url), url=key))
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

    def _take(self, key: str, token: str, ttl_s: float) -> tuple[bool, float]:
        """Whether we have it, and if not, after how many seconds to try again."""
        name = self._name(key)
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(name, token, nx=True, px=_ms(ttl_s))
                # Not the answer to SET: a client that tries again after a lost answer finds the token it wrote itself.
                pipe.get(name)
                pipe.pttl(name)
                _, found, left_ms = pipe.execute()
        except redis.RedisError:
            return True, 0.0
        if found == token.encode():
            return True, 0.0
        return False, max(0.001, left_ms / 1000) if found == _PAUSE else POLL_S

    def change(self, key: str, token: str, act: Callable[[Any, str], object]) -> None:
        """Do something to the key in Redis, in a transaction, if the token there is still this one."""
        name = self._name(key)
        try:
            with self._redis.pipeline() as pipe:
                pipe.watch(name)  # type: ignore[no-untyped-call]
                if pipe.get(name) == token.encode():
                    pipe.multi()
                    act(pipe, name)
                    pipe.execute()
        except redis.RedisError:
            # It ends by itself. (WatchError is one of these: then it is somebody else's already.)
            return


def _give_back(pipe: Any, name: str, pause_s: float) -> None:
    if pause_s > 0:
        pipe.set(name, _PAUSE, px=_ms(pause_s))
    else:
        pipe.delete(name)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
