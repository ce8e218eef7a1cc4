"""Decisions that cannot go on: their author is told once, others are heard meanwhile, and they go on by themselves."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.model.ids import PullNo
from tests.journeys.test_kinds import ITEM, outcomes
from tests.journeys.test_trouble import Worker, knocked, trouble
from tests.world import World

ACCEPT = "/accept --quality 4"


def decided(world: World, worker: Worker, *, park_s: float = 0.0) -> PullNo:
    """A reviewed work with an accept whose evidence is fresh, in a world where a decision is soon called stuck."""
    world.policy = replace(world.policy, timing=replace(world.policy.timing, park_s=park_s))
    worker.deps = replace(worker.deps, policies={world.commons: world.policy})
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "ana", ACCEPT)
    worker.look(pull)
    worker.probe()
    return pull


def test_a_merge_that_takes_too_long_is_told_once_and_finished_by_itself(world: World) -> None:
    worker = Worker(world, operation_wait_s=0.05)
    pull = decided(world, worker)
    world.db.play({"quirk": 34, "how": "slow", "ms": 900, "times": 1})
    worker.look(pull)
    assert outcomes(world, pull) == ["KEPT"]
    world.comment(pull, "mallory", "/help")
    world.comment(pull, "bo", "/reject it does not build")
    while world.state(pull) == "open":
        worker.look(pull)
        time.sleep(0.02)
    assert outcomes(world, pull) == ["KEPT", "HELP"]
    world.settle()
    assert outcomes(world, pull) == ["KEPT", "HELP", "ACCEPTED", "REFUSED"]
    assert (world.count("stamps"), world.db.counts()["mergePull"]) == (1, 2)
    said = world.said(pull, "answer")[0]
    assert "Your command is kept and tried again by itself" in said
    assert "Later decisions wait for its end." in said


@pytest.mark.parametrize("how", ["403", "422", "job"])
def test_a_landing_that_is_not_let_through_is_told_once_and_goes_on_when_it_is(world: World, how: str) -> None:
    worker = Worker(world)
    pull = decided(world, worker, park_s=60)
    with trouble(world, {"quirk": 40, "how": how, "after": 1, "match": {"operation": "mergePull"}}):
        for _ in range(3):
            worker.look(pull)
        assert (outcomes(world, pull), world.state(pull), world.count("stamps")) == (["KEPT"], "merged", 0)
        worker.sweep()
        knocked(world)  # what the merge has touched
        worker.sweep()
        assert knocked(world) == []
        world.comment(pull, "bo", "/reject it does not build")
        world.comment(pull, "mallory", "/help")
        worker.look(pull)
        assert outcomes(world, pull) == ["KEPT", "HELP"]
    said = world.said(pull, "answer")[0]
    assert "DoltHub does not let the bot do this: `landing pull 2: mergePull" in said
    assert "An admin of this commons can let the bot's account write to main" in said
    assert "What was done so far remains, and the rest follows." in said
    assert "Nothing was changed" not in said
    world.settle()
    assert (outcomes(world, pull), world.count("stamps")) == (["KEPT", "HELP", "ACCEPTED", "REFUSED"], 1)


def test_a_landing_pull_that_an_admin_merges_by_hand_is_gone_on_from(world: World) -> None:
    worker = Worker(world)
    pull = decided(world, worker)
    with trouble(world, {"quirk": 40, "how": "403", "after": 1, "match": {"operation": "mergePull", "user": "bot"}}):
        worker.look(pull)
        (landing,) = [PullNo(p["pull_number"]) for p in world.pulls() if p["creator"] == "bot"]
        world.merge_by_hand(landing)
        worker.look(pull)
    assert (outcomes(world, pull), world.count("stamps")) == (["KEPT", "ACCEPTED"], 1)


def test_what_has_not_begun_gives_way_to_a_later_decision(world: World) -> None:
    worker = Worker(world)
    pull = decided(world, worker)
    with trouble(world, {"quirk": 40, "how": "403", "match": {"operation": "mergePull"}}):
        worker.look(pull)
        assert outcomes(world, pull) == ["KEPT"]
        assert "A later decision takes its place. Nothing was changed." in world.said(pull, "answer")[0]
        world.comment(pull, "bo", "/reject it does not build")
        worker.look(pull)
    world.settle()
    assert outcomes(world, pull) == ["KEPT", "REJECTED", "REFUSED"]
    assert "A later decision has been carried out since" in world.said(pull, "answer")[-1]
    assert world.state(pull) == "open"
