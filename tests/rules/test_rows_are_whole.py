"""Keys and cells that can be used."""

from __future__ import annotations

import pytest

from bot.rulebook import ChangeKind, Changes, Row, RowChange
from rules.rows_are_whole import check
from tests.build import ITEM, a_row, a_snapshot, added, changes_of, claims, hands_in, removed, work
from tests.rules.table import PASS, found

KEYLESS = RowChange(table="completions", key="", kind=ChangeKind.ADDED, before=None, after=a_row("completions", id=None))
ROWLESS = RowChange(table="wanted", key=ITEM, kind=ChangeKind.MODIFIED, before=a_row("wanted"), after=None)
OTHER_KEY = RowChange(table="wanted", key="w-1", kind=ChangeKind.ADDED, before=None, after=Row.of({"id": "w-2"}))
REKEYED = RowChange(
    table="rig_links", key="l-2", kind=ChangeKind.MODIFIED, before=a_row("rig_links"), after=a_row("rig_links", id="l-2")
)
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(removed("stamps", valence="no json")), PASS),
        (changes_of(claims({"tags": "never json", "priority": "high"})), PASS),
        (changes_of(added("wanted", id="w-gt-001.a:b", priority="-1", tags=None)), PASS),
        (work(wanted=hands_in(updated_at="2026-06-14 13:40:00 +0000 UTC")), PASS),
        (changes_of(KEYLESS), ("fault completions.id",)),
        (changes_of(ROWLESS), (f"fault wanted.{ITEM}.id",)),
        (changes_of(REKEYED), ("fault rig_links.l-2.id",)),
        (changes_of(OTHER_KEY), ("fault wanted.w-1.id",)),
        (changes_of(added("wanted", id="w-1' OR 1=1 --")), ("fault wanted.w-1' OR 1=1 --.id",)),
        (changes_of(added("wanted", id="w-" + "1" * 63)), (f"fault wanted.w-{'1' * 63}.id",)),
        (changes_of(added("wanted", priority="high")), (f"fault wanted.{ITEM}.priority",)),
        (changes_of(added("wanted", priority="1e999")), (f"fault wanted.{ITEM}.priority",)),
        (changes_of(added("wanted", tags="go, cli")), (f"fault wanted.{ITEM}.tags",)),
        (changes_of(added("wanted", tags=DEEP)), (f"fault wanted.{ITEM}.tags",)),
        (changes_of(added("wanted", created_at="yesterday")), (f"fault wanted.{ITEM}.created_at",)),
    ],
)
def test_rows_are_whole(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == expected
