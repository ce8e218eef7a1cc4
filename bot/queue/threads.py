"""RQ workers in the threads of one process, each on one queue, and how such a process starts and ends.

A job may run twice, at once, or never. `bot/worker/jobs.py` and `bot/prober/jobs.py` define what each kind of job does.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Final
from uuid import uuid4

import redis
import structlog
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import DeserializationError, NoSuchJobError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, TimerDeathPenalty

from bot.log import stranger
from bot.queue.enqueue import FORMER_FUNCTIONS, FUNCTIONS
from bot.queue.job_filter import Unlisted, filter_job
from bot.store import DECIDE, RECHECK, REVIEW, SWEEP

WORKER_TTL_S: Final = 25
"""With this and the next, a job that died with its worker is found again after about a minute (measured on rq 2.12)."""
MAINTENANCE_INTERVAL_S: Final = 5
MAINTENANCE_LOCK_S: Final = 15
"""Maintenance takes a moment; a process that has not finished it by then has died."""
DEQUEUE_S: Final = 2
"""How often an idle worker thread checks whether it is to stop: the longest that it delays a shutdown."""
AWAY_TOLD_EVERY_S: Final = 30.0
ALIVE_SAID_EVERY_S: Final = 20.0
"""Less than WORKER_TTL_S, and than the age at which a worker counts as dead (bot.queue.enqueue, ALIVE_S)."""
RESTART_S: Final = 2.0
STOP_PATIENCE_S: Final = 25.0

Function = Callable[..., None]
TookTooLong = JobTimeoutException
"""Raised in a job that has used up its time."""

REDIS_FIX: Final = "Look at Redis: is it up, and has it room (maxmemory)? Nothing is lost: the next sweep finds the pulls."
BROKEN_FIX: Final = "Nothing now: it goes on. It is a fault of the bot: report it, with the lines below."
log = structlog.get_logger("stampbot.worker")


class _NowAndThen(logging.Filter):
    """Limits how often RQ logs that Redis is away: each worker thread logs it again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at = -AWAY_TOLD_EVERY_S

    def filter(self, record: logging.LogRecord) -> bool:
        if "could not connect to Redis" not in str(record.msg):
            return True
        if time.monotonic() - self._told_at < AWAY_TOLD_EVERY_S:
            return False
        self._told_at = time.monotonic()
        return True


def job_class(functions: Mapping[str, Function]) -> type[Job]:
    """A Job that can call nothing but these functions, with plain arguments.

    A process that can write to Redis can write a job, and RQ's own class imports whatever dotted path a job names, as its
    function or as its callbacks, and posts to whatever URL it names as its webhook.
    """

    class ListedJob(Job):
        def restore(self, raw_data: Any) -> Any:
            try:
                plain = filter_job(raw_data)
            except ValueError as error:
                # RQ drops such a job without a log line, as it does jobs that have expired.
                raise NoSuchJobError(str(error)) from None
            super().restore(plain)
            if self._is_former():
                self.connection.delete(self.key)
                raise NoSuchJobError("a job of an older version")

        def _is_former(self) -> bool:
            try:
                return self.func_name in FORMER_FUNCTIONS
            except DeserializationError:
                return False

        @property
        def func(self) -> Function:
            if self.func_name is None or self.func_name not in FUNCTIONS or self.func_name not in functions:
                raise Unlisted("the job names a function that is not ours")
            if self.instance is not None or self.kwargs:
                raise Unlisted("the job brings more than plain arguments")
            return functions[self.func_name]

    return ListedJob


class ThreadQueue(Queue):
    """An RQ queue whose maintenance is not blocked for long by a worker that died during it.

    Maintenance finds the job of a dead worker; until then its dedup key suppresses new jobs. RQ's own lock on
    that lasts a quarter of an hour (rq 2.12), and it stays if its holder is killed, or loses Redis, in the middle.
    """

    def acquire_maintenance_lock(self) -> bool:
        """Whether this worker is to do the maintenance now."""
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=MAINTENANCE_LOCK_S))


