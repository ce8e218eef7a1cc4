"""Workers: lanes that take jobs from one queue each, and what each kind of job does.

RQ is a bell here, not a ledger: a job may run twice, at once, or never. So a job only says where to look, a failed one is
not tried again (the clock is the retry), and what it does is safe to repeat.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any, Final
from uuid import uuid4

import redis
import structlog
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, TimerDeathPenalty

from bot.evidence import limit_memory
from bot.hub.errors import HubBusy, HubError, HubGone, HubRefused, HubStrange
from bot.hub.pace import Urgency, working_at
from bot.log import stranger
from bot.looking import Looking, Sight
from bot.model.evidence import EVIDENCE_LINKS_MAX
from bot.model.ids import Commons, PullNo
from bot.scratch import DECIDE, FUNCTIONS, LOOKS, PROBE, RECHECK, REVIEW, SWEEP, Held, Lease, Lost, Scratch
from bot.scratch.knocks import RUN, RUN_PROBE, RUN_SWEEP
from bot.scratch.owed import TRIES_MAX
from bot.scratch.plain_job import plain_job

WORKER_TTL_S: Final = 25
"""With this and the next, a job that died with its worker is found again after about a minute (measured on rq 2.12)."""
MAINTENANCE_INTERVAL_S: Final = 5
MAINTENANCE_LOCK_S: Final = 15
"""Housekeeping takes a moment; who has not finished by then is not coming back."""
DEQUEUE_S: Final = 2
"""An idle lane looks up so often: the longest it keeps a shutdown waiting."""
AWAY_TOLD_EVERY_S: Final = 30.0
LEASE_KEPT_EVERY_S: Final = 10.0
ALIVE_SAID_EVERY_S: Final = 20.0
"""Less than WORKER_TTL_S, and than what whoever counts workers takes for silence (bot.scratch.knocks, ALIVE_S)."""
RESTART_S: Final = 2.0
STOP_PATIENCE_S: Final = 25.0
PROBER_LANES: Final = 4
PROBER_OPEN_FILES: Final = 256

URGENCIES: Final = {DECIDE: Urgency.DECIDE, REVIEW: Urgency.REVIEW, RECHECK: Urgency.RECHECK}
"""What each queue of looks draws from the budget as."""

Function = Callable[..., None]
log = structlog.get_logger("stampbot.worker")


class _NowAndThen(logging.Filter):
    """Lets RQ say only now and then that Redis is away: each lane says it again and again."""

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


class Unlisted(Exception):
    """A job asks for something no worker of ours does."""


def job_class(functions: Mapping[str, Function]) -> type[Job]:
    """A Job that can call nothing but these functions, with plain arguments.

    Whoever can write to Redis can write a job, and RQ's own class imports whatever dotted path a job names, as its function
    or as its callbacks, and posts to whatever URL it names as its webhook.
    """

    class ListedJob(Job):
        def restore(self, raw_data: Any) -> Any:
            try:
                plain = plain_job(raw_data)
            except ValueError as error:
                # What RQ passes by without a word, as it does jobs that have expired.
                raise NoSuchJobError(str(error)) from None
            super().restore(plain)

        @property
        def func(self) -> Function:
            if self.func_name not in FUNCTIONS or self.func_name not in functions:
                raise Unlisted("the job names a function that is not ours")
            if self.instance is not None or self.kwargs:
                raise Unlisted("the job brings more than plain arguments")
            return functions[self.func_name]

    return ListedJob


class LaneQueue(Queue):
    """An RQ queue whose housekeeping is not held up for long by somebody who died while keeping house.

    What a dead worker had in hand is found again by housekeeping, and until then its hint swallows knocks. RQ's own lock on
    that lasts a quarter of an hour (rq 2.12), and it stays if its holder is killed, or loses Redis, in the middle.
    """

    def acquire_maintenance_lock(self) -> bool:
        """Whether we are the one to keep house now."""
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=MAINTENANCE_LOCK_S))


class Lane(SimpleWorker):
    """An RQ worker that runs in a thread: no fork, no signal handlers, no commands taken from Redis."""

    queue_class = LaneQueue
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
        """As RQ's, but it hears `stop` while it waits: a signal cannot break into a thread."""
        while not self._stop_requested:
            found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time or DEQUEUE_S)
            if found is not None:
                return found
        raise StopRequested

    def execute_job(self, job: Job, queue: Queue) -> None:
        """As RQ's, and remembers that it is at it."""
        self.busy = True
        try:
            super().execute_job(job, queue)
        finally:
            self.busy = False

    def _set_ip_address(self, connection: redis.Redis) -> None:  # noqa: ARG002
        """RQ finds it by naming one connection of the pool that all lanes share."""
        self.ip_address = "unknown"

    def _install_signal_handlers(self) -> None:
        """Only the main thread may have any; it stops the lanes itself."""

    def subscribe(self) -> None:
        """RQ would take orders (stop, kill, shut down) from whoever can publish in Redis."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""

    def procline(self, message: str) -> None:
        """One process, many lanes: none of them names it."""

    def say_alive(self) -> None:
        """As RQ's heartbeat, which comes between jobs; and be listed again, as RQ does at a birth alone: a wipe forgets that.

        Callable from any thread. Raises redis.RedisError.
        """
        with self.connection.pipeline() as pipe:
            self.heartbeat(pipeline=pipe)
            worker_registration.register(self, pipe)
            pipe.execute()

    def stop(self) -> None:
        """End after the job at hand. Callable from any thread."""
        self._stop_requested = True


class Lanes:
    """Lanes of one process: one per name in `queues`, each on that queue alone.

    A worker on several queues loses a job for good if it dies between taking and registering it (measured on rq 2.12).
    """

    alive_said_every_s = ALIVE_SAID_EVERY_S

    def __init__(self, queues: Sequence[str], functions: Mapping[str, Function], connection: redis.Redis) -> None:
        self._queues = tuple(queues)
        self._job_class = job_class(functions)
        self._connection = connection
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._working: set[Lane | None] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all lanes and return."""
        for number, queue in enumerate(self._queues):
            thread = threading.Thread(target=self._keep_going, args=(queue,), name=f"{queue}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        threading.Thread(target=self._say_alive, name="alive", daemon=True).start()

    def stop(self) -> None:
        """Ask all lanes to end after the job at hand."""
        self._stopping.set()
        with self._lock:
            for lane in filter(None, self._working):
                lane.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the lanes to end; False if one is still at a job after `timeout_s` seconds.

        A lane that waits for a Redis that is away is not waited for.
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
        """Say for all lanes that they live, those at a long job as well, until they are to stop."""
        while not self._stopping.wait(self.alive_said_every_s):
            with self._lock:
                lanes = tuple(filter(None, self._working))
            with suppress(redis.RedisError):
                for lane in lanes:
                    lane.say_alive()

    def _keep_going(self, queue: str) -> None:
        """One lane for as long as the process lives: RQ ends its loop on some errors of Redis."""
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
                    log.warning("Redis does not answer; trying again", queue=queue, error=stranger(error))
                    told = True
            except Exception:
                log.exception("a lane broke and is started anew", queue=queue)
            finally:
                with self._lock:
                    self._working -= {lane}
            self._stopping.wait(RESTART_S)

    def _lane(self, queue: str) -> Lane:
        return Lane(
            [queue],
            name=f"{queue}-{uuid4().hex}",
            connection=self._connection,
            job_class=self._job_class,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            maintenance_interval=MAINTENANCE_INTERVAL_S,
            log_job_description=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDuties:
    """What the worker does. `look` converges one pull and extends its lease as it goes; `sweep` knocks where it is needed.

    `tell` says below a pull that it is left alone: it broke whoever looked at it.
    """

    known: frozenset[Commons]
    scratch: Scratch
    look: Callable[[Commons, PullNo, Callable[[], None]], object]
    sweep: Callable[[Commons], int]
    tell: Callable[[Commons, PullNo], object] = lambda _commons, _pull: None

    def functions(self) -> Mapping[str, Function]:
        """Job functions by name."""
        return {RUN: self.run, RUN_SWEEP: self.run_sweep}

    def run(self, commons: str, pull: int, queue: str, hint: str) -> None:
        """Look at one pull and do what is due."""
        self.scratch.knocks.heard(hint)
        where, number = _known(commons, self.known), _pull_number(pull)
        if queue not in LOOKS:
            raise Unlisted("the job names a queue no pull is looked at from")
        with (
            _one_line("look", commons=str(where), pull=number),
            self.scratch.at_work(where, number, queue=queue) as lease,
            _kept(lease),
            working_at(URGENCIES[queue]),
        ):
            if number in self.scratch.owed.quarantined(where):
                log.debug("a pull in quarantine is left alone", commons=str(where), pull=number)
                return
            if self.scratch.owed.begin(where, number) > TRIES_MAX:
                self._leave_alone(where, number)
                return
            with self._counted(where, number, queue):
                self.look(where, number, lease.extend)
            self.scratch.counters.add("looks")

    @contextmanager
    def _counted(self, commons: Commons, pull: PullNo, queue: str) -> Iterator[None]:
        """A look that was begun has ended in good order, unless it broke; one that failed is not tried again at once."""
        owed = self.scratch.owed
        try:
            yield
        except Held:
            # Another pull of the commons lands: nothing failed, and the turn of this one may come any moment.
            owed.ended(commons, pull)
            owed.owe(commons, pull, queue)
            raise
        except HubGone as gone:
            owed.ended(commons, pull)
            if self.scratch.pulses.is_listed(commons, pull):
                owed.postpone(commons, pull, queue)
                raise
            # Anybody can ring for a pull that is not there. One that is, but is not shown yet, is found by the sweep.
            owed.drop(commons, pull)
            log.info("there is no such pull", commons=str(commons), pull=pull, error=stranger(gone))
        except (HubError, redis.RedisError, Lost):
            owed.ended(commons, pull)
            if not self.scratch.notes.rests(commons, pull):
                owed.postpone(commons, pull, queue)
            raise
        except BaseException:
            owed.postpone(commons, pull, queue)
            raise
        owed.ended(commons, pull)

    def _leave_alone(self, commons: Commons, pull: PullNo) -> None:
        """Nobody looks at a pull any more that broke so many looks in a row, until it changes or somebody asks for it."""
        why = f"{TRIES_MAX} looks in a row broke off; the last log lines about this pull tell where"
        self.scratch.owed.quarantine(commons, pull, why)
        self.scratch.counters.add("quarantines")
        log.error(
            "a pull is left alone, it breaks whoever looks at it",
            commons=str(commons),
            pull=pull,
            mend=f"See the errors before this one. To try it again: stampbot converge '{commons}#{pull}'",
        )
        self.tell(commons, pull)

    def run_sweep(self, commons: str, hint: str) -> None:
        """Find the pulls of a commons that need a look, and knock at them."""
        self.scratch.knocks.heard(hint)
        where = _known(commons, self.known)
        with (
            _one_line("sweep", commons=str(where)),
            self.scratch.sweeping(where) as lease,
            _kept(lease),
            working_at(Urgency.SWEEP),
        ):
            knocked = self.sweep(where)
            self.scratch.counters.add("sweeps")
            log.debug("swept", commons=str(where), knocked=knocked)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeDuties:
    """What the prober does: looks at links, writes their sheets, and knocks the pull they are about."""

    known: frozenset[Commons]
    scratch: Scratch
    looking: Looking

    def functions(self) -> Mapping[str, Function]:
        """Job functions by name."""
        return {RUN_PROBE: self.run_probe}

    def run_probe(self, commons: str, pull: int, urls: object, not_before: str, hint: str) -> None:
        """Look at each URL whose sheet is older than `not_before` (ISO 8601; empty: all), then knock the pull.

        Without a knock if a sheet could not be written: the pull would ask for it again at once. The sweep comes to it.
        """
        self.scratch.knocks.heard(hint)
        where, number = _known(commons, self.known), _pull_number(pull)
        if not isinstance(urls, list) or not all(isinstance(u, str) for u in urls):
            raise Unlisted("the job brings no list of URLs")
        since = datetime.fromisoformat(not_before) if not_before else None
        with _one_line("probe", commons=str(where), pull=number):
            sights = self.looking.look_at(urls[:EVIDENCE_LINKS_MAX], since)
            for sight in sights:
                self._tell(number, sight)
            for error in (sight.error for sight in sights if sight.error is not None):
                raise error
            self.scratch.knocks.knock(where, number)

    def _tell(self, number: PullNo, sight: Sight) -> None:
        """Count and log what became of one link."""
        url = stranger(sight.url)
        if sight.new and sight.probe is not None:
            self.scratch.counters.add("probes")
            log.info("probed", pull=number, url=url, seen=sight.probe.seen.value, reason=stranger(sight.probe.reason))
        elif sight.probe is None and sight.error is None:
            log.info("no turn at its host came in time, so it was not looked at", pull=number, url=url)
        if sight.doubt:
            log.warning("a link is not called dead: the trouble may be ours", pull=number, url=url, why=sight.doubt, mend=_OURS)


_OURS: Final = "Look at this machine's network. A control is a page that answers whenever it is up: STAMPBOT_EVIDENCE_CONTROL."


def lanes_of(count: int) -> tuple[str, ...]:
    """Which queue each lane serves: `count` of them reviews, a third as many decisions, and one each rechecks and sweeps.

    Each queue has a lane of its own, so that none waits behind another.
    """
    return (SWEEP, RECHECK, *(DECIDE,) * max(1, count // 3), *(REVIEW,) * count)


def serve(
    queues: Sequence[str],
    functions: Mapping[str, Function],
    connection: redis.Redis,
    hand_over: Callable[[], None] = lambda: None,
) -> int:
    """Run the lanes until SIGTERM or SIGINT, then let the jobs at hand finish. Main thread only. Exit status.

    A job that does not finish in time is broken off, after `hand_over`, so that somebody else can go on with it. A second
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
    lanes = Lanes(queues, functions, connection)
    lanes.start()
    log.info("ready", lanes=" ".join(queues))
    while not ended.wait(3600):
        pass
    lanes.stop()
    if not lanes.join(STOP_PATIENCE_S):
        log.warning("ended in the middle of a job; the next sweep finds it")
        hand_over()
        # Python itself would wait for every thread that a job has begun.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def serve_prober(functions: Mapping[str, Function], connection: redis.Redis) -> int:
    """`serve` for the queue of links alone, with a lid on memory and open files. Exit status."""
    confine()
    return serve((PROBE,) * PROBER_LANES, functions, connection)


def confine() -> None:
    """Limit this process's memory and open files, and forbid core dumps, as far as the system takes such limits."""
    for name, limit in (("memory", limit_memory), ("open files", _limit_open_files), ("core dumps", _forbid_core_dumps)):
        try:
            limit()
        except (ValueError, OSError):
            log.warning("this system takes no such limit", limit=name)


def _limit_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = PROBER_OPEN_FILES if hard == resource.RLIM_INFINITY else min(PROBER_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _forbid_core_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def _one_line(doing: str, **about: object) -> Iterator[None]:
    """Say in one line what went wrong and go on: whatever it was, the next sweep looks again."""
    try:
        yield
    except JobTimeoutException:
        log.error(f"{doing} took too long and was broken off", **about)
        raise
    except Held:
        log.debug(f"{doing}: somebody is at it already", **about)
    except Lost:
        log.warning(f"{doing}: the lease ran out meanwhile", **about)
    except HubBusy as error:
        log.warning(f"{doing}: DoltHub is busy or away, will look again", **about, error=stranger(error))
    except HubRefused as error:
        log.error(f"{doing}: DoltHub refused", **about, status=error.status, error=stranger(error), mend=_mend(error))
    except HubStrange as error:
        log.error(f"{doing}: DoltHub answered something unexpected", **about, error=stranger(error))
    except redis.RedisError as error:
        log.warning(f"{doing}: Redis does not answer, will look again", **about, error=stranger(error))
    except Exception:
        # Raised on, RQ would try again at once and store the traceback in Redis.
        log.exception(f"{doing} broke", **about)


def _mend(error: HubRefused) -> str:
    if error.status in (401, 403):
        return "Check STAMPBOT_HUB_TOKEN: it must be valid and its account may write to the commons."
    if error.status == 404:
        return "Check STAMPBOT_COMMONS and STAMPBOT_HUB_URL, and that the token may read the commons."
    return "See the answer of DoltHub."


@contextmanager
def _kept(lease: Lease) -> Iterator[None]:
    """Extend the lease from the side while the block runs. Losing it is only logged: rows still cannot double."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(LEASE_KEPT_EVERY_S):
            try:
                lease.extend()
            except Lost:
                log.warning("a lease ran out while work went on", lease=lease.name)
                return
            except redis.RedisError:
                continue

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join(RESTART_S)


def _known(text: object, known: frozenset[Commons]) -> Commons:
    found = next((commons for commons in known if str(commons) == text), None)
    if found is None:
        raise Unlisted("the job names a commons that is not ours")
    return found


def _pull_number(number: object) -> PullNo:
    if type(number) is not int or not 0 < number < 10**10:
        raise Unlisted("the job names no pull")
    return PullNo(number)
