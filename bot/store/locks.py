"""Leases: at most one worker on a pull, and one landing on a commons.

A lease makes doubled work rare, never impossible: a process can sleep through the end of its lease. What must not happen
twice is guarded by the rows on DoltHub themselves.
"""

from __future__ import annotations

import contextlib
import time
import weakref
from types import TracebackType
from typing import Final

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from bot.store.keys import Keys

LEASE_TTL_S: Final = 60.0


class Held(Exception):
    """Another worker holds the lease, for `left_s` seconds more at most."""

    def __init__(self, name: str, left_s: float) -> None:
        super().__init__(f"the lease {name} is held for up to {left_s:.1f} s more")
        self.name = name
        self.left_s = left_s


class Lost(Exception):
    """The lease expired, or Redis lost it, before it was extended: stop, another worker may hold it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the lease {name} was lost")
        self.name = name


class _Lock(Lock):
    """Also taken where the answer to its SET was lost: the client repeats the command, and finds its own token."""

    def do_acquire(self, token: str) -> bool:
        return super().do_acquire(token) or bool(self.redis.get(self.name) == token)


class Lease:
    """A lease that was taken. It is released at the end of the `with` block, whatever happens inside."""

    def __init__(self, lock: Lock, name: str, ttl_s: float) -> None:
        self.name = name
        self._lock = lock
        self._ttl_s = ttl_s
        self._extended_at = time.monotonic()

    def extend(self) -> None:
        """Hold the lease for its whole time again. Cheap to call often: Redis is asked once in a third of that time.

        Raises Lost when it is too late, redis.RedisError when Redis is away (the lease is not lost yet, but not certain).
        """
        began = time.monotonic()
        if began - self._extended_at < self._ttl_s / 3:
            return
        try:
            self._lock.extend(self._ttl_s, replace_ttl=True)
        except LockError:
            raise Lost(self.name) from None
        self._extended_at = began

    def release(self) -> None:
        """Give the lease back, if it is still held. Raises redis.RedisError; the lease then expires by itself."""
        with contextlib.suppress(LockError):
            self._lock.release()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # What the block raised, or did, counts more than a lease that expires by itself.
        with contextlib.suppress(redis.RedisError):
            self.release()


class Leases:
    """Takes leases. Raises redis.RedisError when Redis is away: no work begins without a lease."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._given: weakref.WeakSet[Lease] = weakref.WeakSet()

    def release_all(self) -> None:
        """Give back all leases of this process, which ends now, so that the next worker need not wait until they expire."""
        for lease in tuple(self._given):
            with contextlib.suppress(redis.RedisError):
                lease.release()

    def take(self, name: str, *, ttl_s: float = LEASE_TTL_S) -> Lease:
        """Take the lease `name` for `ttl_s` seconds. Raises Held."""
        # Not thread-local: a thread beside the worker extends the lease.
        lock = _Lock(self._redis, self._keys.lease(name), timeout=ttl_s, blocking=False, thread_local=False)
        if not lock.acquire():
            left_ms = self._redis.pttl(self._keys.lease(name))
            raise Held(name, max(left_ms, 0) / 1000)
        lease = Lease(lock, name, ttl_s)
        self._given.add(lease)
        return lease
