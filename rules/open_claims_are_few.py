"""The worker has no more at hand than a worker can finish.

Claims never expire, and an item that somebody holds and leaves alone is lost to all others; so is the care of work that comes
by the dozen. A claim of more than two weeks (gsd-skill-creator docs/spider-protocol-fraud-detection.md, ghost claiming), more
than five claims, or more than five completions in a day are worth knowing. A hint to a reader, never a verdict. Counted are
claims and completions on main, without those of this item.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, read_time, rule

CLAIMS_MAX = 5
"""Items claimed at once; a number that the bot chose."""
CLAIM_MAX = timedelta(days=14)
"""Age of a claim beyond which it counts as stale, by the document named above."""
DAY = timedelta(hours=24)
DAY_COMPLETIONS_MAX = 5
"""Completions within a day; a number that the bot chose, for that document counts over all time."""


@rule(
    Level.NOTE,
    label="Workload",
    asks="The worker has few open claims and few completions within a day",
    kinds=(PullKind.WORK,),
    formerly="worker_keeps_up",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    if pull.worker is None:
        return
    here, now, rig = set(pull.item_ids), pull.taken_at, quote(pull.worker)
    recent = 0
    for done in pull.surroundings.completions:
        at = read_time(done.row.get("completed_at"))
        recent += at is not None and done.wanted_id not in here and timedelta() <= now - at <= DAY
    if recent > DAY_COMPLETIONS_MAX:
        yield check.finding(Place("completions"), f"Rig {rig} has {recent} other completions on main from the last 24 hours.")
    held = [item for item in pull.surroundings.claims if item.id not in here]
    ages = [(now - at, item.id) for item in held if (at := read_time(item.row.get("updated_at"))) is not None]
    age, oldest = max(ages, default=(timedelta(), ""))
    stale = age > CLAIM_MAX
    if len(held) > CLAIMS_MAX:
        which = f", the oldest, {quote(oldest)}, of {age.days} days ago" if stale else ""
        yield check.finding(Place("wanted"), f"Rig {rig} holds {len(held)} other claims{which}.")
    elif stale:
        yield check.finding(Place("wanted"), f"Rig {rig} also holds {quote(oldest)}, claimed {age.days} days ago.")
