"""Asks for jobs: look at this pull, sweep this commons, probe these links. A job names where to look, never what happened.

A dedup key stands in Redis while a job waits. The job deletes the key first and reads the truth second. So any number of
requests before the job begins is one job, and a request after it has begun is exactly one more.

A webhook can name any pull, also one that does not exist, so only a limited number of its requests become looks: a sweep
stands for all others, and finds every pull that exists.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import redis
from rq import Queue, Retry, Worker
from rq.serializers import JSONSerializer

from bot.model.ids import Commons, PullNo
from bot.queue.job_filter import CRASH_RETRIES, FAILURE_TTL_S, RESULT_TTL_S
from bot.store.keys import LOOKS, PROBE, QUEUES, REVIEW, SWEEP, Keys, probe_target, pull_target, sweep_target

RUN: Final = "bot.worker.jobs.run"
"""Called with (commons: str, pull: int, queue: str, dedup: str)."""
RUN_SWEEP: Final = "bot.worker.jobs.run_sweep"
"""Called with (commons: str, dedup: str)."""
RUN_PROBE: Final = "bot.worker.jobs.run_probe"
"""Called with (commons: str, pull: int, urls: list[str], not_before: str (ISO 8601, or empty), dedup: str)."""
FUNCTIONS: Final = frozenset({RUN, RUN_SWEEP, RUN_PROBE})
"""All functions that a worker may ever be asked to call."""
FORMER_FUNCTIONS: Final = frozenset({"bot.worker.run", "bot.worker.run_sweep", "bot.worker.run_probe"})
"""Functions that jobs of versions before 0.2 name. Such a job is dropped: the next sweep asks for what it asked for."""

DEDUP_FIRST_S: Final = 5
"""A dedup key waits for its job for so long: the process that sets the key may be killed before it makes the job."""
DEDUP_TTL_S: Final[Mapping[str, int]] = {RUN: 300, RUN_SWEEP: 30, RUN_PROBE: 300}
"""Upper bound on how long the dedup key of a lost job suppresses new jobs: a worker that sleeps may have taken the job. The
bound for sweeps is short, since all else waits for them; two at once are kept apart by a lease."""
JOB_TIMEOUT_S: Final[Mapping[str, int]] = {RUN: 900, RUN_SWEEP: 600, RUN_PROBE: 300}
LIMITED_WINDOW_S: Final = 600
"""The time over which looks are counted that webhooks asked for."""
LIMITED_WAITING_MAX: Final = 50
"""While so many reviews wait, webhooks add none: what a sweep has found has room behind them."""
OVERFLOW_SWEEP_EVERY_S: Final = 5
"""At most one sweep in this time stands for webhooks beyond the limit."""
ALIVE_S: Final = 90
"""A worker whose heartbeat is not older is alive: an idle one sends it every few seconds (bot.queue.threads, WORKER_TTL_S)."""


# KEYS: dedup, the queue's list, count, overflow sweep. ARGV: how long the dedup key waits for its job, jobs that may wait,
# looks in a window, the length of the window, how long an overflow sweep stands for other requests; all times in s.
# 1: the dedup key is set, make the job. 0: a job waits. -1: too many, ask for a sweep. -2: too many, and a sweep was asked for.
_LIMITED: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local many = redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[2])
if not many then
  local count = redis.call('INCR', KEYS[3])
  if count == 1 then redis.call('EXPIRE', KEYS[3], ARGV[4]) end
  many = count > tonumber(ARGV[3])
end
if not many then
  redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
  return 1
end
if redis.call('SET', KEYS[4], '1', 'NX', 'EX', ARGV[5]) then return -1 end
return -2
"""
_NEW, _TOO_MANY = 1, -1


