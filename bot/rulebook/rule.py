"""What a rule is: one pure function over a snapshot, with the name of its file and the first line of its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bot.model.finding import Finding, Level, Place
from bot.model.kind import PullKind
from bot.model.snapshot import Snapshot

_CITED = re.compile(
    r"\(((?:wl|gastown|DoltHub|Dolt|MVR|RFC|gsd-skill-creator)\b[^()]*|[A-Za-z0-9][^()`]*/[^()]*)\)"
    r"|(wl `[^`]+`(?:,? \(?schema [0-9.]+[0-9])?)"
)
"""A source in a docstring: brackets that begin with the name of a project of the field, or hold a path; or wl and a path."""
REVIEWED = tuple(kind for kind in PullKind if kind is not PullKind.LANDING)
"""Every kind that is reviewed: all but landings, which are the bot's own decisions on their way to main."""


@dataclass(frozen=True, slots=True)
class Waits:
    """What a rule yields when it needs an answer of `whom` before it can judge; the work is not at fault."""

    rule: str
    whom: str


Said = Finding | Waits
Check = Callable[[Snapshot], Iterator[Said]]


class MisfitError(ValueError):
    """A rule, or what should be one, does not fit; the message says which file and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    `level` is that of its findings unless a finding says otherwise; `kinds` the kinds of pull it looks at. A `fixed` rule
    cannot be softened or switched off by policy. What a rule that `softens_after_merge` finds can change while the rows stay
    as they are (links, time, rivals): once the pull is merged, it is a note. A validator may override faults of an
    `overridable` rule; a fixed rule is never overridden. Faults of a rule that is `of_merge` are of the merge and not of the
    work: where all faults are such, the work can be adopted without a merge.
    `label`: one or two words for people. `asks`: what must hold, for the page of checks. `formerly`: the name before a rename.
    """

    name: str
    level: Level
    label: str
    asks: str
    title: str
    doc: str
    kinds: tuple[PullKind, ...]
    fixed: bool
    softens_after_merge: bool
    overridable: bool = True
    of_merge: bool = False
    formerly: str = ""
    check: Check

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the facts of this rule come from, as its documentation names them: `wl internal/inference`."""
        plain = " ".join(self.doc.split())
        return tuple(dict.fromkeys((found[1] or found[2]).replace(" (", ", ") for found in _CITED.finditer(plain)))

    def finding(self, place: Place, says: str, remedy: str = "", level: Level | None = None) -> Finding:
        """A finding of this rule: one sentence about the work, and one thing a contributor can type or click."""
        return Finding(rule=self.name, label=self.label, level=level or self.level, place=place, says=says, remedy=remedy)

    def waits(self, whom: str) -> Waits:
        """An answer that this rule waits for, by who gives it, such as "the link checker"."""
        return Waits(self.name, whom)


def is_sentence(name: str) -> bool:
    """Whether this can be the name of a rule: two words or more in snake case. (`evidence_is_alive`, not `alive`.)"""
    return re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", name) is not None


def rule(
    level: Level,
    *,
    label: str = "",
    asks: str = "",
    kinds: Iterable[PullKind] = REVIEWED,
    fixed: bool = False,
    softens_after_merge: bool = False,
    overridable: bool | None = None,
    of_merge: bool = False,
    formerly: str = "",
) -> Callable[[Check], Rule]:
    """Makes a rule of the function `check` of a rule file.

    The rule is named like the file; the file's docstring gives its title (first line) and its documentation (the rest).
    Defaults: `label` is the name in words, `asks` the title; a rule is `overridable` unless it is fixed.
    Raises MisfitError if the file has no docstring, its name is not a snake-case sentence, `kinds` is empty, or the rule is
    fixed and overridable at once.
    """

    looks_at = tuple(kinds)

    def made(check: Check) -> Rule:
        name = check.__module__.rpartition(".")[2]
        title, _, doc = inspect.cleandoc(str(check.__globals__.get("__doc__") or "")).partition("\n")
        if not is_sentence(name):
            raise MisfitError(f"{name}: a rule file is named with a sentence in snake case, such as evidence_is_alive")
        if not title.strip():
            raise MisfitError(f"{name}: the file has no docstring; its first line is the rule's title")
        if not looks_at:
            raise MisfitError(f"{name}: looks at no kind of pull")
        if fixed and overridable:
            raise MisfitError(f"{name}: a fixed rule cannot be overridable")
        return Rule(
            name=name,
            level=level,
            label=label or name.replace("_", " ").capitalize(),
            asks=asks or title.strip().rstrip("."),
            title=title.strip(),
            doc=doc.strip(),
            kinds=looks_at,
            fixed=fixed,
            softens_after_merge=softens_after_merge,
            overridable=not fixed if overridable is None else overridable,
            of_merge=of_merge,
            formerly=formerly,
            check=check,
        )

    return made
