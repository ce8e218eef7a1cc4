"""The store and the job queue over one Redis, put together as the bot does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import redis

from bot.clock.heartbeat import Heartbeat
from bot.health.redis import Condition, read_condition
from bot.queue.enqueue import JobQueue
from bot.store import Keys, Store


def a_store(client: redis.Redis, *, now: Callable[[], datetime], prefix: str = "stampbot:") -> Store:
    """A store whose waiters are enqueued again when a lease is released."""
    jobs = JobQueue(client, Keys(prefix))
    return Store(client, now=now, prefix=prefix, enqueue=jobs.enqueue)


def jobs_of(store: Store) -> JobQueue:
    """The job queue over the Redis of a store."""
    return JobQueue(store.redis, store.keys)


def heartbeat_of(store: Store) -> Heartbeat:
    """The clock's heartbeat in the Redis of a store."""
    return Heartbeat(store.redis, store.keys)


def condition_of(store: Store) -> Condition:
    """What Redis says of itself. Raises ScratchAway."""
    return read_condition(store, jobs_of(store))
