"""What else the worker has at hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.snapshot import Surroundings
from bot.rulebook import Completion, Snapshot, Wanted
from rules.open_claims_are_few import check
from tests.build import ITEM, NOW, a_completion, a_snapshot, a_wanted, changes_of, hands_in
from tests.rules.table import PASS, found, told


def held(number: int, days: float = 1, **cells: str | None) -> tuple[Wanted, ...]:
    """So many claims, the last of them the oldest, of this age in days."""
    ages = (*(1.0,) * (number - 1), days)
    return tuple(
        a_wanted(**{"id": f"w-{n}", "status": "claimed", "claimed_by": "polecat-7", "updated_at": before(age), **cells})
        for n, age in enumerate(ages)
    )


def before(days: float) -> str:
    return f"{NOW - timedelta(days=days):%Y-%m-%d %H:%M:%S}"


def done(number: int, days: float = 0.5, **cells: str | None) -> tuple[Completion, ...]:
    return tuple(
        a_completion(**{"id": f"c-{n}", "wanted_id": f"w-{n}", "completed_at": before(days), **cells}) for n in range(number)
    )


def around(claims: tuple[Wanted, ...] = (), completions: tuple[Completion, ...] = ()) -> Snapshot:
    return a_snapshot(surroundings=Surroundings(claims=claims, completions=completions))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (around(held(5), done(5)), PASS),
        (around(held(6)), ("note wanted",)),
        (around((*held(5), *held(1, id=ITEM))), PASS),
        (around(held(1, 14)), PASS),
        (around(held(1, 14.1)), ("note wanted",)),
        (around(held(1, 90, id=ITEM)), PASS),
        (around(held(5, updated_at=None)), PASS),
        (around(held(6, updated_at="lately")), ("note wanted",)),
        (around(completions=done(6)), ("note completions",)),
        (around(completions=done(6, 1.0)), ("note completions",)),
        (around(completions=done(6, 1.0001)), PASS),
        (around(completions=done(6, 0)), ("note completions",)),
        (around(completions=done(6, -1)), PASS),
        (around(completions=done(6, wanted_id=ITEM)), PASS),
        (around(completions=done(6, completed_at=None)), PASS),
        (around(held(6), done(6)), ("note completions", "note wanted")),
        (
            a_snapshot(changes=changes_of(hands_in(claimed_by=None)), surroundings=around(held(9), done(9)).surroundings),
            PASS,
        ),
    ],
    ids=[
        "nothing else", "as much as can be", "many claims", "with this item's", "two weeks", "more than two weeks",
        "this item's own claim", "claims without time", "many claims without time", "many completions", "just within a day",
        "longer ago", "just now", "in the future", "of this item", "completions without time", "both", "nobody works",
    ],
)  # fmt: skip
def test_more_than_one_can_finish_is_told_of(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (around(held(7)), "Rig `polecat-7` holds 7 other claims."),
        (around(held(7, 21.5)), "Rig `polecat-7` holds 7 other claims, the oldest, `w-6`, of 21 days ago."),
        (around(held(2, 21)), "Rig `polecat-7` also holds `w-1`, claimed 21 days ago."),
        (around(completions=done(8)), "Rig `polecat-7` has 8 other completions on main from the last 24 hours."),
    ],
)
def test_the_numbers_are_told_without_blame(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == says
