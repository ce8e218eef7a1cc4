"""`--dry-run`: what a decision would do, told instead of done.

A rehearsal asks everything the decision itself would ask, and so waits and is refused like it. It is no decision: its answer
carries a word of its own in the mark, and nothing that holds, or was decided, is read from it.
"""

from __future__ import annotations

from typing import assert_never

from bot.commands.command import CommandContext, Decision, Follow
from bot.messages import md, words
from bot.messages.md import Md
from bot.model.ledger import RowWrite, Write
from bot.model.policy import Decisions, Landing
from bot.model.step import Answer, ClosePull, Land, MergePull, PostNotice, PostReview, Step

WORD = "dry-run"
"""Stands in the mark of an answer where the name of the command would."""
CELL_CHARS_MAX = 200


def rehearse(context: CommandContext, decision: Decision) -> Decision:
    """The same decision with its steps told, none of them left to take."""
    if not isinstance(decision, Follow):
        return decision
    would = [_would(step, context) for step in decision.steps]
    head = md.fill(
        "**DRY RUN** · {subject} · what {line} by {user} would do now",
        subject=words.subject(context.snapshot),
        line=md.code(f"/{context.parsed.name}"),
        user=md.code(context.comment.author),
    )
    nothing = md.own("Nothing would be merged or written: the answer itself would be the decision.")
    end = md.fill(
        "It would be answered {outcome}. Times are those of this comment; the decision would bear its own. {unchanged}",
        outcome=Md(decision.says.partition(" · ")[0]),
        unchanged=md.own(words.NOTHING_CHANGED),
    )
    watching = md.own(words.WATCHING) if context.snapshot.policy.decisions is Decisions.WATCH else None
    return Follow(says=md.lines(head, *(would or [nothing]), end, watching))


def _would(step: Step, context: CommandContext) -> Md:
    match step:
        case MergePull(head=head):
            return md.fill("Merge this pull at {head}.", head=words.short(head))
        case Land(change=change):
            return md.lines(_way(context), md.fence(statement(write) for write in change.writes))
        case ClosePull():
            return md.own("Close this pull unmerged.")
        case PostReview() | PostNotice() | Answer():
            return md.own("Say so.")
        case never:
            assert_never(never)


def _way(context: CommandContext) -> Md:
    match context.snapshot.policy.landing:
        case Landing.PULL:
            return md.own("Write these rows to a branch of the bot's own, and merge that into main by a pull:")
        case Landing.DIRECT:
            return md.own("Write these rows to main, one by one:")


def statement(write: RowWrite) -> str:
    """One row of a decision as a line that reads like SQL. For eyes only: what is run is made, and escaped, elsewhere."""
    where = " AND ".join(
        f"{column} {'IS NULL' if value is None else f'= {_cell(value)}'}"
        for column, value in ((write.key_column, write.key), *write.guard.cells)
    )
    told: tuple[str, ...]
    match write.write:
        case Write.INSERT:
            cells = ((write.key_column, write.key), *write.cells.cells)
            columns, values = ", ".join(c for c, _ in cells), ", ".join(_cell(v) for _, v in cells)
            told = ("INSERT INTO", write.table, f"({columns})", "VALUES", f"({values})")
        case Write.UPDATE:
            sets = [f"{column} = {_cell(value)}" for column, value in write.cells.cells]
            sets += [f"{column} = NOW()" for column in write.touch]
            told = ("UPDATE", write.table, "SET", ", ".join(sets), "WHERE", where)
        case Write.DELETE:
            told = ("DELETE FROM", write.table, "WHERE", where)
    return " ".join(told)


def _cell(value: str | None) -> str:
    return "NULL" if value is None else "'" + md.clean(value, CELL_CHARS_MAX).replace("'", "''") + "'"
