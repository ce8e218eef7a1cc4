"""Scenarios 31 to 34: decisions that are stopped, let through, taken over or kept waiting."""

from __future__ import annotations

from contextlib import suppress

from bot.dolthub.errors import HubRefused
from bot.model.policy import Landing
from sandbox.seed import wl_sql
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Stage

HELD = Scenario(
    31,
    "A pull that somebody holds",
    "Carol has a rig and a doubt. Until her hold is lifted, by herself or by a validator without a stake in the work, nothing"
    " is decided, whatever is pushed and whoever asks. Who has no rig is told what to do instead.",
    see=("tests/commands/test_hold.py", "tests/commands/test_unhold.py", "tests/journeys/test_holds.py"),
)


@HELD.part()
def held(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    stage.comment(pull, "dave", "/hold this looks odd")
    stage.comment(pull, "carol-org", "/hold I want to run it first")
    stage.look(pull)
    assert stage.answers(pull) == ["REFUSED", "HELD"]
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.comment(pull, "bob", "/unhold it is fine")
    stage.look(pull)
    assert (stage.answers(pull)[2:], stage.world.state(pull)) == (["REFUSED", "REFUSED"], "open")
    stage.comment(pull, "carol-org", "/unhold It runs")
    stage.look(pull)
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull)[4:], stage.world.state(pull), stage.stamps()) == (["HOLD LIFTED", "ACCEPTED"], "merged", 1)


OVERRIDDEN = Scenario(
    32,
    "A check that is overridden",
    "A check says no where a validator knows better. With a reason, and on this head only, the fault becomes a doubt that names"
    " who overrode it, and the pull can be decided. Checks of who somebody is are never overridden.",
    see=("tests/commands/test_override.py", "tests/journeys/test_holds.py"),
)


@OVERRIDDEN.part()
def overridden(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001", "see the third commit of the relay")
    stage.look(pull)
    assert stage.verdicts(pull) == ["BLOCKED"]
    stage.comment(pull, "bob", '/override evidence_is_a_url --because "it is there"')
    stage.comment(pull, "alice-dev", '/override evidence_is_a_url --because "I have seen that commit"')
    stage.look(pull)
    assert (stage.answers(pull), stage.verdicts(pull)[-1]) == (["REFUSED", "OVERRIDDEN"], "LOOK")
    stage.comment(pull, "alice-dev", "/accept --quality 3")
    stage.look(pull)
    assert (stage.answers(pull)[-1], stage.world.state(pull), stage.stamps()) == ("ACCEPTED", "merged", 1)
    stage.case("A check that stands firm")
    forged = stage.hand_in("bob", "w-002", user="mallory", branch="wl/bob/w-002")
    stage.look(forged)
    stage.comment(forged, "alice-dev", '/override rig_belongs_to_its_owner --because "they are friends"')
    stage.look(forged)
    assert (stage.answers(forged), stage.verdicts(forged)) == (["REFUSED"], ["BLOCKED"])


ADOPTED = Scenario(
    33,
    "Work that is taken over from its pull",
    "Bob's work is good, and main has written the row of the item since his branch left it, so the merge conflicts. Adopted,"
    " the work alone comes to main as it was reviewed, with its stamp, and the pull is closed. A pull that brings more than"
    " its work is not adopted.",
    see=("tests/commands/test_adopt.py", "tests/journeys/test_decisions.py"),
)


@ADOPTED.part(policy={"landing": Landing.PULL})
def adopted(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.main(*wl_sql.claim("w-001", "bob"), says="a maintainer writes the claim of `bob` on `w-001`")
    stage.look(pull)
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.verdicts(pull), stage.answers(pull)) == (["BLOCKED"], ["REFUSED"])
    stage.comment(pull, "alice-dev", "/accept --quality 4 --adopt")
    stage.look(pull)
    assert (stage.answers(pull)[-1], stage.world.state(pull), stage.stamps()) == ("ACCEPTED, ADOPTED", "closed", 1)
    assert stage.item("w-001") == ("completed", "bob")
    stage.case("More than the work")
    proof = stage.proof()
    more = stage.pull(
        "bob",
        "wl/bob/w-002",
        *wl_sql.claim("w-002", "bob"),
        *wl_sql.done("w-002", "bob", proof),
        "UPDATE rigs SET trust_level = 3 WHERE handle = 'bob'",
        says=f"rig `bob` submits `w-002` with the evidence `{proof}`, and gives himself more trust",
    )
    stage.look(more)
    stage.comment(more, "alice-dev", "/accept --quality 4 --adopt --yes")
    stage.look(more)
    assert (stage.verdicts(more), stage.answers(more), stage.stamps()) == (["BLOCKED"], ["REFUSED"], 1)
    assert stage.world.count("rigs", "handle = 'bob' AND trust_level = 1") == 1


KEPT = Scenario(
    34,
    "A decision that DoltHub does not let through",
    "Main is protected and the bot may not merge. Whoever decided is told once, nothing is lost, and when the right is given"
    " the decision goes on by itself.",
    see=("tests/journeys/test_kept.py",),
)


@KEPT.part()
def kept(stage: Stage) -> None:
    pull = stage.hand_in("bob", "w-001")
    stage.look(pull)
    stage.world.db.play({"quirk": 40, "how": "403", "match": {"operation": "mergePull"}})
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.tell("DoltHub lets only admins merge")
    for _ in range(2):
        with suppress(HubRefused):
            stage.look_once(pull)
    assert (stage.answers(pull), stage.world.state(pull)) == (["KEPT"], "open")
    stage.world.sandbox.admin("DELETE", "/faults", database=stage.world.db.name)
    stage.tell("an admin gives the bot the right to")
    stage.look(pull)
    assert (stage.answers(pull), stage.world.state(pull), stage.stamps()) == (["KEPT", "ACCEPTED"], "merged", 1)


ALL = (HELD, OVERRIDDEN, ADOPTED, KEPT)
