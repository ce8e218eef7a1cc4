"""Reads the commands in a comment. Total: any text at all yields a Reading, in bounded time, and never an exception.

comment      = { command line [body] | other }
command line = [up to 3 spaces] "/" ["wl "] name ["." | "!"] { option | item id | word } or free text
option       = "--key value" | "--key=value" | "key=value" | "-k value", values quoted with " if they hold spaces
stop         = "/hold" in any form: see `stops.py`
body         = the lines up to the next command line: the reason, or the value of an option that stands last alone
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice

from bot.commands.grammar import stops, taken_back
from bot.commands.grammar.line import read_line, suggest
from bot.commands.grammar.option import near
from bot.commands.grammar.reading import Hint, HintKind, Misread, Parsed, Problem, Reading
from bot.commands.grammar.signature import Signature, Signatures
from bot.commands.grammar.text import BODY_BYTES_MAX, REST_CHARS_MAX, Page, Where, open_page, shown
from bot.messages import md
from bot.messages.md import Md

COMMANDS_MAX = 10
NEAR_NAME = 0.8
GUESSES_MAX = 30
REMEMBERED_CHARS_MAX = BODY_BYTES_MAX + REST_CHARS_MAX + 1
"""Nothing that stands beyond is looked at."""

INSTEAD: Mapping[str, str] = {
    "approve": "accept", "lgtm": "accept", "merge": "accept", "stamp": "accept",
    "decline": "reject", "request-changes": "reject",
    "withdraw": "close",
    "revert": "cancel", "undo": "cancel",
}  # fmt: skip
"""Words people bring from other tools, and the command that does here what they probably want. They never act."""

_NAMED = re.compile(
    r"/(?:wl +)?(?P<word>[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*|\?)(?:(?P<ends>[.!]?(?=\s|$))|(?P<glued>[,:;]|--|[–—]))",
    re.IGNORECASE,
)
_MID_LINE = re.compile(r"(?<=[\s(])/(?:wl +)?(?P<word>[A-Za-z][A-Za-z0-9-]*)(?=\s|$)", re.IGNORECASE)
_COURTESY_CHARS_MAX = 60
_OPTION = re.compile(r"\s(?:--?|[–—])[A-Za-z]|\s[A-Za-z]+=")
_DRESSED = re.compile(r"(?P<marks>\*{1,3}|_{1,3}|~{1,2}|`+|)\\?[/\uff0f\u2044\u2215](?:wl +)?(?P<rest>[^*_~`]+)(?P=marks)")
_ADDRESSED = re.compile(r"@[A-Za-z0-9-]{1,39}[,:]? +(?P<rest>[A-Za-z].*)")
_WL = re.compile(r"\s{0,3}(?:\$ *)?(?P<wl>wl) +(?P<word>[A-Za-z][A-Za-z-]*)(?=\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Undecided:
    """A decision was asked for, but none can be carried out, and this is why. Foreign words in it are quoted."""

    says: Md


def read(body: str, commands: Signatures[Signature]) -> Reading:
    """Every command on a line of its own that is the author's own plain text, and hints for near misses.

    Code (also inline, also indented), quotations and HTML are never read; neither is anything beyond the first 16 KiB.
    A line that names nothing known and nothing close to it is talk among people. What was read is remembered by its text: a
    look reads each comment several times, and the next look the same ones.
    """
    return _read(body[:REMEMBERED_CHARS_MAX], _SameCommands(commands))


class _SameCommands:
    """The commands of an installation, which never change while it runs: compared by identity."""

    def __init__(self, commands: Signatures[Signature]) -> None:
        self.commands = commands

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameCommands) and other.commands is self.commands

    def __hash__(self) -> int:
        return id(self.commands)


@lru_cache(maxsize=128)
def _read(body: str, known: _SameCommands) -> Reading:
    commands = known.commands
    page = open_page(body)
    guesses = count()
    texts = (n for n in sorted(page.where) if page.where[n] is Where.TEXT)
    lines = {n: line for n in texts if (line := _name(page, n, commands, guesses))}
    decorated = stops.decorated(page, commands, beside=frozenset(lines))
    found: list[_Named | stops.Stop] = [lines.get(n) or decorated[n] for n in sorted((*lines, *decorated))]
    items: list[Parsed | Misread] = []
    read_at, unread = _within_limit(found)
    for at in read_at:
        named = found[at]
        until = found[at + 1].number if at + 1 < len(found) else len(page.lines)
        items.append(item := named.read("\n".join(page.lines[named.number + 1 : until])))
        if isinstance(item, Misread) and (stop := stops.beside(named.number, item.line, commands)) is not None:
            items.append(stop.read(""))
    if unread is not None:
        says = md.fill("More than {most} commands in one comment: none from here on was read", most=md.number(COMMANDS_MAX))
        items.append(Misread(line=unread.line, problems=(Problem(says),), decides=True))
    return Reading(items=tuple(items), hints=tuple(_hints(page, commands, talk=not found)))


def _within_limit(found: Sequence[_Named | stops.Stop]) -> tuple[Sequence[int], _Named | stops.Stop | None]:
    """Which of the lines are read, and the first that is not. The first stop is always read."""
    first_stop = next((at for at, named in enumerate(found) if isinstance(named, stops.Stop)), None)
    read_at = [at for at in range(len(found)) if at < COMMANDS_MAX or at == first_stop]
    return read_at, next((named for at, named in enumerate(found) if at not in read_at), None)


def one_decision(reading: Reading) -> Parsed | Undecided | None:
    """The one command of a comment that decides, None if there is none, or why none is carried out.

    A comment is one transaction with at most one decision: with two of them, or with a line beside it that was not
    understood, nothing is decided. Commands that decide nothing are not held up by this.
    """
    deciding = [item for item in reading.items if item.decides]
    if len(deciding) > 1:
        return Undecided(
            md.own("Two decisions in one comment: neither was carried out")
            if len(deciding) == 2
            else md.own("Several decisions in one comment: none was carried out")
        )
    if not deciding or isinstance(deciding[0], Misread):
        return None
    if reading.misread:
        return Undecided(
            md.fill(
                "{name} was not carried out, because another command in the same comment was not understood",
                name=md.code(f"/{deciding[0].name}"),
            )
        )
    return deciding[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A line that names a command, or something taken for one. `end` is the column behind the name."""

    number: int
    line: str
    word: str
    end: int
    glued: bool
    command: Signature
    exact: bool

    def read(self, below: str) -> Parsed | Misread:
        word, command = self.word, self.command
        if (other := self._other_line()) is not None:
            return other
        if self.exact and not self.glued:
            return read_line(self.line, self.end, command, below)
        if self.glued:
            says = md.fill("A space must follow {name}", name=md.code(f"/{word}"))
        elif INSTEAD.get(word.casefold()) is not None:
            says = md.fill(
                "This commons decides with {command}; {word} does nothing here",
                command=md.code(command.skeleton),
                word=md.code(f"/{word}"),
            )
        else:
            says = md.fill("Unknown command; did you mean {name}?", name=md.code(f"/{command.name}"))
        name = f"/{command.name}"
        suggestion = suggest(f"{name} {self.line[self.end :]}", len(name), command, below)
        return Misread(
            line=self.line,
            problems=(Problem(says, self.end if self.glued else 0),),
            name=command.name,
            decides=command.decides,
            suggestion=suggestion,
            pinnable=_pinnable(command, suggestion),
        )

    def _other_line(self) -> Misread | None:
        """What is meant by a line that takes the command back, or asks for its help: another command's line."""
        rest, name = self.line[self.end :].strip(), md.code(f"/{self.command.name}")
        if self.command.name != "help" and rest.casefold() in _HELP:
            says = md.fill("{help} shows the options of a command", help=md.code("/help NAME"))
            ready = f"/help {self.command.name}"
        elif self.command.name not in _TAKES_ITSELF_BACK and taken_back.is_meant(rest):
            says = md.fill(
                "This takes nothing back: {cancel} does, where {name} is not carried out yet", cancel=_CANCEL, name=name
            )
            ready = f"/cancel {self.command.name}"
        else:
            return None
        problem = Problem(says, self.end + 1)
        return Misread(
            line=self.line, problems=(problem,), name=self.command.name, decides=self.command.decides, suggestion=ready
        )


