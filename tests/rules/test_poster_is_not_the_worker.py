"""Who wants a thing, and who does it."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.poster_is_not_the_worker import check
from tests.build import ITEM, a_rig, a_snapshot, a_wanted, changes_of, hands_in
from tests.rules.table import PASS, found, told

NOTE = (f"note wanted.{ITEM}.posted_by",)


def by(poster: str | None, *owners: tuple[str, str | None]) -> Snapshot:
    return a_snapshot(items=(a_wanted(posted_by=poster),), rigs=tuple(a_rig(*pair) for pair in owners))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(items=()), PASS),
        (by(None, ("polecat-7", "pia")), PASS),
        (by("pia-posts"), PASS),
        (by("pia-posts", ("polecat-7", None), ("pia-posts", None)), PASS),
        (by("pia-posts", ("polecat-7", ""), ("pia-posts", "")), PASS),
        (by("pia-posts", ("polecat-7", "pia"), ("pia-posts", "Pia")), PASS),
        (a_snapshot(changes=changes_of(hands_in(claimed_by=None)), items=(a_wanted(),)), PASS),
        (by("polecat-7"), NOTE),
        (by("polecat-7", ("polecat-7", "pia")), NOTE),
        (by("pia-posts", ("polecat-7", "pia"), ("pia-posts", "pia")), NOTE),
    ],
    ids=[
        "two people", "item not read", "no poster", "rigs not read", "owners not known", "empty owners",
        "owners spelt differently", "no worker", "one rig that main does not know", "one rig", "one owner",
    ],
)  # fmt: skip
def test_a_poster_who_works_is_told_of(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_it_is_told_who_is_missing() -> None:
    assert told(check, by("polecat-7")) == (
        "Rig `polecat-7` has posted this item itself, so a stamp takes another validator; its owner can close it at most."
    )
    assert told(check, by("pia-posts", ("polecat-7", "pia"), ("pia-posts", "pia"))) == (
        "Rig `pia-posts`, which posted this item, belongs to `pia` like the worker,"
        " so a stamp takes another validator; its owner can close it at most."
    )


@pytest.mark.parametrize(
    "snapshot",
    [
        by("zulu-9", ("polecat-7", "pia"), ("zulu-9", "zed")),
        by("ada-1", ("polecat-7", "pia"), ("ada-1", "ada")),
        by("zulu-9", ("polecat-7", "pia")),
    ],
    ids=["late letters", "early letters", "a poster that main does not know"],
)
def test_somebody_else_is_somebody_else_at_either_end_of_the_alphabet(snapshot: Snapshot) -> None:
    assert found(check, snapshot) == PASS
