"""Reads the command that stops: whatever the form in which a person writes it.

A stop that is refused for its form lets the decision beside it through. So a colon or dots behind the name, emphasis, a list
item, inline code around the whole line, an escaped slash, or a polite word before the slash do not matter, and nothing that
stands behind the name is wrong. What belongs to others stays unread here as well: quotations, code blocks and HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.commands.grammar.line import REASON_WORDS
from bot.commands.grammar.option import TEXT_CHARS_MAX
from bot.commands.grammar.reading import Parsed
from bot.commands.grammar.signature import Signature, Signatures
from bot.commands.grammar.text import Page, shown

COURTESY = frozenset(
    (
        "please", "pls", "plz", "ok", "okay", "so", "now", "then", "thanks", "hi", "hello", "hey", "i", "will", "we",
        "let's", "lets", "just", "and",
    )
)  # fmt: skip
"""Words before a command in the middle of a line that make it a request and not talk about the command."""
_BEFORE_STOP = COURTESY | frozenset(("no", "sorry", "wait", "stop", "hold", "on", "oops", "but"))
_BEFORE_CHARS_MAX = 60
_DECORATION = "*_~`"
_PUNCTUATION = " \t:;,.!?…=-‐‑–—―−"
_NAME = re.compile(r"(?:wl +)?(?P<word>[A-Za-z]+)(?![A-Za-z0-9])(?!/[A-Za-z0-9])", re.IGNORECASE)
_PATH = re.compile(r"[-_.][A-Za-z0-9]")
"""Behind an alias, which is an ordinary word: `/wait-for-it.sh` is a path."""
_SLASH = re.compile(r"[/／⁄∕] ?")
_TO_THE_BOT = re.compile(r"\W*@stampbot\b\W*", re.IGNORECASE)
_OPTION = re.compile(r"\s*[:,]?\s*(?:--?|[–—])(?P<key>[A-Za-z]+)[ =]+")
_REASON_OPTIONS = REASON_WORDS | frozenset(("m", "message", "msg", "note", "comment"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A line that holds a stop. `behind` is all that follows its name; `around` the decoration before it."""

    number: int
    line: str
    behind: str
    command: Signature
    around: str = ""

    def read(self, below: str) -> Parsed:
        """The command, with the rest of its line as the reason, or else the text below it, or none. Nothing is ever wrong."""
        decoration = "".join(char for char in self.around if char in _DECORATION)
        behind = self.behind.rstrip(" " + decoration)
        option = _OPTION.match(behind)
        if option is not None and option["key"].casefold() in _REASON_OPTIONS:
            behind = _unquoted(behind[option.end() :].strip())
        reason = behind.lstrip(_PUNCTUATION + decoration) or below.strip()
        blank = not any(char.isalnum() for char in reason)
        return Parsed(name=self.command.name, line=self.line, reason="" if blank else reason[:TEXT_CHARS_MAX])


def plain(number: int, line: str, commands: Signatures[Signature]) -> Stop | None:
    """The stop at the beginning of a line that begins with a slash, by its own name."""
    return _at(number, line, line.find("/") + 1, commands)


def decorated(page: Page, commands: Signatures[Signature], *, beside: frozenset[int]) -> Mapping[int, Stop]:
    """Stops on the lines of a comment that are not read as commands already (`beside`), by line number."""
    # Inline code beside other text is talk about the command; alone it is the line that somebody copied.
    alone = sum(1 for line in page.lines if line.strip()) == 1
    found = {
        n: stop
        for n, line in enumerate(page.lines)
        if n not in beside and (stop := _decorated(n, line, commands) or _to_the_bot(n, line, commands)) is not None
        if "`" not in stop.around or alone
    }
    if not found:
        return {}
    # Where inline code is around the whole line, what counts is where the code stands.
    spots = {n: _spot(page.lines[n], stop) for n, stop in found.items()}
    text = shown(page.lines, spots)
    return {n: stop for n, stop in found.items() if n in text}


def beside(number: int, line: str, commands: Signatures[Signature]) -> Stop | None:
    """The stop behind another command on one line, where that line was not understood."""
    for match in re.finditer(r"\s[/／]", line):
        stop = _at(number, line, match.end(), commands)
        if stop is not None:
            return replace(stop, line=line[match.start() + 1 :])
    return None


def _at(number: int, line: str, column: int, commands: Signatures[Signature]) -> Stop | None:
    match = _NAME.match(line, column)
    command = commands.get(match["word"]) if match is not None else None
    if match is None or command is None or not command.stops:
        return None
    if match["word"].casefold() != command.name and _PATH.match(line, match.end()):
        return None
    return Stop(number=number, line=line, behind=line[match.end() :], command=command)


def _decorated(number: int, line: str, commands: Signatures[Signature]) -> Stop | None:
    slash = _SLASH.search(line)
    if slash is None or slash.start() > _BEFORE_CHARS_MAX or "|" in line[: slash.start()]:
        return None
    before = line[: slash.start()]
    stop = _at(number, line, slash.end(), commands)
    if stop is None or not all(_may_precede(word) for word in re.split(r"[^\w@']+", before.casefold())):
        return None
    ticks = before.count("`")
    if ticks and (line.count("`") != 2 * ticks or not stop.behind.rstrip(" .!*_~").endswith("`" * ticks)):
        return None
    return Stop(number=number, line=line.strip(), behind=stop.behind, command=stop.command, around=before)


def _to_the_bot(number: int, line: str, commands: Signatures[Signature]) -> Stop | None:
    """`@stampbot hold`, without a slash."""
    match = _TO_THE_BOT.match(line)
    return _at(number, line, match.end(), commands) if match is not None else None


def _may_precede(word: str) -> bool:
    bare = word.strip("_'")
    return not bare or bare in _BEFORE_STOP or bare.startswith("@") or bare.isdecimal()


def _spot(line: str, stop: Stop) -> int:
    return line.find("`") if "`" in stop.around else max(len(stop.around), len(line) - len(line.lstrip()))


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in '"“”„' and text[-1] in '"“”' else text
