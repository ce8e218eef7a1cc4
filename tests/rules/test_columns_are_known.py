"""Columns that no schema here names."""

from __future__ import annotations

import pytest

from bot.rulebook import ChangeKind, Changes, RowChange
from rules.columns_are_known import check
from tests.build import COLUMNS, a_row, a_snapshot, added, changes_of, claims, modified, removed, work
from tests.rules.table import PASS, found, told


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(*(added(table) for table in COLUMNS if table != "_meta")), PASS),
        (changes_of(added("payouts", id="1", strange="x")), PASS),
        (changes_of(removed("stamps", stamp_type="work")), PASS),
        (changes_of(added("wanted", metadata=None)), PASS),
        (changes_of(claims({"metadata": "{}"})), PASS),
        (changes_of(added("wanted", metadata="{}")), ("doubt wanted.metadata",)),
        (changes_of(claims(metadata="{}")), ("doubt wanted.metadata",)),
        (changes_of(modified("wanted", {"metadata": "{}"}, metadata=None)), ("doubt wanted.metadata",)),
        (
            changes_of(added("stamps", stamp_type="work", stamp_index="3")),
            ("doubt stamps.stamp_index", "doubt stamps.stamp_type"),
        ),
        (changes_of(added("rigs", **{"`|\n": ""})), ("doubt rigs.`|\n",)),
    ],
)  # fmt: skip
def test_columns_are_known(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == expected


def test_one_column_is_one_finding_however_many_rows() -> None:
    rows = [added("wanted", id=f"w-{n}", metadata="{}") for n in range(30)]
    assert told(check, a_snapshot(changes=changes_of(*rows))) == (
        "The pull writes `metadata` in 30 rows of wanted, a column this bot does not know."
    )


def test_a_column_that_main_does_not_have_is_known_all_the_same() -> None:
    """Older commons lack tables and columns; what is known is known from the schema, not from this commons."""
    whole = RowChange(table="rigs", key="polecat-7", kind=ChangeKind.ADDED, before=None, after=a_row("rigs", parent_rig="p"))
    older = {"rigs": ("handle", "display_name")}
    assert found(check, a_snapshot(changes=changes_of(whole), columns=older)) == PASS


@pytest.mark.parametrize(("count", "rows"), [(1, "1 row"), (2, "2 rows")])
def test_rows_are_counted_in_the_right_number(count: int, rows: str) -> None:
    changes = changes_of(*(added("wanted", id=f"w-{n}", metadata="{}") for n in range(count)))
    said = told(check, a_snapshot(changes=changes))
    assert said == f"The pull writes `metadata` in {rows} of wanted, a column this bot does not know."
