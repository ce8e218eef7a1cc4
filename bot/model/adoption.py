"""A pull's work without the pull: what is left of it where its branch cannot be merged, or brings more than the work."""

from __future__ import annotations

from dataclasses import replace

from bot.model.ids import Handle
from bot.model.kind import PullKind
from bot.model.ledger import ChangeKind, Changes, Completion, Row, RowChange, Wanted
from bot.model.snapshot import Snapshot

ADOPTED_COLUMNS = ("id", "wanted_id", "completed_by", "evidence", "completed_at")
"""What is taken over of a completion; all else is for validators to fill, or nobody's business."""
_UNDECIDED = ("open", "claimed")
_NOT_HANDED_IN = (PullKind.ADMIN, PullKind.LANDING)


def work_alone(snapshot: Snapshot) -> Snapshot | None:
    """The pull as if its one completion were all it brings, written today on main as it is.

    None if it does not submit exactly one completion of an item that main has, or if not all of its completions were read;
    and for what somebody else has decided, with another tool: that is not submitted.
    Whose claim main holds stays: work of another rig is then a competing submission.
    """
    done = snapshot.completion
    if done is None or snapshot.kind in _NOT_HANDED_IN or any(table == "completions" for table, _ in snapshot.changes.unread):
        return None
    item = next((i for i in snapshot.items if i.id == done.wanted_id), None)
    if item is None:
        return None
    brought = as_handed_in(done)
    rows = (*_moved(item, brought), _added(brought))
    return replace(snapshot, base=snapshot.main_head, changes=Changes(rows=rows, untold=snapshot.changes.untold))


def given_to(snapshot: Snapshot) -> Handle | None:
    """The other rig to which main gives the item of the work now; None if main gives it to no other rig."""
    done = snapshot.completion
    item = next((i for i in snapshot.items if done is not None and i.id == done.wanted_id), None)
    if done is None or item is None or item.claimed_by in (None, done.completed_by):
        return None
    return item.claimed_by


def brings_more(snapshot: Snapshot) -> bool:
    """Whether the pull changes anything beside its one completion and the row of the item."""
    done, changes = snapshot.completion, snapshot.changes
    if done is None:
        return True
    own = {("completions", str(done.id)), ("wanted", str(done.wanted_id))}
    return bool(changes.schema or changes.unread) or any((c.table, c.key) not in own for c in changes.rows)


def is_adoptable(snapshot: Snapshot) -> bool:
    """Whether the rows are those of one piece of work that main gives to no other rig. What is at fault is for rules to say."""
    return snapshot.kind is PullKind.WORK and given_to(snapshot) is None and not brings_more(snapshot)


def as_handed_in(done: Completion) -> Completion:
    """A completion as it was submitted, without what validators have filled in since."""
    return Completion(Row(tuple((c, v if c in ADOPTED_COLUMNS else None) for c, v in done.row.cells)))


def taken_over(done: Completion) -> Changes:
    """What can still be told of a pull whose branch is gone, from the completion that main took over of it."""
    return Changes(rows=(_added(as_handed_in(done)),))


def _added(done: Completion) -> RowChange:
    return RowChange(table="completions", key=done.id, kind=ChangeKind.ADDED, before=None, after=done.row)


def _moved(item: Wanted, done: Completion) -> tuple[RowChange, ...]:
    """The item's row as `wl done` would leave it, if it is free or the worker's own."""
    if item.status not in _UNDECIDED or item.claimed_by not in (None, done.completed_by):
        return ()
    moved = {"status": "in_review", "claimed_by": str(done.completed_by), "evidence_url": done.evidence or None}
    after = Row(tuple((c, moved.get(c, v)) for c, v in item.row.cells))
    return (RowChange(table="wanted", key=item.id, kind=ChangeKind.MODIFIED, before=item.row, after=after),)
