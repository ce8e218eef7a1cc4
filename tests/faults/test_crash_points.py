"""Killed before and after every effect of every decision, Redis wiped, the fork deleted: still exactly once.

The effects of each decision stand in a table; a test compares it with what the bot does, so that it cannot go stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bot.model.ids import PullNo
from bot.model.policy import Landing
from tests.kill_switch import Killed, KillSwitch
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import World, make_world

ITEM = "w-com-001"
BY_PULL = ("POST branches", "POST sql-writes", "POST sql-writes", "POST pulls", "POST merge")
ANSWER = "POST comments"


@dataclass(frozen=True, slots=True)
class Story:
    """One decision on one commons: the comment, whether the work is merged by hand before, and the effects in order."""

    name: str
    landing: Landing
    comment: str
    effects: tuple[str, ...]
    on_main: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{self.landing.value}"


STORIES = (
    Story(
        "accept",
        Landing.PULL,
        "/accept --quality 4",
        ("POST merge", *BY_PULL[:3], "POST sql-writes", *BY_PULL[3:], ANSWER),
    ),
    Story("accept", Landing.DIRECT, "/accept --quality 4", ("POST merge", *("POST sql-writes",) * 3, ANSWER)),
    Story("reject-unmerged", Landing.PULL, "/reject it does not build", (ANSWER,)),
    Story("reject-on-main", Landing.PULL, "/reject it does not build", (*BY_PULL, ANSWER), on_main=True),
    Story("reject-on-main", Landing.DIRECT, "/reject it does not build", (*("POST sql-writes",) * 2, ANSWER), on_main=True),
    Story("close", Landing.PULL, "/close --yes solved elsewhere", (*BY_PULL, "PATCH 1", ANSWER)),
    Story("close", Landing.DIRECT, "/close --yes solved elsewhere", (*("POST sql-writes",) * 2, "PATCH 1", ANSWER)),
    Story("hold", Landing.PULL, "/hold wait for bo", (ANSWER,)),
)
POINTS = [(story, at, when) for story in STORIES for at in range(1, len(story.effects) + 1) for when in ("before", "after")]


@pytest.fixture
def scene(
    request: pytest.FixtureRequest, world_sandbox: SandboxProcess, world_redis: RedisProcess
) -> Iterator[tuple[World, PullNo, Story]]:
    """A reviewed work on which somebody has just decided."""
    story: Story = request.param
    world = make_world(world_sandbox, world_redis, landing=story.landing)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    if story.on_main:
        world.merge_by_hand(pull)
    world.comment(pull, "ana", story.comment)
    yield world, pull, story
    world.close()


def finish(world: World, pull: PullNo) -> None:
    """A new process with a blank Redis, finding its work by sweep alone. Once merged, the fork is not needed any more."""
    world.redis.flushall()
    if world.state(pull) == "merged":
        fork = world.fork_of("pia")
        world.sandbox.admin("DELETE", "/branches", {"database": fork, "branch": f"wl/polecat-7/{ITEM}"})
        world.sandbox.admin("DELETE", "/databases", {"database": fork})
        world.db.made.remove(fork)
    world.settle(world.bot())


def check(world: World, pull: PullNo, story: Story) -> None:
    """What must hold however the story was interrupted."""
    answers = world.said(pull, "answer")
    assert len(answers) == 1, answers
    assert len(world.said(pull, "review")) == 1
    assert [p["state"] for p in world.pulls() if p["creator"] == "bot" and p["state"] == "open"] == []
    found = (
        world.state(pull),
        world.count("completions"),
        world.count("stamps"),
        world.count("completions", "stamp_id IS NOT NULL AND validated_by = 'ana-town'"),
        (world.row("wanted", id=ITEM) or {})["status"],
    )
    expected = {
        "accept": ("merged", 1, 1, 1, "completed"),
        "reject-unmerged": ("open", 0, 0, 0, "open"),
        "hold": ("open", 0, 0, 0, "open"),
        "reject-on-main": ("merged", 0, 0, 0, "claimed"),
        "close": ("closed", 1, 0, 0, "completed"),
    }
    assert found == expected[story.name]
    head = {"accept": "**ACCEPTED**", "close": "**CLOSED", "hold": "**HELD**"}.get(story.name, "**REJECTED**")
    assert answers[0].startswith(head), answers[0]


@pytest.mark.parametrize("scene", STORIES, ids=str, indirect=True)
def test_the_effects_of_a_decision_are_those_in_the_table(scene: tuple[World, PullNo, Story]) -> None:
    world, pull, story = scene
    switch = KillSwitch()
    world.settle(world.bot(switch))
    assert tuple(switch.effects) == story.effects
    check(world, pull, story)


@pytest.mark.parametrize(
    ("scene", "at", "when"),
    POINTS,
    ids=[f"{story}-{when}-{at}-{story.effects[at - 1].replace(' ', '-')}" for story, at, when in POINTS],
    indirect=["scene"],
)
def test_a_decision_killed_anywhere_happens_exactly_once(scene: tuple[World, PullNo, Story], at: int, when: str) -> None:
    world, pull, story = scene
    with pytest.raises(Killed):
        world.settle(world.bot(KillSwitch(at, when)))
    finish(world, pull)
    check(world, pull, story)
