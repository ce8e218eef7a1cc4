"""What reading a comment yields: commands that were understood, commands that were not, and hints."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.messages.md import Md


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One command, understood: every value has been read by its option's own reader.

    `values` holds only what was given, by option name. `reason` is the free text of a command that takes one: the rest of
    the line, or else the lines below. `words` are the loose words of a command that takes words. `wanted` is the item id
    typed, if any. `line` is the command line as typed, for quoting in a fence; it is foreign text like all the rest.
    """

    name: str
    line: str
    decides: bool = False
    values: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    words: tuple[str, ...] = ()
    wanted: str | None = None

    @property
    def rehearsed(self) -> bool:
        """Whether it shall only be told what the command would do."""
        return self.has("dry-run")

    def as_rehearsal(self) -> Parsed:
        """The same command with `--dry-run`, which decides nothing; a command that decides nothing as it is."""
        return replace(self, decides=False, values={**self.values, "dry-run": True}) if self.decides else self

    def has(self, option: str) -> bool:
        """Whether an option was given; of a flag, whether it is set."""
        return option in self.values

    def rating(self, option: str) -> int | None:
        """The value of a `Rating`, 1 to 5."""
        value = self.values.get(option)
        return value if isinstance(value, int) else None

    def fraction(self, option: str) -> float | None:
        """The value of a `Fraction`, 0 to 1."""
        value = self.values.get(option)
        return value if isinstance(value, float) else None

    def text(self, option: str) -> str | None:
        """The value of a `Text`, `OneOf`, `HeadPrefix` or `RigHandle`."""
        value = self.values.get(option)
        return value if isinstance(value, str) else None

    def names(self, option: str) -> tuple[str, ...] | None:
        """The value of a `SkillList`."""
        value = self.values.get(option)
        return value if isinstance(value, tuple) else None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a command line; `caret` is the column (from 0) it points at, if any."""

    says: Md
    caret: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """A command line that was not understood, with everything that is wrong with it.

    `name` is the command it is about, if that much is clear. `suggestion` is the corrected line as a whole, ready to copy;
    foreign text. `pinnable`: the command takes `--at`, and none was given.
    """

    line: str
    problems: tuple[Problem, ...]
    name: str | None = None
    decides: bool = False
    suggestion: str | None = None
    pinnable: bool = False

    @property
    def caret(self) -> int | None:
        """The column (from 0) of the first problem that has one."""
        return next((p.caret for p in self.problems if p.caret is not None), None)


class HintKind(enum.Enum):
    """Why something that looks like a command was not read as one."""

    LAZY_QUOTATION = "lazy quotation"
    HTML = "html"
    FENCED = "fenced"
    MID_LINE = "mid-line"
    DRESSED = "dressed"
    WL = "wl"
    CUT = "cut"

    @property
    def validators_only(self) -> bool:
        """Said only to somebody who may decide here: from anybody else it is more likely talk about commands."""
        return self in (HintKind.FENCED, HintKind.MID_LINE, HintKind.DRESSED, HintKind.WL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Nothing was read, and here is why. `ready` is the line to write instead, if one can be told; foreign text.

    `pinnable`: the line to write takes `--at`, and has none.
    """

    kind: HintKind
    line: str
    ready: str | None = None
    pinnable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One comment, read: its commands in order, and hints where something was not read. Both empty: talk among people."""

    items: tuple[Parsed | Misread, ...] = ()
    hints: tuple[Hint, ...] = ()

    @property
    def parsed(self) -> tuple[Parsed, ...]:
        """The commands that were understood."""
        return tuple(item for item in self.items if isinstance(item, Parsed))

    def as_rehearsal(self) -> Reading:
        """The same reading, each decision in it only to be rehearsed."""
        return replace(self, items=tuple(item.as_rehearsal() if isinstance(item, Parsed) else item for item in self.items))

    @property
    def misread(self) -> tuple[Misread, ...]:
        """The commands that were not."""
        return tuple(item for item in self.items if isinstance(item, Misread))
