"""Reads one command line against its signature: options, item id, words or free text, and everything that is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.commands.grammar.option import (
    DRY_RUN,
    TEXT_CHARS_MAX,
    Fraction,
    Got,
    HeadPrefix,
    OneOf,
    Option,
    Rating,
    SkillList,
    Text,
    Wrong,
    near,
)
from bot.commands.grammar.reading import Misread, Parsed, Problem
from bot.commands.grammar.signature import Signature, Takes
from bot.messages import md
from bot.messages.md import Md

WORDS_MAX = 10
WORD_CHARS_MAX = 64
PROBLEMS_MAX = 10
NEAR_OPTION = 0.7
REASON_WORDS = frozenset({"reason", "why", "because", "message", "msg", "m"})
"""Options that people expect to hold a reason: free text needs no option, so their value is read as the reason."""
BLANKS = frozenset({"…", "..."})
"""Placeholders for a reason in suggested lines; never read as a reason."""

_ITEM = re.compile(r"w-[A-Za-z0-9](?:[A-Za-z0-9_.:-]{0,60}[A-Za-z0-9])?")
_DASH = r"(?:[-‐‑–—―−]{2,3}|[‐‑–—―−])"
_LONG = re.compile(rf"(?P<dash>{_DASH})(?P<key>[A-Za-z][^\s=]*)")
_ONE_DASH = re.compile(r"-(?P<key>[A-Za-z][^\s=]*)")
_KEYED = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_-]*)=")
_COLON = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_-]*):(?=\s|$)")
_SWALLOWED = re.compile(rf"(?<!\S){_DASH}(?P<key>[A-Za-z][A-Za-z0-9-]*)(?=[\s=]|$)")
_WORD = re.compile(r"\S+")
_OPENING = frozenset('"“”„‟＂')
_SMART_CLOSING = re.compile(r"[“”„‟＂](?=\s|$)")


def read_line(line: str, start: int, command: Signature, below: str = "") -> Parsed | Misread:
    """Read `line` from column `start`, which lies behind the command's name; `below` is the text under the line.

    Never raises. All problems of the line are reported together, and with them, if each can be corrected, a suggested line.
    """
    draft = _Draft(line, command, below.strip())
    draft.read(start)
    return draft.done(start)


def suggest(line: str, start: int, command: Signature, below: str = "") -> str:
    """The suggestion for a line whose name was corrected: its usual options are added; the shortest line if there is none."""
    draft = _Draft(line, command, below.strip())
    draft.read(start)
    draft.missing(command.usual)
    return draft.suggestion(start) or command.skeleton


@dataclass(slots=True)
class _Draft:
    """A line while it is read.

    `parts` is the suggested line, made once while the line is read: each item as typed where it was understood, corrected or
    with a placeholder where it was not, and None where no correction is known.
    """

    line: str
    command: Signature
    below: str
    parts: list[str | None] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    wanted: str | None = None
    reason: str = ""
    problems: list[Problem] = field(default_factory=list)
    stopped: bool = False
    """Reading ended early: what stands behind was not looked at, so nothing can be called missing."""
    bare: _Bare | None = None
    """The last option whose text stands unquoted: loose words behind it probably belong to it."""

    def read(self, at: int) -> None:
        while not self.stopped and (match := _WORD.search(self.line, at)) is not None:
            at = self._item(match.start(), match[0])
            if len(self.problems) >= PROBLEMS_MAX:
                self.stopped = True

    def done(self, start: int) -> Parsed | Misread:
        command = self.command
        self.missing(command.required)
        if not self.problems:
            return Parsed(
                name=command.name,
                line=self.line,
                decides=command.decides and not self.values.get(DRY_RUN.name, False),
                values=self.values,
                reason=self.reason,
                words=tuple(self.words),
                wanted=self.wanted,
            )
        return Misread(
            line=self.line,
            problems=tuple(self.problems),
            name=command.name,
            decides=command.decides,
            suggestion=self.suggestion(start),
            pinnable=command.option("at") is not None and "at" not in self.named,
        )

    # --- one item of the line, each returning where the next begins -------------------------------------------------

    def _item(self, at: int, word: str) -> int:
        command = self.command
        found = self._option(at)
        if found is not None:
            return found
        self_contained = command.takes_item and _ITEM.fullmatch(word)
        if self_contained and self.wanted is None:
            self.wanted = word
            return self._take(at, at + len(word))
        if command.takes.free:
            return self._free_text(at)
        if self_contained:
            self._wrong(md.own("Two items are named: one pull, one item"), at)
            return at + len(word)
        if command.takes is Takes.CHECK and not self.words and self.bare is None:
            self.words.append(word)
            return self._take(at, at + len(word))
        if command.takes is Takes.WORDS:
            self.words.append(word)
            if len(self.words) == WORDS_MAX + 1 or len(word) > WORD_CHARS_MAX:
                self._hopeless(md.fill("{name} takes a few names only", name=self._name), at)
            return self._take(at, at + len(word))
        rating = next((o for o in command.options if o.usual and isinstance(o.reads, Rating)), None)
        if rating is not None and self._is_bare_rating(rating, word):
            return self._bare_rating(rating, at, word)
        return self._loose(at)

    def _is_bare_rating(self, option: Option, word: str) -> bool:
        """Whether a number stands where the rating is missing. Behind a text without quotes it may be a part of that."""
        free = option.name not in self.named and self.bare is None
        return free and word.isdecimal() and isinstance(option.reads.read(word), Got)

    def _bare_rating(self, option: Option, at: int, word: str) -> int:
        """A number that stands where the rating is missing: `/accept 4`."""
        self.named.add(option.name)
        self.bare = None
        self._value(option, word, at)
        self.parts.append(f"--{option.name} {word}")
        return at + len(word)

    def _option(self, at: int) -> int | None:
        """Read the option that begins at `at`; None if there is none."""
        free = self.command.takes.free
        match = _LONG.match(self.line, at)
        if match is not None:
            if free and match["key"].casefold() in REASON_WORDS:
                return self._named_reason(at, match.end())
            option = self.command.option(match["key"])
            if option is not None:
                return self._known(option, at, match.end())
            # In free text a phone's dash may well begin a word; two typed hyphens hardly do.
            return None if free and match["dash"] != "--" else self._unknown(at, match.end(), match["key"])
        match = _ONE_DASH.match(self.line, at)
        if match is not None:
            if free and match["key"] == "m" and self.command.short("m") is None:
                return self._named_reason(at, match.end())
            short = self.command.short(match["key"]) if len(match["key"]) == 1 else None
            if short is not None:
                return self._known(short, at, match.end())
            if (glued := self._glued(match["key"])) is not None:
                return self._known(glued, at, at + 2)
            return None if free else self._unknown(at, match.end(), match["key"])
        match = _COLON.match(self.line, at)
        if match is not None and not free and (option := self.command.option(match["key"])) is not None and not option.flag:
            self._wrong(md.fill("Options are written {how}", how=md.code(f"--{option.usage.lstrip('-')}")), at)
            return self._known(option, at, match.end(), f"--{option.name}")
        match = _KEYED.match(self.line, at)
        if match is not None and not free:
            option = self.command.option(match["key"])
            return self._known(option, at, match.end() - 1) if option is not None else None
        return None

    def _glued(self, key: str) -> Option | None:
        """The option of `-q4`: a letter, and behind it what can be nothing but its value."""
        short = self.command.short(key[0])
        if short is None or not isinstance(short.reads, Rating | Fraction | OneOf):
            return None
        return short if isinstance(short.reads.read(key[1:]), Got) else None

    def _named_reason(self, at: int, end: int) -> int:
        """`--reason …`, where free text needs no name: the rest of the line, without the quotes around it."""
        text = self.line[end:].lstrip(" =").rstrip()
        whole = len(text) > 1 and text[0] in _OPENING and _closing(text, 0) == len(text) - 1
        self.reason = text[1:-1] if whole else text
        return self._take(at, len(self.line))

    def _known(self, option: Option, at: int, end: int, spelled: str = "") -> int:
        """Read the value of `option`, whose name lies from `at` to `end`. The suggestion names it as typed, or as `spelled`."""
        spelled = spelled or self.line[at:end]
        if option.name in self.named:
            self._hopeless(md.fill("{option} is given twice", option=_dashed(option.name)), at)
        self.named.add(option.name)
        self.bare = None
        equals = self.line.startswith("=", end)
        if option.flag:
            self.values[option.name] = True
            self.parts.append(spelled)
            if equals:
                self._wrong(md.fill("{option} takes no value", option=_dashed(option.name)), end)
                return _end_of_word(self.line, end)
            return end
        begin = end + 1 if equals else _skip(self.line, end)
        if self._no_value(begin, equals):
            return self._without_value(option, at, end + equals, spelled)
        spelled += self.line[end:begin]
        if self.line[begin] in _OPENING:
            return self._quoted(option, begin, spelled)
        stop = _end_of_word(self.line, begin)
        self._value(option, self.line[begin:stop], begin)
        if isinstance(option.reads, Text | SkillList):
            self.bare = _Bare(option, begin, len(self.parts), spelled)
        self.parts.append(_corrected(option, self.line[begin:stop], self.line[begin:stop], spelled))
        return stop

    def _without_value(self, option: Option, at: int, stop: int, spelled: str) -> int:
        """An option that ends the line, or stands before another one: its value is the text below, or missing."""
        if option.below and not self.line[stop:].strip() and self.line[stop - 1] != "=" and self.below:
            self._value(option, self.below, at)
            self.parts.append(spelled if isinstance(option.reads.read(self.below), Got) else None)
            return stop
        self._wrong(md.fill("{option} needs a value", option=_dashed(option.name)), at)
        blank = _blank(option)
        self.parts.append(f"{spelled} {blank}" if blank else None)
        return stop

    def _no_value(self, begin: int, equals: bool) -> bool:
        rest = self.line[begin:]
        if equals:
            return not rest or rest[0] == " "
        one_dash = _ONE_DASH.match(rest)
        return not rest or bool(
            _LONG.match(rest) or (one_dash and len(one_dash["key"]) == 1 and self.command.short(one_dash["key"]))
        )

    def _quoted(self, option: Option, begin: int, spelled: str) -> int:
        found = _closing(self.line, begin)
        if found is None:
            self.stopped = True
            says = md.own("The quote opened at the caret is never closed")
            if (below := next((o for o in self.command.options if o.below), None)) is not None:
                says = md.fill(
                    "{says}. Long text can go below the command, after a lone {option}", says=says, option=_dashed(below.name)
                )
            self._wrong(says, begin)
            return len(self.line)
        stop = found + 1
        text = re.sub(r"\\([\\\"“”„‟＂])", r"\1", self.line[begin + 1 : found])
        self._value(option, text, begin)
        self.parts.append(_corrected(option, text, self.line[begin:stop], spelled))
        if stop < len(self.line) and self.line[stop] != " ":
            self._hopeless(md.own("A space must follow the closing quote"), stop)
            return _end_of_word(self.line, stop)
        return stop

    def _value(self, option: Option, text: str, at: int) -> None:
        match option.reads.read(text):
            case Got(value):
                self.values.setdefault(option.name, value)
            case Wrong(says, meant):
                says = md.fill("{option} {says}", option=_dashed(option.name), says=says)
                if meant is not None:
                    says = md.fill("{says}; did you mean {meant}?", says=says, meant=md.code(meant))
                self._wrong(says, at)

    def _unknown(self, at: int, end: int, key: str) -> int:
        """An option this command does not have. Where its name is near another one, its value is read as that option's."""
        names = [w for o in self.command.options for w in (o.name, *o.aliases)]
        guess = near(key.replace("_", "-"), tuple(names), cutoff=NEAR_OPTION)
        option = self.command.option(guess) if guess is not None else None
        if option is not None:
            self._wrong(md.fill("Unknown option; did you mean {option}?", option=_dashed(option.name)), at)
            return self._known(option, at, end, f"--{option.name}")
        if names:
            known = ", ".join(o.name for o in self.command.options)
            self._hopeless(md.fill("Unknown option; options: {known}", known=Md(known)), at)
        else:
            self._hopeless(md.fill("{name} takes no options", name=self._name), at)
        stop = _end_of_word(self.line, end)
        if stop > end or self.command.takes.free:
            return stop
        # Its value is passed over, so that it is not reported as well.
        begin = _skip(self.line, end)
        if self._no_value(begin, equals=False):
            return end
        if self.line[begin] in _OPENING:
            found = _closing(self.line, begin)
            return len(self.line) if found is None else found + 1
        return _end_of_word(self.line, begin)

    def _free_text(self, at: int) -> int:
        self.reason = self.line[at:].rstrip()
        for match in _SWALLOWED.finditer(self.line, at):
            option = self.command.option(match["key"])
            if option is not None:
                says = md.fill(
                    "Options stand before the reason: here {option} would be read as a part of it",
                    option=_dashed(option.name),
                )
                self._hopeless(says, match.start())
                break
        return self._take(at, len(self.line))

    def _loose(self, at: int) -> int:
        """Words that belong to nothing, up to the next option: one problem, and a guess what was meant."""
        stop = at
        while (match := _WORD.search(self.line, stop)) and (match.start() == at or not self._begins_option(match)):
            stop = match.end()
        words = self.line[at:stop]
        says = md.fill("{name} does not take loose text", name=self._name)
        guess = next((o for o in self.command.options if o.name not in self.named and _speaks_for_itself(o, words)), None)
        below = next((o for o in self.command.options if o.below and o.name not in self.named), None)
        if self.bare is not None:
            option, text = self.bare.option, self.line[self.bare.begin : stop]
            fix = md.code(f"--{option.name} {_quote(text)}")
            self._wrong(md.fill("{says}; write {fix}", says=says, fix=fix), at)
            self.parts[self.bare.part :] = [_corrected(option, text, _quote(text), self.bare.spelled)]
        elif guess is not None:
            self.named.add(guess.name)
            fix = md.code(f"--{guess.name} {words}")
            self._wrong(md.fill("{says}. Did you mean {fix}?", says=says, fix=fix), at)
            self.parts.append(f"--{guess.name} {words}")
        elif below is not None:
            self.named.add(below.name)
            fix = md.code(f"--{below.name} {_quote(words)}")
            self._wrong(md.fill("{says}; write {fix}", says=says, fix=fix), at)
            self.parts.append(_corrected(below, words, _quote(words), f"--{below.name} "))
        else:
            self._wrong(says, at)
        self.bare = None
        return stop

    def _begins_option(self, word: re.Match[str]) -> bool:
        keyed = _KEYED.match(self.line, word.start())
        if keyed is not None:
            return self.command.option(keyed["key"]) is not None
        return bool(_LONG.match(word[0]) or _ONE_DASH.match(word[0]))

    # --- what is missing --------------------------------------------------------------------------------------------

    def missing(self, options: tuple[Option, ...]) -> None:
        """Take the reason from below if there is none yet, and report what is missing, of `options` too, or too long."""
        command = self.command
        if command.takes.free and not self.reason:
            self.reason = self.below
        blank = self.reason in BLANKS
        if blank:
            self.reason = ""
        if len(self.reason) > TEXT_CHARS_MAX:
            self._hopeless(md.fill("A reason takes up to {most} characters", most=Md(f"{TEXT_CHARS_MAX:,}")))
        if self.stopped:
            return
        front: list[str | None] = []
        if command.takes is Takes.CHECK and not self.words:
            self._wrong(md.fill("{name} needs the name of a check, as the review writes it", name=self._name))
            front.append("CHECK")
        for option in options:
            if option.name not in self.named:
                says = md.fill(
                    "{name} needs {option} ({takes})",
                    name=self._name,
                    option=_dashed(option.name),
                    takes=option.reads.takes,
                )
                self._wrong(says)
                front.append(option.usage)
        # The name of a check stands first, as everywhere else.
        at = self.parts.index(self.words[0]) + 1 if command.takes is Takes.CHECK and self.words else 0
        self.parts[at:at] = front
        if command.takes is Takes.REASON and not self.reason:
            says = md.fill(
                "{name} needs a reason, behind it or on the lines below: the contributor will read it",
                name=self._name,
            )
            self._wrong(says)
            if not blank:
                self.parts.append("…")

    def suggestion(self, start: int) -> str | None:
        """The corrected line: it can be read, or nothing is wrong with it but placeholders to fill in. None: there is none."""
        if self.stopped or None in self.parts:
            return None
        return " ".join([self.line[:start], *(part for part in self.parts if part is not None)])

    @property
    def _name(self) -> Md:
        return md.code(f"/{self.command.name}")

    def _take(self, begin: int, stop: int) -> int:
        """Keep an item in the suggestion as it was typed; returns where the next one begins."""
        self.parts.append(self.line[begin:stop].rstrip())
        return stop

    def _wrong(self, says: Md, caret: int | None = None) -> None:
        self.problems.append(Problem(says, caret))

    def _hopeless(self, says: Md, caret: int | None = None) -> None:
        """A problem for which no correction is known."""
        self._wrong(says, caret)
        self.parts.append(None)


