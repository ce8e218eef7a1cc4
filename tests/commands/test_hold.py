"""`/hold why`: who may, what it forbids and how long, and that it lives in our answer alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.messages import time, words
from bot.model.ids import CommentId, CommitHash
from bot.model.journal import Hold
from bot.model.mark import DENIED
from bot.model.pull import PullState
from bot.model.step import Answer, ClosePull, Land, MergePull
from bot.rulebook import Verdict
from tests.build import BOT, HEAD, a_comment, a_fact, a_hash, a_hold, a_pull, a_review, a_snapshot, ago, an_answer
from tests.commands.asking import ask, closed, followed, on_main, refused, reviewed, steps, waits
from tests.unit.test_plan_law import due
from tests.unit.test_plan_law import reviewed as world

LIFT = str(words.LIFT)
BEFORE, SINCE = ago(minutes=10), ago(minutes=2)
"""When a hold stood before the decisions of these tables were written, and when it came after them."""
DECISIONS = ("/accept --quality 4", "/reject it does not build", "/close --pull-only never mind")


@pytest.mark.parametrize("by", ["ana", "pia", "cy"])
def test_an_account_with_a_rig_holds_a_pull_for_a_day_unless_it_may_decide(by: str) -> None:
    found = ask("/hold until Monday", reviewed(), by=by)
    assert followed(found) == ("HELD",)
    assert [fact.word for fact in found.facts] == [f"hold={by}" + ("" if by == "ana" else "=day")]  # type: ignore[union-attr]


def test_a_hold_says_who_why_and_how_it_is_lifted() -> None:
    found = ask("/hold until @bo is `back`", reviewed(), by="cy")
    assert found.says == (  # type: ignore[union-attr]
        "**HELD** · `w-870be07fbc` `Teach the mayor to count` · by `cy` at 2026-06-14 13:57 UTC\n\n"
        "Why: `until @\u200bbo is 'back'`\n\n"
        f"Nothing is decided on this pull while it is held, whatever is pushed. {words.FOR_A_DAY} {LIFT}"
    )


def test_without_a_rig_nobody_holds() -> None:
    assert refused(ask("/hold mine", reviewed(), by="eve")) == (
        "A hold needs a rig, and no rig on main belongs to the account `eve`.",
        "Write what speaks against it in a plain comment: the validator who decides will read it.",
    )


@pytest.mark.parametrize(
    ("holder", "lifted_by", "head", "outcome"),
    [
        ("cy", "ana", HEAD, None),
        ("cy", "cy", HEAD, "HELD"),
        ("cy", "ana", a_hash("pushed"), "HELD"),
        ("bo", "ana", HEAD, "HELD"),
    ],
    ids=["lifted by a validator", "lifted by oneself", "pushed since", "a validator's own"],
)
def test_a_hold_that_a_validator_lifted_is_not_placed_again_on_the_same_head(
    holder: str, lifted_by: str, head: CommitHash, outcome: str | None
) -> None:
    """Else one account with a rig could keep a pull from every decision, hold by hold."""
    unhold = a_comment(lifted_by, "/unhold", ago(minutes=8))
    lifted = an_answer(unhold, "unhold", at=ago(minutes=8), facts=(a_fact("unhold", lifted_by, holder),))
    found = ask("/hold still", reviewed(a_hold(holder), lifted, head=head), by=holder)
    if outcome is not None:
        assert followed(found) == (outcome,)
        return
    assert refused(found)[0] == "Your hold was lifted by `ana`, on this very head."


def test_a_closed_pull_is_not_held_and_a_merged_one_is() -> None:
    assert refused(ask("/hold x", closed(), by="cy"))[0] == "This pull is closed."
    assert "commands written from here on decide nothing more" in ask("/hold x", on_main(), by="cy").says  # type: ignore[union-attr]
    assert waits(ask("/hold x", reviewed(pull=a_pull(state=PullState.UNKNOWN)), by="cy"))


def test_a_hold_of_yesterday_is_not_placed() -> None:
    old = a_comment("cy", "/hold x", ago(hours=25))
    assert refused(ask("", reviewed(), comment=old))[0] == "This comment is more than a day old, so it is not carried out."


@pytest.mark.parametrize("body", DECISIONS)
@pytest.mark.parametrize("at", [BEFORE, SINCE])
def test_while_it_stands_nothing_is_decided(body: str, at: object) -> None:
    found = ask(body, reviewed(a_hold(at=at)))  # type: ignore[arg-type]
    assert refused(found) == (
        f"Nothing is decided here now: `cy` holds this pull since {time.clock(at)}.",  # type: ignore[arg-type]
        LIFT,
    )


def test_whoever_holds_it_lifts_it_before_deciding() -> None:
    assert "you hold this pull yourself since" in refused(ask("/accept -q 4", reviewed(a_hold("ana"))))[0]


def test_what_was_written_under_a_hold_is_written_again_once_it_is_lifted() -> None:
    lifted = an_answer(a_comment("cy", "/unhold", SINCE), "unhold", at=SINCE, facts=(a_fact("unhold", "cy", "cy"),))
    told = refused(ask("/accept -q 4", reviewed(a_hold(at=BEFORE), lifted)))
    assert told == (
        "When this was written, `cy` holds this pull since 2026-06-14 13:52 UTC.",
        "The hold is lifted now: write the command again.",
    )


def test_a_hold_outlives_new_commits_edits_and_the_comment_that_placed_it() -> None:
    held = reviewed(a_hold(), head=a_hash("pushed"))
    (hold,) = held.holds
    assert hold == Hold(by=hold.by, head=HEAD, at=ago(minutes=10))
    assert (hold.by, held.head) == ("cy", a_hash("pushed"))


def test_two_hold_and_each_hold_is_its_own() -> None:
    again = a_hold("cy", at=ago(minutes=3), head=a_hash("pushed"))
    both = reviewed(a_hold("cy"), a_hold("bo", at=ago(minutes=9)), again)
    assert [(h.by, h.at) for h in both.holds] == [("cy", ago(minutes=3)), ("bo", ago(minutes=9))]


@pytest.mark.parametrize(
    "forged",
    [
        replace(a_hold(), author=a_comment("eve").author),
        replace(a_hold(), updated_at=ago(minutes=1)),
        replace(a_hold(), body=a_hold().body + "\nmore"),
        a_comment(BOT, "`stampbot/1 answer hold=cy:c-1 done " + HEAD + " - 1` " + "."),
    ],
    ids=["another author", "edited", "not the last line", "not a mark"],
)
def test_nobody_else_can_say_that_somebody_holds(forged: object) -> None:
    assert reviewed(forged).holds == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a=b", "a+hold=eve", "a:c-9 done", "ünï`", "a\nb", "%2B", "denied", ""])
def test_an_accounts_name_cannot_make_a_mark_say_something_else(name: str) -> None:
    made = a_hold(name or "x", facts=(a_fact("hold", name),), outcome="refused")
    assert [h.by for h in reviewed(made).holds] == [name]
    (answered,) = reviewed(made).answers
    assert (answered.mark.commands, answered.mark.outcome) == (("hold",), "refused")


def test_past_the_merge_only_holds_that_stood_before_the_command_count() -> None:
    assert followed(ask("/accept -q 4", on_main(reviewed(a_hold(at=SINCE))))) == ("Land", "ACCEPTED")
    assert refused(ask("/accept -q 4", on_main(reviewed(a_hold(at=BEFORE)))))[1] == LIFT


def test_a_held_pull_waits_for_whoever_holds_it() -> None:
    held = a_snapshot(comments=(a_hold(),))
    (review,) = due(held)
    assert review.body.startswith(f"**{Verdict.WAITING.value}**")  # type: ignore[union-attr]
    assert review.body.startswith("**WAITING** · for `cy` to lift the hold · ")  # type: ignore[union-attr]
    assert "```\n/unhold\n```" in review.body  # type: ignore[union-attr]


# --- in one comment with others ---------------------------------------------------------------------------------------


def test_a_hold_beside_a_line_that_is_wrong_is_placed() -> None:
    (answer,) = due(world(a_comment("ana", "/hold wait for bo\n/accept --qualty 4", ago(minutes=3))))
    assert isinstance(answer, Answer)
    placed, _, other = answer.body.partition("\n\n---\n\n")
    assert placed.startswith("**HELD**")
    assert "Unknown option; did you mean `--quality`?" in other
    assert other.rpartition("\n\n")[0].endswith("Nothing else was changed.")
    assert "`stampbot/1 answer hold=ana+accept:" in answer.body
    assert f" refused {HEAD} " in answer.body


def test_a_hold_beside_a_decision_is_placed_and_nothing_is_decided_nor_waited_for() -> None:
    seen = replace(world(a_comment("ana", "/accept -q 4\n/hold wait\n/recheck", ago(minutes=3))), probes=())
    (answer,) = due(seen)
    assert isinstance(answer, Answer)
    assert "The same comment holds this pull, so nothing is decided by it." in answer.body
    assert "The hold beside it does not wait for this." in answer.body
    assert [h.by for h in replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body))).holds] == ["ana"]


@pytest.mark.parametrize("body", ["/hold wait\n/unhold", "/unhold\n/hold wait"])
def test_a_comment_that_holds_lifts_nothing(body: str) -> None:
    (answer,) = due(seen := world(a_hold("ana"), a_comment("ana", body, ago(minutes=3))))
    assert isinstance(answer, Answer)
    assert "The same comment holds this pull, so nothing is lifted by it." in answer.body
    assert [h.by for h in replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body))).holds] == ["ana"]


def test_whoever_lifts_the_hold_of_an_account_called_denied_may_still_decide() -> None:
    """An account may be called anything, also like the word by which a mark tells that somebody may not decide."""
    lifted = an_answer(a_comment("ana", "/unhold", BEFORE), "unhold", at=BEFORE, facts=(a_fact("unhold", "ana", DENIED),))
    assert followed(ask("/accept -q 4", reviewed(lifted)))[-1] == "ACCEPTED"


def test_a_hold_that_comes_between_the_steps_of_a_decision_does_not_stop_it() -> None:
    accept = a_comment("ana", "/accept -q 4", ago(minutes=5))
    seen = world(accept)
    assert [type(step) for step in due(seen)] == [MergePull, Land, Answer]
    merged = on_main(seen)
    held = replace(merged, comments=(*merged.comments, a_hold(at=SINCE)))
    assert [type(step) for step in due(held)] == [Land, Answer]


def test_a_hold_that_comes_while_a_decision_waits_stops_it() -> None:
    """Until something is begun the safe direction wins, and the merge never begins."""
    seen = world(a_comment("ana", "/close --pull-only no", ago(minutes=5)), a_hold(at=SINCE))
    (answer,) = due(seen)
    assert isinstance(answer, Answer)
    assert "holds this pull since" in answer.body
    assert not any(isinstance(step, ClosePull) for step in due(seen))


def test_our_answer_closes_the_comment_of_a_hold() -> None:
    asked = a_comment("cy", "/hold x", ago(minutes=3), id=CommentId("c-1"))
    seen = a_snapshot(comments=(a_review(), asked))
    (answer,) = due(seen)
    said = a_comment(BOT, answer.body, ago(minutes=2))  # type: ignore[union-attr]
    assert due(replace(seen, comments=(*seen.comments, said))) == ()
    assert steps(ask("/help", seen)) == ()
