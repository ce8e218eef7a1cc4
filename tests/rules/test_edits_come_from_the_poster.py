"""Who may edit an item."""

from __future__ import annotations

import pytest

from bot.rulebook import RowChange, Snapshot, User
from rules.edits_come_from_the_poster import check
from tests.build import ITEM, RIGS, a_branch, a_pull, a_rig, a_snapshot, a_wanted, changes_of, modified
from tests.rules.table import PASS, found

OURS: dict[str, str | None] = {"status": "claimed", "claimed_by": "polecat-7"}
UPDATE = modified("wanted", title="Better")
GIVEN_BACK = modified("wanted", OURS, status="open", claimed_by=None)
RENAMED = modified("wanted", OURS, title="Better")


def edit(account: str, change: RowChange, item: dict[str, str | None] | None = None, **fields: object) -> Snapshot:
    pull = a_pull(source=a_branch(account, "main"), creator=User(account))
    return a_snapshot(pull=pull, changes=changes_of(change), items=(a_wanted(**(item or {})),), **fields)


NO_OWNER = (RIGS[0], a_rig("ana-town", None), *RIGS[2:])


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (edit("ana", UPDATE), PASS),
        (edit("ana", GIVEN_BACK, OURS), PASS),
        (edit("pia", GIVEN_BACK, OURS), PASS),
        (edit("pia", UPDATE), (f"fault wanted.{ITEM}",)),
        (edit("pia", RENAMED, OURS), (f"fault wanted.{ITEM}",)),
        (edit("cy", GIVEN_BACK, OURS), (f"fault wanted.{ITEM}",)),
        (edit("pia", UPDATE, rigs=NO_OWNER), (f"doubt wanted.{ITEM}",)),
        (edit("pia", UPDATE, {"posted_by": None}), (f"doubt wanted.{ITEM}",)),
    ],
    ids=[
        "by the poster", "poster takes back", "claimer gives back", "by another", "by the claimer", "given back by another",
        "poster without owner", "no poster",
    ],
)  # fmt: skip
def test_edits_come_from_the_poster(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected
