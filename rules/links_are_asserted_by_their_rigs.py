"""Two rigs are linked by their own word, each for itself.

A link forbids its rigs to judge each other, so nobody may make one for others: the sender owns one of the two rigs, asserts
for that one only, and a link is active once both have spoken. Ending an active one is worth a look.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Handle, Level, Place, PullKind, RowChange, Snapshot, quote, rule, writer

_STATUSES = ("pending", "active", "revoked")


@rule(Level.FAULT, kinds=(PullKind.LINK,), fixed=True)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("rig_links"):
        yield from _link(pull, change)


def _link(pull: Snapshot, change: RowChange) -> Iterator[Finding]:
    account = writer(pull)
    sides = {side: change.new(f"rig_{side}") for side in ("a", "b")}
    rigs = {side: pull.rig(Handle(handle or "")) for side, handle in sides.items()}
    own = {side for side, rig in rigs.items() if rig is not None and rig.owner == account}
    if not own:
        yield check.finding(
            Place("rig_links", change.key),
            f"The link is between {quote(sides['a'])} and {quote(sides['b'])}; neither belongs to {quote(account)}.",
            "The owner of one of the two rigs opens the pull from their own fork",
        )
    if sides["a"] == sides["b"]:
        yield check.finding(Place("rig_links", change.key), f"The link joins {quote(sides['a'])} to itself.", "Name two rigs")
    for column in ("rig_a", "rig_b"):
        if change.before is not None and column in change.changed:
            yield check.finding(
                Place("rig_links", change.key, column),
                f"The pull puts {quote(change.new(column))} into the place of {quote(change.old(column))}.",
                f"Put {column} back as it is on main, and add a new link",
            )
    for side in sorted(set(sides) - own):
        column = f"assertion_{side}"
        if column in change.changed:
            yield check.finding(
                Place("rig_links", change.key, column),
                f"The pull speaks for {quote(sides[side])}, which does not belong to {quote(account)}.",
                f"Put {column} back; the owner of {sides[side]} asserts in a pull of their own",
            )
    place, status = Place("rig_links", change.key, "status"), change.new("status")
    if status not in _STATUSES:
        yield check.finding(
            place, f"{quote(status)} is no status of a link.", f"Set status to one of {', '.join(_STATUSES)} in the branch"
        )
    if change.old("status") == "active" and status != "active":
        yield check.finding(
            place,
            f"The pull ends the link between {quote(sides['a'])} and {quote(sides['b'])}; they could judge each other then.",
            "Say in a comment why the rigs are no longer linked",
            level=Level.DOUBT,
        )
    if status == "active" and not (change.new("assertion_a") and change.new("assertion_b")):
        yield check.finding(
            place,
            "The link is active before both rigs have spoken.",
            "Set status to pending in the branch",
        )
