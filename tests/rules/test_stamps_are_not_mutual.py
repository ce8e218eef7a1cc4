"""Rigs that stamp each other."""

from __future__ import annotations

import pytest

from bot.dolthub.sql import AROUND_ROWS_MAX
from bot.model.snapshot import Surroundings
from bot.rulebook import Handle, Snapshot, Tally
from rules.stamps_are_not_mutual import READ_MAX, check
from tests.build import a_snapshot, changes_of, hands_in
from tests.rules.table import PASS, found, told

NOTE = ("note rigs.ana-town",)


def stamped(*tallies: tuple[str, str, int]) -> Snapshot:
    made = tuple(Tally(author=Handle(a), subject=Handle(s), stamps=n, valences=n) for a, s, n in tallies)
    return a_snapshot(surroundings=Surroundings(tallies=made))


THERE, BACK = ("polecat-7", "ana-town", 3), ("ana-town", "polecat-7", 3)
MANY = tuple(("zoe", f"rig-{n}", 1) for n in range(READ_MAX))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (stamped(THERE), PASS),
        (stamped(BACK), PASS),
        (stamped(THERE, ("ana-town", "polecat-7", 2)), PASS),
        (stamped(("polecat-7", "ana-town", 2), BACK), PASS),
        (stamped(THERE, BACK), NOTE),
        (stamped(THERE, BACK, ("polecat-7", "bo-works", 9)), NOTE),
        (stamped(THERE, BACK, ("polecat-7", "bo-works", 4), ("ana-town", "bo-works", 4)), PASS),
        (stamped(THERE, BACK, ("polecat-7", "bo-works", 3), ("ana-town", "bo-works", 4)), NOTE),
        (stamped(("bo-works", "ana-town", 9), ("ana-town", "bo-works", 9)), PASS),
        (stamped(("polecat-7", "polecat-7", 9)), PASS),
        (stamped(("ana-town", "polecat-7", 3), *MANY, THERE), PASS),
        (stamped(BACK, *MANY[2:], THERE), PASS),
        (stamped(BACK, *MANY[3:], THERE), NOTE),
        (stamped(BACK, THERE, *MANY), NOTE),
        (stamped(("", "", 9), ("polecat-7", "", 9), ("", "polecat-7", 9)), ("note rigs",)),
        (a_snapshot(changes=changes_of(hands_in(claimed_by=None)), surroundings=stamped(THERE, BACK).surroundings), PASS),
    ],
    ids=[
        "no stamps", "one way", "the other way", "too few back", "too few there", "each other", "half of one's only",
        "among many", "half to the stamp", "others", "oneself", "cut off", "perhaps cut off", "not cut off",
        "read to the end", "no names", "nobody works",
    ],
)  # fmt: skip
def test_rigs_that_stamp_each_other_are_told_of(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_numbers_and_share_are_told_without_blame() -> None:
    assert told(check, stamped(("polecat-7", "ana-town", 4), ("polecat-7", "bo-works", 1), BACK, ("ana-town", "cy", 7))) == (
        "Rigs `polecat-7` and `ana-town` have stamped each other, 4 and 3 times: 80% of the stamps by `polecat-7`."
    )


def test_as_many_tallies_are_read_as_are_asked_for() -> None:
    assert READ_MAX == AROUND_ROWS_MAX
