"""Kinds that the bot does not take to main."""

from __future__ import annotations

import pytest

from bot.rulebook import Changes, PullKind
from rules.pull_is_one_thing import check
from tests.build import a_snapshot, added, changes_of, claims, modified, work
from tests.rules.table import PASS, found, judged, told


@pytest.mark.parametrize(
    ("changes", "kind", "expected"),
    [
        (work(added("rigs", handle="new")), PullKind.MIXED, ("fault pull",)),
        (changes_of(modified("_meta", value="x")), PullKind.FOREIGN, ("fault pull",)),
        (changes_of(), PullKind.EMPTY, ("fault pull",)),
        (changes_of(*(added("stamps", id=f"s-{n}") for n in range(200))), PullKind.BACKFILL, ("fault pull",)),
        (changes_of(added("stamps")), PullKind.ADMIN, ("fault pull",)),
    ],
)
def test_what_is_not_one_thing_is_a_fault(changes: Changes, kind: PullKind, expected: tuple[str, ...]) -> None:
    snapshot = a_snapshot(changes=changes)
    assert (snapshot.kind, found(check, snapshot)) == (kind, expected)


@pytest.mark.parametrize("changes", [work(), changes_of(claims()), changes_of(added("wanted"))])
def test_one_thing_is_not_asked_about(changes: Changes) -> None:
    assert judged(check, a_snapshot(changes=changes)).passed == PASS


def test_a_pull_whose_rows_could_not_be_read_is_not_called_empty() -> None:
    assert found(check, a_snapshot(changes=changes_of(), head=None)) == PASS


def test_a_backfill_is_told_in_numbers() -> None:
    changes = changes_of(*(added("stamps", id=f"s-{n}") for n in range(200)), unread=(("completions", 6000),))
    assert told(check, a_snapshot(changes=changes)) == "The pull brings 6200 rows at once (`stamps`, `completions`)."
