"""What the item asks for stays as it was posted.

Claim and work move status, claimer and evidence, nothing else: the contract is locked. An edit may change what an open
item asks for, but never who posted it, when, or who works on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Level, Place, PullKind, RowChange, Snapshot, quote, rule

_MOVING = frozenset({"status", "claimed_by", "evidence_url", "updated_at", "metadata"})
_NEVER_EDITED = frozenset({"id", "posted_by", "created_at", "claimed_by", "evidence_url"})


@rule(
    Level.FAULT,
    label="Locked fields",
    asks="What the item asks for stays as posted",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.EDIT),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    kind = pull.kind
    for change in pull.changes.of("wanted", ChangeKind.MODIFIED):
        for column in change.changed:
            if _is_locked(kind, change, column):
                yield check.finding(
                    Place("wanted", change.key, column),
                    f"The pull changes {column} of the item from {quote(change.old(column))} to {quote(change.new(column))}.",
                    f"Put {column} back as it is on main",
                )


def _is_locked(kind: PullKind, change: RowChange, column: str) -> bool:
    if kind is not PullKind.EDIT or "status" in change.changed:
        return column not in _MOVING
    return column in _NEVER_EDITED or (change.old("status") != "open" and column not in ("updated_at", "metadata"))
