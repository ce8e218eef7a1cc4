"""Leases: at most one worker at a pull, and one landing at a commons.

A lease makes doubled work rare, never impossible: a process can sleep through the end of its lease. What must not happen
twice is guarded by the rows on DoltHub themselves.
"""

from __future__ import annotations

import contextlib
import secrets
import time
import weakref
from types import TracebackType
from typing import Final

import redis

from bot.store.keys import Keys

LEASE_TTL_S: Final = 60.0
_LEFTOVERS_TTL_S: Final = 86400

# KEYS: lease, fence, waiters. ARGV: token, ttl in ms, waiter or '', ttl of the side keys in s.
# The fence is Redis' clock in microseconds, pushed past the last one given out: it goes on rising after Redis lost everything.
_TAKE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  if ARGV[3] ~= '' then
    redis.call('SADD', KEYS[3], ARGV[3])
    redis.call('EXPIRE', KEYS[3], ARGV[4])
  end
  return {0, tostring(redis.call('PTTL', KEYS[1]))}
end
local clock = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', math.max(clock[1] * 1000000 + clock[2], last + 1))
redis.call('SET', KEYS[2], fence, 'EX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('SREM', KEYS[3], ARGV[3]) end
return {1, fence}
"""

# KEYS: lease. ARGV: token, ttl in ms.
_EXTEND: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: lease, waiters. ARGV: token.
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {} end
local waiting = redis.call('SMEMBERS', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
return waiting
"""


class Held(Exception):
    """Somebody else holds the lease, for `left_s` seconds more at most."""

    def __init__(self, name: str, left_s: float) -> None:
        super().__init__(f"the lease {name} is held for up to {left_s:.1f} s more")
        self.name = name
        self.left_s = left_s


class Lost(Exception):
    """The lease ran out, or Redis forgot it, before it was extended: stop, somebody else may be at it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the lease {name} was lost")
        self.name = name


class Lease:
    """A lease that was taken. Released on leaving the `with` block, whatever happened inside.

    `fence` rises with each lease given out under this name. `waiters` is filled on release: who found the lease taken.
    """

    def __init__(self, client: redis.Redis, keys: Keys, name: str, *, token: str, fence: int, ttl_s: float) -> None:
        self.name = name
        self.fence = fence
        self.waiters: tuple[str, ...] = ()
        self._redis = client
        self._keys = keys
        self._token = token
        self._ttl_s = ttl_s
        self._extended_at = time.monotonic()

    def extend(self) -> None:
        """Hold on for the whole time again. Cheap to call often: asks Redis only when a third of the time has gone.

        Raises Lost when it is too late, redis.RedisError when Redis is away (not lost yet, but not certain).
        """
        began = time.monotonic()
        if began - self._extended_at < self._ttl_s / 3:
            return
        still = self._redis.eval(_EXTEND, 1, self._keys.lease(self.name), self._token, str(_ms(self._ttl_s)))
        if still != 1:
            raise Lost(self.name)
        self._extended_at = began

    def release(self) -> tuple[str, ...]:
        """Give the lease back; those who came by meanwhile and found it taken. Empty if it was not ours any more.

        Raises redis.RedisError; the lease then ends by itself.
        """
        names = self._keys.lease(self.name), self._keys.waiters(self.name)
        answer = self._redis.eval(_RELEASE, 2, *names, self._token)
        self.waiters = tuple(sorted(_text(one) for one in answer)) if isinstance(answer, list) else ()
        return self.waiters

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.release()
        except redis.RedisError:
            # Redis ends the lease by itself; what the block raised, or did, counts more.
            return


class Leases:
    """Takes leases. Raises redis.RedisError when Redis is away: without a lease nobody begins."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._given: weakref.WeakSet[Lease] = weakref.WeakSet()

    def release_all(self) -> None:
        """Give back all that this process still holds, for it ends now: whoever is next need not wait for their end."""
        for lease in tuple(self._given):
            with contextlib.suppress(redis.RedisError):
                lease.release()

    def take(self, name: str, *, waiter: str = "", ttl_s: float = LEASE_TTL_S) -> Lease:
        """Take the lease `name` for `ttl_s` seconds. Raises Held; `waiter` is then told to the holder on release."""
        token = secrets.token_hex(16)
        names = self._keys.lease(name), self._keys.fence(name), self._keys.waiters(name)
        answer = self._redis.eval(_TAKE, 3, *names, token, str(_ms(ttl_s)), waiter, str(_LEFTOVERS_TTL_S))
        if not isinstance(answer, list) or len(answer) != 2:
            raise redis.ResponseError("a lease script gave no pair")
        taken, number = int(answer[0]), int(_text(answer[1]))
        if not taken:
            raise Held(name, max(number, 0) / 1000)
        lease = Lease(self._redis, self._keys, name, token=token, fence=number, ttl_s=ttl_s)
        self._given.add(lease)
        return lease


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
