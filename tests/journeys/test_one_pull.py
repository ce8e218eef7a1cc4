"""One pull, door to door: review, decision, merge, rows, answer."""

from __future__ import annotations

from bot.model.finding import Verdict
from tests.world import World


def test_an_accepted_work_is_merged_stamped_and_told_once(either_world: World) -> None:
    world = either_world
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    assert len(world.said(pull, "review")) == 1
    assert world.said(pull)[0].startswith("**READY** · `w-com-001`")
    stored = world.deps.store.at(world.commons).pulls.judgements([pull])[pull]
    assert (stored.verdict, stored.item, stored.rig, stored.reviews) == (Verdict.READY, "w-com-001", "polecat-7", 1)
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    print("\n\n".join(world.said(pull)))
    assert world.state(pull) == "merged"
    assert world.deps.store.at(world.commons).pulls.judgements([pull]) == {}
    completion = world.row("completions", wanted_id="w-com-001")
    assert completion is not None
    stamp = world.row("stamps", context_id=str(completion["id"]))
    assert stamp is not None
    assert (completion["stamp_id"], completion["validated_by"]) == (stamp["id"], "ana-town")
    item = world.row("wanted", id="w-com-001")
    assert item is not None
    assert item["status"] == "completed"
    assert len(world.said(pull, "answer")) == 1


def test_a_rejected_work_leaves_main_alone(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    world.comment(pull, "ana", "/reject the tests do not run")
    world.settle()
    print("\n\n".join(world.said(pull)))
    assert world.state(pull) == "open"
    assert world.count("completions") == 0
    assert len(world.said(pull, "answer")) == 1


def test_a_closed_work_completes_the_item_without_a_stamp(either_world: World) -> None:
    world = either_world
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    world.comment(pull, "ana", "/close --yes solved elsewhere")
    world.settle()
    print("\n\n".join(world.said(pull)))
    assert world.state(pull) == "closed"
    assert world.count("stamps") == 0
    item = world.row("wanted", id="w-com-001")
    assert item is not None
    assert (item["status"], item["claimed_by"]) == ("completed", "polecat-7")


def test_nobody_accepts_their_own_work(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    world.comment(pull, "pia", "/accept --quality 5")
    world.settle()
    print("\n\n".join(world.said(pull)))
    assert world.state(pull) == "open"
    assert world.count("stamps") == 0
    assert "Nothing was changed." in world.said(pull, "answer")[0]
