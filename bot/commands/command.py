"""What a slash-command is, what it is asked, and what it may answer. A command is one file in this package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from bot.commands.grammar.option import Option
from bot.commands.grammar.reading import Parsed
from bot.commands.grammar.signature import Signature, Signatures, Takes
from bot.messages import answers
from bot.messages.md import Md
from bot.model.finding import Judgement
from bot.model.ledger import Write
from bot.model.mark import Fact
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, ClosePull, Land, MergePull, Outcome, PostNotice, PostReview, Step

_NOTHING = Md("")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """Everything a command may look at when it decides."""

    parsed: Parsed
    comment: Comment
    snapshot: Snapshot
    judgement: Judgement
    catalog: Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Yes: do these steps, then say this. No steps: only say it.

    `begun`: the deed shows on DoltHub already, so nothing else comes before its end. `facts`: what is so from the moment the
    answer stands there, because it says so.
    """

    steps: tuple[Step, ...] = ()
    says: Md
    outcome: Outcome = Outcome.DONE
    begun: bool = False
    facts: tuple[Fact, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is different afterwards."""
        return bool(self.steps or self.facts)


@dataclass(frozen=True, slots=True)
class Refuse:
    """No, why, and what would help. Whoever speaks it adds that nothing was changed, unless something was (`changed`).

    `denied`: because of who asks, not of what. `news`: because of what is new since the review; its sign. `facts`:
    what is so from the moment the answer stands there.
    """

    reason: Md
    remedy: Md = _NOTHING
    denied: bool = False
    changed: bool = False
    news: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet, and no answer yet: something must be looked at first."""

    until: Md


Decision = Follow | Refuse | Wait


def brings(step: Step) -> bool:
    """Whether a step brings to main what a pull holds, or a stamp. Rows without a stamp are written as they were reviewed."""
    match step:
        case MergePull():
            return True
        case Land(change=change):
            return any(write.table == "stamps" and write.write is not Write.DELETE for write in change.writes)
        case PostReview() | PostNotice() | ClosePull() | Answer():
            return False
        case never:
            assert_never(never)


def forbidden(context: CommandContext) -> Refuse | None:
    """The refusal of everything that merges or stamps where what the merge would bring, or brought, cannot be told."""
    if not context.judgement.forbids:
        return None
    return Refuse(*answers.cannot_tell(context.snapshot, context.judgement))


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Signature):
    """One slash-command: its signature, and the function that decides.

    `wants_fresh_probe`: while such a command is unanswered, the evidence links must be probed anew, later than the command's
    comment.
    """

    wants_fresh_probe: bool
    function: Callable[[CommandContext], Decision]

    def decide(self, context: CommandContext) -> Decision:
        """The command's decision. Pure, so it is also called just to see whether the command would go through.

        Everything that merges or stamps passes here, so here it is refused where what the merge would bring cannot be told.
        """
        decision = self.function(context)
        if isinstance(decision, Follow) and any(brings(step) for step in decision.steps):
            refusal = forbidden(context)
            return replace(refusal, changed=decision.begun) if refusal is not None else decision
        return decision


Catalog: TypeAlias = Signatures[Command]
"""All commands of an installation, those that decide first, then by name; `catalog.find` builds it."""


def command(
    *,
    name: str,
    takes: Takes = Takes.NOTHING,
    options: tuple[Option, ...] = (),
    aliases: tuple[str, ...] = (),
    decides: bool = False,
    loosens: bool = False,
    stops: bool = False,
    wants_fresh_probe: bool = False,
    takes_item: bool = True,
) -> Callable[[Callable[[CommandContext], Decision]], Command]:
    """Make a function the command of its file; the catalogue finds it there.

    The function's docstring is public: its first line is the title in `/help`, the rest the details.
    Raises ValueError, when the file is imported, if there is no docstring.
    """

    def made(decide: Callable[[CommandContext], Decision]) -> Command:
        title, _, details = (inspect.getdoc(decide) or "").partition("\n")
        if not title.strip():
            raise ValueError(f"the function of /{name} has no docstring: its first line is the title in /help")
        # Docstrings are our own words, written in the source code, like any text given to md.own.
        return Command(
            name=name,
            title=Md(title.strip().rstrip(".")),
            details=Md(details.strip()),
            takes=takes,
            options=options,
            aliases=aliases,
            decides=decides,
            loosens=loosens,
            stops=stops,
            wants_fresh_probe=wants_fresh_probe,
            takes_item=takes_item,
            function=decide,
        )

    return made
