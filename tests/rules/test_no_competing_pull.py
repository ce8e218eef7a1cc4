"""Others on the same item."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model.ids import PullNo
from bot.rulebook import Handle, Rival, Snapshot
from rules.no_competing_pull import check
from tests.build import EVIDENCE, ITEM, a_completion, a_snapshot, a_wanted, added, changes_of, merged
from tests.rules.table import PASS, found, told

RIVAL = Rival(pull=PullNo(58), rig=Handle("cormorant"), evidence=EVIDENCE)
OWN = Rival(pull=PullNo(60), rig=Handle("polecat-7"), evidence=EVIDENCE)
ZED = Rival(pull=PullNo(59), rig=Handle("zed"), evidence=EVIDENCE)
COMPETING = changes_of(added("completions"))
THEIRS = a_wanted(status="claimed", claimed_by="cormorant")


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(completions=(a_completion(id="c-elsewhere", wanted_id="w-2"),)), PASS),
        (a_snapshot(completions=(a_completion(),)), PASS),
        (a_snapshot(changes=COMPETING), PASS),
        (a_snapshot(changes=COMPETING, items=(a_wanted(status="claimed", claimed_by="polecat-7"),)), PASS),
        (a_snapshot(rivals=(RIVAL,)), ("doubt pulls.58",)),
        (a_snapshot(rivals=(OWN, RIVAL, ZED)), ("doubt pulls.58", "doubt pulls.59")),
        (a_snapshot(rivals=(replace(RIVAL, rig=Handle("polecat-7")),)), PASS),
        (a_snapshot(completions=(a_completion(id="c-rival", completed_by="cormorant"),)), ("doubt completions.c-rival",)),
        (a_snapshot(changes=COMPETING, items=(THEIRS,)), (f"doubt wanted.{ITEM}.claimed_by",)),
        (merged(a_snapshot(rivals=(RIVAL,))), ("note pulls.58",)),
    ],
    ids=[
        "alone", "another item's", "this very one", "nobody claims", "our own claim", "another pull", "beside our own",
        "the worker's own other pull", "a completion on main", "another's claim", "merged",
    ],
)  # fmt: skip
def test_rivals_are_named(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_a_rival_comes_with_its_evidence() -> None:
    said = told(check, a_snapshot(rivals=(RIVAL,)))
    assert said == f"Pull 58 by rig `cormorant` is about the same item, with evidence `{EVIDENCE}`."