_CANCEL = md.code("/cancel")
_HELP = frozenset({"--help", "-h", "-help", "help", "?"})
_TAKES_ITSELF_BACK = frozenset({"hold", "reject", "cancel", "help"})
"""Commands that read these words themselves: `/hold cancel` lifts a hold."""


def _name(page: Page, number: int, commands: Signatures[Signature], guesses: Iterator[int]) -> _Named | stops.Stop | None:
    """What line `number` names; None for words that are not near any command (`/usr/bin/env`, `/shrug`).

    `guesses` counts those that were looked for: beyond GUESSES_MAX a comment holds no near miss but a list of paths.
    """
    line = page.lines[number].strip()
    if (stop := stops.plain(number, line, commands)) is not None:
        return stop
    match = _NAMED.match(line)
    if match is None:
        return None
    word, glued = match["word"], match["glued"] is not None
    command = commands.get(word)
    exact = command is not None
    if command is None:
        head, dash, option = word.partition("-")
        if dash and (joined := commands.get(head)) is not None and joined.option(option) is not None and not joined.stops:
            # `/accept-quality 4`
            return _Named(number=number, line=line, word=head, end=1 + len(head), glued=True, command=joined, exact=True)
        guess = word.casefold() if word.casefold() in INSTEAD else None
        if guess is None and not glued and next(guesses) < GUESSES_MAX:
            guess = near(word, (*commands.words, *INSTEAD), cutoff=NEAR_NAME)
        if guess is None:
            return None
        command = commands.get(INSTEAD.get(guess, guess))
        if command is None:
            return None
    if command.stops:
        return stops.Stop(number=number, line=line, behind=line[match.end("word") :], command=command)
    end = match.start("glued") if glued else match.end()
    if glued and match["glued"] in ",:;":
        end += 1
    return _Named(number=number, line=line, word=word, end=end, glued=glued, command=command, exact=exact)


