"""The times that the pull writes can be true.

Nothing is done, posted or registered later than now, and no work is done before its item was posted or claimed. Clocks of
towns differ by minutes, and a clock that is hours off mostly writes its local time where UTC belongs. Work that comes sooner
than its effort lets expect (gsd-skill-creator docs/spider-protocol-fraud-detection.md, 2.3) is worth knowing, no more: people
claim what they have just done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bot.rulebook import Completion, Finding, Level, Place, PullKind, Snapshot, Wanted, day, quote, read_time, rule

AHEAD_MAX = timedelta(minutes=5)
"""How far clocks may differ."""
EFFORT_MIN: Mapping[str, int] = {"trivial": 5, "small": 15, "medium": 30, "large": 60, "epic": 120}
"""Minutes under which a completion is quick, by the document named above."""
_WRITTEN = ("completed_at", "registered_at", "created_at")


@rule(
    Level.DOUBT,
    label="Times",
    asks="Times can be true, and are not faster than the effort",
    kinds=(PullKind.WORK, PullKind.POST, PullKind.REGISTRATION, PullKind.LINK),
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.rows:
        for column in _WRITTEN:
            at = read_time(change.new(column)) if column in change.changed else None
            if at is not None and at - pull.taken_at > AHEAD_MAX:
                yield check.finding(
                    Place(change.table, change.key, column),
                    f"{quote(column)} of {quote(change.key)} is {day(at)}, later than now ({day(pull.taken_at)}).",
                    f"Write the time in UTC into {quote(column)} in the branch",
                )
    if pull.completion is not None and pull.item is not None:
        yield from _in_order(pull, pull.completion, pull.item)


def _in_order(pull: Snapshot, done: Completion, item: Wanted) -> Iterator[Finding]:
    row, ended = item.row, read_time(done.row.get("completed_at"))
    posted_at = read_time(row.get("created_at"))
    # Claiming writes `updated_at`, and nothing else changes an item while it is claimed (wl internal/commons).
    mine = item.status == "claimed" and item.claimed_by == pull.worker
    claimed_at = read_time(row.get("updated_at")) if mine else None
    place = Place("completions", done.id, "completed_at")
    for began, what in ((posted_at, "posted"), (claimed_at, "claimed")):
        if began is not None and ended is not None and ended < began:
            yield check.finding(
                place,
                f"The work is completed {day(ended)}, before its item was {what} ({day(began)}).",
                "Write the time in UTC into `completed_at` in the branch, or say in a comment how it came about",
            )
            return
    began, effort = claimed_at or posted_at, row.text("effort_level")
    if began is None or ended is None or effort not in EFFORT_MIN:
        return
    took_min = (ended - began).total_seconds() / 60
    if took_min < EFFORT_MIN[effort]:
        yield check.finding(
            place,
            f"The work is completed {_minutes(took_min)} after its item was {'claimed' if claimed_at else 'posted'},"
            f" quick for effort {quote(effort)} ({EFFORT_MIN[effort]} min or more).",
            level=Level.NOTE,
        )


def _minutes(took_min: float) -> str:
    return f"{int(took_min)} min" if took_min >= 1 else "less than a minute"
