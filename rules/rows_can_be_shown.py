"""Every cell that a pull brings can be read in its review.

No cell reaches main that no review showed. A pull that changes more cells than one comment can show is split by its author
into several, each of which can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import CELLS_SHOWN_MAX, Finding, Level, Place, PullKind, Snapshot, cells_to_show, rule


@rule(
    Level.FAULT,
    label="Size",
    asks="Every cell that the pull changes can be shown in its review",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK),
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    count = len(cells_to_show(pull))
    if count > CELLS_SHOWN_MAX:
        yield check.finding(
            Place("pulls", str(pull.pull.number)),
            f"The pull changes {count} cells that have to be read, and a review can show {CELLS_SHOWN_MAX}.",
            "Split it into pulls of one item each",
        )
