"""The branch left main not long ago.

A pull is compared with where its branch left main, so an old one is as good as a fresh one, as long as main has not moved under
its rows. But a worker whose fork is old does not see what main holds now, some tools refuse to write to such a fork
(Kilo-Org/cloud, packages/wl-sdk, assertForkMainCurrent), and DoltHub's API cannot sync it: its owner has to. Counted from the
time of the commit where the two parted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, day, rule

OLD = timedelta(days=30)
"""A number that the bot chose."""


@rule(
    Level.NOTE,
    label="Branch age",
    asks="The branch left main recently",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK),
    softens_after_merge=True,
    of_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    if pull.base_at is not None and pull.taken_at - pull.base_at > OLD:
        yield check.finding(
            Place("pulls", str(pull.pull.number), "branch"),
            f"The branch left main {(pull.taken_at - pull.base_at).days} days ago, at {day(pull.base_at)}.",
            "Sync the fork with main on DoltHub before the next branch",
        )