# --- hints ----------------------------------------------------------------------------------------------------------


def _hints(page: Page, commands: Signatures[Signature], *, talk: bool) -> Iterator[Hint]:
    """Why something that looks like a command was not read as one: each kind once."""
    for kind, place in ((HintKind.LAZY_QUOTATION, Where.QUOTATION), (HintKind.HTML, Where.HTML)):
        for n in sorted(page.where):
            if page.where[n] is place and (line := _known_line(page.lines[n], commands)):
                yield Hint(kind=kind, line=line)
                break
    cut_off = next((line for text in page.rest if (line := _known_line(text, commands))), None)
    if cut_off is not None:
        yield Hint(kind=HintKind.CUT, line=cut_off)
    if talk:
        fenced = [text for text in page.fenced if text.strip()]
        if len(fenced) == 1 and (line := _known_line(fenced[0], commands)):
            yield _instead(HintKind.FENCED, line, line, commands)
        dressed = {n: hint for n, text in enumerate(page.lines) if (hint := _dressed(text, commands)) is not None}
        if dressed:
            # Where the plain line would be read, and nowhere else: a quotation and a block of code stay what they are.
            plain = tuple(str(dressed[n].ready) if n in dressed else text for n, text in enumerate(page.lines))
            yield from [dressed[n] for n in sorted(shown(plain, dict.fromkeys(dressed, 1)))][:1]
        yield from _talk(page, commands)


def _dressed(text: str, commands: Signatures[Signature]) -> Hint | None:
    """The hint for a whole line that is a decision but for marks around it, another slash, or a name in front."""
    match = _DRESSED.fullmatch(text.strip()) or _ADDRESSED.fullmatch(text.strip())
    if match is None or text.strip().startswith("/"):
        return None
    rest = match["rest"]
    word = re.match(r"[A-Za-z-]+(?=\s|$)", rest)
    command = commands.get(word[0]) if word is not None else None
    if word is None or command is None or not command.decides:
        return None
    ready = suggest(f"/{command.name}{rest[word.end() :]}", len(command.name) + 1, command)
    return _instead(HintKind.DRESSED, text.strip(), ready, commands)


def _known_line(text: str, commands: Signatures[Signature]) -> str | None:
    """`text` without its indent, if it is a line that would run on a better place."""
    match = _NAMED.match(text.strip())
    return text.strip() if match is not None and match["glued"] is None and commands.get(match["word"]) else None


def _talk(page: Page, commands: Signatures[Signature]) -> Iterator[Hint]:
    """Decisions in the middle of a line, and `wl accept`: only looked for where a comment holds no command."""
    found = {
        n: hint
        for n, text in enumerate(page.lines)
        if (hint := _mid_line(text, commands) or _command_line(text, commands)) is not None
    }
    plain = shown(page.lines, {n: column for n, (_, column) in found.items()}) if found else frozenset()
    for kind in (HintKind.MID_LINE, HintKind.WL):
        yield from [found[n][0] for n in sorted(plain) if found[n][0].kind is kind][:1]


def _mid_line(text: str, commands: Signatures[Signature]) -> tuple[Hint, int] | None:
    """The hint for a decision in the middle of a line, and the column behind its slash."""
    for match in islice(_MID_LINE.finditer(text), 3):
        command = commands.get(match["word"])
        if command is None or not command.decides:
            continue
        rest = text[match.end() :].rstrip()
        # "I would not /reject this" is talk about a command; courtesies before it or options behind it make it one.
        if _OPTION.search(rest) or _courteous(text[: match.start()]):
            ready = suggest(f"/{command.name}{rest}", len(command.name) + 1, command)
            return _instead(HintKind.MID_LINE, text.strip(), ready, commands), match.start() + 1
    return None


def _instead(kind: HintKind, line: str, ready: str, commands: Signatures[Signature]) -> Hint:
    named = _NAMED.match(ready)
    command = commands.get(named["word"]) if named is not None else None
    return Hint(kind=kind, line=line, ready=ready, pinnable=command is not None and _pinnable(command, ready))


def _pinnable(command: Signature, line: str) -> bool:
    return command.option("at") is not None and "--at" not in line


def _courteous(before: str) -> bool:
    words = re.split(r"[\s,.:;!(]+", before.casefold()) if len(before) <= _COURTESY_CHARS_MAX else ["?"]
    return any(words) and all(not word or word in stops.COURTESY or word.startswith("@") for word in words)


def _command_line(text: str, commands: Signatures[Signature]) -> tuple[Hint, int] | None:
    """The hint for a line of the command line tool `wl`, and the column behind its first letter."""
    match = _WL.match(text)
    word = match["word"].casefold() if match else ""
    command = commands.get(INSTEAD.get(word, word))
    if match is None or command is None or not command.decides:
        return None
    ready = suggest(f"/{command.name}{text[match.end() :].rstrip()}", len(command.name) + 1, command)
    return _instead(HintKind.WL, text.strip(), ready, commands), match.start("wl") + 1
