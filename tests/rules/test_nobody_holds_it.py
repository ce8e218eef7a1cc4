"""Holds that stand."""

from __future__ import annotations

from bot.rulebook import Judgement, Verdict, find, judge
from rules.nobody_holds_it import check
from tests.build import a_comment, a_fact, a_hold, a_policy, a_snapshot, ago, an_answer, merged
from tests.rules.table import PASS, found, judged

HELD = a_snapshot(comments=(a_hold("cy"), a_hold("eve`", at=ago(minutes=9))))
LIFTED = an_answer(a_comment("ana", "/unhold", ago(minutes=8)), "unhold", facts=(a_fact("unhold", "ana", "cy"),))


def test_a_held_pull_waits_for_whoever_holds_it() -> None:
    waits = "`cy` to lift the hold and `eve'` to lift the hold"
    assert judged(check, HELD) == Judgement(findings=(), waiting_for=waits, final=("nobody_holds_it",))
    assert judge(HELD, find()).verdict is Verdict.WAITING


def test_a_hold_that_was_lifted_or_never_placed_is_none() -> None:
    assert found(check, a_snapshot()) == PASS
    assert found(check, a_snapshot(comments=(a_hold("cy"), LIFTED))) == PASS
    assert judged(check, a_snapshot(comments=(*HELD.comments, LIFTED))).waiting_for == "`eve'` to lift the hold"


def test_a_merged_pull_waits_for_nobody() -> None:
    assert judge(merged(HELD), find()).waiting_for == ""


def test_no_policy_switches_it_off() -> None:
    off = a_snapshot(comments=HELD.comments, policy=a_policy(levels={check.name: None}))
    assert judge(off, find()).verdict is Verdict.WAITING
