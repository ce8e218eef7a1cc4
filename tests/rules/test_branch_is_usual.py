"""Where pulls come from, and how many of them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.ids import PullNo
from bot.rulebook import Handle, Place, Rival, Snapshot
from rules.branch_is_usual import check
from tests.build import COMMONS, ITEM, a_branch, a_pull, a_snapshot, added, changes_of, claims, hands_in
from tests.rules.table import PASS, found, judged, told

BRANCH = ("note pulls.57.branch",)


def on(branch: str, *, owner: str = "pia", **fields: Any) -> Snapshot:
    return a_snapshot(pull=a_pull(source=a_branch(owner, branch)), **fields)


def twin(number: int, rig: str = "polecat-7") -> Rival:
    return Rival(pull=PullNo(number), rig=Handle(rig), evidence="")


REGISTRATION = changes_of(added("rigs", handle="lamp-post"))
POST = changes_of(added("wanted", id="w-new"))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (on("wl/kilo/main/w-870be07fbc"), PASS),
        (on("wl/register/lamp-post", changes=REGISTRATION), PASS),
        (on("wl/ana-town/w-new", changes=POST), PASS),
        (on("main"), BRANCH),
        (on("master", changes=changes_of(claims())), BRANCH),
        (on("main", changes=REGISTRATION), BRANCH),
        (on("complete/w-com-001"), BRANCH),
        (on("wl/polecat-7"), BRANCH),
        (on("wl//w-1"), BRANCH),
        (on("wl/polecat-7/"), BRANCH),
        (on("", changes=POST), BRANCH),
        (on("maintenance", owner=COMMONS.owner), BRANCH),
        (a_snapshot(rivals=(twin(58, "cormorant"),)), PASS),
        (a_snapshot(rivals=(twin(58, ""),), changes=changes_of(hands_in(claimed_by=None))), PASS),
        (a_snapshot(rivals=(twin(58),)), ("note pull",)),
        (on("main", rivals=(twin(58),)), ("note pull", *BRANCH)),
    ],
    ids=[
        "wl's own", "a handle with a slash", "a registration", "a post", "the fork's main", "an older main",
        "a registration on main", "a name of one's own", "no item", "no rig", "an empty item", "no name at all",
        "a branch of the commons", "another's pull", "nobody's pull", "the same rig's pull", "both",
    ],
)  # fmt: skip
def test_pulls_come_from_branches_of_their_own(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_what_is_lost_is_told_with_what_to_do_next_time() -> None:
    (finding,) = judged(check, on("main")).findings
    assert (finding.place, finding.says, finding.remedy) == (
        Place("pulls", "57", "branch"),
        "The pull comes from `main` of the fork, so whatever is pushed there next joins it.",
        f"Next time push to a branch like `wl/polecat-7/{ITEM}`",
    )


@pytest.mark.parametrize(
    ("snapshot", "branch"),
    [
        (on("x", changes=REGISTRATION), "`wl/register/lamp-post`"),
        (on("x", changes=POST), "`wl/ana-town/w-new`"),
        (on("x", changes=changes_of(*POST.rows, added("wanted", id="w-other"))), "`wl/<rig>/<item>`"),
        (on("x", changes=changes_of(added("wanted", id="`w`", posted_by="a\nb"))), "`wl/a b/'w'`"),
    ],
)
def test_the_usual_branch_is_named_as_far_as_the_rows_tell(snapshot: Snapshot, branch: str) -> None:
    (finding,) = judged(check, snapshot).findings
    assert (finding.says, finding.remedy) == (
        "The name of branch `x` does not show whose work it is, and on which item.",
        f"Next time push to a branch like {branch}",
    )


@pytest.mark.parametrize(
    ("numbers", "named"), [((58,), "58"), ((61, 58, 59, 60), "58, 59, 60, 61"), ((63, 58, 59, 60, 61), "58, 59, 60, 61 …")]
)
def test_other_pulls_of_the_rig_are_named_once(numbers: tuple[int, ...], named: str) -> None:
    said = told(check, a_snapshot(rivals=tuple(twin(n) for n in numbers)))
    assert said == f"Rig `polecat-7` has pull {named} open for this item too, and only one can be merged."


@pytest.mark.parametrize("owner", ["amy", "zed"])
def test_main_of_any_fork_is_a_forks_main(owner: str) -> None:
    assert told(check, on("main", owner=owner)) == (
        "The pull comes from `main` of the fork, so whatever is pushed there next joins it."
    )


def test_pulls_of_rigs_of_late_letters_are_not_ones_own() -> None:
    assert found(check, a_snapshot(rivals=(twin(58, "zulu-9"),))) == PASS
