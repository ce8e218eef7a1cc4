"""Times that a pull writes, against now, the posting and the claim."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.rulebook import Snapshot
from rules.times_are_sane import check
from tests.build import (
    COMPLETION,
    NOW,
    a_rig,
    a_snapshot,
    a_wanted,
    added,
    changes_of,
    merged,
    modified,
    work,
)
from tests.rules.table import PASS, found, told

AT = f"completions.{COMPLETION}.completed_at"
AHEAD = timedelta(minutes=5)
CLAIMED = {"status": "claimed", "claimed_by": "polecat-7"}


def done(at: str | None, **main: str | None) -> Snapshot:
    """Work completed at this time, on an item that main has like this."""
    return a_snapshot(changes=work(completion=added("completions", completed_at=at)), items=(a_wanted(**main),))


def posted(**cells: str | None) -> Snapshot:
    return a_snapshot(changes=changes_of(added("wanted", id="w-new", **cells)), items=())


def text(moment_in: timedelta) -> str:
    return f"{NOW + moment_in:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (done(None), PASS),
        (done("soon"), PASS),
        (done("2026-06-14 13:40:00", created_at=None, updated_at=None), PASS),
        (a_snapshot(items=()), PASS),
        (done(text(AHEAD)), PASS),
        (done(text(AHEAD + timedelta(seconds=1))), (f"doubt {AT}",)),
        (done("2026-06-14 22:40:00+09:00"), PASS),
        (posted(created_at="2026-06-14 14:00:00"), PASS),
        (posted(created_at=None), PASS),
        (posted(created_at="2027-01-01 00:00:00"), ("doubt wanted.w-new.created_at",)),
        (a_snapshot(changes=changes_of(added("rigs", registered_at="2027-01-01 00:00:00"))),
         ("doubt rigs.polecat-7.registered_at",)),
        (a_snapshot(changes=changes_of(modified("rigs", {"registered_at": "2027-01-01 00:00:00"}, gt_version="1"))), PASS),
        (a_snapshot(changes=changes_of(added("rig_links", completed_at="2026-06-15 00:00:00"))),
         ("doubt rig_links.l-1.completed_at",)),
        (done("2026-06-01 08:00:00"), (f"note {AT}",)),
        (done("2026-06-01 07:59:59"), (f"doubt {AT}",)),
        (done("2026-06-10 11:59:59", **CLAIMED, updated_at="2026-06-10 12:00:00"), (f"doubt {AT}",)),
        (done("2026-06-10 11:59:59", status="claimed", claimed_by="cormorant", updated_at="2026-06-10 12:00:00"), PASS),
        (done("2026-06-10 11:59:59", status="claimed", claimed_by="zulu-9", updated_at="2026-06-10 12:00:00"), PASS),
        (done("2026-06-10 11:59:59", status="in_review", claimed_by="polecat-7", updated_at="2026-06-10 12:00:00"), PASS),
        (done("2026-06-10 12:10:00", **CLAIMED, updated_at="2026-06-10 12:00:00"), (f"note {AT}",)),
        (done("2026-06-10 12:30:00", **CLAIMED, updated_at="2026-06-10 12:00:00"), PASS),
        (done("2026-06-10 12:10:00", **CLAIMED, updated_at="lately"), PASS),
        (done("2026-06-01 08:01:00", effort_level="heroic"), PASS),
        (done("2026-06-01 08:01:00", effort_level=None), PASS),
        (merged(done("2026-06-01 07:00:00")), (f"note {AT}",)),
    ],
    ids=[
        "as it should be", "no time", "no time to read", "item without times", "item not read", "clocks differ", "ahead",
        "a zone of its own", "a post", "a post without time", "a post ahead", "a registration ahead",
        "ahead before the pull", "a link ahead", "the moment it was posted", "before it was posted", "before it was claimed",
        "another's claim", "yet another's claim", "submitted already",
        "quick after the claim", "not quick after the claim", "claim at no readable time",
        "unknown effort", "no effort", "merged",
    ],
)  # fmt: skip
def test_times_can_be_true(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


LEAST_MIN = (("trivial", 5), ("small", 15), ("medium", 30), ("large", 60), ("epic", 120))


@pytest.mark.parametrize(("effort", "least"), LEAST_MIN)
def test_each_effort_has_its_own_least_time(effort: str, least: int) -> None:
    ends = f"2026-06-01 {8 + least // 60:02}:{least % 60:02}:00"
    almost = f"2026-06-01 {8 + (least - 1) // 60:02}:{(least - 1) % 60:02}:59"
    assert found(check, done(ends, effort_level=effort)) == PASS
    assert found(check, done(almost, effort_level=effort)) == (f"note {AT}",)


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (
            done("2026-06-14 23:02:00"),
            f"`completed_at` of `{COMPLETION}` is 2026-06-14 23:02 UTC, later than now (2026-06-14 14:02 UTC).",
        ),
        (
            done("2026-05-31 23:59:00"),
            "The work is completed 2026-05-31 23:59 UTC, before its item was posted (2026-06-01 08:00 UTC).",
        ),
        (
            done("2026-06-10 11:00:00", **CLAIMED, updated_at="2026-06-10 12:00:00"),
            "The work is completed 2026-06-10 11:00 UTC, before its item was claimed (2026-06-10 12:00 UTC).",
        ),
        (
            done("2026-06-10 12:12:30", **CLAIMED, updated_at="2026-06-10 12:00:00", effort_level="large"),
            "The work is completed 12 min after its item was claimed, quick for effort `large` (60 min or more).",
        ),
        (
            done("2026-06-01 08:01:00"),
            "The work is completed 1 min after its item was posted, quick for effort `medium` (30 min or more).",
        ),
        (
            done("2026-06-01 08:00:59"),
            "The work is completed less than a minute after its item was posted, quick for effort `medium` (30 min or more).",
        ),
    ],
)
def test_what_is_odd_is_told_with_its_numbers(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == says


def test_a_registration_that_leaves_its_time_alone_is_not_asked() -> None:
    assert found(check, a_snapshot(changes=changes_of(modified("rigs", a_rig().row, display_name="P7")))) == PASS
