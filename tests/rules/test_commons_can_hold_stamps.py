"""Commons without the columns that a stamp needs."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.commons_can_hold_stamps import check
from tests.build import COLUMNS, a_snapshot
from tests.rules.table import PASS, found, told

OLD = COLUMNS | {"stamps": tuple(column for column in COLUMNS["stamps"] if column != "context_id")}


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(columns={}), PASS),
        (a_snapshot(columns={t: c for t, c in COLUMNS.items() if t != "rig_links"}), PASS),
        (a_snapshot(columns=OLD), ("fault stamps",)),
        (a_snapshot(columns={t: c for t, c in COLUMNS.items() if t != "stamps"}), ("fault stamps",)),
    ],
    ids=["schema 1.2", "not read", "no links", "stamps without context", "no stamps"],
)
def test_a_commons_must_be_able_to_hold_the_stamp(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_the_missing_column_is_named() -> None:
    said = told(check, a_snapshot(columns=OLD))
    assert said == "Table `stamps` of this commons has no `context_id`, so no stamp can be written."
