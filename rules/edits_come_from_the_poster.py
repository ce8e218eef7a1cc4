"""An item is edited by its poster, and given back by its claimer.

Updating and withdrawing an item is its poster's; so is taking back a claim, which its claimer may do as well. A poster
whose rig has no owner on main could be anybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import ChangeKind, Finding, Handle, Level, Place, PullKind, Snapshot, quote, rule, writer


@rule(
    Level.FAULT,
    label="Poster",
    asks="Only the poster of an item edits it",
    kinds=(PullKind.EDIT,),
    overridable=False,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    account = writer(pull)
    for change in pull.changes.of("wanted", ChangeKind.MODIFIED):
        main = next((item for item in pull.items if item.id == change.key), None)
        poster = main.posted_by if main else Handle(change.old("posted_by") or "")
        given_back = change.old("status") == "claimed" and change.new("status") == "open"
        claimer = main.claimed_by if main else Handle(change.old("claimed_by") or "")
        owners = {rig.owner for rig in map(pull.rig, (poster, claimer if given_back else None)) if rig}
        if account in owners:
            continue
        unknown = not owners or "" in owners
        yield check.finding(
            Place("wanted", change.key),
            f"The item is posted by {quote(poster)}"
            + (", whose owner is not known on main" if unknown else "")
            + f", and edited from {quote(account)}.",
            f"The owner of {poster or 'the poster'} opens the pull from their own fork",
            level=Level.DOUBT if unknown else None,
        )
