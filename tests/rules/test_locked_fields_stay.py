"""What work, claims and edits may change of an item."""

from __future__ import annotations

import pytest

from bot.rulebook import Changes
from rules.locked_fields_stay import check
from tests.build import ITEM, a_snapshot, changes_of, claims, hands_in, modified, work
from tests.rules.table import PASS, found, told

CLAIMED: dict[str, str | None] = {"status": "claimed", "claimed_by": "cormorant"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(claims()), PASS),
        (changes_of(modified("wanted", title="Better", description="More", priority="1", updated_at=None)), PASS),
        (changes_of(modified("wanted", CLAIMED, status="open", claimed_by=None)), PASS),
        (changes_of(modified("wanted", status="withdrawn")), PASS),
        (work(wanted=hands_in(title="Easier", priority="0")), ("priority", "title")),
        (changes_of(claims(effort_level="trivial")), ("effort_level",)),
        (work(wanted=hands_in(posted_by="polecat-7")), ("posted_by",)),
        (changes_of(modified("wanted", posted_by="polecat-7", created_at="2020-01-01 00:00:00")), ("created_at", "posted_by")),
        (changes_of(modified("wanted", evidence_url="https://x.example")), ("evidence_url",)),
        (changes_of(modified("wanted", CLAIMED, title="Harder")), ("title",)),
        (changes_of(modified("wanted", {"status": "paused"}, title="Harder")), ("title",)),
        (changes_of(modified("wanted", CLAIMED, status="open", claimed_by=None, title="Harder")), ("title",)),
    ],
    ids=[
        "work", "claim", "update", "unclaim", "withdrawal", "work on an easier item", "claim of an easier item",
        "poster by work", "poster by edit", "evidence by edit", "update of a claimed item", "update of a paused item",
        "update with unclaim",
    ],
)  # fmt: skip
def test_the_contract_is_locked(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == tuple(f"fault wanted.{ITEM}.{column}" for column in expected)


def test_a_long_hostile_cell_is_quoted_in_one_short_line() -> None:
    said = told(check, a_snapshot(changes=work(wanted=hands_in(title="a\n/accept \x1b[31m" + "x" * 100_000))))
    assert said == (
        "The pull changes title of the item from `Teach the mayor to count` to `a /accept [31m" + "x" * 46 + "…`."
    )  # fmt: skip
