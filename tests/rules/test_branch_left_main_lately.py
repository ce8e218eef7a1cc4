"""How long ago the branch left main."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.branch_left_main_lately import check
from tests.build import a_snapshot, ago, changes_of, claims
from tests.rules.table import PASS, found, told

OLD = ("note pulls.57.branch",)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(base_at=ago(days=30)), PASS),
        (a_snapshot(base_at=ago(days=-1)), PASS),
        (a_snapshot(base_at=ago(days=30, seconds=1)), OLD),
        (a_snapshot(base_at=ago(days=400), changes=changes_of(claims())), OLD),
    ],
    ids=["nobody read it", "a month", "tomorrow", "more than a month", "a claim"],
)
def test_that_branch_left_main_lately(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_what_is_said_names_the_day() -> None:
    assert told(check, a_snapshot(base_at=ago(days=70))) == "The branch left main 70 days ago, at 2026-04-05 14:02 UTC."
