"""The law of plans, through the real observe: after each step that happened, what is planned anew is the rest of the plan."""

from __future__ import annotations

import pytest

from bot.converge import look
from bot.model.ids import PullNo
from bot.outcome import Done
from bot.perform import perform
from tests.faults.test_crash_points import STORIES, Story, scene
from tests.world import World

__all__ = ["scene"]


@pytest.mark.parametrize("scene", STORIES, ids=str, indirect=True)
def test_what_is_planned_after_each_step_is_the_rest_of_the_plan(scene: tuple[World, PullNo, Story]) -> None:
    world, pull, story = scene
    bot = world.deps
    world.probe(world.observe(pull))
    snapshot, _, due = look(world.commons, pull, bot)
    steps = due.steps
    assert [type(step).__name__ for step in steps] == {
        "accept": ["MergePull", "Land", "Answer"],
        "reject-unmerged": ["Answer"],
        "hold": ["Answer"],
        "reject-on-main": ["Land", "Answer"],
        "close": ["Land", "ClosePull", "Answer"],
    }[story.name]
    for done, step in enumerate(steps, start=1):
        assert isinstance(perform(step, snapshot, bot), Done)
        snapshot, _, due = look(world.commons, pull, world.bot())
        assert due.steps == steps[done:]
