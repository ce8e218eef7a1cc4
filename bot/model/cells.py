"""Which cells of a pull a reader must be shown: all that its rows change, but for what convention makes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.model.kind import PullKind
from bot.model.ledger import ChangeKind, Changes, read_time
from bot.model.snapshot import Snapshot

CELLS_SHOWN_MAX: Final = 40
"""Cells that one review can show; a pull with more has to be split."""
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z| UTC|\+00:00)?")
_TIMES: Final = frozenset({"created_at", "updated_at", "completed_at", "registered_at", "last_seen"})
"""Columns that tools fill with the time of writing. Whether that time can be true is a rule's matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell that a pull changes. None stands for NULL, and for a row that is not there."""

    table: str
    key: str
    kind: ChangeKind
    column: str
    before: str | None
    after: str | None


def cells_of(changes: Changes) -> tuple[Cell, ...]:
    """Every cell that differs, row by row."""
    return tuple(
        Cell(
            table=change.table,
            key=change.key,
            kind=change.kind,
            column=column,
            before=change.old(column),
            after=change.new(column),
        )
        for change in changes.rows
        for column in change.changed
    )


def to_show(snapshot: Snapshot) -> tuple[Cell, ...]:
    """The cells that are not exactly what convention makes them: a review shows each."""
    return tuple(cell for cell in cells_of(snapshot.changes) if not is_conventional(cell, snapshot))


def is_conventional(cell: Cell, snapshot: Snapshot) -> bool:
    """Whether a cell is what every tool would write there, so that it need not be read."""
    if cell.kind is ChangeKind.REMOVED:
        return False
    if cell.after in (None, "") and cell.before in (None, ""):
        return True
    if cell.column in _TIMES and cell.after is not None:
        return _TIME.fullmatch(cell.after) is not None and read_time(cell.after) is not None
    holds = _CONVENTIONS.get((cell.table, cell.column))
    return holds is not None and holds(cell, snapshot)


def _status(cell: Cell, snapshot: Snapshot) -> bool:
    return cell.after == _STATUS.get(snapshot.kind) and (cell.key == snapshot.item_id or snapshot.kind is PullKind.POST)


_STATUS: Final[Mapping[PullKind, str]] = {PullKind.WORK: "in_review", PullKind.CLAIM: "claimed", PullKind.POST: "open"}


def _of_the_worker(cell: Cell, snapshot: Snapshot) -> bool:
    return snapshot.kind in (PullKind.WORK, PullKind.CLAIM) and bool(cell.after) and cell.after == snapshot.worker


def _same_evidence(cell: Cell, snapshot: Snapshot) -> bool:
    done = snapshot.completion
    return done is not None and cell.key == done.wanted_id and cell.after == done.evidence


def _of_the_item(cell: Cell, snapshot: Snapshot) -> bool:
    return cell.after == snapshot.item_id


_CONVENTIONS: Final[Mapping[tuple[str, str], Callable[[Cell, Snapshot], bool]]] = {
    ("wanted", "status"): _status,
    ("wanted", "claimed_by"): _of_the_worker,
    ("wanted", "evidence_url"): _same_evidence,
    ("completions", "completed_by"): _of_the_worker,
    ("completions", "wanted_id"): _of_the_item,
}
"""By table and column, when a cell holds nothing that the review does not show anyhow."""
