"""Claims without work."""

from __future__ import annotations

from bot.rulebook import Judgement, PullKind, Verdict, find, judge
from rules.claim_waits_for_evidence import check
from tests.build import a_snapshot, a_wanted, changes_of, claims, merged
from tests.rules.table import judged

CLAIM = a_snapshot(changes=changes_of(claims()))


def test_a_claim_waits_for_the_rigs_evidence() -> None:
    judgement = judged(check, CLAIM)
    assert judgement == Judgement(findings=(), waiting_for="the rig's evidence")
    assert judge(CLAIM, find()).verdict is Verdict.WAITING


def test_a_faulty_claim_waits_for_nothing() -> None:
    taken = a_snapshot(changes=CLAIM.changes, items=(a_wanted(status="completed"),))
    judgement = judge(taken, find())
    assert (judgement.verdict, judgement.waiting_for) == (Verdict.BLOCKED, "")


def test_a_merged_claim_waits_for_nothing() -> None:
    assert judge(merged(CLAIM), find()).waiting_for == ""


def test_work_is_not_asked() -> None:
    assert a_snapshot().kind is PullKind.WORK
    assert judged(check, a_snapshot()) == Judgement(findings=())
