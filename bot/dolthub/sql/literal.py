"""Values and names as SQL text: the one door through which strangers' text enters a statement."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from bot.model.ids import is_commit_hash

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLAIN = re.compile(r"[ -\[\]-~]*")
"""Printable ASCII without the backslash, which MySQL reads in one way or the other depending on `sql_mode`."""
_NOTE_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:/@()#+_=-]+")
NOTE_MAX_CHARS = 200


def literal(value: str | int | float | None) -> str:
    """`value` as SQL, whoever wrote it: the one way text enters a statement.

    Plain ASCII stays readable between quotes; anything else (control and non-ASCII characters, the backslash) goes as the
    hex of its UTF-8, so the reading never depends on the server's escaping mode.
    Raises ValueError for lone surrogates, which are no text, and for numbers SQL does not have.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        raise ValueError("a truth value has no literal here; write 0 or 1")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no SQL number")
        return repr(value)
    if _PLAIN.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    try:
        return f"CAST(X'{value.encode('utf-8').hex().upper()}' AS CHAR)"
    except UnicodeEncodeError:
        raise ValueError("text with a lone surrogate cannot be written") from None


def name(identifier: str) -> str:
    """A table or column between backticks. Raises ValueError unless it is a plain identifier."""
    if not _IDENTIFIER.fullmatch(identifier):
        raise ValueError(f"{identifier!r} is not a plain identifier")
    return f"`{identifier}`"


def comment(note: str) -> str:
    """A note as a trailing comment, one line of harmless characters; empty for an empty note."""
    words = " ".join(_NOTE_UNSAFE.sub(" ", note).split())[:NOTE_MAX_CHARS].rstrip()
    return f" -- {words}" if words else ""


def hash_literal(commit: str) -> str:
    """A commit hash as literal: arguments of Dolt's table functions must be plain literals."""
    if not is_commit_hash(commit):
        raise ValueError(f"{commit!r} is not a commit hash")
    return f"'{commit}'"


def is_among(column: str, values: Iterable[str]) -> str:
    """`column IN (…)`, or a condition that never holds if there are no values."""
    texts = ", ".join(literal(value) for value in dict.fromkeys(values))
    return f"{column} IN ({texts})" if texts else "1 = 0"


def escape_like(text: str) -> str:
    """Text that stands for itself in a LIKE whose escape is `|`: the backslash means different things to different servers."""
    return re.sub(r"([|%_])", r"|\1", text)


def lower(text: str) -> str:
    """As MySQL's LOWER does it for ASCII; folding by look is done on what comes back."""
    return text.lower()
