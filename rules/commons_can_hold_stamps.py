"""The commons has the columns that a stamp needs.

Old or homemade commons may lack some. Without the columns that join a stamp to its work nothing could be stamped, and nobody
could tell later whether it was; so the work is not merged either.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import INDISPENSABLE, Finding, Level, Place, PullKind, Snapshot, quote, rule


@rule(
    Level.FAULT,
    label="Stamp columns",
    asks="The tables have the columns that a decision writes",
    kinds=(PullKind.WORK,),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    if not pull.columns:
        return
    for table, columns in INDISPENSABLE.items():
        missing = [column for column in columns if column not in pull.columns.get(table, ())]
        if missing:
            yield check.finding(
                Place(table),
                f"Table {quote(table)} of this commons has no {', '.join(map(quote, missing))}, so no stamp can be written.",
                "A maintainer upgrades the commons to schema 1.0 or later",
            )
