"""What the merge would bring can be read."""

from __future__ import annotations

import pytest

from bot.rulebook import Changes, Snapshot, Verdict, find, judge
from rules.merge_can_be_told import check
from tests.build import ITEM, a_hash, a_policy, a_snapshot, added, an_override, changes_of, claims, merged, work
from tests.rules.table import PASS, found, judged

SEVERAL = ("forbid pulls.57.branch",)
WARNED = Changes(rows=work().rows, untold=(("", "cannot render full diff"), ("stamps", "its hash differs")))
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
        (a_snapshot(changes=WARNED), (*SEVERAL, "forbid stamps")),
        (merged(a_snapshot(changes=WARNED)), (*SEVERAL, "forbid stamps")),
    ],
    ids=["one base", "two bases", "an empty pull", "switched off", "overridden", "merged", "left open", "left open, merged"],
)
def test_that_merge_can_be_told(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_the_number_of_bases_is_named() -> None:
    (finding,) = judged(check, a_snapshot(other_bases=(*OTHER, a_hash("a third")))).findings
    assert finding.says.startswith("The branch and main have 3 best common ancestors: ")


def test_what_an_answer_leaves_open_is_quoted() -> None:
    assert [finding.says for finding in judged(check, a_snapshot(changes=WARNED)).findings] == [
        "What changes cannot be read: `cannot render full diff`.",
        "What changes in table `stamps` cannot be read: `its hash differs`.",
    ]


def test_a_pull_of_which_only_nothing_is_shown_is_not_called_empty() -> None:
    snapshot = a_snapshot(changes=Changes(untold=(("stamps", "its hash differs"),)))
    assert judge(snapshot, find()).verdict is Verdict.CANNOT_TELL


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
