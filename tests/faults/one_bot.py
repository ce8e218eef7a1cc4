"""`python -m tests.faults.one_bot`: makes whole bots, each a process of its own: sweeps, lanes and link checker in one.

Each line on standard input is an environment as JSON; a bot is wired from it in a fork, and its process id is printed. So a
bot starts in no time, for everything is imported already. They all end with standard input, however that ends.

What is no setting of the bot's but can go wrong in a process is said by names that begin with ODD_ (see `Oddities`).
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rq import Queue
from rq.job import Job

from bot import log, wiring
from bot.clock.clock import Clock
from bot.commands import catalog as commands
from bot.config.settings import Settings, read
from bot.converge.bot import Bot
from bot.converge.converge import converge
from bot.model.ids import Commons, PullNo
from bot.prober.jobs import ProbeJobs
from bot.prober.link_checker import Politeness
from bot.queue import enqueue
from bot.queue.threads import WorkerPool, WorkerThread
from bot.rulebook import catalog as rules
from bot.store import DECIDE, PROBE, RECHECK, REVIEW, SWEEP
from bot.sweep.sweep import sweep
from bot.worker.jobs import PullJobs
from tests.stores import a_store, jobs_of

SWEEP_EVERY_S = 0.1
ORPHAN_CHECK_S = 0.2


@dataclass(frozen=True, slots=True)
class Oddities:
    """What is odd about one process."""

    job_timeout_s: int = 0
    """Jobs are broken off after so many seconds."""
    clock_jumps_s: int = 0
    """The clock is right, so much ahead, right, so much behind, with each question."""
    dies_on: str = ""
    """The process is gone when it has taken a job from this queue and not yet written down that it has it."""

    @classmethod
    def read(cls, environment: dict[str, str]) -> Oddities:
        """Take them out of the environment."""
        return cls(
            job_timeout_s=int(environment.pop("ODD_JOB_TIMEOUT_S", "0")),
            clock_jumps_s=int(environment.pop("ODD_CLOCK_JUMPS_S", "0")),
            dies_on=environment.pop("ODD_DIES_ON", ""),
        )

    def befall(self, deps: Bot) -> Bot:
        """Make this process so."""
        if self.job_timeout_s:
            enqueue.JOB_TIMEOUT_S = dict.fromkeys(enqueue.JOB_TIMEOUT_S, self.job_timeout_s)  # type: ignore[misc]
        if self.dies_on:
            _die_on(self.dies_on)
        if not self.clock_jumps_s:
            return deps
        jumps = itertools.cycle((0, self.clock_jumps_s, 0, -self.clock_jumps_s))

        def clock() -> datetime:
            return datetime.now(UTC) + timedelta(seconds=next(jumps))

        return replace(deps, clock=clock, store=a_store(deps.store.redis, now=clock))


def _die_on(name: str) -> None:
    run = WorkerThread.execute_job

    def execute_job(lane: WorkerThread, job: Job, queue: Queue) -> None:
        if queue.name == name:
            os.kill(os.getpid(), signal.SIGKILL)
        if queue.name == SWEEP:
            # It makes what the others find; of them, none may be done before the end.
            run(lane, job, queue)

    WorkerThread.execute_job = execute_job  # type: ignore[method-assign, assignment]


def main() -> None:
    """Make a bot for each line, until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    rules.find()
    commands.find()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _be_a_bot(json.loads(line), os.getppid())
        print(child, flush=True)


def _be_a_bot(environment: dict[str, str], parent: int) -> None:
    """Serve until the parent is gone or somebody kills us. Never returns."""
    try:
        odd = Oddities.read(environment)
        settings = read(environment)
        log.configure(settings.log, settings.secrets, colours=False)
        deps = odd.befall(wiring.for_worker(settings))
        WorkerPool((SWEEP, RECHECK, DECIDE, REVIEW, PROBE), _functions(settings, deps), deps.store.redis).start()
        clock = Clock([(each.commons, SWEEP_EVERY_S) for each in settings.commons], jobs_of(deps.store).enqueue_sweep)
        threading.Thread(target=clock.run, args=(threading.Event(),), daemon=True).start()
        while os.getppid() == parent:
            time.sleep(ORPHAN_CHECK_S)
    except Exception:
        traceback.print_exc()
    finally:
        # Not sys.exit: what the parent still has to write or clean up is not the child's.
        os._exit(1)


def _functions(settings: Settings, deps: Bot) -> dict[str, Callable[..., None]]:
    known = frozenset(each.commons for each in settings.commons)

    def look(commons: Commons, number: PullNo, extend: Callable[[], None]) -> None:
        converge(number, deps.at(commons), extend=extend)

    pulls = PullJobs(
        known=known, store=deps.store, jobs=jobs_of(deps.store), look=look, sweep=lambda commons: sweep(deps.at(commons))
    )
    looking = replace(wiring.looking(settings, deps.store), politeness=Politeness(pace_s=0, retry_s=()))
    links = ProbeJobs(known=known, store=deps.store, jobs=jobs_of(deps.store), looking=looking)
    return {**pulls.functions(), **links.functions()}


if __name__ == "__main__":
    main()
