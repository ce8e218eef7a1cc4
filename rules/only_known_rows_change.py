"""Only rows of known tables are added or changed, and all of them can be read.

Nothing in the schema forbids anything, so this does: no definition of a table changes, no system table, no `_meta`, no
table that nobody here knows; no row goes away; and rows too many to read are never taken for good.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ORDINARY_TABLES, ChangeKind, Finding, Level, Place, Snapshot, quote, rule


@rule(
    Level.FAULT,
    label="Tables",
    asks="Only known tables change, and no row is removed",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    changes = pull.changes
    for table in changes.tables:
        # Of a table nobody here knows it is not told whether its definition or its rows differ.
        if table in changes.schema and (table in ORDINARY_TABLES or table == "_meta"):
            yield check.finding(
                Place(table), f"The definition of table {quote(table)} changes.", "Undo the change of the schema in the branch"
            )
        elif table not in ORDINARY_TABLES:
            yield check.finding(
                Place(table), f"Table {quote(table)} is not one that pulls may change.", "Take the change out of the branch"
            )
    for table, count in changes.unread:
        yield check.finding(
            Place(table), f"Table {quote(table)} has {count} changed rows, too many to review.", "Split the pull"
        )
    for change in changes.rows:
        if change.kind is ChangeKind.REMOVED:
            yield check.finding(
                Place(change.table, change.key),
                f"Row {quote(change.key)} of {quote(change.table)} is removed.",
                "Put the row back as it is on main",
            )
