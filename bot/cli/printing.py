"""What the command line prints: plain values for --json, tables and sentences for people. Nothing here decides anything."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

import click
from rich.console import Console
from rich.text import Text

from bot.dolthub.sql import comment
from bot.log import visible
from bot.model.evidence import Probe, Seen
from bot.model.finding import Judgement, Level, Verdict
from bot.model.step import Answer, ClosePull, Land, MergePull, PostNotice, PostReview, Step, step_line
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, cells, lines, table

if TYPE_CHECKING:
    from bot.audit.revert import Inverse
    from bot.audit.rows import Audited
    from bot.commands.command import Command
    from bot.converge.backlog import Backlog
    from bot.converge.plan import Plan
    from bot.model.snapshot import Snapshot
    from bot.rulebook.kit.examples import Told
    from bot.rulebook.rule import Rule

_VERDICT_STATUS = {
    Verdict.READY: FINE,
    Verdict.WAITING: FINE,
    Verdict.LOOK: FINDING,
    Verdict.BLOCKED: FINDING,
    Verdict.CANNOT_TELL: COULD_NOT_TELL,
}
_SEEN_STATUS = {Seen.VERIFIED: FINE, Seen.REACHABLE: FINE, Seen.UNKNOWN: COULD_NOT_TELL}
_STYLE: Mapping[enum.Enum, str] = {
    Verdict.READY: "bold green",
    Verdict.LOOK: "bold yellow",
    Verdict.WAITING: "bold blue",
    Verdict.CANNOT_TELL: "bold magenta",
    Verdict.BLOCKED: "bold red",
    Level.NOTE: "dim",
    Level.DOUBT: "yellow",
    Level.UNSURE: "magenta",
    Level.FORBID: "bold magenta",
    Level.FAULT: "red",
}


def status_of(verdict: Verdict) -> int:
    """Exit status: 0 nothing to find, 1 a finding, 3 could not tell."""
    return _VERDICT_STATUS[verdict]


def status_of_probe(probe: Probe) -> int:
    """Exit status: 0 something answers, 1 it does not or may not be fetched, 3 could not tell."""
    return _SEEN_STATUS.get(probe.seen, FINDING)


# --- a pull ---------------------------------------------------------------------------------------------------------


def pull_json(snapshot: Snapshot, judgement: Judgement, plan: Plan) -> dict[str, object]:
    """Facts about one pull for --json."""
    return {
        "commons": str(snapshot.commons),
        "pull": snapshot.pull.number,
        "title": snapshot.pull.title,
        "state": snapshot.pull.state.value,
        "head": snapshot.head,
        "kind": snapshot.kind.value,
        "form": snapshot.form.name.lower(),
        "item": snapshot.item_id,
        "verdict": judgement.verdict.value,
        "waiting_for": judgement.waiting_for,
        "findings": [
            {
                "rule": f.rule,
                "level": f.level.value,
                "place": str(f.place),
                "says": f.says,
                "remedy": f.remedy,
            }
            for f in judgement.findings
        ],
        "crashes": [{"rule": c.rule, "error": c.error} for c in judgement.crashes],
        "passed": list(judgement.passed),
        "plan": [step_json(step) for step in plan.steps],
        "waits": list(plan.waits),
        "look_at": plan.look_at,
    }


def step_json(step: Step) -> dict[str, object]:
    """One step for --json."""
    match step:
        case PostReview():
            return {"step": "post review", "head": step.head, "digest": step.digest, "body": step.body}
        case PostNotice():
            return {"step": "post notice", "head": step.head, "about": step.about, "body": step.body}
        case MergePull():
            return {"step": "merge pull", "head": step.head, "comment": step.comment}
        case Land():
            writes = [
                {"table": w.table, "key": w.key, "write": w.write, "cells": dict(w.cells.cells), "guard": dict(w.guard.cells)}
                for w in step.change.writes
            ]
            return {"step": "land", "title": step.title, "comment": step.comment, "rows": writes}
        case ClosePull():
            return {"step": "close pull", "comment": step.comment}
        case Answer():
            return {"step": "answer", "to": step.to, "outcome": step.outcome, "body": step.body}
        case never:
            assert_never(never)


def print_explanation(console: Console, snapshot: Snapshot, judgement: Judgement, plan: Plan) -> None:
    """Kind, verdict, findings and plan of one pull, for people."""
    head = Text(f"{snapshot.commons}#{snapshot.pull.number}  ")
    head.append(visible(snapshot.pull.title), "bold")
    console.print(head)
    verdict = judgement.verdict
    told = Text("Verdict  ")
    told.append(verdict.value, _STYLE[verdict])
    told.append(f"  ({snapshot.kind.value}, {snapshot.pull.state.value})")
    if judgement.waiting_for:
        told.append(visible(f"  waiting for {judgement.waiting_for}"))
    console.print(told)
    rows = [(Text(f.level.value, _STYLE[f.level]), *cells(f.rule, f.place, f.says, f.remedy)) for f in judgement.findings]
    rows += [(Text("crash", "red"), *cells(c.rule, "", c.error, "")) for c in judgement.crashes]
    if rows:
        console.print(table("Findings", ("level", "rule", "place", "says", "remedy"), rows))
    if judgement.passed:
        console.print(Text(f"Passed  {', '.join(judgement.passed)}"))
    if not plan.steps:
        console.print(Text("Plan  nothing is due now"))
    for number, step in enumerate(plan.steps, 1):
        console.print(Text(f"Plan {number}  {visible(step_line(step))}"))
        if isinstance(step, Answer):
            console.print(Text(lines(step.body)), style="dim")
    for wait in plan.waits:
        console.print(Text(f"Waits for  {visible(wait)}"))


# --- a link ---------------------------------------------------------------------------------------------------------


def print_probe(console: Console, probe: Probe) -> None:
    """What was seen at a link, for people."""
    facts = (
        ("seen", f"{probe.seen.value} ({probe.reason})"),
        ("kind", probe.kind),
        ("key", probe.key),
        ("status", probe.status),
        ("type", probe.content_type),
        ("title", probe.title),
        ("ended at", probe.final_url),
        ("sha256", probe.sha256),
        *((name.replace("_", " "), value) for name, value in probe.facts if name != "title"),
    )
    console.print(table(visible(probe.url), ("fact", ""), [cells(k, v) for k, v in facts if v not in ("", None)]))
    if probe.hops:
        hops = [cells(n, h.url, h.address, h.status or "", h.note) for n, h in enumerate(probe.hops, 1)]
        console.print(table("Hops", ("", "url", "address dialled", "status", "note"), hops))


# --- a commons ------------------------------------------------------------------------------------------------------


def status_of_audit(audited: Audited) -> int:
    """Exit status: 0 nothing but notes, 1 a finding, 3 nothing found, but not all could be looked at."""
    if any(found.level is not Level.NOTE for found in audited.findings):
        return FINDING
    return COULD_NOT_TELL if audited.unread else FINE


def audit_json(audited: Audited) -> dict[str, object]:
    """One audit for --json."""
    return {
        "commons": str(audited.commons),
        "at": audited.at,
        "since": audited.since,
        "findings": [
            {
                "check": f.check,
                "level": f.level.value,
                "place": str(f.place),
                "says": f.says,
                "rows": [{"table": table, "key": key} for table, key in f.rows],
            }
            for f in audited.findings
        ],
        "unread": list(audited.unread),
    }


def print_audit(console: Console, audited: Audited) -> None:
    """One audit, for people."""
    since = f", since {audited.since[:8]}" if audited.since else ""
    head = f"{audited.commons} at {audited.at[:8]}{since}"
    if audited.findings:
        rows = [(Text(f.level.value, _STYLE[f.level]), *cells(f.check, f.place, f.says)) for f in audited.findings]
        console.print(table(head, ("level", "check", "place", "says"), rows))
    else:
        console.print(Text(f"{head}: nothing found"))
    for said in audited.unread:
        console.print(Text(f"Not looked at  {visible(said)}"))


def backlog_json(backlog: Backlog) -> dict[str, object]:
    """One commons' backlog for --json. What is null is not known: the pull was not looked at yet."""
    return {
        "commons": str(backlog.commons),
        "waiting": [
            {
                "pull": w.pull,
                "verdict": w.verdict.value if w.verdict is not None else None,
                "kind": w.kind.value if w.kind is not None else None,
                "item": w.item,
                "rig": w.rig,
                "creator": w.creator,
                "title": w.title,
                "evidence": w.evidence,
                "opened_at": w.opened_at,
                "judged_at": w.judged_at,
                "type": w.line,
                "quarantined": w.quarantined,
            }
            for w in backlog.waiting
        ],
        "lacks": list(backlog.lacks),
    }


