"""Rows as a reader sees them: no change of a cell looks like another one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import groupby

from bot.messages import md
from bot.messages.md import Md
from bot.model.cells import Cell
from bot.model.ids import digest
from bot.model.ledger import PRIMARY_KEYS, ChangeKind

KEY_CHARS_MAX = 80
WHOLE_CHARS_MAX = 200
BEGINNING_CHARS = 140
END_CHARS = 40
AROUND_CHARS = 30
"""Shown before and behind what changed in a long value."""
PRIVATE_COLUMNS = frozenset({"owner_email", "hop_uri"})
"""Columns that hold a person's address."""
_LOCAL_PART = re.compile(r"([^\s/@])[^\s/@]*@")
_DIGEST_CHARS = 8
_STATE: Mapping[ChangeKind, Md] = {
    ChangeKind.ADDED: md.own("new"),
    ChangeKind.MODIFIED: md.own("changed"),
    ChangeKind.REMOVED: md.own("removed"),
}


def rows(cells: Iterable[Cell]) -> Md:
    """The cells, row by row: table, key and state, then one line for each cell."""
    told: list[Md] = []
    for (table, key, kind), own in groupby(cells, key=lambda cell: (cell.table, cell.key, cell.kind)):
        head = md.fill("{table} {key}, {state}", table=md.code(table, 64), key=md.code(key, KEY_CHARS_MAX), state=_STATE[kind])
        lines = [_line(cell) for cell in own if not _is_in_heading(cell)]
        told.append(md.fill("{head}:\n{lines}", head=head, lines=md.bullets(lines)) if lines else head)
    return Md("\n\n".join(told))


def _is_in_heading(cell: Cell) -> bool:
    """Whether it is the key of its row, and the heading shows all of it."""
    own = cell.column == PRIMARY_KEYS.get(cell.table) and cell.key in (cell.after, cell.before)
    return own and shows_as_it_is(cell.key) and len(cell.key) <= KEY_CHARS_MAX


def _line(cell: Cell) -> Md:
    column = md.code(cell.column, 64)
    if cell.kind is ChangeKind.ADDED:
        return md.fill("{column}: {value}", column=column, value=_of(cell, cell.after))
    if cell.kind is ChangeKind.REMOVED:
        return md.fill("{column}: was {value}", column=column, value=_of(cell, cell.before))
    hides = cell.column in PRIVATE_COLUMNS
    old, new = (_of(cell, cell.before), _of(cell, cell.after)) if hides else _around(cell.before, cell.after)
    return md.fill("{column}: {old} → {new}", column=column, old=old, new=new)


def _of(cell: Cell, text: str | None) -> Md:
    """A cell of a row that comes or goes. Of an e-mail address only the first letter and the domain are repeated."""
    if cell.column not in PRIVATE_COLUMNS or text is None or "@" not in text:
        return value(text)
    hidden = _LOCAL_PART.sub(r"\1…@", text)
    return _cut(hidden[:WHOLE_CHARS_MAX], text)


def value(text: str | None) -> Md:
    """A cell: whole where it is short and shows as it is; else its beginning, its end, its length and its fingerprint."""
    if text is None:
        return md.own("nothing")
    if len(text) <= WHOLE_CHARS_MAX and shows_as_it_is(text):
        return md.code(text, WHOLE_CHARS_MAX)
    return _cut(text, text)


def shows_as_it_is(text: str) -> bool:
    """Whether nothing in it is hidden, replaced, joined or reordered when it is shown as code.

    Only what is known to be visible counts as visible: letters, numbers, punctuation and symbols that are written from left to
    right, and plain blanks. A mark on a letter may show nothing, so a text with one is told apart by its fingerprint.
    """
    if not text or md.clean(text, len(text)) != text or "`" in text or not unicodedata.is_normalized("NFC", text):
        return False
    return text.isascii() or all(map(_shows, text))


def _shows(char: str) -> bool:
    written = unicodedata.category(char)[0] in "LNPS" and unicodedata.bidirectional(char) not in _RIGHT_TO_LEFT
    return char == " " or (written and char != _NO_HEAD)


_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_NO_HEAD = "\U0001d159"
"""A symbol of musical notation that shows nothing (Unicode, MUSICAL SYMBOL NULL NOTEHEAD)."""


def _around(old: str | None, new: str | None) -> tuple[Md, Md]:
    """Both values; of long ones what lies around the change."""
    if old is None or new is None or max(len(old), len(new)) <= WHOLE_CHARS_MAX:
        return value(old), value(new)
    start = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new)))
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    left, right = max(0, start - AROUND_CHARS), max(0, end - AROUND_CHARS)
    return _cut(old[left : len(old) - right], old), _cut(new[left : len(new) - right], new)


def _cut(part: str, whole: str) -> Md:
    """A part of a value by its beginning and end, with the length and the fingerprint of the whole."""
    length = md.fill(
        "({n} characters, fingerprint {print_})",
        n=md.number(len(whole)),
        print_=md.code(digest("cell/1", whole)[:_DIGEST_CHARS]),
    )
    if len(part) <= BEGINNING_CHARS + END_CHARS:
        return md.fill("{part} {length}", part=md.code(part, WHOLE_CHARS_MAX), length=length)
    return md.fill(
        "{beginning} … {end} {length}",
        beginning=md.code(part[:BEGINNING_CHARS], BEGINNING_CHARS),
        end=md.code(part[-END_CHARS:], END_CHARS),
        length=length,
    )
