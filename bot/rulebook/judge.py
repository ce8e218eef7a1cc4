"""Judges one snapshot with every rule of the catalogue; a rule that raises stops no other rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
"""Per rule and level: a pull with thousands of bad rows is as wrong after these as after all of them."""
READ_MAX = 1000
"""Per rule. What a rule has to say after these is not known, so more of them forbid the merge."""
_ERROR_CHARS_MAX = 160


def judge(snapshot: Snapshot, catalog: Catalog) -> Judgement:
    """The judgement on a snapshot, under the snapshot's own policy. Pure, and never raises for what rules do.

    A rule that crashes keeps what it found before and becomes a `RuleCrash`; it is not among the passed. The pull waits
    only if nothing is at fault: what is at fault must change anyhow, and nobody needs to be waited for. Where all faults
    of an open pull are of the merge, and it brings nothing but work that main gives to no other rig, the work is judged for
    itself as well. What forbids the merge of the pull forbids its work too.
    """
    judgement = _judge(snapshot, catalog)
    faults = {finding.rule for finding in judgement.at(Level.FAULT)}
    of_merge = {rule.name for rule in catalog.rules if rule.of_merge}
    if not faults or not of_merge.issuperset(faults) or snapshot.pull.state is not PullState.OPEN:
        return judgement
    work = work_alone(snapshot) if is_adoptable(snapshot) else None
    if work is None:
        return judgement
    alone = _judge(work, catalog)
    findings = {*alone.findings, *judgement.at(Level.FORBID)}
    crashes = dict.fromkeys((*alone.crashes, *judgement.crashes))
    return replace(judgement, alone=replace(alone, findings=_ordered(findings), crashes=tuple(crashes)))


def _judge(snapshot: Snapshot, catalog: Catalog) -> Judgement:
    findings: set[Finding] = set()
    crashes: list[RuleCrash] = []
    passed: list[str] = []
    waits: list[Waits] = []
    kind = snapshot.kind
    overrides = {override.rule: override.by for override in snapshot.overrides}
    for rule in catalog.rules:
        if kind not in rule.kinds:
            continue
        found, waiting, crash = _run(rule, snapshot)
        off = _is_off(rule, snapshot.policy)
        if off:  # of a rule that is switched off, only what forbids the merge counts; no setting takes that away
            found, waiting = [finding for finding in found if finding.level is Level.FORBID], []
        findings.update(_overridden(_weighed(finding, rule, snapshot), rule, overrides) for finding in found)
        waits.extend(waiting)
        if crash is not None:
            crashes.append(crash)
        elif not (found or waiting or off):
            passed.append(rule.name)
    final = tuple(rule.name for rule in catalog.rules if not rule.overridable)
    judgement = Judgement(
        findings=_ordered(findings), crashes=tuple(crashes), passed=tuple(passed), by_hand=snapshot.by_hand, final=final
    )
    if judgement.at(Level.FAULT) or snapshot.pull.state is not PullState.OPEN:
        return judgement
    return replace(judgement, waiting_for=" and ".join(dict.fromkeys(w.whom for w in waits)))


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (-f.level.weight, f.rule, f.place, f.says, f.remedy)))


def _run(rule: Rule, snapshot: Snapshot) -> tuple[list[Finding], list[Waits], RuleCrash | None]:
    found: list[Finding] = []
    waiting: list[Waits] = []
    crash: RuleCrash | None = None
    try:
        for said in islice(rule.check(snapshot), READ_MAX + 1):
            match said:
                case Waits():
                    waiting.append(said)
                case Finding():
                    found.append(replace(said, rule=rule.name, label=rule.label))
                case other:
                    raise TypeError(f"yields {type(other).__name__}, not a finding")
    except Exception as error:
        crash = RuleCrash(rule=rule.name, label=rule.label, error=_first_line(error))
    return _cut(rule, found, endless=len(found) + len(waiting) > READ_MAX), waiting, crash


def _cut(rule: Rule, found: list[Finding], *, endless: bool) -> list[Finding]:
    """The first FINDINGS_MAX findings of each level: many of one level never hide another level."""
    kept = [f for level in Level for f in [f for f in found if f.level is level][:FINDINGS_MAX]]
    if endless:
        says = f"This rule has more than {READ_MAX} findings, and the rest was not read."
        kept.append(rule.finding(Place(), says, "Split the pull into smaller ones", level=Level.FORBID))
    elif len(kept) < len(found):
        kept.append(rule.finding(Place(), f"This rule has more than {FINDINGS_MAX} findings.", level=Level.NOTE))
    return kept


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
    the merge, what a fading rule finds is a note. What forbids the merge is never softened, and what could not be judged is not
    known any better.
    """
    level = finding.level
    if level is Level.FORBID:
        return finding
    ruled = None if rule.fixed else snapshot.policy.levels.get(rule.name)
    if ruled is not None:
        level = ruled if level is rule.level else min(level, ruled, key=lambda at: at.weight)
    if rule.softens_after_merge and snapshot.merged and level is not Level.UNSURE:
        level = Level.NOTE
    return replace(finding, level=level)


def _overridden(finding: Finding, rule: Rule, overrides: Mapping[str, User]) -> Finding:
    """A fault that a validator overrode on this head is a doubt that names them, never a silent pass."""
    by = overrides.get(rule.name) or overrides.get(rule.formerly)
    if by is None or finding.level is not Level.FAULT or not rule.overridable:
        return finding
    return replace(finding, level=Level.DOUBT, overridden_by=by)
