"""The rig that acts has been given some trust.

A trust level of 0 is an outsider's, or one that a maintainer has taken trust from (MVR protocol spec, trust levels); some
tools also register new rigs with it. It forbids nothing by itself, so a human looks. The levels of older commons have no
column, and ask nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Handle, Level, Place, PullKind, Snapshot, quote, rule

_COLUMN = "trust_level"


@rule(
    Level.DOUBT,
    label="Trust",
    asks="The rig is trusted",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST),
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    posters = [change.new("posted_by") for change in pull.changes.of("wanted", ChangeKind.ADDED)]
    for handle in dict.fromkeys(posters if pull.kind is PullKind.POST else [pull.worker]):
        rig = pull.rig(Handle(handle)) if handle else None
        if rig is None or _COLUMN not in rig.row.columns:
            continue
        cell, place = rig.row.get(_COLUMN), Place("rigs", rig.handle, _COLUMN)
        level = _number(cell)
        if level is None:
            yield check.finding(
                place, f"How far rig {quote(handle)} is trusted is unknown: main says {quote(cell)}.", level=Level.NOTE
            )
        elif level < 1:
            yield check.finding(
                place,
                f"Rig {quote(handle)} has trust level {level} on main; rigs that work have 1 or more.",
                "Ask a maintainer to raise the rig's trust level, or to look at the pull as it is",
            )


def _number(cell: str | None) -> int | None:
    try:
        return int(cell or "")
    except ValueError:
        return None
