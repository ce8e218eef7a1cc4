"""Keys and cells that can be used."""

from __future__ import annotations

import pytest

from bot.model.policy import RatingStyle
from bot.rulebook import ChangeKind, Changes, Level, Row, RowChange
from rules.rows_are_whole import check
from tests.build import (
    COMPLETION,
    ITEM,
    a_policy,
    a_row,
    a_snapshot,
    added,
    changes_of,
    claims,
    hands_in,
    modified,
    removed,
    work,
)
from tests.rules.table import PASS, found, judged

STAMP = "fault stamps.s-0a1b2c3d4e5f6071."

KEYLESS = RowChange(table="completions", key="", kind=ChangeKind.ADDED, before=None, after=a_row("completions", id=None))
ROWLESS = RowChange(table="wanted", key=ITEM, kind=ChangeKind.MODIFIED, before=a_row("wanted"), after=None)
OTHER_KEY = RowChange(table="wanted", key="w-1", kind=ChangeKind.ADDED, before=None, after=Row.of({"id": "w-2", "title": "T"}))
REKEYED = RowChange(
    table="rig_links", key="l-2", kind=ChangeKind.MODIFIED, before=a_row("rig_links"), after=a_row("rig_links", id="l-2")
)
REKEYED_DOWN = RowChange(
    table="rig_links", key="l-0", kind=ChangeKind.MODIFIED, before=a_row("rig_links"), after=a_row("rig_links", id="l-0")
)
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (work(), PASS),
        (changes_of(removed("stamps", valence="no json")), PASS),
        (changes_of(removed("stamps"), added("wanted", priority="high")), (f"fault wanted.{ITEM}.priority",)),
        (changes_of(claims({"tags": "never json", "priority": "high"})), PASS),
        (changes_of(added("wanted", id="w-gt-001.a:b", priority="-1", tags=None)), PASS),
        (work(wanted=hands_in(updated_at="2026-06-14 13:40:00 +0000 UTC")), PASS),
        (changes_of(KEYLESS), ("fault completions.id",)),
        (changes_of(ROWLESS), (f"fault wanted.{ITEM}.id",)),
        (changes_of(REKEYED), ("fault rig_links.l-2.id",)),
        (changes_of(REKEYED_DOWN), ("fault rig_links.l-0.id",)),
        (changes_of(OTHER_KEY), ("fault wanted.w-1.id",)),
        (changes_of(added("wanted", id="w-1' OR 1=1 --")), ("fault wanted.w-1' OR 1=1 --.id",)),
        (changes_of(added("completions", id="c 1")), ("fault completions.c 1.id",)),
        (changes_of(added("wanted", id="w-" + "1" * 63)), (f"fault wanted.w-{'1' * 63}.id",)),
        (changes_of(added("wanted", priority="high")), (f"fault wanted.{ITEM}.priority",)),
        (changes_of(added("wanted", priority="1e999")), (f"fault wanted.{ITEM}.priority",)),
        (changes_of(added("wanted", tags="go, cli")), (f"fault wanted.{ITEM}.tags",)),
        (changes_of(added("wanted", tags=DEEP)), (f"fault wanted.{ITEM}.tags",)),
        (changes_of(added("wanted", created_at="yesterday")), (f"fault wanted.{ITEM}.created_at",)),
        (changes_of(added("wanted", tags="[]", sandbox_scope='{"fs": ["read"]}', metadata="no json")), PASS),
        (changes_of(added("wanted", tags='"go"')), (f"fault wanted.{ITEM}.tags",)),
        (changes_of(added("wanted", tags='["go", 5]')), (f"fault wanted.{ITEM}.tags",)),
        (changes_of(added("wanted", sandbox_scope='"all"')), (f"fault wanted.{ITEM}.sandbox_scope",)),
        (changes_of(added("wanted", project="x" * 64, type="y" * 32)), PASS),
        (
            changes_of(added("wanted", project="x" * 65, type="y" * 33)),
            (f"fault wanted.{ITEM}.project", f"fault wanted.{ITEM}.type"),
        ),
        (changes_of(added("wanted", description="x" * 65_535)), PASS),
        (changes_of(added("wanted", description="x" * 65_536)), (f"fault wanted.{ITEM}.description",)),
        (changes_of(claims(claimed_by="r" * 256)), (f"fault wanted.{ITEM}.claimed_by",)),
        (changes_of(added("wanted", title=None)), (f"fault wanted.{ITEM}.title",)),
        (changes_of(modified("wanted", title=None)), (f"fault wanted.{ITEM}.title",)),
        (changes_of(modified("wanted", {"title": None}, project="beads-2")), PASS),
        (changes_of(added("completions", wanted_id="w 1")), (f"fault completions.{COMPLETION}.wanted_id",)),
        (changes_of(added("completions", wanted_id=f"{ITEM}\n")), (f"fault completions.{COMPLETION}.wanted_id",)),
        (changes_of(added("completions", parent_completion_id="")), PASS),
        (changes_of(added("completions", validated_at="2026-02-30")), (f"fault completions.{COMPLETION}.validated_at",)),
        (
            changes_of(added("rigs", trust_level="one", gt_version="v" * 33)),
            ("fault rigs.polecat-7.gt_version", "fault rigs.polecat-7.trust_level"),
        ),
        (changes_of(added("stamps", valence='{"quality": NaN}')), (STAMP + "valence",)),
        (changes_of(added("wanted", sandbox_scope="[" * 40 + "]" * 40)), PASS),
        (changes_of(added("wanted", sandbox_scope="[" * 41 + "]" * 41)), (f"fault wanted.{ITEM}.sandbox_scope",)),
        (changes_of(added("stamps", valence="4")), (STAMP + "valence",)),
        (changes_of(added("stamps", valence='{"quality": "good"}')), (STAMP + "valence",)),
        (changes_of(added("stamps", valence='{"quality": 0.9}', confidence="0.55")), PASS),
        (changes_of(added("stamps", confidence="1.5")), (STAMP + "confidence",)),
        (changes_of(added("stamps", author=None, subject=None)), (STAMP + "author", STAMP + "subject")),
        (changes_of(added("boot_blocks", sheet_json="5")), ("fault boot_blocks.polecat-7.sheet_json",)),
    ],
)  # fmt: skip
def test_rows_are_whole(changes: Changes, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes)) == expected


