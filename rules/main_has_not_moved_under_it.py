"""Main holds the rows that the branch started from.

A merge goes cell by cell: where main and the branch have both written a cell since they parted, and differently, it
conflicts, and every step writes `updated_at`. Where main changed other cells of the same row, the merge is clean, but the
worker may not have seen what the item asks for now. A fork that is merely old is fine. Who moved it is told by the last commit
on main that wrote the row: the account that the commit names, which is its author's own word unless the API made the commit.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import (
    TERMINAL_STATUSES,
    Finding,
    Level,
    Place,
    PullKind,
    Row,
    RowChange,
    Snapshot,
    day,
    quote,
    rule,
    same_cell,
    short,
    start_over,
)


@rule(
    Level.FAULT,
    label="Merge conflict",
    asks="Main's rows are those that the branch started from",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK),
    overridable=False,
    of_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    there = pull.rows_on_main()
    for change in pull.changes.rows:
        main = there.get((change.table, change.key))
        moved = change.moved_on(main) if main is not None else ()
        if main is None or not moved:
            continue
        both = [c for c in moved if c in change.changed and not same_cell(c, main.get(c), change.new(c))]
        place, now = Place(change.table, change.key), _by_whom(pull, change) + _there_now(change.table, main, moved)
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


def _by_whom(pull: Snapshot, change: RowChange) -> str:
    """Who wrote the row last. A merge is named only where the commit that it brought is not."""
    wrote = [move.commit for move in pull.moves if (move.table, move.key) == (change.table, change.key)]
    last = next((commit for commit in wrote if not commit.is_merge), wrote[0] if wrote else None)
    if last is None or not last.committer:
        return ""
    when = f" at {day(last.made_at)}" if last.made_at is not None else ""
    return f", last by {quote(last.committer)}{when} in commit {short(last)}"


def _there_now(table: str, main: Row, moved: tuple[str, ...]) -> str:
    """Where the row stands on main now and in whose hands, if that is what moved."""
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
