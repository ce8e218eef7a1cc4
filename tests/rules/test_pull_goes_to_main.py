"""Where the pull goes, and whether it can be read."""

from __future__ import annotations

import pytest

from bot.rulebook import BranchRef, Database, PullState, Snapshot
from rules.pull_goes_to_main import check
from tests.build import COMMONS, FORK, a_pull, a_snapshot, changes_of, merged
from tests.rules.table import PASS, found, judged


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (merged(a_snapshot()), PASS),
        (a_snapshot(pull=a_pull(target=BranchRef(COMMONS, "staging"))), ("fault pull",)),
        (a_snapshot(pull=a_pull(target=BranchRef(COMMONS, "dev"))), ("fault pull",)),
        (a_snapshot(pull=a_pull(target=BranchRef(FORK, "main"))), ("fault pull",)),
        (a_snapshot(pull=a_pull(target=BranchRef(Database("ann", "wl-commons"), "main"))), ("fault pull",)),
        (a_snapshot(pull=a_pull(state=PullState.CLOSED)), ("fault pull",)),
        (a_snapshot(base=None), ("fault pull",)),
        (a_snapshot(pull=a_pull(state=PullState.UNKNOWN)), ("forbid pull",)),
        (a_snapshot(head=None, base=None, changes=changes_of()), ("forbid pull",)),
        (merged(a_snapshot(), merge=None), ("forbid pull",)),
    ],
    ids=[
        "open",
        "merged",
        "other-branch",
        "earlier-branch",
        "other-database",
        "earlier-database",
        "closed",
        "no-history",
        "unknown-state",
        "gone",
        "merged-outside",
    ],
)
def test_the_pull_goes_to_main_and_can_be_read(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_a_branch_that_is_gone_is_named() -> None:
    (finding,) = judged(check, a_snapshot(head=None, changes=changes_of())).findings
    assert finding.says == "The source branch `pia/wl-commons:wl/polecat-7/w-870be07fbc` is gone or cannot be read."
    assert finding.remedy == "Restore the branch, or close this pull"
