"""What a slash-command is, what it is asked, and what it may answer. A command is one file in this package."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from bot.commands.grammar.option import Option
from bot.commands.grammar.reading import Parsed
from bot.messages import answers
from bot.messages.md import Md
from bot.model.finding import Judgement
from bot.model.ledger import Write
from bot.model.mark import Fact
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, ClosePull, Land, MergePull, Outcome, PostNotice, PostReview, Step

if TYPE_CHECKING:
    from bot.commands.catalog import Catalog


_NOTHING = Md("")


class Takes(enum.Enum):
    """What may stand on a command line beside options and an item id."""

    NOTHING = "nothing"
    WORDS = "words"
    """Loose words, each for itself: `/help accept`."""
    CHECK = "check"
    """The name of one check, required: `/override evidence_is_alive`."""
    REASON = "reason"
    """Free text, required: the rest of the line, or the lines below."""
    OPTIONAL = "optional"
    """Free text, or none."""

    @property
    def free(self) -> bool:
        """Whether the rest of the line is free text."""
        return self in (Takes.REASON, Takes.OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
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

    `denied`: because of who asks, not of what.
    """

    reason: Md
    remedy: Md = _NOTHING
    denied: bool = False
    changed: bool = False


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


def forbidden(asked: Asked) -> Refuse | None:
    """The refusal of everything that merges or stamps where what the merge would bring, or brought, cannot be told."""
    if not asked.judgement.forbids:
        return None
    return Refuse(*answers.cannot_tell(asked.snapshot, asked.judgement))


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One slash-command.

    `title` and `details` come from the docstring of its function: first line, and the rest. `decides`: at most one such
    command per comment, and only from somebody who may decide. `wants_fresh_probe`: while such a command is unanswered, the
    evidence links must be looked at anew, later than the command's comment. `takes_item`: an item id may stand on the line.
    `loosens`: it takes a safeguard away, so like a decision it is carried out only where its whole comment was understood.
    `stops`: it is read in every form in which a person writes it, and all that stands behind its name is the reason.
    """

    name: str
    title: Md
    details: Md
    takes: Takes
    options: tuple[Option, ...]
    aliases: tuple[str, ...]
    decides: bool
    loosens: bool
    stops: bool
    wants_fresh_probe: bool
    takes_item: bool
    function: Callable[[Asked], Decision]

    def decide(self, asked: Asked) -> Decision:
        """What the command comes to. Pure, and so also asked just to see whether the command would go through.

        Everything that merges or stamps passes here, so here it is refused where what the merge would bring cannot be told.
        """
        decision = self.function(asked)
        if isinstance(decision, Follow) and any(brings(step) for step in decision.steps):
            refusal = forbidden(asked)
            return replace(refusal, changed=decision.begun) if refusal is not None else decision
        return decision

    def option(self, word: str) -> Option | None:
        """The option called so, by its name or an alias, in any case; None if there is none."""
        key = word.casefold()
        return next((o for o in self.options if key == o.name or key in o.aliases), None)

    def short(self, letter: str) -> Option | None:
        """The option with this one-letter form."""
        return next((o for o in self.options if o.short and o.short == letter.casefold()), None)

    @property
    def required(self) -> tuple[Option, ...]:
        """Options without which the command cannot run."""
        return tuple(o for o in self.options if o.required)

    @property
    def usual(self) -> tuple[Option, ...]:
        """Options that stand in every line offered for copying."""
        return tuple(o for o in self.options if o.required or o.usual)

    @property
    def usage(self) -> str:
        """The whole line, made from the options, so that it cannot differ from what is read."""
        parts = [*self._named, *(o.usage for o in sorted(self.options, key=lambda o: not (o.required or o.usual)))]
        if self.takes is Takes.REASON:
            parts.append("why")
        elif self.takes is Takes.OPTIONAL:
            parts.append("[why]")
        elif self.takes is Takes.WORDS:
            parts.append("[name …]")
        return " ".join(parts)

    @property
    def skeleton(self) -> str:
        """The shortest line to offer for copying, with place-holders that are never taken for values: `/accept --quality Q`."""
        parts = [*self._named, *(o.usage for o in self.usual)]
        return " ".join((*parts, "…") if self.takes is Takes.REASON else parts)

    @property
    def _named(self) -> tuple[str, ...]:
        return (f"/{self.name}", "CHECK") if self.takes is Takes.CHECK else (f"/{self.name}",)


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
) -> Callable[[Callable[[Asked], Decision]], Command]:
    """Make a function the command of its file; the catalogue finds it there.

    The function's docstring is public: its first line is the title in `/help`, the rest the details.
    Raises ValueError, when the file is imported, if there is no docstring.
    """

    def made(decide: Callable[[Asked], Decision]) -> Command:
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
