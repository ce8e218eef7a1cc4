"""The law of plans, through the real observe: after each step that happened, what is planned anew is the rest of the plan."""

from __future__ import annotations

import pytest

from bot.converge.converge import look
from bot.converge.outcome import Done
from bot.converge.perform import perform
from tests.faults.stories import STORIES, Story, begin
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import make_world


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_what_is_planned_after_each_step_is_the_rest_of_the_plan(
    story: Story, world_sandbox: SandboxProcess, world_redis: RedisProcess
) -> None:
    world = make_world(world_sandbox, world_redis, landing=story.landing)
    pull = begin(world, story)
    bot = world.deps
    world.probe(world.observe(pull))
    snapshot, _, due = look(pull, bot.at(world.commons))
    steps = due.steps
    assert tuple(type(step).__name__ for step in steps) == story.steps
    for done, step in enumerate(steps, start=1):
        assert isinstance(perform(step, snapshot, bot.at(snapshot.commons)), Done)
        snapshot, _, due = look(pull, world.bot().at(world.commons))
        follows = due.steps[len(steps) - done :]
        assert due.steps == (*steps[done:], *follows)
        assert bool(follows) == (story.reviewed_again and done == len(steps))
    world.close()
