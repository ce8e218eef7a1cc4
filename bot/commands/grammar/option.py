"""Options of commands, and the readers that turn what was typed into a value, or say what they take."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.messages import md
from bot.messages.md import Md

TEXT_CHARS_MAX = 2_000
SKILLS_MAX = 10
SKILL_CHARS_MAX = 32
HANDLE_CHARS_MAX = 255
RATING_WORDS: Mapping[str, int] = {"poor": 2, "fair": 3, "good": 4, "excellent": 5}
"""Words for ratings, worst first. There is none for 1."""
CONFIDENCE_WORDS: Mapping[str, float] = {"low": 0.3, "medium": 0.6, "high": 0.9}


@dataclass(frozen=True, slots=True)
class Got:
    """A value was read."""

    value: object


@dataclass(frozen=True, slots=True)
class Wrong:
    """What was typed is not a value. `says` continues "`--option` …"; `meant` is what probably was."""

    says: Md
    meant: str | None = None


class Reader(Protocol):
    """Reads the value of one option. Never raises."""

    @property
    def shape(self) -> str:
        """The value's place-holder in a usage line, itself never a value: `Q`. Empty for a flag, which takes no value."""
        ...

    @property
    def takes(self) -> Md:
        """What is accepted, to continue the word "takes"."""
        ...

    def read(self, text: str) -> Got | Wrong:
        """The value, or what is wrong with `text`."""
        ...


@dataclass(frozen=True, slots=True)
class Rating:
    """1 to 5, `4/5`, or a word. Value: int."""

    shape: str = "Q"

    @property
    def takes(self) -> Md:
        return md.own("1 to 5, or poor, fair, good, excellent")

    def read(self, text: str) -> Got | Wrong:
        match = re.fullmatch(r"([1-5])(?:/5)?", text)
        if match is not None:
            return Got(int(match[1]))
        word = text.casefold()
        if word in RATING_WORDS:
            return Got(RATING_WORDS[word])
        if word == "q":
            return Wrong(md.fill("takes {takes}: put your rating where `Q` stands", takes=self.takes))
        return Wrong(_takes(self), near(word, RATING_WORDS))


