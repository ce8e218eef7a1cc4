"""Reads MySQL text by MySQL's own rules and hands on one statement without comments, its literals in one safe form.

Where `--` begins a comment, what a backslash means and where a statement ends are told differently by SQLite, MySQL and
`sqlglot`; the text is settled here, before anybody parses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sandbox.values.records import SqlRefused

# MySQL reference manual, "String Literals", table of escape sequences. `\%` and `\_` keep their backslash.
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_QUOTES = "'\"`"
_PLAIN = re.compile(r"[^'\"`#/;-]+")
_UNESCAPED = {mark: re.compile(rf"[^\\{mark}]+") for mark in _QUOTES}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: a decoded string, a decoded quoted name, the end of a statement, or plain text."""

    kind: Literal["string", "name", "end", "plain"]
    text: str


def pieces(sql: str) -> Iterator[Piece]:
    """The text without its comments. Raises SqlRefused (`syntax`) for what never ends, `unsupported` for `/*! */`."""
    at, length = 0, len(sql)
    while at < length:
        char = sql[at]
        if plain := _PLAIN.match(sql, at):
            at = plain.end()
            yield Piece("plain", plain[0])
        elif char in _QUOTES:
            text, at = _quoted(sql, at)
            yield Piece("name" if char == "`" else "string", text)
        elif char == "#" or (sql.startswith("--", at) and (at + 2 >= length or sql[at + 2] <= " ")):
            end = sql.find("\n", at)
            at = length if end < 0 else end
            yield Piece("plain", " ")
        elif sql.startswith("/*", at):
            if sql[at + 2 : at + 3] in {"!", "+"}:
                raise SqlRefused("unsupported: comments that hold instructions", "unsupported")
            end = sql.find("*/", at + 2)
            if end < 0:
                raise SqlRefused("syntax error: a comment never ends", "syntax")
            at = end + 2
            yield Piece("plain", " ")
        elif char == ";":
            at += 1
            yield Piece("end", ";")
        elif sql.startswith("--", at):
            # Two minus signs; apart from each other no later reader takes them for a comment.
            at += 2
            yield Piece("plain", "- -")
        else:
            yield Piece("plain", char)
            at += 1


def canonical(sql: str) -> str:
    """One statement: comments gone, strings in single quotes with `''` and `\\\\` as the only escapes.

    Raises SqlRefused: `several` for more than one statement, `syntax` for none.
    """
    statements: list[str] = [""]
    for piece in pieces(sql):
        match piece.kind:
            case "end":
                statements.append("")
            case "string":
                # `'a'"b"` is two strings side by side, not one with a quote in it.
                statements[-1] += (" " if statements[-1].endswith("'") else "") + quote(piece.text)
            case "name":
                statements[-1] += "`" + piece.text.replace("`", "``") + "`"
            case "plain":
                statements[-1] += piece.text
    found = [statement.strip() for statement in statements if statement.strip()]
    if not found:
        raise SqlRefused("syntax error: there is no statement", "syntax")
    if len(found) > 1:
        raise SqlRefused(f"syntax error near '{found[1][:40]}': one statement at a time", "several")
    return found[0]


def quote(text: str) -> str:
    """The text as a MySQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _quoted(sql: str, start: int) -> tuple[str, int]:
    mark = sql[start]
    parts: list[str] = []
    at = start + 1
    while at < len(sql):
        if plain := _UNESCAPED[mark].match(sql, at):
            parts.append(plain[0])
            at = plain.end()
            continue
        char = sql[at]
        if char == mark:
            if sql.startswith(mark, at + 1):
                parts.append(mark)
                at += 2
                continue
            return "".join(parts), at + 1
        if char == "\\" and mark != "`" and at + 1 < len(sql):
            parts.append(_ESCAPES.get(sql[at + 1], sql[at + 1]))
            at += 2
            continue
        parts.append(char)
        at += 1
    raise SqlRefused(f"syntax error: the quote {mark} at character {start + 1} is never closed", "syntax")
