"""Judging: every rule of the catalogue over one snapshot, with a bulkhead around each rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from bot.model.adoption import is_adoptable, work_alone
from bot.model.finding import Finding, Judgement, Level, Place, RuleCrash
from bot.model.ids import User
from bot.model.policy import Policy
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot
from bot.rulebook.catalog import Catalog
from bot.rulebook.rule import Rule, Waits

FINDINGS_MAX = 25
"""Per rule: a pull with thousands of bad rows is as wrong after these as after all of them."""
_ERROR_CHARS_MAX = 160


def judge(snapshot: Snapshot, catalog: Catalog) -> Judgement:
    """The judgement on a snapshot, under the snapshot's own policy. Pure, and never raises for what rules do.

    A rule that crashes keeps what it found before and becomes a `RuleCrash`; it is not among the passed. The pull waits
    only if nothing is at fault: what is at fault must change anyhow, and nobody needs to be waited for. Where all faults
    of an open pull are of the merge, and it brings nothing but work that main gives to no other rig, the work is judged for
    itself as well.
    """
    judgement = _judge(snapshot, catalog)
    faults = {finding.rule for finding in judgement.at(Level.FAULT)}
    of_merge = {rule.name for rule in catalog.rules if rule.of_merge}
    if not faults or not of_merge.issuperset(faults) or snapshot.pull.state is not PullState.OPEN:
        return judgement
    work = work_alone(snapshot) if is_adoptable(snapshot) else None
    return replace(judgement, alone=_judge(work, catalog)) if work is not None else judgement


def _judge(snapshot: Snapshot, catalog: Catalog) -> Judgement:
    findings: set[Finding] = set()
    crashes: list[RuleCrash] = []
    passed: list[str] = []
    waits: list[Waits] = []
    kind = snapshot.kind
    overrides = {override.rule: override.by for override in snapshot.overrides}
    for rule in catalog.rules:
        if kind not in rule.kinds or _is_off(rule, snapshot.policy):
            continue
        found, waiting, crash = _run(rule, snapshot)
        findings.update(_overridden(_weighed(finding, rule, snapshot), rule, overrides) for finding in found)
        waits.extend(waiting)
        if crash is not None:
            crashes.append(crash)
        elif not (found or waiting):
            passed.append(rule.name)
    ordered = sorted(findings, key=lambda f: (-f.level.weight, f.rule, f.place, f.says, f.remedy))
    final = tuple(rule.name for rule in catalog.rules if not rule.overridable)
    judgement = Judgement(findings=tuple(ordered), crashes=tuple(crashes), passed=tuple(passed), final=final)
    if judgement.at(Level.FAULT) or snapshot.pull.state is not PullState.OPEN:
        return judgement
    return replace(judgement, waiting_for=" and ".join(dict.fromkeys(w.whom for w in waits)))


def _run(rule: Rule, snapshot: Snapshot) -> tuple[list[Finding], list[Waits], RuleCrash | None]:
    found: list[Finding] = []
    waiting: list[Waits] = []
    try:
        for said in islice(rule.check(snapshot), FINDINGS_MAX + 1):
            match said:
                case Waits():
                    waiting.append(said)
                case Finding() if len(found) < FINDINGS_MAX:
                    found.append(replace(said, rule=rule.name))
                case Finding():
                    found.append(rule.finding(Place(), f"This rule has more than {FINDINGS_MAX} findings.", level=Level.NOTE))
                case other:
                    raise TypeError(f"yields {type(other).__name__}, not a finding")
    except Exception as error:
        return found, waiting, RuleCrash(rule=rule.name, error=_first_line(error))
    return found, waiting, None


def _first_line(error: Exception) -> str:
    """Type and first line, cut: the text may quote a stranger's cell."""
    try:
        told = str(error).strip().partition("\n")[0]
    except Exception:
        told = ""
    return f"{type(error).__name__}: {told}"[:_ERROR_CHARS_MAX].rstrip(": ")


def _is_off(rule: Rule, policy: Policy) -> bool:
    return not rule.fixed and rule.name in policy.levels and policy.levels[rule.name] is None


def _weighed(finding: Finding, rule: Rule, snapshot: Snapshot) -> Finding:
    """The finding at the level that counts.

    The policy's level stands for the rule's own; a finding that chose another level is only ever softened by it. After
    the merge, what a fading rule finds is a note.
    """
    level = finding.level
    ruled = None if rule.fixed else snapshot.policy.levels.get(rule.name)
    if ruled is not None:
        level = ruled if level is rule.level else min(level, ruled, key=lambda at: at.weight)
    if rule.fades and snapshot.merged:
        level = Level.NOTE
    return replace(finding, level=level)


def _overridden(finding: Finding, rule: Rule, overrides: Mapping[str, User]) -> Finding:
    """A fault that a validator overrode on this head is a doubt that names them, never a silent pass."""
    by = overrides.get(rule.name)
    if by is None or finding.level is not Level.FAULT or not rule.overridable:
        return finding
    return replace(finding, level=Level.DOUBT, overridden_by=by)