@dataclass(frozen=True, slots=True)
class Fraction:
    """0 to 1, a percentage, or low, medium, high. Value: float from 0 to 1."""

    shape: str = "C"

    @property
    def takes(self) -> Md:
        return md.own("0 to 1, a percentage, or low, medium, high")

    def read(self, text: str) -> Got | Wrong:
        word = text.casefold()
        if word in CONFIDENCE_WORDS:
            return Got(CONFIDENCE_WORDS[word])
        match = re.fullmatch(r"([0-9]{0,3}(?:\.[0-9]{1,6})?)(%?)", text)
        if match is None or not match[1]:
            return Wrong(_takes(self), near(word, CONFIDENCE_WORDS))
        value = float(match[1]) / (100 if match[2] else 1)
        if value <= 1:
            return Got(round(value, 6))
        return Wrong(_takes(self), f"{text}%" if not match[2] and value <= 100 else None)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words, in any case. Value: the word as listed."""

    words: tuple[str, ...]

    @property
    def shape(self) -> str:
        return "|".join(self.words)

    @property
    def takes(self) -> Md:
        return Md(_or(self.words))

    def read(self, text: str) -> Got | Wrong:
        for word in self.words:
            if word.casefold() == text.casefold():
                return Got(word)
        return Wrong(_takes(self), near(text, self.words))


@dataclass(frozen=True, slots=True)
class SkillList:
    """Names with commas between. Value: tuple of str, in order, doubles dropped."""

    shape: str = "a,b,…"

    @property
    def takes(self) -> Md:
        return md.fill(
            "up to {most} names with commas between, {chars} characters each",
            most=md.number(SKILLS_MAX),
            chars=md.number(SKILL_CHARS_MAX),
        )

    def read(self, text: str) -> Got | Wrong:
        names = tuple(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))
        if names and "…" not in names and len(names) <= SKILLS_MAX and all(len(name) <= SKILL_CHARS_MAX for name in names):
            return Got(names)
        return Wrong(_takes(self))


@dataclass(frozen=True, slots=True)
class Text:
    """Any words, quoted if there are several. Value: str, not blank."""

    shape: str = '"…"'
    most: int = TEXT_CHARS_MAX

    @property
    def takes(self) -> Md:
        return md.fill("a text of up to {most} characters", most=Md(f"{self.most:,}"))

    def read(self, text: str) -> Got | Wrong:
        stripped = text.strip()
        return Got(stripped) if 0 < len(stripped) <= self.most and stripped != "…" else Wrong(_takes(self))


@dataclass(frozen=True, slots=True)
class HeadPrefix:
    """A review: the first 7 characters or more of its head, then `.` and its number. Value: str, lower case.

    A head alone is the first review of that head.
    """

    shape: str = "HEAD.N"

    @property
    def takes(self) -> Md:
        return md.own("a review: the first 7 characters or more of its head, a dot and its number, as in `3f9d2c1.2`")

    def read(self, text: str) -> Got | Wrong:
        head = text.strip("`").casefold()
        return Got(head) if re.fullmatch(r"[0-9a-v]{7,32}(?:\.[1-9][0-9]{0,5})?", head) else Wrong(_takes(self))


@dataclass(frozen=True, slots=True)
class RigHandle:
    """A rig's handle, compared exactly by whoever uses it. Value: str."""

    shape: str = "<rig>"

    @property
    def takes(self) -> Md:
        return md.own("the handle of one of your rigs")

    def read(self, text: str) -> Got | Wrong:
        handle = text.strip("`")
        fits = 0 < len(handle) <= HANDLE_CHARS_MAX and handle != self.shape
        return Got(handle) if fits else Wrong(_takes(self))


@dataclass(frozen=True, slots=True)
class Flag:
    """There or not there. Value: True."""

    shape: str = ""

    @property
    def takes(self) -> Md:
        return md.own("no value")

    def read(self, text: str) -> Got | Wrong:
        return Wrong(_takes(self)) if text else Got(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a command.

    `name` without dashes, lower case; `aliases` are read as well, `short` is one letter. `says` is the line in `/help`.
    `usual`: not required, but it belongs into every line that is offered for copying.
    `below`: if the option stands last on its line without a value, the lines below the command are its value.
    """

    name: str
    reads: Reader
    says: str
    aliases: tuple[str, ...] = ()
    short: str = ""
    required: bool = False
    usual: bool = False
    below: bool = False

    @property
    def flag(self) -> bool:
        """Whether the option takes no value."""
        return not self.reads.shape

    @property
    def usage(self) -> str:
        """`--quality Q`, in brackets if it is mostly left out."""
        bare = f"--{self.name} {self.reads.shape}".rstrip()
        return bare if self.required or self.usual else f"[{bare}]"


AT = Option(name="at", reads=HeadPrefix(), says="the review this is about, as the review comment shows it")
AS = Option(name="as", reads=RigHandle(), says="the rig you act as, if several of your rigs may decide")
DRY_RUN = Option(name="dry-run", reads=Flag(), says="report what would happen, and do nothing")


def near(word: str, known: Mapping[str, object] | tuple[str, ...], *, cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant: the closest, or the only one that `word` is the beginning of."""
    bare = word.casefold()[:64]
    close = difflib.get_close_matches(bare, list(known), n=1, cutoff=cutoff)
    if close:
        return close[0]
    begun = [name for name in known if len(bare) >= 3 and name.startswith(bare)]
    return begun[0] if len(begun) == 1 else None


def _takes(reader: Reader) -> Md:
    return md.fill("takes {takes}", takes=reader.takes)


def _or(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
