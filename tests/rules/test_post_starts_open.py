"""Posted items."""

from __future__ import annotations

import pytest

from bot.rulebook import RowChange
from rules.post_starts_open import check
from tests.build import a_snapshot, a_wanted, added, changes_of
from tests.rules.table import PASS, found


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
        (posted(priority="7"), ("doubt wanted.w-new.priority",)),
        (posted(effort_level="huge"), ("doubt wanted.w-new.effort_level",)),
    ],
)
def test_posts_start_open(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes_of(row))) == expected
