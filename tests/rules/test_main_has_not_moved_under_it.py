"""Rows that main has changed since the branch left it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.rulebook import Changes, Commit, Move, Snapshot
from rules.main_has_not_moved_under_it import check
from tests.build import (
    ITEM,
    a_hash,
    a_rig,
    a_rig_link,
    a_snapshot,
    a_wanted,
    added,
    changes_of,
    claims,
    merged,
    modified,
    work,
)
from tests.rules.table import PASS, found, judged, told

AGAIN = changes_of(modified("rigs", a_rig().row, last_seen="2026-06-14 13:00:00"))
LINK = changes_of(modified("rig_links", status="revoked"))


def seen(changes: Changes, **main: str | None) -> Snapshot:
    return a_snapshot(items=(a_wanted(**main),), changes=changes)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (seen(work()), PASS),
        (seen(work(), updated_at="2026-06-01 08:00:00 +0000 UTC", tags='["go", "cli"]'), PASS),
        (a_snapshot(items=()), PASS),
        (a_snapshot(items=(a_wanted(metadata="{}"),)), PASS),
        (merged(a_snapshot()), PASS),
        (a_snapshot(changes=AGAIN), PASS),
        (a_snapshot(changes=LINK, rig_links=(a_rig_link(),)), PASS),
        (seen(work(), status="claimed", claimed_by="cormorant", updated_at="2026-06-10 09:00:00"), (f"fault wanted.{ITEM}",)),
        (seen(changes_of(claims()), updated_at="2026-06-10 09:00:00"), (f"fault wanted.{ITEM}",)),
        (a_snapshot(changes=AGAIN, rigs=(a_rig(last_seen="2026-06-12 00:00:00"),)), ("fault rigs.polecat-7",)),
        (a_snapshot(changes=LINK, rig_links=(a_rig_link(status="pending"),)), ("fault rig_links.l-1",)),
        (seen(work(), description="It stops at twelve."), (f"doubt wanted.{ITEM}",)),
        (a_snapshot(changes=AGAIN, rigs=(a_rig(trust_level="2"),)), ("doubt rigs.polecat-7",)),
        (seen(changes_of(added("completions"), claims()), updated_at="2026-06-10 09:00:00"), (f"fault wanted.{ITEM}",)),
    ],
    ids=[
        "untouched", "the same in other words", "item not read", "a new column", "merged", "rig", "link", "claimed meanwhile",
        "touched meanwhile", "rig conflicts", "link conflicts", "asks for something else", "rig rose",
        "touched meanwhile, behind a row that is new",
    ],
)  # fmt: skip
def test_main_has_not_moved(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


LATER = "2026-06-10 09:00:00"


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (
            seen(work(), status="claimed", claimed_by="cormorant", updated_at=LATER),
            f"Main has changed `{ITEM}` since the branch left it (there now: `claimed`, rig `cormorant`),"
            " so the merge conflicts: claimed_by, status, updated_at.",
        ),
        (
            seen(work(), status="withdrawn", updated_at=LATER),
            f"Main has changed `{ITEM}` since the branch left it (there now: `withdrawn`),"
            " so the merge conflicts: status, updated_at.",
        ),
        (
            seen(changes_of(claims()), updated_at=LATER),
            f"Main has changed `{ITEM}` since the branch left it, so the merge conflicts: updated_at.",
        ),
        (
            seen(changes_of(claims({"claimed_by": "cormorant"})), claimed_by=None, status=None),
            f"Main has changed `{ITEM}` since the branch left it, so the merge conflicts: claimed_by, status.",
        ),
        (
            a_snapshot(changes=LINK, rig_links=(a_rig_link(status="pending", revoked_by="cormorant"),)),
            "Main has changed `l-1` since the branch left it (there now: `pending`, by `cormorant`),"
            " so the merge conflicts: status.",
        ),
        (
            a_snapshot(changes=AGAIN, rigs=(a_rig(owner="cy"),)),
            "Main has changed dolthub_org of `polecat-7` since the branch left it (there now: owner `cy`).",
        ),
        (
            seen(work(), description="It stops at twelve."),
            f"Main has changed description of `{ITEM}` since the branch left it.",
        ),
    ],
    ids=["claimed", "withdrawn", "touched", "emptied", "a link", "a rig", "asks for something else"],
)
def test_what_moved_is_named_and_in_whose_hands_it_is(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == says


def moved(*commits: Commit, table: str = "wanted", key: str = ITEM) -> Snapshot:
    return replace(
        seen(work(), status="claimed", updated_at=LATER),
        moves=tuple(Move(table=table, key=key, commit=commit) for commit in commits),
    )


KAI = Commit(id=a_hash("k"), committer="kai", made_at=datetime(2026, 6, 10, 9, 0, tzinfo=UTC))
BUTTON = Commit(id=a_hash("m"), committer="ana", made_at=datetime(2026, 6, 11, 9, 0, tzinfo=UTC), is_merge=True)


@pytest.mark.parametrize(
    ("snapshot", "whom"),
    [
        (moved(KAI), f", last by `kai` at 2026-06-10 09:00 UTC in commit `{KAI.id[:7]}`"),
        (moved(BUTTON, KAI), f", last by `kai` at 2026-06-10 09:00 UTC in commit `{KAI.id[:7]}`"),
        (moved(BUTTON), f", last by `ana` at 2026-06-11 09:00 UTC in commit `{BUTTON.id[:7]}`"),
        (moved(replace(KAI, made_at=None), BUTTON), f", last by `kai` in commit `{KAI.id[:7]}`"),
        (moved(replace(KAI, committer="a`b\nc", made_at=None)), f", last by `a'b c` in commit `{KAI.id[:7]}`"),
        (moved(replace(KAI, committer="")), ""),
        (moved(KAI, key="w-9"), ""),
        (moved(KAI, table="rigs"), ""),
        (moved(), ""),
    ],
    ids=[
        "an account", "the commit, not the merge", "the merge alone", "when is not told", "a name like that", "nobody",
        "another item", "another table", "not read",
    ],
)  # fmt: skip
def test_who_moved_it_is_the_last_to_write_the_row(snapshot: Snapshot, whom: str) -> None:
    says = told(check, snapshot)
    assert says == (
        f"Main has changed `{ITEM}` since the branch left it{whom} (there now: `claimed`),"
        " so the merge conflicts: status, updated_at."
    )


@pytest.mark.parametrize(
    ("snapshot", "remedy"),
    [
        (
            seen(work(), updated_at=LATER),
            f"Discard the branch (b in the wl board), sync the fork with main, then: `wl claim {ITEM}`",
        ),
        (
            a_snapshot(changes=LINK, rig_links=(a_rig_link(status="pending"),)),
            "Sync the fork with main, and write the row again",
        ),
    ],
)
def test_each_conflict_comes_with_a_way_out(snapshot: Snapshot, remedy: str) -> None:
    (finding,) = judged(check, snapshot).findings
    assert finding.remedy == remedy


def test_a_fork_far_behind_main_is_not_reported() -> None:
    """Other rows of main have moved a lot; the branch's own row has not."""
    others = tuple(a_wanted(id=f"w-{n}", status="completed") for n in range(20))
    snapshot = a_snapshot(items=(a_wanted(), *others))
    assert found(check, snapshot) == PASS
