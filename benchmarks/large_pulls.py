"""Pulls of any size: so many rows of each kind a commons receives, with the rows on main that they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.model.kind import PullKind
from bot.model.ledger import Changes, RigLink, RowChange, Wanted
from bot.model.snapshot import Present, Snapshot
from bot.rulebook.kit import gallery
from bot.rulebook.kit.gallery import WORKER, added, modified, sane

ITEMS_READ_MAX = 50
RIGS_READ_MAX = 200
"""What is read of main around a pull, however large it is (bot.converge.observe)."""
_IN_REVIEW = {"status": "in_review", "claimed_by": WORKER, "updated_at": "2026-06-14 13:40:00"}
_CLAIMED = {**_IN_REVIEW, "status": "claimed"}


def _backfill(n: int) -> RowChange:
    table = ("rigs", "wanted", "completions", "stamps")[n % 4]
    return added(table, **{"handle" if table == "rigs" else "id": f"{table[0]}-{n}"})


def _mixed(n: int) -> RowChange:
    return added("rigs", handle=f"rig-{n}") if n % 2 else added("wanted", id=f"w-{n}", title=f"Item {n}")


_ROW: Mapping[PullKind, Callable[[int], RowChange]] = {
    PullKind.WORK: lambda n: modified("wanted", {"id": f"w-{n}"}, **_IN_REVIEW),
    PullKind.CLAIM: lambda n: modified("wanted", {"id": f"w-{n}"}, **_CLAIMED),
    PullKind.EDIT: lambda n: modified("wanted", {"id": f"w-{n}"}, description=f"Differently, {n}."),
    PullKind.POST: lambda n: added("wanted", id=f"w-{n}", title=f"Item {n}", posted_by=WORKER),
    PullKind.REGISTRATION: lambda n: added("rigs", handle=f"rig-{n}"),
    PullKind.LINK: lambda n: added("rig_links", id=f"l-{n}", rig_b=f"rig-{n}"),
    PullKind.ADMIN: lambda n: added("badges", id=f"b-{n}", rig_handle=WORKER, badge_type="first_blood"),
    PullKind.BACKFILL: _backfill,
    PullKind.MIXED: _mixed,
    PullKind.FOREIGN: lambda n: added("payouts", id=f"p-{n}", amount=str(n)),
}
KINDS = tuple(_ROW)
"""All but EMPTY, which has no rows, and LANDING, which is judged by nobody."""


def pull_of(kind: PullKind, rows: int) -> Snapshot:
    """A pull of so many rows; what they change stands on main. A backfill has at least bot.model.kind.BACKFILL_ROWS_MIN."""
    changes = tuple(_ROW[kind](n) for n in range(rows))
    before = [change.before for change in changes if change.table == "wanted" and change.before is not None]
    items = tuple(map(Wanted, before[:ITEMS_READ_MAX]))
    made = replace(
        sane(kind),
        changes=Changes(rows=changes),
        items=items,
        rigs=(*sane(kind).rigs, *(gallery.rig(f"rig-of-main-{n}", f"owner-{n}") for n in range(min(rows, RIGS_READ_MAX)))),
        rig_links=tuple(RigLink(gallery.row("rig_links", id=f"l-main-{n}")) for n in range(min(rows, RIGS_READ_MAX))),
        on_main_now=Present(items=items),
    )
    assert made.kind is kind, f"{made.kind} instead of {kind}"
    return made
