"""From where the item stands on main to where the pull puts it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.rulebook import Changes
from rules.item_moves_legally import check
from tests.build import ITEM, a_snapshot, a_wanted, added, changes_of, claims, hands_in, modified, work
from tests.rules.table import PASS, found, told

STATUS, CLAIMER = f"wanted.{ITEM}.status", f"wanted.{ITEM}.claimed_by"
Cells = Mapping[str, str | None]
OPEN: Cells = {"status": "open"}
OURS: Cells = {"status": "claimed", "claimed_by": "polecat-7"}
THEIRS: Cells = {"status": "claimed", "claimed_by": "cormorant"}
DONE: Cells = {"status": "in_review", "claimed_by": "polecat-7"}
COMPLETED: Cells = {"status": "completed", "claimed_by": "cormorant"}
COMPETING = changes_of(added("completions"))


@pytest.mark.parametrize(
    ("main", "changes", "expected"),
    [
        (OPEN, work(), PASS),
        (OURS, work(), PASS),
        (OURS, work(wanted=hands_in(dict(OURS))), PASS),
        (OPEN, changes_of(claims()), PASS),
        (OURS, changes_of(claims()), PASS),
        (OPEN, changes_of(modified("wanted", status="withdrawn")), PASS),
        (OURS, changes_of(modified("wanted", dict(OURS), status="open", claimed_by=None)), PASS),
        (OPEN, changes_of(modified("wanted", title="Better")), PASS),
        (OPEN, COMPETING, PASS),
        (THEIRS, COMPETING, PASS),
        ({"status": "in_review", "claimed_by": "cormorant"}, COMPETING, PASS),
        (THEIRS, work(), (f"fault {CLAIMER}",)),
        ({"status": "claimed", "claimed_by": "zelda"}, work(), (f"fault {CLAIMER}",)),
        (THEIRS, changes_of(claims()), (f"fault {CLAIMER}",)),
        (DONE, work(), (f"fault {STATUS}",)),
        (COMPLETED, work(), (f"fault {STATUS}",)),
        (COMPLETED, COMPETING, (f"fault {STATUS}",)),
        ({"status": "withdrawn"}, work(), (f"fault {STATUS}",)),
        ({"status": "validated"}, work(), (f"fault {STATUS}",)),
        (OPEN, work(wanted=hands_in(status="done")), (f"fault {STATUS}",)),
        (OPEN, work(wanted=hands_in(status=None)), (f"fault {STATUS}",)),
        (OPEN, work(wanted=hands_in(status="completed")), (f"fault {STATUS}",)),
        (OURS, changes_of(modified("wanted", dict(OURS), status="withdrawn")), (f"fault {STATUS}",)),
        (OPEN, work(wanted=hands_in(claimed_by=None)), (f"fault {CLAIMER}",)),
        (OPEN, work(wanted=claims()), (f"doubt {STATUS}",)),
        (OURS, work(wanted=hands_in(dict(OURS), status="open")), (f"doubt {STATUS}",)),
    ],
    ids=[
        "claim and work", "claimed here and on main", "work on our claim", "claim", "claimed already by us", "withdrawn",
        "unclaim", "update", "competing", "competing with a claim", "competing with work", "claimed by another",
        "claimed by yet another",
        "claim of another's", "in review already", "completed", "competing, but completed", "withdrawn on main",
        "validated", "word done", "no word", "settled by the worker", "claimed item withdrawn", "nobody claims",
        "left claimed", "given back",
    ],
)  # fmt: skip
def test_items_move_legally(main: Cells, changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(items=(a_wanted(**main),), changes=changes)) == expected


def test_an_item_that_main_does_not_have_is_named() -> None:
    assert told(check, a_snapshot(items=())) == f"Item `{ITEM}` is not on main."


def test_a_completion_without_item_is_left_to_its_own_rule() -> None:
    snapshot = a_snapshot(changes=changes_of(added("completions", wanted_id=None)))
    assert found(check, snapshot) == PASS


def test_words_of_other_tools_are_no_status() -> None:
    assert told(check, a_snapshot(changes=work(wanted=hands_in(status="done")))) == "`done` is no status of an item."
