"""Main holds the rows that the branch started from.

A merge goes cell by cell: where main and the branch have both written a cell since they parted, and differently, it
conflicts, and every step writes `updated_at`. Where main changed other cells of the same row, the merge is clean, but the
worker may not have seen what the item asks for now. A fork that is merely old is fine. Who moved it is told as far as main's
row does.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import (
    TERMINAL_STATUSES,
    ChangeKind,
    Finding,
    Handle,
    Level,
    Place,
    PullKind,
    Row,
    RowChange,
    Snapshot,
    quote,
    rule,
    same_cell,
    start_over,
)


@rule(
    Level.FAULT, kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK), overridable=False
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.rows:
        main = _on_main(pull, change)
        if change.kind is not ChangeKind.MODIFIED or main is None or change.before is None:
            continue
        before = change.before
        moved = [c for c in before.columns if c in main.columns and not same_cell(c, before.get(c), main.get(c))]
        both = [c for c in moved if c in change.changed and not same_cell(c, main.get(c), change.new(c))]
        place, now = Place(change.table, change.key), _there_now(change.table, main, moved)
        if both:
            yield check.finding(
                place,
                f"Main has changed {quote(change.key)} since the branch left it{now},"
                f" so the merge conflicts: {', '.join(both)}.",
                _way_on(change, main),
            )
        elif news := [c for c in moved if c not in ("updated_at", "last_seen")]:
            yield check.finding(
                place,
                f"Main has changed {', '.join(news)} of {quote(change.key)} since the branch left it{now}.",
                "Read the item again on main, and say in a comment that the work still fits",
                level=Level.DOUBT,
            )


def _on_main(pull: Snapshot, change: RowChange) -> Row | None:
    match change.table:
        case "wanted":
            return next((item.row for item in pull.items if item.id == change.key), None)
        case "rigs":
            rig = pull.rig(Handle(change.key))
            return rig.row if rig else None
        case "rig_links":
            return next((link.row for link in pull.rig_links if link.row.text("id") == change.key), None)
        case _:
            return None


def _there_now(table: str, main: Row, moved: list[str]) -> str:
    """Where the row stands on main now and in whose hands, if that is what moved; the row does not tell who edits it."""
    shown = {
        "wanted": ("status", "rig", "claimed_by"),
        "rig_links": ("status", "by", "revoked_by"),
        "rigs": ("", "owner", "dolthub_org"),
    }
    state, role, whose = shown.get(table, ("", "", ""))
    if not {state, whose}.intersection(moved):
        return ""
    told = [quote(main.get(state))] if main.get(state) else []
    if main.get(whose):
        told.append(f"{role} {quote(main.get(whose))}")
    return f" (there now: {', '.join(told)})" if told else ""


def _way_on(change: RowChange, main: Row) -> str:
    if change.table != "wanted":
        return "Sync the fork with main, and write the row again"
    return "Close this pull" if main.get("status") in TERMINAL_STATUSES else start_over(change.key)
