"""What a review showed, as its mark keeps it, and what is new since: a decision is held against the review that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.model.finding import Finding, Judgement, Level
from bot.model.ids import digest
from bot.model.ledger import Row, canonical_cell
from bot.model.mark import FINDINGS_NAMED_MAX, Shown
from bot.model.snapshot import Snapshot

_DIGEST_CHARS: Final = 16
_ASKED: Final = (
    *("title", "description", "acceptance_criteria", "project", "type", "priority", "tags", "effort_level"),
    *("posted_by", "claimed_by", "status", "evidence_url", "sandbox_required", "sandbox_scope", "sandbox_min_tier"),
)
"""Columns of an item that say what is asked for, and of whom. A column that a later schema adds changes no review by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is so now and was not shown. `rows`: the cells, the item, the rig or its owner are others than were shown."""

    rows: bool
    findings: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return self.rows or bool(self.findings)


def shown_by(snapshot: Snapshot, judgement: Judgement) -> Shown:
    """What a review of this snapshot shows."""
    named = _digests(_weighty(judgement))
    others = named[FINDINGS_NAMED_MAX:]
    return Shown(cells=_cells(snapshot), findings=named[:FINDINGS_NAMED_MAX], rest=_together(others) if others else "")


def news_since(shown: Shown, snapshot: Snapshot, judgement: Judgement) -> News:
    """What is new since a review that showed this. A finding that was shown as bad as it is now, or worse, is not new.

    Of the findings that a mark only keeps as one digest each may be new as soon as they are not exactly the same.
    """
    known = (f for f in _weighty(judgement) if not _is_of_later_column(f, snapshot))
    others = [f for f in known if not any(_digest(f, at) in shown.findings for at in _as_bad_as(f.level))]
    if shown.rest and _together(_digests(others)) == shown.rest:
        others = []
    return News(rows=shown.cells != _cells(snapshot), findings=tuple(others))


def _together(digests: tuple[str, ...]) -> str:
    return digest("rest/1", *sorted(digests))[:_DIGEST_CHARS]


def _weighty(judgement: Judgement) -> list[Finding]:
    """Every finding but of what could not be judged: a link that does not answer for a while is no fact about the work."""
    return [finding for finding in judgement.findings if finding.level is not Level.UNSURE]


def _is_of_later_column(finding: Finding, snapshot: Snapshot) -> bool:
    """Whether it is about a column that main was given after the review: nothing on the branch can have written there."""
    had = {column for c in snapshot.reviewed.of(finding.place.table) for column in (c.after or c.before or Row(())).columns}
    return snapshot.merged and bool(had and finding.place.column) and finding.place.column not in had


def _as_bad_as(level: Level) -> Iterator[Level]:
    return (each for each in Level if each.weight >= level.weight)


def _digest(finding: Finding, level: Level) -> str:
    return digest("finding/1", finding.rule, level.value, str(finding.place))[:_DIGEST_CHARS]


def _digests(findings: list[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_digest(finding, finding.level) for finding in findings))


def _cells(snapshot: Snapshot) -> str:
    """One digest of the rows of the pull, of the item as it is asked for on main, of the rig, and of who is behind it."""
    # Of a merge whose head has no review, only what came to main is known.
    changes = snapshot.reviewed if snapshot.merged and not snapshot.reviewed.empty else snapshot.changes
    told = [
        f"{change.table} {change.key} {column}: {canonical_cell(column, change.after.get(column)) if change.after else 'none'}"
        for change in changes.rows
        for column in change.changed
    ]
    told += [f"schema {table}" for table in changes.schema]
    told += [f"unread {table} {count}" for table, count in changes.unread]
    item = snapshot.item
    if item is not None:
        own = {column for change in changes.of("wanted") if change.key == item.id for column in change.changed}
        told += [f"item {column}: {canonical_cell(column, item.row.get(column))}" for column in _ASKED if column not in own]
    told.append(f"opener {snapshot.pull.creator}")
    if snapshot.worker is not None:
        told.append(f"rig {snapshot.worker} of {_owner(snapshot)!r}")
    return digest("shown/1", *sorted(told))[:_DIGEST_CHARS]


def _owner(snapshot: Snapshot) -> str | None:
    """The account of the worker's rig, as main has it now."""
    now = next((rig for rig in snapshot.on_main_now.rigs if rig.handle == snapshot.worker), None)
    rig = now or snapshot.rig(snapshot.worker)
    return rig.owner if rig is not None else None
