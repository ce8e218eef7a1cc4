"""Who may edit an item."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rulebook import RowChange, Snapshot, User
from rules.edits_come_from_the_poster import check
from tests.build import ITEM, RIGS, a_branch, a_pull, a_rig, a_snapshot, a_wanted, changes_of, modified
from tests.rules.table import PASS, found, judged

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


ANOTHERS = modified("wanted", {"id": "w-0"}, title="x")
AROUND = (a_wanted(id="w-0", posted_by="cormorant"), a_wanted(), a_wanted(id="w-z", posted_by="cormorant"))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (replace(edit("ana", UPDATE), items=AROUND), PASS),
        (replace(edit("ana", UPDATE), items=AROUND[::-1]), PASS),
        (replace(edit("ana", UPDATE), items=()), PASS),
        (replace(edit("pia", UPDATE), items=()), (f"fault wanted.{ITEM}",)),
        (replace(edit("pia", GIVEN_BACK), items=()), PASS),
        (edit("pia", modified("wanted", OURS, status="withdrawn"), OURS), (f"fault wanted.{ITEM}",)),
        (edit("pia", modified("wanted", {**OURS, "status": "paused"}, status="open"), OURS), (f"fault wanted.{ITEM}",)),
        (edit("pia", modified("wanted", {**OURS, "status": "asked"}, status="open"), OURS), (f"fault wanted.{ITEM}",)),
        (
            replace(edit("ana", UPDATE), changes=changes_of(UPDATE, ANOTHERS), items=AROUND),
            ("fault wanted.w-0",),
        ),
    ],
    ids=[
        "among others", "among others, the other way round", "its poster, gone from main", "another, gone from main",
        "its claimer, gone from main", "withdrawn by the claimer", "opened by the claimer from elsewhere",
        "and from elsewhere still", "one of two",
    ],
)  # fmt: skip
def test_each_item_is_held_against_its_own_row(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_who_posted_and_who_edits_is_told() -> None:
    (known,) = judged(check, edit("pia", UPDATE)).findings
    assert (known.says, known.remedy) == (
        "The item is posted by `ana-town`, and edited from `pia`.",
        "The owner of ana-town opens the pull from their own fork",
    )
    (unknown,) = judged(check, edit("pia", UPDATE, rigs=NO_OWNER)).findings
    assert unknown.says == "The item is posted by `ana-town`, whose owner is not known on main, and edited from `pia`."
    (nobody,) = judged(check, edit("pia", UPDATE, {"posted_by": None})).findings
    assert nobody.remedy == "The owner of the poster opens the pull from their own fork"
