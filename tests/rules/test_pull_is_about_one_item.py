"""One item, and the branch's name."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.pull_is_about_one_item import check
from tests.build import ITEM, a_branch, a_pull, a_snapshot, added, changes_of, claims, modified, work
from tests.rules.table import PASS, found, judged, told

OTHER = {"id": "w-2"}


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(pull=a_pull(source=a_branch(branch="main"))), PASS),
        (a_snapshot(changes=work(claims(OTHER))), ("fault pull",)),
        (a_snapshot(changes=work(completion=added("completions", wanted_id="w-2"))), ("fault pull",)),
        (a_snapshot(changes=changes_of(claims(), claims(OTHER))), ("fault pull",)),
        (a_snapshot(changes=changes_of(modified("wanted", title="a"), modified("wanted", OTHER, title="b"))), ("doubt pull",)),
        (a_snapshot(pull=a_pull(source=a_branch(branch="wl/polecat-7/w-2"))), ("doubt pull",)),
        (a_snapshot(pull=a_pull(source=a_branch(branch=f"wl/kilo/main/{ITEM}"))), PASS),
        (a_snapshot(pull=a_pull(source=a_branch(branch="wl/kilo/main/w-2"))), ("doubt pull",)),
        (a_snapshot(pull=a_pull(source=a_branch(branch="wl/register/polecat-7"))), PASS),
        (a_snapshot(pull=a_pull(source=a_branch(branch="wl/zulu-9/w-2"))), ("doubt pull",)),
        (a_snapshot(pull=a_pull(source=a_branch(branch="fix/polecat-7/w-2"))), PASS),
        (a_snapshot(pull=a_pull(source=a_branch(branch="zz/polecat-7/w-2"))), PASS),
        (a_snapshot(pull=a_pull(source=a_branch(branch="wl/w-2"))), PASS),
    ],
    ids=[
        "happy", "fork-main", "work-and-claim", "other-items-completion", "two-claims", "two-edits", "branch-of-another-item",
        "handle-with-a-slash", "handle-with-a-slash-and-another-item", "branch-of-a-registration",
        "a-late-letter", "no-branch-of-wl", "none-of-wl-either", "no-rig",
    ],
)  # fmt: skip
def test_one_pull_one_item(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (2, "The pull is about 2 items: `w-0`, `w-1`."),
        (4, "The pull is about 4 items: `w-0`, `w-1`, `w-2`, `w-3`."),
        (5, "The pull is about 5 items: `w-0`, `w-1`, `w-2`, `w-3` …."),
        (9, "The pull is about 9 items: `w-0`, `w-1`, `w-2`, `w-3` …."),
    ],
)
def test_many_items_are_counted_not_listed(count: int, says: str) -> None:
    changes = changes_of(*(claims({"id": f"w-{n}"}) for n in range(count)))
    assert told(check, a_snapshot(changes=changes, pull=a_pull(source=a_branch(branch="main")))) == says


def test_a_branch_of_another_item_is_told_with_the_first_of_the_rows() -> None:
    changes = changes_of(claims({"id": "w-1"}), claims({"id": "w-2"}))
    judgement = judged(check, a_snapshot(changes=changes, pull=a_pull(source=a_branch(branch="wl/polecat-7/w-9"))))
    said = [finding.says for finding in judgement.findings]
    assert said[-1] == "The branch is named after item `w-9`, but the rows are about `w-1`."
