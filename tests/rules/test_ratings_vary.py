"""Stamps that are all alike, or all certain."""

from __future__ import annotations

import pytest

from bot.model.snapshot import Surroundings
from bot.rulebook import Handle, Snapshot, Tally
from rules.ratings_vary import check
from tests.build import a_snapshot, changes_of, hands_in
from tests.rules.table import PASS, found, told

NOTE = ("note rigs.ana-town",)


def by_ana(stamps: int, valences: int, confidence: float | None = None, subject: str = "polecat-7") -> Tally:
    return Tally(
        author=Handle("ana-town"), subject=Handle(subject), stamps=stamps, valences=valences, confidence=confidence
    )  # fmt: skip


def around(*tallies: Tally) -> Snapshot:
    return a_snapshot(surroundings=Surroundings(tallies=tallies))


CAREFUL = Tally(author=Handle("bo-works"), subject=Handle("cormorant"), stamps=1, valences=1, confidence=0.7)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (around(by_ana(5, 2)), PASS),
        (around(by_ana(4, 1)), PASS),
        (around(by_ana(5, 1)), NOTE),
        (around(by_ana(5, 1, subject="cormorant")), PASS),
        (around(by_ana(5, 0)), PASS),
        (around(by_ana(5, 2, 1.0)), PASS),
        (around(by_ana(5, 2, 1.0), CAREFUL), NOTE),
        (around(CAREFUL, by_ana(5, 1)), NOTE),
        (around(by_ana(5, 2, 0.95)), NOTE),
        (around(by_ana(5, 2, 0.94)), PASS),
        (around(by_ana(4, 2, 0.99)), PASS),
        (around(by_ana(5, 2, None), CAREFUL), PASS),
        (
            a_snapshot(
                changes=changes_of(hands_in(claimed_by=None)),
                surroundings=Surroundings(tallies=(by_ana(9, 1, subject=""),)),
            ),
            PASS,
        ),
    ],
    ids=[
        "no stamps", "they differ", "too few", "all alike", "about another", "ratings not known", "wl's own confidence",
        "certain where others are not", "behind another's",
        "just certain", "not quite certain", "certain of few", "confidence not known",
        "nobody works",
    ],
)  # fmt: skip
def test_stamps_all_alike_are_told_of(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("tally", "what"),
    [
        (by_ana(6, 1), "the same ratings"),
        (by_ana(6, 3, 0.972), "a mean confidence of 0.97"),
        (by_ana(6, 1, 0.972), "the same ratings and a mean confidence of 0.97"),
    ],
)
def test_what_is_alike_is_told_without_blame(tally: Tally, what: str) -> None:
    assert told(check, around(tally)) == f"The 6 stamps by `ana-town` for `polecat-7` have {what}."
