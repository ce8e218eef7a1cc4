"""Stories of decisions that do not go the straight way: taken over, taken back, taken again, told to whoever came second."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.dolthub.errors import HubBusy
from bot.model.policy import Landing
from sandbox.seed import wl_sql
from tests.journeys.test_kinds import DONE, ITEM, item_now, outcomes, verdicts
from tests.kill_switch import Killed, KillSwitch
from tests.world import World

BRANCH = f"wl/polecat-7/{ITEM}"


def test_work_is_taken_over_from_a_pull_that_conflicts_with_main(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.db.push("main", *wl_sql.claim(ITEM, "polecat-7"))
    world.review(pull)
    assert verdicts(world, pull) == ["BLOCKED"]
    assert "--adopt --quality Q" in world.said(pull, "review")[0]
    world.comment(pull, "ana", "/accept --quality 4 --adopt --dry-run")
    world.settle()
    before = world.db.head()
    assert (outcomes(world, pull), world.state(pull), world.db.head()) == (["DRY RUN"], "open", before)
    world.comment(pull, "ana", "/accept --quality 4 --adopt")
    world.comment(pull, "bo", "/accept --quality 2 --adopt")
    world.settle()
    assert (outcomes(world, pull), world.state(pull)) == (["DRY RUN", "ACCEPTED, ADOPTED", "REFUSED"], "closed")
    assert "Accepted already by `ana-town`" in world.said(pull, "answer")[-1]
    done = world.row("completions", id=DONE)
    assert done is not None
    assert (item_now(world), world.count("stamps")) == (("completed", "polecat-7"), 1)
    assert (done["validated_by"], done["evidence"]) == ("ana-town", world.evidence + "/ok")
    assert f"came to main by [pull 2](/repositories/{world.commons}/pulls/2), as reviewed at" in world.said(pull, "answer")[1]
    assert "open" not in {p["state"] for p in world.pulls()}


@pytest.mark.parametrize("danger", ["trust", "claim"])
def test_work_is_not_taken_over_from_a_pull_that_raises_trust_or_takes_the_item_of_another_rig(
    world: World, danger: str
) -> None:
    world.push("pia", BRANCH, *wl_sql.claim(ITEM, "polecat-7"), *wl_sql.done(ITEM, "polecat-7", world.evidence + "/ok"))
    if danger == "trust":
        world.push("pia", BRANCH, "UPDATE rigs SET trust_level = 5 WHERE handle = 'polecat-7'")
    else:
        world.db.push("main", *wl_sql.claim(ITEM, "brass-otter"))
    pull = world.open_pull("pia", BRANCH, f"[wl] {ITEM}")
    world.review(pull)
    assert verdicts(world, pull) == ["BLOCKED"]
    assert "--adopt" not in world.said(pull, "review")[0]
    before = world.db.head()
    world.comment(pull, "ana", "/accept --quality 4 --adopt --yes")
    world.settle()
    assert (outcomes(world, pull), world.state(pull), world.db.head()) == (["REFUSED"], "open", before)
    assert world.count("stamps") == 0


def test_a_close_goes_on_although_the_right_was_lost_when_its_rows_were_on_main(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "bo", "/close --yes solved elsewhere")
    world.db.play({"quirk": "status", "status": 503, "match": {"operation": "updatePull"}, "times": 1})
    with pytest.raises(HubBusy, match="503"):
        world.settle()
    assert (world.state(pull), item_now(world)) == ("open", ("completed", "polecat-7"))
    world.db.push("main", "UPDATE rigs SET trust_level = 0 WHERE handle = 'bo-hollow'")
    world.comment(pull, "mallory", "/close --yes mine as well")
    world.settle(world.bot())
    assert world.state(pull) == "closed"
    assert outcomes(world, pull) == ["CLOSED, ITEM COMPLETED WITHOUT A STAMP", "REFUSED"]
    assert "by `bo` (rig `bo-hollow`)" in world.said(pull, "answer")[0]


@pytest.mark.parametrize(
    ("text", "receipt"),
    [
        ("/accept --quality 4 --adopt", "**ACCEPTED, ADOPTED** · `w-com-001`"),
        ("/close --yes solved elsewhere", "**CLOSED, ITEM COMPLETED WITHOUT A STAMP** · `w-com-001`"),
    ],
    ids=["adopt", "close"],
)
def test_what_was_taken_over_is_told_although_the_fork_is_gone_before_the_answer(
    either_world: World, text: str, receipt: str
) -> None:
    world = either_world
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "ana", text)
    world.db.play({"quirk": "status", "status": 503, "match": {"operation": "createPullComment"}, "times": 1})
    with pytest.raises(HubBusy, match="503"):
        world.settle()
    assert (world.state(pull), item_now(world)) == ("closed", ("completed", "polecat-7"))
    fork = world.fork_of("pia")
    world.sandbox.admin("DELETE", "/databases", {"database": fork})
    world.db.made.remove(fork)
    world.wipe()
    world.settle()
    (answer,) = world.said(pull, "answer")
    assert answer.startswith(receipt), answer
    by_pull = world.policy.landing is Landing.PULL
    assert ("by [pull 2](/" if by_pull else "in commits up to `") in answer


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_a_command_that_goes_away_between_its_merge_and_its_stamp_leaves_a_loud_notice(world: World, how: str) -> None:
    world.policy = replace(world.policy, timing=replace(world.policy.timing, park_s=0))
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    said = world.comment(pull, "ana", "/accept --quality 4")
    with pytest.raises(Killed):
        world.settle(world.bot(KillSwitch(1, "after")))
    where = {"database": world.db.name, "number": pull, "comment_id": said}
    if how == "edited":
        world.sandbox.admin("PATCH", "/comments", {**where, "body": "/accept --quality 5"})
    else:
        world.sandbox.admin("DELETE", "/comments", where)
    world.redis.flushall()
    world.settle(world.bot())
    (notice,) = world.said(pull, "notice")
    assert notice.startswith("**MERGED, NOT STAMPED**")
    assert (world.state(pull), world.count("stamps"), item_now(world)[0]) == ("merged", 0, "in_review")
    assert outcomes(world, pull) == (["HINT"] if how == "edited" else [])
    world.comment(pull, "ana", "/accept --quality 5")
    world.settle()
    assert (outcomes(world, pull)[-1], world.count("stamps"), len(world.said(pull, "notice"))) == ("ACCEPTED", 1, 1)


def test_rejected_work_comes_back_on_a_new_branch(world: World) -> None:
    first = world.hand_in("pia", "polecat-7", ITEM)
    world.review(first)
    world.comment(first, "ana", "/reject it does not build")
    world.settle()
    again = (*wl_sql.claim(ITEM, "polecat-7"), *wl_sql.done(ITEM, "polecat-7", world.evidence + "/acme/relay/pull/124"))
    world.push("pia", f"{BRANCH}-2", *again)
    second = world.open_pull("pia", f"{BRANCH}-2", f"[wl] {ITEM}, again")
    world.settle()
    world.comment(second, "bo", "/accept --quality 4")
    world.settle()
    assert (outcomes(world, first), outcomes(world, second)) == (["REJECTED"], ["ACCEPTED"])
    assert (world.state(first), world.state(second), world.count("stamps")) == ("open", "merged", 1)


def test_of_two_completions_on_main_one_is_taken_back_and_the_other_stamped(either_world: World) -> None:
    world = either_world
    first = world.hand_in("pia", "polecat-7", ITEM)
    into = "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
    world.push("otto", "rival", f"{into} ('c-rival', '{ITEM}', 'brass-otter', '{world.evidence}/ok', NOW())")
    second = world.open_pull("otto", "rival", "the same, better")
    for pull in (first, second):
        world.review(pull)
        world.merge_by_hand(pull)
    world.comment(first, "ana", "/reject the other one is better")
    world.settle()
    assert (outcomes(world, first), world.count("completions"), item_now(world)) == (
        ["REJECTED"],
        1,
        ("in_review", "polecat-7"),
    )
    world.comment(second, "ana", "/accept --quality 5")
    world.settle()
    assert (outcomes(world, second), item_now(world)[0]) == (["ACCEPTED"], "completed")
    assert world.count("stamps", "subject = 'brass-otter'") == 1


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_a_landing_that_nobody_goes_on_with_is_cleared_away_and_used_by_nobody_else(world: World, how: str) -> None:
    """Branch and pull of a decision that is none any more: the next decision makes its own."""
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    said = world.comment(pull, "ana", "/accept --quality 1")
    with pytest.raises(Killed):
        world.settle(world.bot(KillSwitch(6, "after")))
    (left,) = [p["pull_number"] for p in world.pulls() if p["creator"] == "bot"]
    where = {"database": world.db.name, "number": pull, "comment_id": said}
    if how == "edited":
        world.sandbox.admin("PATCH", "/comments", {**where, "body": "/accept --quality 5"})
    else:
        world.sandbox.admin("DELETE", "/comments", where)
    world.comment(pull, "bo", "/accept --quality 4")
    world.settle(world.bot())
    stamp = world.row("stamps", subject="polecat-7")
    assert stamp is not None
    assert (stamp["author"], json.loads(stamp["valence"] or "")) == ("bo-hollow", {"quality": 4, "reliability": 4})
    assert {p["pull_number"]: p["state"] for p in world.pulls()} == {pull: "merged", left: "closed", left + 1: "merged"}
    assert sorted(outcomes(world, pull)) == (["ACCEPTED", "HINT"] if how == "edited" else ["ACCEPTED"])
