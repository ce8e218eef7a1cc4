"""Knocks: "look at this pull", "sweep this commons", "look at these links". Never what happened, only where to look.

A hint stands in Redis while a job waits; the job takes the hint away first and reads the truth second. So any number of
knocks before the job begins is one job, and a knock after it has begun is exactly one more.

Whoever rings at the door can name any pull, also one that is not there, so of those knocks only so many become looks: a sweep
stands for all others, and finds every pull that is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Any, Final

import redis
from rq import Queue, Retry, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from bot.model.ids import Commons, PullNo
from bot.queue.batch import Batcher
from bot.queue.job_filter import CRASH_RETRIES, FAILURE_TTL_S, RESULT_TTL_S
from bot.store.keys import LOOKS, PROBE, QUEUES, REVIEW, SWEEP, Keys, probe_target, pull_target, sweep_target

RUN: Final = "bot.worker.jobs.run"
"""Called with (commons: str, pull: int, queue: str, hint: str)."""
RUN_SWEEP: Final = "bot.worker.jobs.run_sweep"
"""Called with (commons: str, hint: str)."""
RUN_PROBE: Final = "bot.worker.jobs.run_probe"
"""Called with (commons: str, pull: int, urls: list[str], not_before: str (ISO 8601, or empty), hint: str)."""
FUNCTIONS: Final = frozenset({RUN, RUN_SWEEP, RUN_PROBE})
"""All a worker may ever be asked to call."""

DEDUP_FIRST_S: Final = 5
"""So long does a hint wait for its job: whoever makes it may be killed in between."""
DEDUP_TTL_S: Final[Mapping[str, int]] = {RUN: 300, RUN_SWEEP: 30, RUN_PROBE: 300}
"""So long at most can a hint whose job was lost swallow knocks: a worker that sleeps may have been handed it. All else waits
for sweeps, and two of them at once are kept apart by a lease."""
JOB_TIMEOUT_S: Final[Mapping[str, int]] = {RUN: 900, RUN_SWEEP: 600, RUN_PROBE: 300}
LIMITED_WINDOW_S: Final = 600
"""The time over which looks are counted that the door asked for."""
LIMITED_WAITING_MAX: Final = 50
"""While so many reviews wait, the door asks for none: what a sweep has found has room behind them."""
OVERFLOW_SWEEP_EVERY_S: Final = 5
"""So often at most a crowd at the door is a sweep."""
ALIVE_S: Final = 90
"""A worker that said so within this time is alive: an idle one does every few seconds (bot.queue.threads, WORKER_TTL_S)."""


# KEYS: hint, the queue's list, count, swept. ARGV: how long the hint waits for its job, jobs that may wait, looks in a while,
# how long that while is, how long a sweep stands for a crowd; all times in s.
# 1: hinted, make the job. 0: it waits already. -1: too many, ask for a sweep. -2: too many, and one was asked for.
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A job that is wanted, unless `hint` stands already. `most`: of such a kind, counted for this commons, in a while."""

    queue: str
    function: str
    args: tuple[object, ...]
    hint: str
    target: str
    most: int | None = None
    commons: Commons | None = None


