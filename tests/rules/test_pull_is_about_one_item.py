"""One item, and the branch's name."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.pull_is_about_one_item import check
from tests.build import ITEM, a_branch, a_pull, a_snapshot, added, changes_of, claims, modified, work
from tests.rules.table import PASS, found, told

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
    ],
    ids=[
        "happy", "fork-main", "work-and-claim", "other-items-completion", "two-claims", "two-edits", "branch-of-another-item",
        "handle-with-a-slash", "handle-with-a-slash-and-another-item", "branch-of-a-registration",
    ],
)  # fmt: skip
def test_one_pull_one_item(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_many_items_are_counted_not_listed() -> None:
    changes = changes_of(*(claims({"id": f"w-{n}"}) for n in range(9)))
    said = told(check, a_snapshot(changes=changes, pull=a_pull(source=a_branch(branch="main"))))
    assert said == "The pull is about 9 items: `w-0`, `w-1`, `w-2`, `w-3` …."
