"""What is read next with what a sweep may spend, and which pending looks become jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from math import inf
from typing import TypeVar

from bot.converge.bot import Site
from bot.model.ids import Database, PullNo
from bot.model.policy import SOONEST
from bot.model.pull import PullState
from bot.store import DECIDE, LOOKS, RECHECK, REVIEW, Listed
from bot.store.poll_state import fork_thing, pull_of_session, pull_thing
from bot.sweep.interval import SESSION_S, Place, Watched, intervals, places
from bot.sweep.run import SweepRun

T = TypeVar("T")
AHEAD = {DECIDE: 500, REVIEW: 100, RECHECK: 25}
"""Jobs that may wait in each queue; further looks stay owed, and no flood of pulls grows a queue."""


def choose(
    run: SweepRun, watched: Iterable[Listed], forks: Iterable[Database], unfinished: frozenset[PullNo]
) -> tuple[PullNo | Database, ...]:
    """What is due and paid for by what the sweep may still spend."""
    pulls = list(watched)
    placed = places(_as_watched(run, pulls, unfinished), _decided_at(run), run.at)
    counts = Counter(placed.values())
    counts[Place.HEADS] = len(heads := tuple(forks))
    waits = intervals(counts, poll_s=run.poll_s, per_minute=run.per_minute)
    due: dict[Place, list[PullNo | Database]] = {place: [] for place in Place}
    for pull in pulls:
        place = placed[pull.number]
        if run.overdue(pull_thing(pull.number), waits[place]) >= 1:
            due[place].append(pull.number)
    due[Place.HEADS] = [fork for fork in heads if run.overdue(fork_thing(fork), waits[Place.HEADS]) >= 1]
    # Of those that were never read, the oldest pulls come first.
    session, decidable, unlikely, rest, heads_due = (
        run.longest_unread_first(sorted(each, key=str) if place is Place.HEADS else sorted(each, key=_number))
        for place, each in due.items()
    )
    most = max(1, int(run.left)) if run.left < inf else None
    return in_turn([[*session, *decidable[::2]], decidable[1::2], unlikely, [*rest, *heads_due]], most)


def _number(each: PullNo | Database) -> int:
    return each if isinstance(each, int) else 0


def _as_watched(run: SweepRun, pulls: Iterable[Listed], unfinished: frozenset[PullNo]) -> Iterator[Watched]:
    """The pulls with what the last look at each came to. One behind unfinished rows on main counts as open."""
    known = {verdict.pull: verdict for verdict in run.site.store.pulls.verdicts()}
    for pull in pulls:
        found = known.get(pull.number)
        yield Watched(
            number=pull.number,
            is_open=pull.state is PullState.OPEN or pull.number in unfinished,
            verdict=found.verdict if found is not None else None,
            judged_at=found.judged_at.timestamp() if found is not None else 0.0,
        )


def _decided_at(run: SweepRun) -> dict[PullNo, float]:
    """When a validator last decided about each pull, as far as that is remembered."""
    return {pull: state.changed_at for name, state in run.pulses.items() if (pull := pull_of_session(name)) is not None}


def ended_sessions(run: SweepRun) -> tuple[str, ...]:
    """The names of sessions that are over."""
    sessions = ((name, state) for name, state in run.pulses.items() if pull_of_session(name) is not None)
    return tuple(name for name, state in sessions if run.at - state.changed_at > SESSION_S)


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