class JobQueue:
    """Dedup keys and jobs. All methods raise redis.RedisError: the caller must know that its request was lost."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._queues = {name: Queue(name, connection=client, serializer=JSONSerializer) for name in QUEUES}

    def enqueue(self, commons: Commons, pull: PullNo, *, queue: str = REVIEW) -> bool:
        """Ask for a look at a pull. True: a job was made; False: one waits already and has not begun.

        Raises ValueError for a queue no pull is looked at from.
        """
        if queue not in LOOKS:
            raise ValueError(f"no pull is looked at from queue {queue!r}")
        return self._ask(queue, RUN, (str(commons), int(pull), queue), pull_target(commons, pull))

    def enqueue_limited(self, commons: Commons, pull: PullNo, *, most: int) -> bool:
        """Ask for a look at a pull on a stranger's word, at most `most` times in LIMITED_WINDOW_S.

        False: there are too many, and a sweep stands for this one.
        """
        target = pull_target(commons, pull)
        dedup = self._keys.dedup(REVIEW, target)
        keys = (dedup, self._queues[REVIEW].key, self._keys.webhook_rate(commons), self._keys.overflow_sweep(commons))
        limits = (DEDUP_FIRST_S, LIMITED_WAITING_MAX, most, LIMITED_WINDOW_S, OVERFLOW_SWEEP_EVERY_S)
        answer = self._redis.eval(_LIMITED, len(keys), *keys, *map(str, limits))
        if answer == _NEW:
            self._make(REVIEW, RUN, (str(commons), int(pull), REVIEW, dedup), target, dedup)
        if answer == _TOO_MANY:
            self.enqueue_sweep(commons)
        return answer in (_NEW, 0)

    def enqueue_sweep(self, commons: Commons) -> bool:
        """Ask for a sweep of a commons. True: a job was made; False: one waits already."""
        return self._ask(SWEEP, RUN_SWEEP, (str(commons),), sweep_target(commons))

    def enqueue_probe(self, commons: Commons, pull: PullNo, urls: Sequence[str], not_before: datetime | None = None) -> bool:
        """Ask the prober for the probe results of `urls`, then for a look at the pull.

        A result of `not_before` or later needs no new probe; None: probe all of them now.
        """
        moment = not_before.astimezone(UTC).isoformat() if not_before is not None else ""
        target = probe_target(commons, pull, tuple(urls), moment)
        return self._ask(PROBE, RUN_PROBE, (str(commons), int(pull), list(urls), moment), target)

    def begin(self, dedup: str) -> None:
        """Delete the dedup key. A job calls this before it reads anything: from here on a request makes a new job.

        Raises ValueError for a text that is no dedup key: a forged job must not choose which key is deleted.
        """
        if not self._keys.is_dedup(dedup):
            raise ValueError("not the name of a dedup key")
        self._redis.delete(dedup)

    def waiting(self) -> Mapping[str, int]:
        """Number of jobs that wait, by queue."""
        return {name: queue.count for name, queue in self._queues.items()}

    def workers(self, now: datetime) -> Mapping[str, int]:
        """Number of workers whose last heartbeat is at most ALIVE_S old, by queue."""
        since = now - timedelta(seconds=ALIVE_S)
        return {
            name: sum(_was_alive(worker.last_heartbeat, since) for worker in Worker.all(queue=queue))
            for name, queue in self._queues.items()
        }

    def _ask(self, queue: str, function: str, args: tuple[object, ...], target: str) -> bool:
        dedup = self._keys.dedup(queue, target)
        if not self._redis.set(dedup, "1", nx=True, ex=DEDUP_FIRST_S):
            return False
        self._make(queue, function, (*args, dedup), target, dedup)
        return True

    def _make(self, queue: str, function: str, args: tuple[object, ...], target: str, dedup: str) -> None:
        try:
            # Not with RQ's unique=True: it would go on refusing the name while the job runs, and after a failure for as long as
            # the failed job is kept.
            self._queues[queue].enqueue_call(
                function,
                args=args,
                timeout=JOB_TIMEOUT_S[function],
                result_ttl=RESULT_TTL_S,
                failure_ttl=FAILURE_TTL_S,
                description=function.rpartition(".")[2],
                job_id=f"{queue}-{target}-{secrets.token_hex(6)}",
                # Without an interval: RQ would park an interval for a scheduler that no process runs.
                retry=Retry(max=CRASH_RETRIES),
            )
            self._redis.expire(dedup, DEDUP_TTL_S[function])
        except redis.ResponseError:
            # Redis answers and has no room, or the account no right: no later request is to be suppressed meanwhile.
            self._redis.delete(dedup)
            raise


def _was_alive(heard: datetime | None, since: datetime) -> bool:
    """RQ writes times without a zone, in UTC."""
    return heard is not None and (heard if heard.tzinfo is not None else heard.replace(tzinfo=UTC)) >= since
