"""How the tables of commands are run: one comment on one snapshot, straight to its command, what came of it as plain values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.commands import grammar
from bot.commands.catalog import find
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait
from bot.model.finding import Judgement, Level
from bot.model.ledger import Completion, LedgerChange, Row, Wanted
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Present, Snapshot
from bot.model.step import Land, Step
from tests.build import (
    a_comment,
    a_finding,
    a_judgement,
    a_pull,
    a_review,
    a_snapshot,
    added,
    ago,
    changes_of,
    merged,
)

READY = a_judgement()
FAULT = a_judgement(a_finding(says="The link answers 404.", remedy="Submit another link."))
DOUBT = a_judgement(a_finding(level=Level.DOUBT))
UNSURE = a_judgement(a_finding(level=Level.UNSURE))
WRITTEN = ago(minutes=5)
"""When the comments of the tables are written: after the review, before the evidence was looked at last."""
FOREIGN = changes_of(added("payouts", id="p-1"))
REGISTRATION = changes_of(added("rigs", handle="polecat-9"))


def reviewed(*comments: Comment, **fields: Any) -> Snapshot:
    """The happy WORK pull with one review; fields of Snapshot replace the sane ones."""
    return a_snapshot(**{"comments": (a_review(), *comments), **fields})


def on_main(snapshot: Snapshot | None = None, **fields: Any) -> Snapshot:
    """The same, merged at the reviewed head; fields replace those of the merged one."""
    return replace(merged(snapshot or reviewed()), **fields)


def closed(snapshot: Snapshot | None = None) -> Snapshot:
    return replace(snapshot or reviewed(), pull=a_pull(state=PullState.CLOSED))


def main_now(
    snapshot: Snapshot, *, item: dict[str, str | None] | None = None, done: dict[str, str | None] | None = None
) -> Snapshot:
    """The merged pull, with cells of its item and of its completion changed on main since."""
    items = tuple(Wanted(Row.of(i.row.as_dict() | (item or {}))) for i in snapshot.on_main_now.items)
    completions = tuple(Completion(Row.of(c.row.as_dict() | (done or {}))) for c in snapshot.on_main_now.completions)
    return replace(snapshot, on_main_now=Present(items=items, completions=completions, stamps=snapshot.on_main_now.stamps))


def ask(
    body: str, snapshot: Snapshot, *, by: str = "ana", judgement: Judgement = READY, comment: Comment | None = None
) -> Decision:
    """What the one command of a comment comes to; the comment stands in the snapshot, last."""
    said = comment or a_comment(by, body, WRITTEN)
    (parsed,) = grammar.read(said.body, find()).parsed
    command = find().get(parsed.name)
    assert command is not None
    seen = replace(snapshot, comments=(*snapshot.comments, said))
    return command.decide(CommandContext(parsed=parsed, comment=said, snapshot=seen, judgement=judgement, catalog=find()))


def followed(found: Decision) -> tuple[str, ...]:
    """The steps by name, and the first words of what is said."""
    assert isinstance(found, Follow), found
    return (*(type(step).__name__ for step in found.steps), found.says.split(" · ")[0].strip("*"))


def landed(found: Decision) -> LedgerChange:
    assert isinstance(found, Follow), found
    (change,) = [step.change for step in found.steps if isinstance(step, Land)]
    return change


def steps(found: Decision) -> tuple[Step, ...]:
    assert isinstance(found, Follow), found
    return found.steps


def refused(found: Decision) -> tuple[str, str]:
    assert isinstance(found, Refuse), found
    return str(found.reason), str(found.remedy)


def waits(found: Decision) -> str:
    assert isinstance(found, Wait), found
    return str(found.until)
