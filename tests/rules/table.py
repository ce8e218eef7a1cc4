"""How the tables of rules are run: one rule through the real judge, what it said as plain values."""

from __future__ import annotations

from bot.rulebook import Catalog, Judgement, Rule, Snapshot, judge

PASS: tuple[str, ...] = ()


def judged(rule: Rule, snapshot: Snapshot) -> Judgement:
    """The judgement of this rule alone; a crash fails the test."""
    judgement = judge(snapshot, Catalog.of([rule]))
    assert judgement.crashes == ()
    return judgement


def found(rule: Rule, snapshot: Snapshot) -> tuple[str, ...]:
    """What the rule finds, worst first: `fault wanted.w-1.status`. A rule that was not asked fails the test."""
    judgement = judged(rule, snapshot)
    assert judgement.findings or judgement.waiting_for or judgement.passed == (rule.name,), "the rule was not asked"
    return tuple(f"{finding.level.value} {finding.place}" for finding in judgement.findings)


def told(rule: Rule, snapshot: Snapshot) -> str:
    """The one sentence the rule says about the work."""
    (finding,) = judged(rule, snapshot).findings
    return finding.says
