"""Killed for real: kill -9 while an effect is under way, Redis wiped, a fresh process: still exactly once.

The table of effects and what must hold in the end are those of the crash points in process; here a process dies, with its
leases, notes and threads, while the hub holds back its answer or has not seen the request yet.
"""

from __future__ import annotations

import time

import pytest

from bot.model.ids import PullNo
from tests.faults.bots import PATIENCE_S, STILL_S, Town, bots, kill, town, until
from tests.faults.test_crash_points import STORIES, check
from tests.world import World

__all__ = ["bots", "town"]

ACCEPT_PULL, ACCEPT_DIRECT, _, REJECT_PULL, REJECT_DIRECT, CLOSE_PULL = STORIES[:6]
POINTS = (
    (ACCEPT_PULL, 1, "before"),
    (ACCEPT_PULL, 1, "after"),
    (ACCEPT_PULL, 2, "after"),
    (ACCEPT_PULL, 4, "after"),
    (ACCEPT_PULL, 6, "after"),
    (ACCEPT_PULL, 7, "after"),
    (ACCEPT_PULL, 8, "after"),
    (ACCEPT_DIRECT, 3, "after"),
    (ACCEPT_DIRECT, 4, "before"),
    (ACCEPT_DIRECT, 5, "after"),
    (REJECT_PULL, 5, "after"),
    (REJECT_DIRECT, 1, "after"),
    (CLOSE_PULL, 5, "after"),
    (CLOSE_PULL, 6, "before"),
)


def lose_everything_but_dolthub(world: World, pull: PullNo) -> None:
    """Redis is blank; and once the work is merged, its fork is gone."""
    world.redis.flushall()
    if world.state(pull) == "merged":
        fork = world.fork_of("pia")
        world.sandbox.admin("DELETE", "/databases", {"database": fork})
        world.db.made.remove(fork)


@pytest.mark.parametrize(
    ("town", "at", "when"),
    POINTS,
    ids=[f"{story}-{when}-{at}-{story.effects[at - 1].replace(' ', '-')}" for story, at, when in POINTS],
    indirect=["town"],
)
def test_what_a_killed_bot_began_is_finished_by_the_next_one_exactly_once(town: Town, at: int, when: str) -> None:
    world, pull, gate = town.world, town.pull, town.gate
    gate.shut_at(at, when)
    first = town.start()
    assert gate.shut.wait(PATIENCE_S), gate.effects
    kill(first)
    assert tuple(gate.effects) == town.story.effects[:at]
    gate.open()
    lose_everything_but_dolthub(world, pull)
    town.start()
    until(lambda: world.said(pull, "answer"))
    time.sleep(STILL_S)
    check(world, pull, town.story)
