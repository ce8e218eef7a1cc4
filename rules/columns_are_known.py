"""The pull writes only into columns that this bot knows.

Commons differ: some have a `metadata` in most tables (gastownhall/marketplace, SKILL.md), some a `stamp_type`, `stamp_index`
or `pilot_cohort` with their stamps (gastown, wl_commons.go). What stands in a column that nobody here knows cannot be judged
here, so a human has to see it. Known are the columns of wl `schema/commons.sql`, schema 1.2. A column that the pull leaves
alone, or writes NULL into where nothing was, is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ORDINARY_TABLES, ChangeKind, Finding, Level, Place, Snapshot, quote, rule
from bot.rulebook.cells import knows


@rule(
    Level.DOUBT,
    label="Columns",
    asks="Every column that is written is known",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    rows: dict[tuple[str, str], int] = {}
    for change in pull.changes.rows:
        if change.table in ORDINARY_TABLES and change.kind is not ChangeKind.REMOVED:
            for column in change.changed:
                if not knows(change.table, column):
                    rows[change.table, column] = rows.get((change.table, column), 0) + 1
    for (table, column), count in rows.items():
        where = f"{count} {'row' if count == 1 else 'rows'} of {table}"
        yield check.finding(
            Place(table, "", column),
            f"The pull writes {quote(column)} in {where}, a column this bot does not know.",
            f"Leave {quote(column)} as it is on main, or say in a comment what it is for",
        )
