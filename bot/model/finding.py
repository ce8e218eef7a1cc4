"""What judging a pull yields: findings, crashes of rules, one verdict."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

from bot.model.ids import digest


class Level(enum.Enum):
    """How much a finding weighs."""

    NOTE = "note"
    """Worth knowing."""
    DOUBT = "doubt"
    """A human must look."""
    UNSURE = "unsure"
    """The bot could not judge something, such as a link. A human must look; the bot looks again."""
    FORBID = "forbid"
    """What the merge would bring cannot be told, so nothing is merged or stamped. No setting and no override changes that."""
    FAULT = "fault"
    """Not acceptable as it stands."""

    @property
    def weight(self) -> int:
        return (Level.NOTE, Level.DOUBT, Level.UNSURE, Level.FORBID, Level.FAULT).index(self)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a finding points: a cell, a row, a table, or the pull as a whole (all empty)."""

    table: str = ""
    key: str = ""
    column: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.table, self.key, self.column) if part) or "pull"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about the work, in the present tense, and one thing a contributor can do about it.

    `says` and `remedy` are plain text that may hold strangers' words; messages escape them. `overridden_by`: the account of
    the validator who overrode it, on this head; it was a fault, and is a doubt. `label`: the rule's name for people.
    """

    rule: str
    level: Level
    place: Place
    says: str
    remedy: str = ""
    overridden_by: str = ""
    label: str = field(default="", compare=False)


RowName = tuple[str, str]
"""Table and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One sentence about rows on main. `says` is plain text that may hold strangers' words; `rows` is all it is about."""

    check: str
    level: Level
    place: Place
    says: str
    rows: tuple[RowName, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCrash:
    """A rule raised an exception: an error of the bot, not of the work."""

    rule: str
    error: str
    label: str = field(default="", compare=False)


class Verdict(enum.Enum):
    """The fixed vocabulary, about process only. Never written by hand."""

    READY = "READY"
    LOOK = "LOOK"
    WAITING = "WAITING"
    BY_HAND = "BY HAND"
    """A change that a maintainer merges on DoltHub, opened by an account that may decide."""
    CANNOT_TELL = "CANNOT TELL"
    BLOCKED = "BLOCKED"

    @property
    def word(self) -> str:
        """The verdict as one word, for marks: `CANNOT-TELL`."""
        return self.value.replace(" ", "-")

    @classmethod
    def of_word(cls, word: str) -> Verdict | None:
        """The verdict a mark's word names, None for any other word."""
        return next((v for v in cls if v.word == word), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All rules' findings on one snapshot, worst first, then by rule and place.

    `passed` names the rules that ran and had nothing to say. `waiting_for` names whom or what the pull waits for. `by_hand`: it
    is for a maintainer to merge (`Snapshot.by_hand`). `final`
    names the rules, whether they ran or not, whose faults nobody may override.
    `alone`: the judgement on the work without the pull that brings it, where nothing but the merge is at fault and there is
    such work.
    """

    findings: tuple[Finding, ...]
    crashes: tuple[RuleCrash, ...] = ()
    passed: tuple[str, ...] = ()
    waiting_for: str = ""
    by_hand: bool = False
    final: tuple[str, ...] = ()
    alone: Judgement | None = field(default=None, repr=False, compare=False)

    @property
    def overridable(self) -> tuple[Finding, ...]:
        """Faults that a validator may override."""
        return tuple(f for f in self.at(Level.FAULT) if f.rule not in self.final)

    def at(self, level: Level) -> tuple[Finding, ...]:
        """Findings of one level."""
        return tuple(f for f in self.findings if f.level is level)

    @property
    def forbids(self) -> bool:
        """Whether what the merge would bring cannot be told: nothing is merged and no stamp is written, whatever else is so.

        A crashed rule forbids too, since what it would have found is not known.
        """
        return bool(self.at(Level.FORBID) or self.crashes) or (self.alone is not None and self.alone.forbids)

    @property
    def verdict(self) -> Verdict:
        """The worst row."""
        if self.at(Level.FAULT):
            return Verdict.BLOCKED
        if self.forbids:
            return Verdict.CANNOT_TELL
        if self.by_hand:
            return Verdict.BY_HAND
        if self.waiting_for:
            return Verdict.WAITING
        if self.at(Level.UNSURE) or self.at(Level.DOUBT):
            return Verdict.LOOK
        return Verdict.READY

    @property
    def adoptable(self) -> bool:
        """Whether nothing is at fault but the merge: the work could be taken over without it."""
        return self.alone is not None and not self.alone.at(Level.FAULT) and not self.forbids

    @property
    def settled(self) -> Judgement:
        """The same without what the bot could not judge: what the judgement would be if those links were all right."""
        return replace(self, findings=tuple(f for f in self.findings if f.level is not Level.UNSURE))

    def digest(self, head: str) -> str:
        """What makes a review new: head, verdict, crashed rules, and (rule, level, place) of faults, forbidding findings and
        doubts. 12 hex digits.

        Wording, order and notes do not count. Of what the bot could not judge only the verdict counts, see `settled`.
        """
        weighty = {f"{f.rule} {f.level.value} {f.place}" for f in self.findings if f.level in _WEIGHTY}
        crashed = {f"{c.rule} crashed" for c in self.crashes}
        return digest("review/1", head, self.verdict.word, *sorted(weighty), *sorted(crashed))[:12]


_WEIGHTY = (Level.FAULT, Level.FORBID, Level.DOUBT)