@pytest.mark.parametrize(
    ("change", "says", "remedy"),
    [
        (
            added("wanted", priority="high"),
            f"Row `{ITEM}` of wanted has `high` as its priority, which is not a whole number.",
            "Write a whole number into priority in the branch",
        ),
        (
            added("wanted", tags='["go", 5]'),
            f'Row `{ITEM}` of wanted has `["go", 5]` as its tags, where entry 2 is not text.',
            'Write a JSON list of words, such as ["go", "cli"] into tags in the branch',
        ),
        (
            added("stamps", author=None),
            "Row `s-0a1b2c3d4e5f6071` of stamps has nothing as its author, which every row has.",
            "Write a name of at most 255 characters into author in the branch",
        ),
    ],
)
def test_row_column_and_what_would_be_right_are_named(change: RowChange, says: str, remedy: str) -> None:
    (finding,) = judged(check, a_snapshot(changes=changes_of(change))).findings
    assert (finding.level, finding.says, finding.remedy) == (Level.FAULT, says, remedy)


@pytest.mark.parametrize(
    ("valence", "expected"),
    [
        ('{"quality": "good", "reliability": "good"}', PASS),
        ('{"quality": ["good"]}', (STAMP + "valence",)),
        ('"good"', (STAMP + "valence",)),
        ("good", (STAMP + "valence",)),
    ],
)
def test_a_commons_that_rates_in_words_may(valence: str, expected: tuple[str, ...]) -> None:
    pull = a_snapshot(changes=changes_of(added("stamps", valence=valence)), policy=a_policy(rating=RatingStyle.WORDS))
    assert found(check, pull) == expected
