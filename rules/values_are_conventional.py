"""Cells hold the words and numbers that other tools know.

The schema of a commons takes any type, effort, priority, severity or kind of rig; what readers do with an unknown word is
undefined. Usual is what the reference client writes (wl `cmd/wl`) or what the protocol names; `bot/rulebook/schemas/` holds
the source of each list. A word that is known from live commons or another tool is a note. Statuses of items have a rule of
their own. Only cells that this pull writes are judged; rows that share a word share a finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ORDINARY_TABLES, Finding, Level, Place, Snapshot, quote, rule
from bot.rulebook.cells import is_worded, oddity, written


@rule(
    Level.DOUBT,
    label="Values",
    asks="Cells hold the values that other tools know",
    formerly="words_are_usual",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    cells: dict[tuple[str, str, str], list[str]] = {}
    for change in pull.changes.rows:
        if change.table in ORDINARY_TABLES:
            for column, text in written(change):
                if is_worded(change.table, column):
                    cells.setdefault((change.table, column, text), []).append(change.key)
    for (table, column, text), keys in cells.items():
        odd = oddity(table, column, text)
        if odd is None:
            continue
        one = len(keys) == 1
        rows = f"Row {quote(keys[0])} of {table} has" if one else f"{len(keys)} rows of {table} have"
        holds = f"{rows} {quote(text)} as {'its' if one else 'their'} {column}"
        place = Place(table, keys[0] if one else "", column)
        if odd.known:
            yield check.finding(place, f"{holds}, {odd.known}.", level=Level.NOTE)
        else:
            yield check.finding(place, f"{holds}; usual is {odd.usual}.", f"Write {odd.usual} into {column} in the branch")
