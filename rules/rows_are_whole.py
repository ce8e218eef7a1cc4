"""Each row the pull brings has a usable key, and cells that read as what they are.

Ids become parts of branch names, commit messages and commands, so they hold letters, digits and `_ . : -` only. Numbers
are numbers, JSON is JSON and times are times: one unreadable cell breaks readers for everybody. Only cells that this pull
writes are looked at. (Handles of rigs have a rule of their own, with registrations.)
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping

from bot.rulebook import (
    ORDINARY_TABLES,
    PRIMARY_KEYS,
    ChangeKind,
    Finding,
    Level,
    Place,
    RowChange,
    Snapshot,
    quote,
    read_time,
    rule,
)

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NUMBERS = frozenset({"trust_level", "priority", "sandbox_required", "confidence"})
_JSON = frozenset({"tags", "sandbox_scope", "valence", "skill_tags", "sheet_json", "metadata"})


@rule(Level.FAULT, fixed=True)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.rows:
        if change.table not in ORDINARY_TABLES or change.kind is ChangeKind.REMOVED:
            continue
        key = PRIMARY_KEYS[change.table]
        rekeyed = change.kind is ChangeKind.MODIFIED and change.old(key) != change.key
        if rekeyed or change.after is None or change.new(key) != change.key:
            yield check.finding(
                Place(change.table, change.key, key),
                f"A row of {change.table} has {quote(change.new(key))} as its key.",
                f"Give the row a {key} in the branch",
            )
        elif change.table != "rigs" and change.kind is ChangeKind.ADDED and not _KEY.fullmatch(change.key):
            yield check.finding(
                Place(change.table, change.key, key),
                f"The {key} {quote(change.key)} does not consist of 1 to 64 letters, digits and _ . : -",
                f"Give the row another {key} in the branch",
            )
        yield from _cells(change)


def _cells(change: RowChange) -> Iterator[Finding]:
    for column in change.changed:
        text, kind = change.new(column), _kind_of(column)
        if text is not None and kind is not None and not _READS[kind](text):
            yield check.finding(
                Place(change.table, change.key, column),
                f"The cell {column} holds {quote(text)}, which is not {kind}.",
                f"Write {kind} into {column} in the branch",
            )


def _kind_of(column: str) -> str | None:
    if column in _NUMBERS:
        return "a number"
    if column in _JSON:
        return "JSON"
    return "a time" if column.endswith(("_at", "_seen")) else None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_time(text: str) -> bool:
    return read_time(text) is not None


_READS: Mapping[str, Callable[[str], bool]] = {"a number": _is_number, "JSON": _is_json, "a time": _is_time}
