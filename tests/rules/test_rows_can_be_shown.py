"""Pulls that one review cannot show."""

from __future__ import annotations

import pytest

from rules.rows_can_be_shown import check
from tests.build import a_snapshot, added, changes_of
from tests.rules.table import PASS, found, told

FIELDS = {"description": "d", "title": "t", "project": "p", "type": "bug", "priority": "2", "tags": "[]", "posted_by": "r"}


@pytest.mark.parametrize(("posts", "expected"), [(0, PASS), (1, PASS), (3, PASS), (9, ("fault pulls.57",))])
def test_a_pull_of_more_cells_than_a_review_shows_is_at_fault(posts: int, expected: tuple[str, ...]) -> None:
    rows = (added("wanted", id=f"w-{n}", **FIELDS) for n in range(posts))
    assert found(check, a_snapshot(changes=changes_of(*rows)) if posts else a_snapshot()) == expected


def test_the_finding_counts_the_cells() -> None:
    rows = (added("wanted", id=f"w-{n}", **FIELDS) for n in range(9))
    assert told(check, a_snapshot(changes=changes_of(*rows))).endswith("cells that have to be read, and a review can show 40.")
