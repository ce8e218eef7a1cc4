"""Tables, definitions, deletions, and rows too many to read."""

from __future__ import annotations

import pytest

from bot.rulebook import Changes
from rules.only_known_rows_change import check
from tests.build import a_snapshot, added, changes_of, modified, removed, work
from tests.rules.table import PASS, found, told


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(added("rig_links")), PASS),
        (changes_of(schema=("wanted",)), ("fault wanted",)),
        (changes_of(schema=("dolt_ignore",)), ("fault dolt_ignore",)),
        (changes_of(added("payouts", id="1"), added("payouts", id="2")), ("fault payouts",)),
        (changes_of(modified("_meta", value="2.0")), ("fault _meta",)),
        (changes_of(removed("wanted")), ("fault wanted.w-870be07fbc",)),
        (work(removed("completions", id="c-rival")), ("fault completions.c-rival",)),
        (changes_of(unread=(("stamps", 7000),)), ("fault stamps",)),
    ],
    ids=["work", "links", "definition", "system-table", "unknown", "meta", "removed-item", "removed-rival", "unread"],
)
def test_only_rows_of_known_tables_change(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == expected


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (changes_of(schema=("wanted",)), "The definition of table `wanted` changes."),
        (changes_of(schema=("_meta",)), "The definition of table `_meta` changes."),
        (changes_of(modified("_meta", value="2.0")), "Table `_meta` is not one that pulls may change."),
        (changes_of(schema=("_flags",)), "Table `_flags` is not one that pulls may change."),
        (changes_of(schema=("zebra",)), "Table `zebra` is not one that pulls may change."),
        (changes_of(schema=("Adds",)), "Table `Adds` is not one that pulls may change."),
    ],
)
def test_a_definition_is_told_from_a_table_that_nobody_knows(changes: Changes, says: str) -> None:
    assert told(check, a_snapshot(changes=changes)) == says