def print_backlog(console: Console, backlog: Backlog, *, now: datetime, ready: bool = False) -> None:
    """One commons' backlog, for people. `ready`: it holds those alone that can be accepted as they stand."""
    if backlog.waiting:
        console.print(table(f"{backlog.commons}: {len(backlog.waiting)} waiting", _BACKLOG, _backlog_rows(backlog, now)))
    else:
        console.print(Text(f"{backlog.commons}: {'no pull is READY' if ready else 'nothing waits'}"))
    for each in (w for w in backlog.waiting if w.quarantined):
        pull = f"'{backlog.commons}#{each.pull}'"
        console.print(Text(f"Left alone  #{each.pull}: see stampbot explain {pull}; to try it again: stampbot converge {pull}"))
    for said in backlog.lacks:
        console.print(Text(f"Not told  {visible(said)}"))


_BACKLOG = ("pull", "verdict", "kind", "item", "rig", "evidence", "age", "type below it")


def _backlog_rows(backlog: Backlog, now: datetime) -> Iterator[tuple[Text, ...]]:
    for w in backlog.waiting:
        verdict = Text(w.verdict.value, _STYLE[w.verdict]) if w.verdict is not None else Text("not looked at yet", "dim")
        if w.quarantined:
            verdict = Text(visible(f"left alone: {w.quarantined}"), "bold red")
        item = w.item or (w.title if w.verdict is None else "")
        kind = w.kind.value if w.kind is not None else ""
        age = _age(now - w.opened_at) if w.opened_at is not None else ""
        yield (*cells(f"#{w.pull}"), verdict, *cells(kind, item, w.rig or w.creator or "", w.evidence, age, w.line))


