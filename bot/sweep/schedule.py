"""What is read next with what a sweep may spend, and which pending looks become jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from math import inf
from typing import TypeVar

from bot.converge.bot import Site
from bot.model.ids import Database, PullNo
from bot.model.policy import SOONEST
from bot.model.pull import PullState
from bot.store import DECIDE, LOOKS, RECHECK, REVIEW, Listed
from bot.store.poll_state import fork_thing, pull_thing
from bot.sweep.run import LATEST, SweepRun

T = TypeVar("T")
RARE = 5.0
"""Heads of forks, pulls that are not open, and pulls whose first look is owed are looked at so many times less often."""
AHEAD = {DECIDE: 500, REVIEW: 100, RECHECK: 25}
"""Jobs that may wait in each queue; further looks stay owed, and no flood of pulls grows a queue."""


def choose(
    run: SweepRun, watched: Iterable[Listed], forks: Iterable[Database], unfinished: frozenset[PullNo]
) -> tuple[PullNo | Database, ...]:
    """What is due and paid for by what the sweep may still spend."""
    pulls = run.site.store.pulls
    first_look_owed = run.owing - pulls.fingerprints(run.owing).keys()
    due: list[PullNo] = []
    # Of those that were never read, the oldest pulls come first.
    for pull in sorted(watched, key=lambda p: p.number):
        at_rest = pull.state is not PullState.OPEN and pull.number not in unfinished
        if run.overdue(pull_thing(pull.number), RARE if at_rest or pull.number in first_look_owed else 1.0) >= 1:
            due.append(pull.number)
    # A glance is remembered when all that was due was done: from then on a review stands below the pull.
    reviewed = pulls.fingerprints(due)
    standing = [number for number in due if number in reviewed]
    lively = [number for number in standing if run.interval_s(pull_thing(number)) < LATEST * run.poll_s]
    rest: list[PullNo | Database] = [n for n in due if n not in reviewed]
    rest += [fork for fork in forks if run.overdue(fork_thing(fork), RARE) >= 1]
    queues = (standing, lively, rest)
    return in_turn([run.longest_unread_first(each) for each in queues], max(1, int(run.left)) if run.left < inf else None)


def in_turn(queues: Sequence[Sequence[T]], most: int | None) -> tuple[T, ...]:
    """The first of each queue, then the second of each, `most` in all: no queue waits for another to be empty."""
    turns = (each for row in zip_longest(*queues) for each in row if each is not None)
    return tuple(islice(dict.fromkeys(turns), most))


def enqueue_pending(site: Site) -> int:
    """Knock at the pulls that a look is owed of, as far as the queues have room; how many knocks made a job."""
    pulls = site.store.pulls
    for queue in LOOKS:
        timely = pulls.due(queue)
        for number in timely:
            pulls.add_pending(number, queue)
        pulls.drop_due(queue, timely)
    waiting = site.jobs.waiting()
    room = {queue: AHEAD[queue] - waiting[queue] for queue in LOOKS}
    strays, now, knocked = pulls.quarantined(), site.clock(), 0
    first_s = SOONEST * site.policy.timing.poll_s
    for queue in LOOKS:
        ripe = [d for d in pulls.pending() if d.queue == queue and d.is_due(now, first_s) and d.pull not in strays]
        # The oldest stand in the queue already, so nobody has to be asked about the others.
        for debt in ripe[: AHEAD[queue]]:
            if room[queue] > 0 and site.jobs.enqueue(site.commons, debt.pull, queue=queue):
                room[queue] -= 1
                knocked += 1
    return knocked
