"""Whoever works, claims or posts does it in the name of a rig of their own.

Three identities meet: the account whose fork holds the rows, the rig that the rows name, and the rig's owner on main
(`rigs.dolthub_org`). Fork owner and rig owner must be equal, letter for letter; titles and branch names prove nothing. A
rig without an owner on main could be anybody's: a human must look.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Handle, Level, Place, PullKind, Snapshot, fold, quote, rule, writer


@rule(Level.FAULT, kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.MIXED), fixed=True)
def check(pull: Snapshot) -> Iterator[Finding]:
    account = writer(pull)
    told: set[Handle] = set()
    for place, handle, deed in _acting(pull):
        if handle in told:
            continue
        told.add(handle)
        rig = pull.rig(handle)
        if rig is None:
            alike = next((r.handle for r in pull.rigs if fold(r.handle) == fold(handle)), None)
            yield check.finding(
                place,
                f"Rig {quote(handle)} {deed}, but is not registered on main"
                + (f"; main knows {quote(alike)}." if alike else "."),
                "Register the rig with wl join, and wait until that pull is merged",
            )
        elif not rig.owner:
            yield check.finding(
                place,
                f"Rig {quote(handle)} {deed}, and main does not say who owns it.",
                "The owner registers the rig again with wl join, from their own fork",
                level=Level.DOUBT,
            )
        elif rig.owner != account:
            yield check.finding(
                place,
                f"Rig {quote(handle)} {deed}; it belongs to {quote(rig.owner)}, but the rows come from {quote(account)}.",
                f"The owner of {handle} opens the pull from their own fork",
            )


def _acting(pull: Snapshot) -> Iterator[tuple[Place, Handle, str]]:
    """Cells of this pull in which a rig acts, in whose name, and what it does there."""
    for change in pull.changes.of("completions", ChangeKind.ADDED):
        if worker := change.new("completed_by"):
            yield Place("completions", change.key, "completed_by"), Handle(worker), "hands in work"
    for change in pull.changes.of("wanted", ChangeKind.MODIFIED):
        moved = "claimed_by" in change.changed or change.new("status") != change.old("status")
        if moved and (claimer := change.new("claimed_by")):
            yield Place("wanted", change.key, "claimed_by"), Handle(claimer), "claims the item"
    for change in pull.changes.of("wanted", ChangeKind.ADDED):
        if poster := change.new("posted_by"):
            yield Place("wanted", change.key, "posted_by"), Handle(poster), "posts the item"
