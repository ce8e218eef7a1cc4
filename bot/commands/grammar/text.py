"""Which lines of a comment are its author's own plain text, as CommonMark sees it: the only lines a command may stand on.

Blocks are not found by looking for fences or `>`: a private-use character is put behind the slash of every line that could
be a command, the comment is parsed, and a line counts only where its character comes out as plain text outside a quotation.
So code, inline code over several lines, HTML, link definitions and all their combinations are immune by construction.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

BODY_BYTES_MAX = 16 * 1024
REST_CHARS_MAX = 64 * 1024
"""How far beyond the cut it is looked whether a command was cut off."""

_START, _END = "\ue000", "\ue001"
_NOT_OURS = str.maketrans(_START + _END, "\ue002\ue002")
"""What a comment has of these itself becomes another of their kind: dropped like it, but in its place till then."""
_SPOT = re.compile(f"{_START}([0-9]+){_END}")
_SLASH = re.compile(r" {0,3}/(?=[A-Za-z?])")
_LINE_END = re.compile(r"\r\n?")
_SPACES = frozenset("\v\f\x1c\x1d\x1e\x1f\x85")
_ELEMENT = re.compile(r"\s*</?(?!(?:pre|script|style|textarea)\b)[a-z]", re.IGNORECASE)


class Where(enum.Enum):
    """Where a spot of the comment comes out when it is rendered."""

    TEXT = "text"
    QUOTATION = "quotation"
    HTML = "html"
    HIDDEN = "hidden"
    """In code, in an HTML comment, or nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A comment, normalised, in lines without line ends. `where` tells of every line that begins like a command.

    `fenced` holds the lines of the comment's only block, if that is one fenced block. `rest` is what was cut off.
    """

    lines: tuple[str, ...]
    where: Mapping[int, Where]
    fenced: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


def open_page(body: str) -> Page:
    """Normalise and cut a comment, and see which of its lines are plain text. Total: any text gives a page."""
    kept, rest = _cut(_LINE_END.sub("\n", body[: BODY_BYTES_MAX + REST_CHARS_MAX]), more=len(body) > BODY_BYTES_MAX)
    raw = kept.translate(_NOT_OURS).split("\n")
    lines = [normalised(line) for line in raw]
    spots = {n: match.end() for n, line in enumerate(lines) if (match := _SLASH.match(line))}
    tokens, where = _parse(lines, spots)
    if raw != lines and spots:
        # What is dropped by normalising could be what keeps a fence open: plain text must be plain text either way.
        _, seen = _parse(raw, {n: raw[n].index("/") + 1 for n in spots})
        where = {n: place if place is not Where.TEXT else seen[n] for n, place in where.items()}
    return Page(
        lines=tuple(line.replace("\t", " ") for line in lines),
        where=where,
        fenced=tuple(_SPOT.sub("", tokens[0].content).split("\n")) if [t.type for t in tokens] == ["fence"] else (),
        rest=tuple(normalised(line).replace("\t", " ") for line in rest.split("\n")),
    )


def normalised(line: str) -> str:
    """One line with all spaces made plain, tabs kept, and everything invisible dropped: zero-width, bidi, control, private."""
    if line.isascii() and line.isprintable():
        return line
    return "".join(kept for c in line if (kept := _plain(c)))


def shown(lines: tuple[str, ...], spots: Mapping[int, int]) -> frozenset[int]:
    """Of `spots` (line number to column), the lines whose spot is plain text outside a quotation."""
    _, where = _parse(list(lines), spots)
    return frozenset(n for n, place in where.items() if place is Where.TEXT)


def _plain(char: str) -> str:
    if char == "\t":
        return char
    kind = unicodedata.category(char)
    if kind[0] == "Z" or char in _SPACES:
        return " "
    return "" if kind[0] == "C" else char


def _cut(text: str, *, more: bool) -> tuple[str, str]:
    """The lines that fit into BODY_BYTES_MAX as a whole, and the rest: half a line could mean something else."""
    if not more and len(text.encode("utf-8", "surrogatepass")) <= BODY_BYTES_MAX:
        return text, ""
    fits = len(text.encode("utf-8", "surrogatepass")[:BODY_BYTES_MAX].decode("utf-8", "ignore"))
    end = text.rfind("\n", 0, fits + 1)
    return (text[:end], text[end + 1 :]) if end >= 0 else ("", text)


def _commonmark() -> MarkdownIt:
    """CommonMark blocks, and of its inline rules those that decide what is code or HTML: the others cost time only."""
    parser = MarkdownIt("commonmark")
    parser.inline.ruler.enableOnly(["text", "newline", "escape", "backticks", "autolink", "html_inline"])
    parser.inline.ruler2.enableOnly([])
    # The parser compiles its rules on first use and is not safe to share while it does: several lanes share this one.
    parser.parse("warm `up`")
    return parser


_PARSER = _commonmark()


def _parse(lines: list[str], spots: Mapping[int, int]) -> tuple[list[Token], dict[int, Where]]:
    marked = list(lines)
    for n, column in spots.items():
        marked[n] = f"{lines[n][:column]}{_START}{n}{_END}{lines[n][column:]}"
    tokens = _PARSER.parse("\n".join(marked))
    where = dict.fromkeys(spots, Where.HIDDEN)
    quotations = 0
    for token in tokens:
        if token.type == "blockquote_open":
            quotations += 1
        elif token.type == "blockquote_close":
            quotations -= 1
        elif token.type == "inline":
            for child in token.children or ():
                if child.type.startswith("text"):
                    place = Where.QUOTATION if quotations else Where.TEXT
                    where.update((n, place) for n, _ in _spots(child.content))
        elif token.type == "html_block" and _ELEMENT.match(token.content):
            where.update((n, Where.HTML) for n, before in _spots(token.content) if not _in_comment(before))
    return tokens, where


def _spots(content: str) -> list[tuple[int, str]]:
    return [(int(match[1]), content[: match.start()]) for match in _SPOT.finditer(content)]


def _in_comment(before: str) -> bool:
    return before.rfind("<!--") > before.rfind("-->")