class WorkerThread(SimpleWorker):
    """An RQ worker that runs in a thread: no fork, no signal handlers, no commands taken from Redis."""

    queue_class = ThreadQueue
    death_penalty_class = TimerDeathPenalty
    max_connection_wait_time = 5.0
    log_result_lifespan = False

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.busy = False

    @property
    def dequeue_timeout(self) -> int:
        return DEQUEUE_S

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> tuple[Job, Queue] | None:
        """As RQ's, but it notices `stop` while it waits: a signal cannot interrupt a thread."""
        while not self._stop_requested:
            found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time or DEQUEUE_S)
            if found is not None:
                return found
        raise StopRequested

    def execute_job(self, job: Job, queue: Queue) -> None:
        """As RQ's, and remembers that a job is running."""
        self.busy = True
        try:
            super().execute_job(job, queue)
        finally:
            self.busy = False

    def _set_ip_address(self, connection: redis.Redis) -> None:  # noqa: ARG002
        """RQ finds it by naming one connection of the pool that all worker threads share."""
        self.ip_address = "unknown"

    def _install_signal_handlers(self) -> None:
        """Only the main thread may have any; it stops the worker threads itself."""

    def subscribe(self) -> None:
        """RQ would take commands (stop, kill, shut down) from every process that can publish in Redis."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""

    def procline(self, message: str) -> None:
        """One process, many worker threads: none of them names the process."""

    def say_alive(self) -> None:
        """As RQ's heartbeat, which comes between jobs; and registers the worker again, which a wipe makes needed.

        Callable from any thread. Raises redis.RedisError.
        """
        with self.connection.pipeline() as pipe:
            self.heartbeat(pipeline=pipe)
            worker_registration.register(self, pipe)
            pipe.execute()

    def stop(self) -> None:
        """End after the current job. Callable from any thread."""
        self._stop_requested = True


class WorkerPool:
    """The worker threads of one process: one for each name in `queues`, on that queue alone.

    A worker on several queues loses a job for good if it dies between taking and registering it (measured on rq 2.12).
    """

    alive_said_every_s = ALIVE_SAID_EVERY_S

    def __init__(self, queues: Sequence[str], functions: Mapping[str, Function], connection: redis.Redis) -> None:
        self._queues = tuple(queues)
        self._job_class = job_class(functions)
        self._connection = connection
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._working: set[WorkerThread | None] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all worker threads and return."""
        for number, queue in enumerate(self._queues):
            thread = threading.Thread(target=self._keep_going, args=(queue,), name=f"{queue}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        threading.Thread(target=self._say_alive, name="alive", daemon=True).start()

    def stop(self) -> None:
        """Ask all worker threads to end after the current job."""
        self._stopping.set()
        with self._lock:
            for lane in filter(None, self._working):
                lane.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the worker threads to end; False if one still runs a job after `timeout_s` seconds.

        A thread that waits for a Redis that is away is not waited for.
        """
        began = time.monotonic()
        while any(thread.is_alive() for thread in self._threads):
            waited_s = time.monotonic() - began
            with self._lock:
                busy = any(lane.busy for lane in self._working if lane is not None)
            if not busy and waited_s > DEQUEUE_S + 1:
                return True
            if waited_s > timeout_s:
                return False
            time.sleep(0.05)
        return True

    def _say_alive(self) -> None:
        """Send the heartbeat of all worker threads, also during a long job, until they are to stop."""
        while not self._stopping.wait(self.alive_said_every_s):
            with self._lock:
                lanes = tuple(filter(None, self._working))
            with suppress(redis.RedisError):
                for lane in lanes:
                    lane.say_alive()

    def _keep_going(self, queue: str) -> None:
        """One worker thread for as long as the process lives: RQ ends its loop on some errors of Redis."""
        told = False
        while not self._stopping.is_set():
            lane = None
            try:
                lane = self._lane(queue)
                told = False
                with self._lock:
                    self._working.add(lane)
                if self._stopping.is_set():
                    lane.stop()
                lane.work(logging_level="ERROR")
            except redis.RedisError as error:
                if not told:
                    log.warning("Redis does not answer; trying again", queue=queue, error=stranger(error), fix=REDIS_FIX)
                    told = True
            except Exception:
                log.exception("a worker thread failed and is restarted", queue=queue, fix=BROKEN_FIX)
            finally:
                with self._lock:
                    self._working -= {lane}
            self._stopping.wait(RESTART_S)

    def _lane(self, queue: str) -> WorkerThread:
        return WorkerThread(
            [queue],
            name=f"{queue}-{uuid4().hex}",
            connection=self._connection,
            job_class=self._job_class,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            maintenance_interval=MAINTENANCE_INTERVAL_S,
            log_job_description=False,
        )


def queues_of(count: int) -> tuple[str, ...]:
    """Which queue each worker thread serves: `count` of them reviews, a third of that decisions, one rechecks, one sweeps.

    Each queue has a thread of its own, so that none waits behind another. Decisions have two at least: a question that is
    answered in seconds does not wait behind an accept.
    """
    return (SWEEP, RECHECK, *(DECIDE,) * max(2, count // 3), *(REVIEW,) * count)


def serve(
    queues: Sequence[str],
    functions: Mapping[str, Function],
    connection: redis.Redis,
    hand_over: Callable[[], None] = lambda: None,
) -> int:
    """Run the worker threads until SIGTERM or SIGINT, then let the current jobs finish. Main thread only. Exit status.

    A job that does not finish in time is broken off, after `hand_over`, so that another process can go on with it. A second
    signal ends at once: every job is safe to break off.
    """
    ended = threading.Event()

    def end(_signum: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            os._exit(1)
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    logging.getLogger("rq.worker").addFilter(_NowAndThen())
    lanes = WorkerPool(queues, functions, connection)
    lanes.start()
    log.info("ready", lanes=" ".join(queues))
    while not ended.wait(3600):
        pass
    lanes.stop()
    if not lanes.join(STOP_PATIENCE_S):
        log.warning("ended in the middle of a job; the next sweep finds it", fix="Nothing: no row is written twice.")
        hand_over()
        # Python itself would wait for every thread that a job has begun.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0
