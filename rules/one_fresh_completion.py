"""The pull submits exactly one completion: new, for this item, by its claimer, and not yet judged.

Its id is free on main; its rig is the one that claims the item; who validates it, when, and with which stamp is left to
the validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import (
    ChangeKind,
    Finding,
    Level,
    Place,
    PullKind,
    RowChange,
    Snapshot,
    quote,
    rule,
    submit_again,
    typed,
)

_JUDGED = ("validated_by", "stamp_id", "validated_at")


@rule(
    Level.FAULT,
    label="Completion",
    asks="In review means exactly one new completion, by the claimer, for this item",
    kinds=(PullKind.WORK,),
    overridable=False,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    added = pull.changes.of("completions", ChangeKind.ADDED)
    item = next(iter(pull.item_ids), "")
    if not added:
        yield check.finding(
            Place("completions"), "The item goes in review, and no completion comes with it.", submit_again(item)
        )
    elif len(added) > 1:
        yield check.finding(
            Place("completions"), f"The pull submits {len(added)} completions.", "Split it: one pull for each completion"
        )
    for change in added:
        yield from _one(pull, change)


def _one(pull: Snapshot, change: RowChange) -> Iterator[Finding]:
    def at(column: str) -> Place:
        return Place("completions", change.key, column)

    if any(done.id == change.key for done in pull.completions):
        yield check.finding(
            at("id"), f"Main has a completion {quote(change.key)} already.", "Give the completion another id in the branch"
        )
    wanted, worker = change.new("wanted_id"), change.new("completed_by")
    if not wanted:
        yield check.finding(at("wanted_id"), "The completion names no item.", "Write the item's id into wanted_id")
    if not worker:
        yield check.finding(at("completed_by"), "The completion names no rig.", "Write the rig's handle into completed_by")
    moved = next((c for c in pull.changes.of("wanted", ChangeKind.MODIFIED) if c.key == wanted), None)
    claimer = moved.new("claimed_by") if moved else None
    if worker and claimer and claimer != worker:
        yield check.finding(
            at("completed_by"),
            f"The work is by {quote(worker)}, but the item is claimed by {quote(claimer)}.",
            f"The same rig claims and submits: `wl claim {typed(wanted or '')}`, then `wl done`",
        )
    for column in _JUDGED:
        if change.new(column) is not None:
            yield check.finding(
                at(column),
                f"The completion comes with {column} {quote(change.new(column))}.",
                f"Set {column} to NULL in the branch; validators fill it",
            )
