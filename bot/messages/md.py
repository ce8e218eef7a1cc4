"""The one door by which text enters Markdown: `Md` is safe to post, and only this module makes it from foreign text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import LiteralString

FOREIGN_CHARS_MAX = 120
URL_CHARS_MAX = 2048
_NONE: Mapping[str, Md] = {}


class Md(str):
    """Markdown that is safe to post as it is."""

    __slots__ = ()


def own(text: LiteralString) -> Md:
    """Our own words, written in the source code."""
    return Md(text)


def clean(text: str, most: int = FOREIGN_CHARS_MAX) -> str:
    """Foreign text as one plain line: control, zero-width, bidi, unassigned and blank-looking characters out, stacked marks
    cut to two, the whole cut to `most` characters, never between a letter and its marks."""
    spaced = re.sub(r"[\s\x00]", " ", text)
    seen = "".join(c for c in spaced if unicodedata.category(c)[0] != "C" and c not in _BLANK)
    kept = re.sub(" +", " ", _STACKED.sub(r"\1", seen)).strip()
    if len(kept) <= most:
        return kept
    end = most - 1
    while end > 0 and unicodedata.combining(kept[end]):
        end -= 1
    return kept[:end].rstrip() + "…"


_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f")
"""Letters and marks that show nothing."""
_MARKS = "".join(chr(c) for c in range(0x300, 0x20FF) if unicodedata.category(chr(c)) in ("Mn", "Me"))
_STACKED = re.compile(f"([{re.escape(_MARKS)}]{{2}})[{re.escape(_MARKS)}]+")
"""More marks than any script stacks on one letter."""


def code(text: object, most: int = FOREIGN_CHARS_MAX) -> Md:
    """Foreign text as inline code: nothing in it can become markup, a mention or a command.

    A backtick becomes an apostrophe, so that a single pair of backticks always holds it; `@` is followed by a zero-width
    space so that no name is called.
    """
    plain = clean(str(text), most).replace("`", "'").replace("@", "@\u200b")
    return Md(f"`{plain}`") if plain else Md("`(empty)`")


def label(text: str) -> Md:
    """A label of letters, digits and single blanks as it is; any other text as inline code."""
    return Md(text) if re.fullmatch(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+){0,4}", text) and len(text) <= 40 else code(text, 40)


_SAFE_URL = re.compile(r"https?://[A-Za-z0-9\[\]:._~/?#!$&'()*+,;=%@-]+", re.IGNORECASE)


def link(url: str) -> Md:
    """A foreign URL: an autolink if it is plain http(s) in plain ASCII, else inline code."""
    if len(url) <= URL_CHARS_MAX and _SAFE_URL.fullmatch(url) and "@" not in url and "|" not in url:
        return Md(f"<{url}>")
    return code(url)


def number(value: float) -> Md:
    """A number of ours; whole numbers without a fraction."""
    return Md(f"{value:g}")


def fence(lines: Iterable[str]) -> Md:
    """A fenced block; what stands in it is never a command. Lines are foreign or ours; fences inside cannot end it."""
    body = [re.sub(r"[`~]{3,}", "'''", clean(line, 2_000)) for line in lines]
    return Md("\n".join(("```", *body, "```")))


def pointed(line: str, columns: Iterable[int]) -> Md:
    """A fenced line of foreign text, its spaces kept, and below it a caret under each of `columns` (from 0).

    A long line is cut to what lies around the first caret.
    """
    at = sorted(c for c in set(columns) if 0 <= c <= len(line))
    start = max(0, (at[0] if at else 0) - FOREIGN_CHARS_MAX // 2) if len(line) > FOREIGN_CHARS_MAX else 0
    shown = "".join(" " if c.isspace() else "?" if unicodedata.category(c)[0] == "C" else c for c in line[start:])
    shown = re.sub(r"[`~]{3,}", lambda run: "'" * len(run[0]), shown)
    before, after = "…" if start else "", "…" if len(shown) > FOREIGN_CHARS_MAX else ""
    text = f"{before}{shown[:FOREIGN_CHARS_MAX]}{after}"
    carets = ["" if unicodedata.combining(c) else "  " if unicodedata.east_asian_width(c) in "WF" else " " for c in text]
    for column in at:
        place = column - start + len(before)
        if place < len(text):
            carets[place] = "^"
        elif place == len(text):
            carets.append("^")
    below = "".join(carets).rstrip()
    return Md("\n".join(("```", text, *((below,) if below else ()), "```")))


def join(parts: Iterable[Md], by: LiteralString = "") -> Md:
    """Safe pieces put together."""
    return Md(by.join(parts))


def lines(*parts: Md | None) -> Md:
    """Paragraphs: the pieces that are there, an empty line between each."""
    return Md("\n\n".join(part for part in parts if part))


def bullets(items: Iterable[Md]) -> Md:
    """A list, one line each."""
    return Md("\n".join(f"- {item}" for item in items))


def table(header: Sequence[Md], rows: Iterable[Sequence[Md]]) -> Md:
    """A table. Its cells are cut apart before anything else is read, also code, so every pipe in one is escaped here."""
    out = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    out.extend("| " + " | ".join(map(_in_table, row)) + " |" for row in rows)
    return Md("\n".join(out))


def _in_table(cell: str) -> str:
    """A cell with its pipes escaped. A backslash before a pipe would be escaped in its place by one renderer of three."""
    return re.sub(r"\\(?=\|)", "\\\\\u200b", cell.replace("\n", " ")).replace("|", "\\|")


def fill(template: LiteralString, **parts: Md) -> Md:
    """Our own sentence with safe pieces in its `{named}` holes."""
    return Md(template.format(**parts))


def escape(text: str) -> Md:
    """Plain prose with every mark of Markdown made harmless. For our own sentences; strangers' words go through `code`.

    What renderers link or call without any mark (`https://…`, `www.…`, `me@example.org`, `@name`) they look for in the text
    that is left after escapes, so it is broken by a zero-width space instead.
    """
    broken = _CALLED.sub("\\g<0>\u200b", clean_prose(text))
    return Md(re.sub(r"([\\`*_{}\[\]<>#!~&])", r"\\\1", broken))


_CALLED = re.compile(r"@|:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_LIST_OR_LINE = re.compile(r"(?=[-+=])|[0-9]+(?=[.)])")


def clean_prose(text: str) -> str:
    """Prose on one line without control characters, spaces at the ends kept."""
    spaced = re.sub(r"\s", " ", text)
    return "".join(c for c in spaced if unicodedata.category(c)[0] != "C")


def prose(text: str, instead: Mapping[str, Md] = _NONE) -> Md:
    """A rule's sentence. Rules put strangers' words and things to type between backticks; all else is escaped.

    `instead`: for some of the words between backticks, what to show in their place.
    """
    pieces = enumerate(text.strip().split("`"))
    said = "".join((instead.get(piece) or code(piece, 200)) if index % 2 else escape(piece) for index, piece in pieces)
    return Md(_LIST_OR_LINE.sub("\\g<0>\\\\", said, count=1) if _LIST_OR_LINE.match(said) else said)