class JobQueue:
    """Hints and jobs. All methods raise redis.RedisError: a knock that went unheard must be known to the one who knocked."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._queues = {name: Queue(name, connection=client, serializer=JSONSerializer) for name in QUEUES}
        self._at_once = Batcher(self._make)

    def enqueue(self, commons: Commons, pull: PullNo, *, queue: str = REVIEW) -> bool:
        """Ask for a look at a pull. True: a job was made; False: one waits already and has not begun.

        Raises ValueError for a queue no pull is looked at from.
        """
        if queue not in LOOKS:
            raise ValueError(f"no pull is looked at from queue {queue!r}")
        return self._ask(queue, RUN, (str(commons), int(pull), queue), pull_target(commons, pull))

    def enqueue_limited(self, commons: Commons, pull: PullNo, *, most: int) -> bool:
        """Ask for a look at a pull on a stranger's word, `most` times in RINGS_S at most. False: a sweep stands for it."""
        hint = self._keys.dedup(REVIEW, pull_target(commons, pull))
        args = (str(commons), int(pull), REVIEW, hint)
        answer = self._at_once(_Asked(REVIEW, RUN, args, hint, pull_target(commons, pull), most, commons))
        if answer == _TOO_MANY:
            self.enqueue_sweep(commons)
        return answer >= 0

    def enqueue_sweep(self, commons: Commons) -> bool:
        """Ask for a sweep of a commons. True: a job was made; False: one waits already."""
        return self._ask(SWEEP, RUN_SWEEP, (str(commons),), sweep_target(commons))

    def enqueue_probe(self, commons: Commons, pull: PullNo, urls: Sequence[str], not_before: datetime | None = None) -> bool:
        """Ask the prober for the fact sheets of `urls`, then for a knock at the pull.

        A sheet probed at or after `not_before` needs no new look; None: look at all of them now.
        """
        moment = not_before.astimezone(UTC).isoformat() if not_before is not None else ""
        target = probe_target(commons, pull, tuple(urls), moment)
        return self._ask(PROBE, RUN_PROBE, (str(commons), int(pull), list(urls), moment), target)

    def begin(self, hint: str) -> None:
        """Take the hint away. A job calls this before it reads anything: from here on a knock makes a new job.

        Raises ValueError for a text that is not a hint: a forged job must not choose which key is deleted.
        """
        if not self._keys.is_dedup(hint):
            raise ValueError("not the name of a hint")
        self._redis.delete(hint)

    def waiting(self) -> Mapping[str, int]:
        """Number of jobs that wait, by queue."""
        return {name: queue.count for name, queue in self._queues.items()}

    def workers(self, now: datetime) -> Mapping[str, int]:
        """Number of workers that said in the last ALIVE_S that they are alive, by queue."""
        since = now - timedelta(seconds=ALIVE_S)
        return {
            name: sum(_was_alive(worker.last_heartbeat, since) for worker in Worker.all(queue=queue))
            for name, queue in self._queues.items()
        }

    def _ask(self, queue: str, function: str, args: tuple[object, ...], target: str) -> bool:
        hint = self._keys.dedup(queue, target)
        return self._at_once(_Asked(queue, function, (*args, hint), hint, target)) == _NEW

    def _make(self, asked: Sequence[_Asked]) -> Sequence[int]:
        """Set the hints of all that is asked at once, then make a job for each that was not hinted at yet: two round trips."""
        with self._redis.pipeline(transaction=False) as pipe:
            # Alone, a command costs half of what a pipeline of one does.
            many = len(asked) > 1
            answers = [self._hint(each, pipe if many else self._redis) for each in asked]
            became = [int(answer or 0) for answer in (pipe.execute() if many else answers)]
        new = [each == _NEW for each in became]
        try:
            self._queue(tuple(compress(asked, new)))
        except redis.ResponseError:
            # Redis is there and has no room, or no right for it: nobody's knock is to be swallowed meanwhile.
            self._redis.delete(*(each.hint for each in compress(asked, new)))
            raise
        return became

    def _hint(self, asked: _Asked, client: redis.Redis) -> Any:
        """Set the hint, unless it stands or there are too many. Says so as _RING does, or with None; a pipeline later."""
        if asked.most is None or asked.commons is None:
            return client.set(asked.hint, "1", nx=True, ex=DEDUP_FIRST_S)
        keys = (
            asked.hint,
            self._queues[asked.queue].key,
            self._keys.webhook_rate(asked.commons),
            self._keys.overflow_sweep(asked.commons),
        )
        limits = (DEDUP_FIRST_S, LIMITED_WAITING_MAX, asked.most, LIMITED_WINDOW_S, OVERFLOW_SWEEP_EVERY_S)
        return client.eval(_LIMITED, len(keys), *keys, *map(str, limits))

    def _queue(self, asked: Sequence[_Asked]) -> None:
        if not asked:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for each in asked:
                # In this order, and so it needs no transaction: a job that is queued is there, and a hint lives long only
                # beside one.
                job = self._job(each)
                pipe.hset(job.key, mapping={field: value for field, value in job.to_dict().items() if value != ""})
                self._queues[each.queue].push_job_id(job.id, pipeline=pipe)
                pipe.expire(each.hint, DEDUP_TTL_S[each.function])
            pipe.execute()

    def _job(self, asked: _Asked) -> Job:
        # Not by RQ's enqueue: it takes three times as long for what is never used here. Nor with its unique=True: it would go
        # on refusing the name while the job runs, and after a failure for as long as the failed job is kept.
        return self._queues[asked.queue].create_job(
            asked.function,
            args=asked.args,
            timeout=JOB_TIMEOUT_S[asked.function],
            result_ttl=RESULT_TTL_S,
            failure_ttl=FAILURE_TTL_S,
            description=asked.function.rpartition(".")[2],
            job_id=f"{asked.queue}-{asked.target}-{secrets.token_hex(6)}",
            status=JobStatus.QUEUED,
            # Without an interval: RQ would park an interval for a scheduler that nobody runs.
            retry=Retry(max=CRASH_RETRIES),
        )


def _was_alive(said: datetime | None, since: datetime) -> bool:
    """RQ tells times without a zone, in UTC."""
    return said is not None and (said if said.tzinfo is not None else said.replace(tzinfo=UTC)) >= since
