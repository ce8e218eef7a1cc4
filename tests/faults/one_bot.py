"""`python -m tests.faults.one_bot`: makes whole bots, each a process of its own: sweeps, lanes and link checker in one.

Each line on standard input is an environment as JSON; a bot is wired from it in a fork, and its process id is printed. So a
bot starts in no time, for everything is imported already. They all end with standard input, however that ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from bot import log, wiring
from bot.clock import Clock
from bot.commands import catalog as commands
from bot.converge import converge
from bot.deps import Deps
from bot.looking import Manners
from bot.model.ids import Commons, PullNo
from bot.rulebook import catalog as rules
from bot.scratch import DECIDE, PROBE, REVIEW
from bot.settings import Settings, read
from bot.sweep import sweep
from bot.worker import Lanes, ProbeDuties, PullDuties

SWEEP_EVERY_S = 0.1
ORPHAN_CHECK_S = 0.2


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
        settings = read(environment)
        log.configure(settings.log, settings.secrets, colours=False)
        deps = wiring.for_worker(settings)
        Lanes((DECIDE, REVIEW, PROBE), _functions(settings, deps), deps.scratch.redis).start()
        clock = Clock([(each.commons, SWEEP_EVERY_S) for each in settings.commons], deps.scratch.knocks.knock_sweep)
        threading.Thread(target=clock.run, args=(threading.Event(),), daemon=True).start()
        while os.getppid() == parent:
            time.sleep(ORPHAN_CHECK_S)
    except Exception:
        traceback.print_exc()
    finally:
        # Not sys.exit: what the parent still has to write or clean up is not the child's.
        os._exit(1)


def _functions(settings: Settings, deps: Deps) -> dict[str, Callable[..., None]]:
    known = frozenset(each.commons for each in settings.commons)

    def look(commons: Commons, number: PullNo, extend: Callable[[], None]) -> None:
        converge(commons, number, deps, extend=extend)

    pulls = PullDuties(known=known, scratch=deps.scratch, look=look, sweep=lambda commons: sweep(commons, deps))
    looking = replace(wiring.looking(settings, deps.scratch), manners=Manners(pace_s=0, retry_s=()))
    links = ProbeDuties(known=known, scratch=deps.scratch, looking=looking)
    return {**pulls.functions(), **links.functions()}


if __name__ == "__main__":
    main()
