"""`/override CHECK --because "…"`: which checks, by whom, and what it makes of a fault, on this head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.commands.command import Decision, Follow
from bot.model.evidence import Seen
from bot.model.finding import Finding, Judgement, Level, Verdict
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, MergePull, PostReview
from bot.rulebook import find, judge
from tests.build import (
    BOT,
    a_comment,
    a_finding,
    a_hash,
    a_hold,
    a_judgement,
    a_probe,
    a_review,
    a_rig,
    a_snapshot,
    added,
    ago,
    an_override,
    work,
)
from tests.commands.asking import WRITTEN, ask, closed, followed, on_main, refused, reviewed
from tests.unit.test_plan_law import due

DEAD = (a_probe(seen=Seen.DEAD, probed_at=ago(minutes=2), misses=tuple(ago(hours=h) for h in (20, 19, 1))),)
BLOCKED = a_judgement(
    a_finding("evidence_is_alive"),
    a_finding("evidence_is_used_once", Level.DOUBT),
    passed=("rows_are_whole", "values_are_conventional"),
    final=("rows_are_whole", "outside_decision_is_allowed"),
)
LINE = '/override evidence_is_alive --because "I looked"'
OPEN_TO = "Failing now, and open to it: `evidence_is_alive`."


def override(line: str = LINE, *, by: str = "bo", judgement: Judgement = BLOCKED, **fields: Any) -> Decision:
    return ask(line, reviewed(**fields), by=by, judgement=judgement)


def facts(found: Decision) -> list[str]:
    assert isinstance(found, Follow), found
    return [fact.word for fact in found.facts]


def test_a_validator_overrides_a_fault_and_says_why() -> None:
    found = override()
    assert (followed(found), facts(found)) == (("OVERRIDDEN",), ["override=bo=evidence_is_alive"])
    assert found.says == (  # type: ignore[union-attr]
        "**OVERRIDDEN** · `evidence_is_alive` · `w-870be07fbc` `Teach the mayor to count` · by `bo` (rig `bo-works`) "
        "at 2026-06-14 13:57 UTC\n\nWhy: `I looked`\n\n"
        "On head `vedj3hu` this check is a doubt now, not a fault; a new commit takes the override away. "
        "A new review follows: decide below it."
    )


@pytest.mark.parametrize("name", ["evidence-is-alive", "EVIDENCE.is.alive", "evidence_is", "evidence"])
def test_a_check_is_named_as_people_write_it(name: str) -> None:
    assert facts(override(f"/override {name} --because ok")) == ["override=bo=evidence_is_alive"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("evidnce", "No such check: `evidnce`. Did you mean `evidence`?"),
        ("decision", "The check `decision` cannot be overridden."),
        ("outside_decision_is_allowed", "The check `outside_decision_is_allowed` cannot be overridden."),
        ("rows_are_whole", "The check `rows_are_whole` cannot be overridden."),
        ("values_are_conventional", "`values_are_conventional` does not fail now, so there is nothing to override."),
        ("evidence_is_used_once", "`evidence_is_used_once` does not fail now, so there is nothing to override."),
    ],
)
def test_only_a_named_check_that_fails_and_is_open_to_it_is_overridden(name: str, reason: str) -> None:
    told = refused(override(f"/override {name} --because ok"))
    assert told[0] == reason
    assert told[1] in (
        OPEN_TO,
        "Checks: `evidence_is_alive`, `evidence_is_used_once`, `rows_are_whole`, `values_are_conventional`.",
    )


def test_one_word_for_two_failing_checks_is_asked_about() -> None:
    two = a_judgement(a_finding("evidence_is_alive"), a_finding("evidence_is_a_url"))
    assert refused(override("/override evidence --because ok", judgement=two)) == (
        "`evidence` names more than one check.",
        "Failing now, and open to it: `evidence_is_alive`, `evidence_is_a_url`.",
    )


def test_a_fault_that_stands_firm_is_said_to_be_final() -> None:
    firm = a_judgement(a_finding("rows_are_whole"), final=("rows_are_whole",))
    assert refused(override("/override rows_are_whole --because ok", judgement=firm)) == (
        "The check `rows_are_whole` cannot be overridden.",
        "No check that fails now can be overridden.",
    )


@pytest.mark.parametrize("by", ["pia", "cy", "eve"])
def test_nobody_but_a_validator_overrides(by: str) -> None:
    told = refused(override(by=by))
    assert told[0].startswith("Only validators decide here")


def test_a_validator_does_not_override_what_stands_against_their_own_work() -> None:
    mine = (a_rig(), a_rig("ana-town", "pia", trust_level="3"), a_rig("bo-works", "bo", trust_level="3"))
    told = refused(override(by="pia", rigs=mine))
    assert told[0].startswith("Yearbook rule: a validator does not decide on their own work.")


def test_an_override_is_about_the_head_that_was_reviewed() -> None:
    moved = refused(override(head=a_hash("pushed")))
    assert moved[0].startswith("The pull moved from `vedj3hu` to")
    assert facts(override('/override evidence_is_alive --at vedj3hu --because "I looked"'))
    assert refused(override("/override evidence_is_alive --at 0000000 --because ok"))[0].startswith("`--at 0000000` names no")
    assert refused(override(comments=()))[0].startswith("No review of this pull stood here")


def test_a_merged_or_closed_pull_is_not_overridden() -> None:
    assert refused(ask(LINE, closed(), by="bo", judgement=BLOCKED))[0] == "This pull is closed."
    assert refused(ask(LINE, on_main(), by="bo", judgement=BLOCKED))[0].startswith("This pull is merged")


def test_a_held_pull_can_be_overridden_for_nothing_is_decided_by_it() -> None:
    assert facts(ask(LINE, reviewed(a_hold()), by="ana", judgement=BLOCKED)) == ["override=ana=evidence_is_alive"]


def test_beside_a_line_that_was_not_understood_nothing_is_overridden() -> None:
    said = a_comment("bo", f"{LINE}\n/accept --qualty 4", WRITTEN)
    (answer,) = due(a_snapshot(comments=(a_review(Verdict.BLOCKED), said), probes=DEAD))
    assert isinstance(answer, Answer)
    assert "`/override` was not carried out" in answer.body
    assert "override=" not in answer.body


# --- what it makes of a fault -----------------------------------------------------------------------------------------


def fault_of(snapshot: Snapshot, rule: str = "evidence_is_alive") -> Finding:
    (found,) = [f for f in judge(snapshot, find()).findings if f.rule == rule]
    return found


def test_an_overridden_fault_is_a_doubt_that_names_who_overrode_it() -> None:
    assert fault_of(a_snapshot(probes=DEAD)).level is Level.FAULT
    seen = a_snapshot(probes=DEAD, comments=(a_review(Verdict.BLOCKED), an_override()))
    found = fault_of(seen)
    assert (found.level, found.overridden_by) == (Level.DOUBT, "bo")
    assert judge(seen, find()).verdict is Verdict.LOOK


@pytest.mark.parametrize(
    "snapshot",
    [
        a_snapshot(probes=DEAD, comments=(an_override(head=a_hash("old")),)),
        a_snapshot(probes=DEAD, comments=(an_override("evidence_is_a_url"),)),
        a_snapshot(probes=DEAD, comments=(replace(an_override(), updated_at=ago(minutes=1)),)),
        a_snapshot(probes=DEAD, comments=(replace(an_override(), author=a_comment("eve").author),)),
    ],
    ids=["another head", "another check", "our answer was edited", "not our answer"],
)
def test_nothing_else_softens_it(snapshot: Snapshot) -> None:
    assert fault_of(snapshot).level is Level.FAULT


def test_what_stands_firm_is_not_softened_whatever_an_answer_says() -> None:
    foreign = work(added("payouts", id="p-1"))
    seen = a_snapshot(changes=foreign, comments=(an_override("only_known_rows_change"),))
    assert fault_of(seen, "only_known_rows_change").level is Level.FAULT


def test_a_wiped_redis_and_a_deleted_comment_change_nothing() -> None:
    seen = a_snapshot(probes=DEAD, comments=(a_review(Verdict.BLOCKED), an_override()))
    assert [(o.rule, o.by) for o in replace(seen, probes=(), rivals=(), first_look_at=None).overrides] == [
        ("evidence_is_alive", "bo")
    ]


def test_an_override_leads_to_a_new_review_at_once_and_then_to_a_decision() -> None:
    said = a_comment("bo", LINE, ago(minutes=5))
    seen = a_snapshot(probes=DEAD, comments=(a_review(Verdict.BLOCKED, at=ago(minutes=6)), said))
    (answer,) = due(seen)
    assert isinstance(answer, Answer)
    told = replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body, ago(minutes=4))))
    (review,) = due(told)
    assert isinstance(review, PostReview)
    assert review.body.startswith("**LOOK**")
    assert "Overridden by `bo` on this head." in review.body
    read = replace(told, comments=(*told.comments, a_comment(BOT, review.body, ago(minutes=3.5))))
    assert due(read) == ()
    accept = a_comment("bo", "/accept -q 4", ago(minutes=3))
    steps = due(replace(read, comments=(*read.comments, accept)))
    assert isinstance(steps[0], MergePull)


def test_an_accept_in_the_same_comment_or_on_the_blocked_review_is_refused() -> None:
    for body in (f"{LINE}\n/accept -q 4", "/accept -q 4"):
        said = a_comment("bo", body, ago(minutes=5))
        answers = (an_override(at=ago(minutes=6)),) if body == "/accept -q 4" else ()
        seen = a_snapshot(probes=DEAD, comments=(a_review(Verdict.BLOCKED), *answers, said))
        (answer,) = due(seen)
        assert isinstance(answer, Answer)
        assert "BLOCKED" in answer.body
