"""What the merge would bring can be told."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.merge_can_be_told import check
from tests.build import ITEM, a_hash, a_policy, a_snapshot, added, an_override, changes_of, claims, merged
from tests.rules.table import PASS, found, judged

SEVERAL = ("forbid pulls.57.branch",)
OTHER = (a_hash("another base"),)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(other_bases=OTHER), SEVERAL),
        (a_snapshot(other_bases=OTHER, changes=changes_of()), SEVERAL),
        (a_snapshot(other_bases=OTHER, policy=a_policy(levels={"merge_can_be_told": None})), SEVERAL),
        (a_snapshot(other_bases=OTHER, comments=(an_override("merge_can_be_told"),)), SEVERAL),
        (merged(a_snapshot(), other_bases=OTHER), SEVERAL),
    ],
    ids=["one base", "two bases", "an empty pull", "switched off", "overridden", "merged"],
)
def test_that_merge_can_be_told(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_the_number_of_bases_is_named() -> None:
    (finding,) = judged(check, a_snapshot(other_bases=(*OTHER, a_hash("a third")))).findings
    assert finding.says.startswith("The branch and main have 3 best common ancestors: ")


@pytest.mark.parametrize(
    ("snapshot", "remedy"),
    [
        (
            a_snapshot(other_bases=OTHER, changes=changes_of(claims())),
            f"Discard the branch (b in the wl board), sync the fork with main, then: `wl claim {ITEM}`",
        ),
        (
            a_snapshot(other_bases=OTHER, changes=changes_of(added("wanted", id="w-9", title="A post", status="open"))),
            "Discard the branch (b in the wl board), sync the fork with main, then make a new branch and write the rows again",
        ),
        (
            merged(a_snapshot(), other_bases=OTHER),
            "A maintainer compares main before the merge with main after it, table by table",
        ),
    ],
    ids=["work on an item", "a post", "merged"],
)
def test_the_remedy_names_the_next_step(snapshot: Snapshot, remedy: str) -> None:
    (finding,) = judged(check, snapshot).findings
    assert finding.remedy == remedy