def _age(waited: timedelta) -> str:
    """How long, in the largest unit that fits: 3 d, 5 h, 12 min."""
    minutes = max(0, int(waited.total_seconds() // 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def inverse_json(inverse: Inverse) -> dict[str, object]:
    """The way back for --json."""
    return {
        "commons": str(inverse.commons),
        "at": inverse.at,
        "check": list(inverse.checks),
        "writes": [
            {
                "table": w.table,
                "key": w.key,
                "write": w.write.value,
                "cells": w.cells.as_dict(),
                "guard": w.guard.as_dict(),
                "touch": list(w.touch),
            }
            for w in inverse.change.writes
        ],
        "statements": [statement.text for statement in inverse.statements],
    }


def print_inverse(inverse: Inverse) -> None:
    """The way back, for people and for a pipe: checks as SQL comments, then the statements, each on a line of its own."""
    click.echo(f"-- {inverse.commons} at {inverse.at}: nothing was written")
    for said in inverse.checks:
        click.echo(f"-- {visible(said)}")
    note = comment(inverse.change.note)
    for statement in inverse.statements:
        click.echo(f"{statement.text.removesuffix(note)};{note}")


# --- the catalogues -------------------------------------------------------------------------------------------------


def rules_json(rules: Iterable[Rule]) -> list[dict[str, object]]:
    """The rules for --json."""
    return [
        {
            "name": r.name,
            "level": r.level.value,
            "title": r.title,
            "doc": r.doc,
            "kinds": [kind.value for kind in r.kinds],
            "fixed": r.fixed,
            "fades": r.softens_after_merge,
            "overridable": r.overridable,
        }
        for r in rules
    ]


def rule_json(rule: Rule, told: Told) -> dict[str, object]:
    """One rule in full for --json. `example` is null where no example makes the rule speak."""
    (listed,) = rules_json([rule])
    shown = told.shown
    example = None
    if shown is not None:
        found = shown.finding
        example = {
            "pull_in_which": shown.example.what,
            "level": found.level.value,
            "place": str(found.place),
            "says": found.says,
            "remedy": found.remedy,
        }
    return {
        **listed,
        "sources": list(rule.sources),
        "example": example,
        "waits_for": told.waits,
        "how_to_fix": list(told.remedies),
    }


def print_rule(console: Console, rule: Rule, told: Told) -> None:
    """One rule in full, for people."""
    from bot.rulebook.rule import REVIEWED

    every = set(REVIEWED) <= set(rule.kinds)
    kinds = "every kind of pull" if every else ", ".join(sorted(kind.value for kind in rule.kinds))
    sources = "; ".join(rule.sources) or "none is named"
    facts = [
        ("checks", rule.title),
        ("why", " ".join(rule.doc.split())),
        ("looks at", kinds),
        ("level", rule.level.value),
        ("policy", _POLICY[rule.fixed]),
        ("validators", _VALIDATORS[rule.overridable]),
        ("after the merge", "a note at most" if rule.softens_after_merge else "as before"),
        ("source", sources),
        *_example_lines(told),
    ]
    told_table = table(rule.name, ("", ""), [cells(name, what) for name, what in facts])
    told_table.show_header = False
    console.print(told_table)


_POLICY = {
    True: "cannot soften it or switch it off: it guards the ledger itself",
    False: "may change its level, or switch it off",
}


_VALIDATORS = {
    True: "may override a fault of it for one head, and say why",
    False: "cannot override a fault of it",
}


def _example_lines(told: Told) -> Iterator[tuple[str, str]]:
    shown = told.shown
    if shown is not None:
        yield "example", f"A pull in which {shown.example.what}."
        yield "says", f"{shown.finding.level.value} {shown.finding.place}: {shown.finding.says}"
    elif told.waits:
        yield "example", f"It finds nothing; the pull waits for {told.waits}."
    else:
        yield "example", f"None: it has nothing to say about the {told.asked} example pulls of these kinds."
    if shown is not None:
        yield "how to fix", " · ".join(told.remedies) or "Nothing needs to be done: it is told for whoever decides."


def print_rules(console: Console, rules: Iterable[Rule]) -> None:
    """The rules, for people."""
    rows = [(*cells(r.name), Text(r.level.value, _STYLE[r.level]), *cells(r.title)) for r in rules]
    console.print(table("Rules", ("rule", "level", "meaning"), rows))


def commands_json(commands: Iterable[Command]) -> list[dict[str, object]]:
    """The commands for --json."""
    return [
        {
            "name": c.name,
            "title": c.title,
            "details": c.details,
            "aliases": list(c.aliases),
            "decides": c.decides,
            "options": [{"name": o.name, "usage": o.usage, "says": o.says, "required": o.required} for o in c.options],
        }
        for c in commands
    ]


def print_commands(console: Console, commands: Iterable[Command]) -> None:
    """The commands, for people."""
    rows = [cells(f"/{c.name}", c.title, " ".join(o.usage for o in c.options)) for c in commands]
    console.print(table("Commands, in a comment below a pull", ("command", "does", "options"), rows))