@dataclass(frozen=True, slots=True)
class _Bare:
    """An option with unquoted text: where the text begins, and which part of the suggestion it is, spelled how."""

    option: Option
    begin: int
    part: int
    spelled: str


def _dashed(name: str) -> Md:
    return md.code(f"--{name}")


def _skip(line: str, at: int) -> int:
    while line.startswith(" ", at):
        at += 1
    return at


def _end_of_word(line: str, at: int) -> int:
    found = line.find(" ", at)
    return len(line) if found < 0 else found


def _closing(line: str, begin: int) -> int | None:
    """Where the quote that opens at `begin` closes. A straight one closes straight, unless only a phone's quote is there."""
    straight = line[begin] == '"'
    at = begin + 1
    while at < len(line):
        if line[at] == "\\":
            at += 2
            continue
        if line[at] == '"' or (not straight and line[at] in _OPENING):
            return at
        at += 1
    smart = _SMART_CLOSING.search(line, begin + 1) if straight else None
    return smart.start() if smart else None


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _speaks_for_itself(option: Option, words: str) -> bool:
    """Whether `words` can hardly be anything but a value of this option."""
    reader = option.reads
    told = isinstance(reader, Rating | Fraction | OneOf) or (isinstance(reader, HeadPrefix) and not words.isalpha())
    return told and isinstance(reader.read(words), Got)


def _blank(option: Option) -> str:
    """A place-holder for the option's value that cannot be taken for one, if it is pasted as it stands; or nothing."""
    shape = option.reads.shape
    return shape if isinstance(option.reads.read(shape.strip('"')), Wrong) and "|" not in shape else ""


def _corrected(option: Option, text: str, typed: str, spelled: str) -> str | None:
    """An option with its value for the suggestion: as typed if it can be read, else corrected or a placeholder, else None."""
    match option.reads.read(text):
        case Got():
            return f"{spelled}{typed}"
        case Wrong(meant=meant):
            value = meant or _blank(option)
            return f"{spelled}{value}" if value else None
