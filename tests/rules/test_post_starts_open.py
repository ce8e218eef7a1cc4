"""Posted items."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rulebook import RowChange
from rules.post_starts_open import check
from tests.build import RIGS, a_rig, a_snapshot, a_wanted, added, changes_of
from tests.rules.table import PASS, found, told

IN_KILO = a_snapshot(rigs=(*RIGS, a_rig("kilo-main", "kim", gt_version="cloud-worker:0.9.2")))
NOTED = ("note wanted.w-new.priority",)


def posted(**cells: str | None) -> RowChange:
    return added("wanted", **{"id": "w-new", **cells})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (posted(), PASS),
        (posted(priority=None, effort_level=None, type="other", description=None), PASS),
        (posted(id=a_wanted().id), ("fault wanted.w-870be07fbc.id",)),
        (posted(status="claimed", claimed_by="polecat-7"), ("fault wanted.w-new.claimed_by", "fault wanted.w-new.status")),
        (posted(status=None), ("fault wanted.w-new.status",)),
        (posted(evidence_url="https://x.example"), ("fault wanted.w-new.evidence_url",)),
        (posted(posted_by=None), ("fault wanted.w-new.posted_by",)),
        (posted(title=" "), ("fault wanted.w-new.title",)),
        (posted(title="x" * 257), ("fault wanted.w-new.title",)),
    ],
)
def test_posts_start_open(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes_of(row))) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (posted(posted_by="kilo-main", priority="0"), NOTED),
        (posted(posted_by="kilo-main", priority="3"), NOTED),
        (posted(posted_by="kilo-main", priority="4"), PASS),
        (posted(posted_by="kilo-main", priority=None), PASS),
        (posted(posted_by="kilo-main", priority="\u0663"), PASS),
        (posted(posted_by="nobody-known", priority="0"), PASS),
        (posted(priority="0", title="Nice to have: a blue lamp"), NOTED),
        (posted(priority="0", description="Low-priority, no rush."), NOTED),
        (posted(priority="0", title="The relay flows slowly"), PASS),
        (posted(priority="2", title="Nice to have: a blue lamp"), PASS),
        (posted(priority="4", title="Nice to have: a blue lamp"), PASS),
    ],
)
def test_a_priority_that_may_be_upside_down_gets_a_note(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, replace(IN_KILO, changes=changes_of(row))) == expected


def test_both_readings_of_a_priority_are_told() -> None:
    from_kilo = replace(IN_KILO, changes=changes_of(posted(posted_by="kilo-main", priority="0")))
    assert told(check, from_kilo) == "Priority 0 is critical, but comes from a Kilo town, where it is low."
    sounds = a_snapshot(changes=changes_of(posted(priority="0", description="whenever you like")))
    assert told(check, sounds) == "Priority 0 is critical, and the item says `whenever`: in a Kilo town 0 is low."


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (posted(title="x" * 256), PASS),
        (posted(title="x"), PASS),
        (posted(id="w-0"), PASS),
        (posted(id="w-zz"), PASS),
    ],
    ids=["the longest title", "the shortest", "an earlier id", "a later id"],
)
def test_what_is_just_right_passes(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes_of(row), items=(a_wanted(id="w-5"),))) == expected
