"""What the grammar knows of a command: its names, its options, and what may stand on its line."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.commands.grammar.option import Option
from bot.messages.md import Md


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
class Signature:
    """The signature of one slash-command.

    `title` is its first line in `/help`, `details` the rest. `decides`: at most one such command per comment, and only from a
    user who may decide. `takes_item`: an item id may stand on the line. `loosens`: it takes a safeguard away, so like a
    decision it is carried out only where its whole comment was understood. `stops`: it is read in every form in which people
    write it, and all that stands behind its name is the reason.
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
    takes_item: bool

    def option(self, word: str) -> Option | None:
        """The option with this name or alias, in any case; None if there is none."""
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


SignatureT_co = TypeVar("SignatureT_co", bound=Signature, covariant=True)


@dataclass(frozen=True, slots=True)
class Signatures(Generic[SignatureT_co]):
    """All commands of an installation, those that decide first, then by name."""

    commands: tuple[SignatureT_co, ...]

    def get(self, word: str) -> SignatureT_co | None:
        """The command with this name or alias, in any case; None if there is none."""
        key = word.casefold()
        return next((c for c in self.commands if key == c.name or key in c.aliases), None)

    @property
    def words(self) -> tuple[str, ...]:
        """All names and aliases, names first."""
        return (*(c.name for c in self.commands), *(a for c in self.commands for a in c.aliases))
