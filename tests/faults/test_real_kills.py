"""Killed for real: kill -9 while an effect is under way, Redis wiped, a fresh process: still exactly once.

The table of effects and what must hold in the end are those of the crash points in process; here a process dies, with its
leases, notes and threads, while the hub holds back its answer or has not seen the request yet.
"""

from __future__ import annotations

import time

import pytest

from bot.model.policy import Landing
from tests.faults.bots import PATIENCE_S, STILL_S, Town, bots, kill, town
from tests.faults.stories import check, forget_the_fork, plain, story
from tests.patience import until

__all__ = ["bots", "town"]

ACCEPT_PULL, ACCEPT_DIRECT = story("accept", Landing.PULL), story("accept", Landing.DIRECT)
ADOPT_PULL, ADOPT_DIRECT = story("adopt", Landing.PULL), story("adopt", Landing.DIRECT)
REJECT_PULL, REJECT_DIRECT = story("reject-on-main", Landing.PULL), story("reject-on-main", Landing.DIRECT)
CLOSE_PULL = story("close", Landing.PULL)
HOLD, OVERRIDE = story("hold", Landing.PULL), story("override", Landing.PULL)
POINTS = (
    (ACCEPT_PULL, 1, "before"),
    (ACCEPT_PULL, 1, "after"),
    (ACCEPT_PULL, 4, "after"),
    (ACCEPT_PULL, 6, "after"),
    (ACCEPT_PULL, 7, "after"),
    (ACCEPT_PULL, 8, "after"),
    (ACCEPT_DIRECT, 3, "after"),
    (ADOPT_DIRECT, 4, "before"),
    (REJECT_PULL, 5, "after"),
    (REJECT_DIRECT, 1, "after"),
)
SAME_AGAIN = (
    (ACCEPT_DIRECT, 5, "after"),
    (ADOPT_PULL, 6, "after"),
    (ADOPT_DIRECT, 1, "after"),
    (CLOSE_PULL, 6, "before"),
    (HOLD, 1, "after"),
    (OVERRIDE, 1, "after"),
)
"""Effects that are killed at above, in another decision."""


@pytest.mark.parametrize(
    ("town", "at", "when"),
    [*POINTS, *(pytest.param(*point, marks=pytest.mark.slow) for point in SAME_AGAIN)],
    ids=[f"{told}-{when}-{at}-{told.effects[at - 1].replace(' ', '-')}" for told, at, when in (*POINTS, *SAME_AGAIN)],
    indirect=["town"],
)
def test_what_a_killed_bot_began_is_finished_by_the_next_one_exactly_once(town: Town, at: int, when: str) -> None:
    world, pull, gate = town.world, town.pull, town.gate
    gate.shut_at(at, when)
    first = town.start()
    assert gate.shut.wait(PATIENCE_S), gate.effects
    kill(first)
    assert plain(gate.effects) == town.story.effects[:at]
    gate.open()
    world.redis.flushall()
    forget_the_fork(world, pull)
    town.start()
    until(lambda: world.said(pull, "answer") and len(world.said(pull, "review")) == town.story.reviews)
    time.sleep(STILL_S)
    check(world, pull, town.story)
