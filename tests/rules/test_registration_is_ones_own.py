"""New rigs, rigs again, hijacks and look-alikes."""

from __future__ import annotations

import pytest

from bot.rulebook import Rig, RowChange
from rules.registration_is_ones_own import check
from tests.build import RIGS, a_branch, a_pull, a_rig, a_row, a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found, told

NEW = a_pull(source=a_branch(branch="wl/register/lamp-post"))
SEEN = {"last_seen": "2026-06-14 13:00:00", "gt_version": "0.9.3"}
OURS = a_rig().row
BOS = a_row("rigs", handle="bo-works", dolthub_org="bo", display_name="bo-works", trust_level="3")
NOBODYS = a_row("rigs", handle="old-crow", dolthub_org=None, trust_level="0", gt_version="github-backfill")


def new(handle: str = "lamp-post", **cells: str | None) -> RowChange:
    return added("rigs", handle=handle, **cells)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((new(),), PASS),
        ((new(parent_rig="polecat-7", rig_type="agent"),), PASS),
        ((new(parent_rig="not-read"),), PASS),
        ((modified("rigs", OURS, **SEEN),), PASS),
        ((new(dolthub_org="ana"),), ("fault rigs.lamp-post.dolthub_org",)),
        ((new(dolthub_org=None),), ("fault rigs.lamp-post.dolthub_org",)),
        ((new("kilo/main"),), ("fault rigs.kilo/main.handle",)),
        ((new("Register"),), ("fault rigs.Register.handle",)),
        ((new(""),), ("fault rigs.handle",)),
        ((new("cormorant"),), ("fault rigs.cormorant.handle",)),
        ((new("Ana-Town"),), ("fault rigs.Ana-Town.handle",)),
        ((new("c0rm0rant"),), ("fault rigs.c0rm0rant.handle",)),
        ((new("аnа-town"),), ("fault rigs.аnа-town.handle", "fault rigs.аnа-town.handle")),
        ((new("polecat7"),), ("note rigs.polecat7.handle",)),
        ((new(parent_rig="ana-town"),), ("doubt rigs.lamp-post.parent_rig",)),
        ((new(), new("lamp-oil")), ("fault rigs",)),
        ((modified("rigs", BOS, dolthub_org="pia", **SEEN),), ("fault rigs.bo-works.dolthub_org",)),
        ((modified("rigs", BOS, **SEEN),), ("fault rigs.bo-works.dolthub_org",)),
        ((modified("rigs", OURS, dolthub_org="bo"),), ("doubt rigs.polecat-7.dolthub_org",)),
        ((modified("rigs", NOBODYS, dolthub_org="pia"),), ("doubt rigs.old-crow.dolthub_org",)),
        ((modified("rigs", NOBODYS, dolthub_org="bo"),), ("fault rigs.old-crow.dolthub_org",)),
        ((modified("rigs", OURS, registered_at="2020-01-01 00:00:00"),), ("fault rigs.polecat-7.registered_at",)),
        ((modified("rigs", OURS, parent_rig=None, rig_type="org"),), ("fault rigs.polecat-7.rig_type",)),
    ],
    ids=[
        "new", "agent of ours", "parent not read", "again", "for another", "for nobody", "slash", "reserved", "no handle",
        "taken", "other case", "zeros for o", "cyrillic", "like our own", "another's agent", "two at once", "hijack",
        "another's row", "given away", "taken over", "taken over for another", "history", "another type",
    ],
)  # fmt: skip
def test_a_registration_is_read_as_the_table_says(rows: tuple[RowChange, ...], expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(pull=NEW, changes=changes_of(*rows))) == expected


def test_the_owner_on_main_now_counts_not_the_one_the_branch_started_from() -> None:
    taken_meanwhile: tuple[Rig, ...] = (*RIGS, a_rig("old-crow", "cy"))
    snapshot = a_snapshot(pull=NEW, rigs=taken_meanwhile, changes=changes_of(modified("rigs", NOBODYS, dolthub_org="pia")))
    assert told(check, snapshot) == (
        "The pull registers `old-crow` again, which belongs to `cy`; it comes from `pia`."
    )  # fmt: skip


def test_taking_over_a_rig_of_nobody_is_told_apart_from_giving_one_away() -> None:
    taken = a_snapshot(pull=NEW, changes=changes_of(modified("rigs", NOBODYS, dolthub_org="pia")))
    given = a_snapshot(pull=NEW, changes=changes_of(modified("rigs", OURS, dolthub_org="bo")))
    assert told(check, taken) == "The pull takes over `old-crow`, which has no owner on main."
    assert told(check, given) == "The pull gives `polecat-7` away, from `pia` to `bo`."
