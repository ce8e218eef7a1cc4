"""Each row the pull brings has a usable key, and cells that read as what they are and fit their columns.

Ids become parts of branch names, commit messages and commands, so they hold letters, digits and `_ . : -` only. Numbers
are numbers, JSON is JSON and times are times: one unreadable cell breaks readers for everybody. Types and sizes are those of
wl `schema/commons.sql` (schema 1.2), written down in `bot/rulebook/schemas/`. Only cells that this pull writes are looked at.
(Handles of rigs have a rule of their own, with registrations.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.rulebook import ORDINARY_TABLES, PRIMARY_KEYS, ChangeKind, Finding, Level, Place, RowChange, Snapshot, quote, rule
from bot.rulebook.cells import Misfit, misfits

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@rule(
    Level.FAULT,
    label="Schema",
    asks="Rows have every required cell, and every cell fits its column",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    in_words = pull.policy.rating.value == "words"
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
        if change.after is not None:
            for misfit in misfits(change):
                if misfit.column != key and not (in_words and _is_word(misfit)):
                    yield _told(change, misfit)


def _told(change: RowChange, misfit: Misfit) -> Finding:
    holds = quote(change.new(misfit.column))
    return check.finding(
        Place(change.table, change.key, misfit.column),
        f"Row {quote(change.key)} of {change.table} has {holds} as its {misfit.column}, {misfit.clause}.",
        f"Write {misfit.right} into {misfit.column} in the branch",
    )


def _is_word(misfit: Misfit) -> bool:
    """A rating in words, which is what this commons stores by its operator's policy."""
    return misfit.column == "valence" and isinstance(misfit.inner, str)
