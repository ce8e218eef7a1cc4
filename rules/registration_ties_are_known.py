"""A registration or a link that ties its rig to another account's says whom it bars.

A tie forbids both sides to decide about each other, for ever. Whoever names another rig as its parent, or states another rig's
e-mail address, makes such a tie alone; whoever takes one away sets somebody free. Both are for a validator to see.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Relations, Rig, Snapshot, account_node, quote, rig_node, rule

NAMED_MAX = 5


@rule(
    Level.DOUBT,
    label="New ties",
    asks="A registration says which other accounts it ties its rig to, and which it sets free",
    kinds=(PullKind.REGISTRATION,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    brought = [Rig(change.after) for change in pull.changes.of("rigs") if change.after is not None]
    changed = {rig.handle for rig in brought}
    before = Relations.of(pull.rigs, pull.rig_links)
    after = Relations.of((*(rig for rig in pull.rigs if rig.handle not in changed), *brought), pull.rig_links)
    for rig in brought[:NAMED_MAX]:
        others = dict.fromkeys(each.owner for each in pull.rigs if each.owner and each.owner != rig.owner)
        here = (rig_node(rig.handle), *((account_node(rig.owner),) if rig.owner else ()))
        was = {other for other in others if before.path(here, account_node(other)) is not None}
        now = {other for other in others if after.path(here, account_node(other)) is not None}
        place = Place("rigs", rig.handle)
        if tied := [other for other in others if other in now - was]:
            named = _named(tied)
            yield check.finding(
                place,
                f"It ties rig {quote(rig.handle)} to {named}: from then on neither may decide about the other's work.",
                "Accept it only if both belong together",
            )
        if freed := [other for other in others if other in was - now]:
            yield check.finding(
                place,
                f"It cuts the tie of rig {quote(rig.handle)} with {_named(freed)}:"
                " from then on they may decide about each other.",
                "Accept it only if both are apart",
            )


def _named(accounts: list[str]) -> str:
    more = f" and {len(accounts) - NAMED_MAX} more" if len(accounts) > NAMED_MAX else ""
    return ", ".join(map(quote, accounts[:NAMED_MAX])) + more
