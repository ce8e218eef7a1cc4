"""What comes to main wakes the pulls whose review looked at it, soon, whoever brought it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model.ids import PullNo
from bot.sweep.sweep import sweep
from sandbox.seed import wl_sql
from tests.journeys.test_kinds import verdicts
from tests.journeys.test_trouble import knocked
from tests.world import World

PATIENT_S = 3600.0


def patient(world: World) -> None:
    """A world in which nothing is looked at again, or said again of a head, within the hour, unless there is a reason."""
    timing = replace(world.policy.timing, poll_s=PATIENT_S, same_head_s=PATIENT_S, look_again_s=PATIENT_S)
    world.policy = replace(world.policy, timing=timing)
    world._default = replace(world.deps, policies={world.commons: world.policy})


def registration(world: World) -> PullNo:
    rows = wl_sql.register(handle="lamp-post", display_name="Lamp Post", dolthub_org="nia", owner_email="nia@example.org")
    world.push("nia", "wl/register/lamp-post", *rows)
    return world.open_pull("nia", "wl/register/lamp-post", "Register rig: lamp-post")


def blocked_work(world: World) -> PullNo:
    return world.hand_in("nia", "lamp-post", "w-com-001")


def blocked_post(world: World) -> PullNo:
    """An item posted by a rig that main does not have: no work is in it."""
    posted = "INSERT INTO wanted (id, title, status, posted_by, type, priority, effort_level, created_at, updated_at) VALUES"
    row = "('w-lamp-1', 'A lamp', 'open', 'lamp-post', 'bug', 2, 'small', NOW(), NOW())"
    world.push("nia", "wl/lamp-post/w-lamp-1", f"{posted} {row}")
    return world.open_pull("nia", "wl/lamp-post/w-lamp-1", "post w-lamp-1")


@pytest.mark.parametrize("blocked", [blocked_work, blocked_post], ids=["work", "post"])
@pytest.mark.parametrize("how", ["accepted", "by hand"])
def test_a_registration_that_lands_wakes_the_pulls_of_that_rig_and_its_owner(world: World, blocked: object, how: str) -> None:
    assert callable(blocked)
    world.sandbox.add_user("nia")
    pull = blocked(world)
    other = world.hand_in("otto", "brass-otter", "w-com-002")
    world.settle()
    assert verdicts(world, pull) == ["BLOCKED"]
    patient(world)
    registering = registration(world)
    world.review(registering)
    knocked(world)
    if how == "accepted":
        world.comment(registering, "ana", "/accept")
    else:
        world.merge_by_hand(registering)
    world.converge(registering)
    sweep(world.deps.at(world.commons))
    found = knocked(world)
    assert pull in found
    assert other not in found
    world.review(pull)
    assert (verdicts(world, pull)[0], len(verdicts(world, pull))) == ("BLOCKED", 2)
    assert verdicts(world, pull)[1] != "BLOCKED"
