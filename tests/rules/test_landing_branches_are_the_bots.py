"""Branches named stampbot/."""

from __future__ import annotations

import pytest

from bot.rulebook import BranchRef, Snapshot, User, Verdict, find, judge
from rules.landing_branches_are_the_bots import check
from tests.build import BOT, COMMONS, a_branch, a_pull, a_snapshot
from tests.rules.table import PASS, found

LANDING = BranchRef(COMMONS, "stampbot/0123456789ab/01234567")


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(pull=a_pull(source=a_branch(branch="wl/stampbot/w-1"))), PASS),
        (a_snapshot(pull=a_pull(source=LANDING, creator=User("mallory"))), ("fault pull",)),
        (a_snapshot(pull=a_pull(source=a_branch("mallory", LANDING.branch), creator=User("mallory"))), ("fault pull",)),
        (a_snapshot(pull=a_pull(source=a_branch("stampbot", LANDING.branch), creator=BOT)), ("fault pull",)),
        (a_snapshot(pull=a_pull(source=LANDING, creator=BOT), bot=None), ("fault pull",)),
    ],
    ids=["work", "another-name", "stranger-on-commons", "stranger-on-fork", "our-account-from-a-fork", "account-unknown"],
)
def test_only_the_bot_lands(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_a_landing_of_ours_is_not_reviewed() -> None:
    judgement = judge(a_snapshot(pull=a_pull(source=LANDING, creator=BOT)), find())
    assert (judgement.findings, judgement.passed, judgement.verdict) == ((), (), Verdict.READY)
