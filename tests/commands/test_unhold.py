"""`/unhold`: who lifts which holds, and what it does not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.command import Decision, Follow
from bot.messages import words
from bot.model.step import Answer
from tests.build import BOT, a_comment, a_hold, ago
from tests.commands.asking import WRITTEN, ask, closed, followed, on_main, refused, reviewed
from tests.unit.test_plan_law import due
from tests.unit.test_plan_law import reviewed as world

HELD = reviewed(a_hold("cy"), a_hold("pia", at=ago(minutes=9)))


def facts(found: Decision) -> list[str]:
    assert isinstance(found, Follow), found
    return [fact.word for fact in found.facts]


def test_whoever_placed_a_hold_lifts_that_one() -> None:
    found = ask("/unhold", HELD, by="cy")
    assert (followed(found), facts(found)) == (("HOLD LIFTED",), ["unhold=cy=cy"])
    assert "Lifted: the hold of `cy`.\n\nStill: `pia` holds this pull since" in found.says  # type: ignore[union-attr]


@pytest.mark.parametrize("word", ["/unhold", "/remove-hold", "/unhold bo looked at it."])
def test_a_validator_lifts_all_of_them(word: str) -> None:
    assert facts(ask(word, HELD, by="ana")) == ["unhold=ana=cy", "unhold=ana=pia"]


def test_the_answer_tells_whose_hold_and_what_now() -> None:
    assert ask("/unhold it is fine", reviewed(a_hold()), by="ana").says == (  # type: ignore[union-attr]
        "**HOLD LIFTED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` at 2026-06-14 13:57 UTC\n\n"
        "Why: `it is fine`\n\nLifted: the hold of `cy`.\n\nDecisions written from here on are carried out again."
    )


def test_nobody_else_lifts_a_hold() -> None:
    assert refused(ask("/unhold", reviewed(a_hold()), by="pia")) == (
        "The hold is not yours to lift: `cy` holds this pull since 2026-06-14 13:52 UTC.",
        f"{words.LIFT} Free validators: `ana`, `bo`.",
    )


def test_a_validator_does_not_lift_what_holds_up_their_own_work() -> None:
    own = reviewed(a_hold(), pull=replace(HELD.pull, creator=a_comment("ana").author))
    assert refused(ask("/unhold", own, by="ana"))[0].startswith("The hold is not yours to lift")
    assert facts(ask("/unhold", reviewed(a_hold("ana"), pull=own.pull), by="ana")) == ["unhold=ana=ana"]


def test_a_hold_that_is_younger_than_the_command_stays() -> None:
    late = reviewed(a_hold("cy", at=ago(minutes=2)))
    assert refused(ask("/unhold", late, by="ana"))[0] == "This pull is not held."
    both = reviewed(a_hold("pia"), a_hold("cy", at=ago(minutes=2)))
    found = ask("/unhold", both, by="ana")
    assert facts(found) == ["unhold=ana=pia"]
    assert "Still: `cy` holds this pull since" in found.says  # type: ignore[union-attr]


def test_where_nobody_holds_or_the_pull_is_closed_there_is_nothing_to_lift() -> None:
    assert refused(ask("/unhold", reviewed()))[0] == "This pull is not held."
    assert refused(ask("/unhold", closed(HELD)))[0] == "This pull is closed."
    assert refused(ask("/unhold w-0000", HELD))[0] == "This pull is about `w-870be07fbc`, not `w-0000`."
    assert facts(ask("/unhold", on_main(HELD))) == ["unhold=ana=cy", "unhold=ana=pia"]


def test_once_lifted_it_is_lifted_and_a_new_hold_is_a_new_one() -> None:
    seen = world(a_hold("cy"), a_comment("ana", "/unhold", ago(minutes=4)))
    (answer,) = due(seen)
    assert isinstance(answer, Answer)
    lifted = replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body, ago(minutes=3))))
    assert lifted.holds == ()
    again = replace(lifted, comments=(*lifted.comments, a_hold("cy", at=ago(minutes=2))))
    assert [h.at for h in again.holds] == [ago(minutes=2)]


def test_beside_a_line_that_was_not_understood_no_hold_is_lifted() -> None:
    (answer,) = due(world(a_hold(), a_comment("ana", "/unhold\n/accept --qualty 4", WRITTEN)))
    assert isinstance(answer, Answer)
    assert "`/unhold` was not carried out, because not all of this comment could be." in answer.body
    assert answer.body.rpartition("\n\n")[0].endswith("Nothing was changed.")
    assert "unhold=" not in answer.body


def test_a_decision_in_the_same_comment_is_asked_for_again() -> None:
    (answer,) = due(world(a_hold(), a_comment("ana", "/unhold\n/accept -q 4", WRITTEN)))
    assert isinstance(answer, Answer)
    assert "unhold=ana=cy" in answer.body
    assert "Nothing is decided here now: `cy` holds this pull" in answer.body
