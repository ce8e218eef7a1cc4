"""The condition of Redis: version, memory, persistence, queues and workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from bot.clock.heartbeat import Heartbeat
from bot.queue.enqueue import JobQueue
from bot.store import Store


class RedisAway(Exception):
    """Redis does not answer, or refuses this client; the text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What Redis is, and which workers serve its queues.

    `eviction`: what happens when its memory is full (`maxmemory-policy`); `memory_max`: bytes, 0 for no limit; `keeps`: whether
    it writes to disk, None: not known. `waiting` and `workers`: jobs and running workers by queue. `clock_silent_s`: seconds
    since the last heartbeat of a clock, infinite for none, None: not known. `trouble`: why it takes no write now, empty if it
    does.
    """

    version: str
    eviction: str
    memory_max: int
    keeps: bool | None
    waiting: Mapping[str, int]
    workers: Mapping[str, int]
    clock_silent_s: float | None
    trouble: str = ""


def read_condition(store: Store, jobs: JobQueue) -> Condition:
    """What Redis is, and which workers serve its queues. Raises RedisAway."""
    try:
        return _condition(store, jobs)
    except redis.RedisError as error:
        raise RedisAway(str(error) or type(error).__name__) from error


def _condition(store: Store, jobs: JobQueue) -> Condition:
    info: Any = store.redis.info()
    return Condition(
        waiting=jobs.waiting(),
        workers=jobs.workers(store.now()),
        clock_silent_s=Heartbeat(store.redis, store.keys).silent_s(),
        version=str(info.get("redis_version", "")),
        eviction=str(info.get("maxmemory_policy", "")),
        memory_max=int(info.get("maxmemory", 0)),
        keeps=_keeps(store.redis, appends=bool(info.get("aof_enabled"))),
        trouble=store.trouble(),
    )


def _keeps(client: redis.Redis, *, appends: bool) -> bool | None:
    if appends:
        return True
    try:
        said: Any = client.config_get("save")
        return bool(said.get("save"))
    except redis.RedisError:
        # Hosted Redis services forbid CONFIG.
        return None
