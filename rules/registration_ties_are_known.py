"""A registration or a link that ties its rig to another account's says whom it bars.

A tie forbids both sides to decide about each other, for ever. An account that names another rig as its parent, or states
another rig's e-mail address, makes such a tie alone; one that takes it away sets the other free. A validator should see both.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Relations, Rig, RigLink, Snapshot, account_node, quote, rig_node, rule

NAMED_MAX = 5


@rule(
    Level.DOUBT,
    label="New ties",
    asks="A registration or a link says which other accounts it ties a rig to, and which it sets free",
    kinds=(PullKind.REGISTRATION, PullKind.LINK),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    rigs = {str(rig.handle): rig for rig in pull.rigs}
    rigs |= {change.key: Rig(change.after) for change in pull.changes.of("rigs") if change.after is not None}
    links = {link.row.text("id"): link for link in pull.rig_links}
    brought = {change.key: RigLink(change.after) for change in pull.changes.of("rig_links") if change.after is not None}
    paired = [handle for link in brought.values() for handle in link.pair]
    touched = dict.fromkeys((*(change.key for change in pull.changes.of("rigs")), *paired))
    before = Relations.of(pull.rigs, pull.rig_links, apart=pull.policy.apart)
    after = Relations.of(rigs.values(), (links | brought).values(), apart=pull.policy.apart)
    told: set[frozenset[str]] = set()
    for handle in list(touched)[:NAMED_MAX]:
        rig = rigs.get(handle)
        owner = rig.owner if rig is not None else ""
        here = (rig_node(handle), *((account_node(owner),) if owner else ()))
        near = before.near(here) | after.near(here)
        others = dict.fromkeys(r.owner for r in pull.rigs if r.owner and r.owner != owner and account_node(r.owner) in near)
        was = {other for other in others if before.path(here, account_node(other)) is not None}
        now = {other for other in others if after.path(here, account_node(other)) is not None}
        place = Place("rigs", handle)
        fresh = [other for other in others if frozenset((owner, other)) not in told]
        told |= {frozenset((owner, other)) for other in now ^ was}
        if tied := [other for other in fresh if other in now - was]:
            named = _named(tied)
            yield check.finding(
                place,
                f"It ties rig {quote(handle)} to {named}: from then on neither may decide about the other's work.",
                "Accept it only if both belong together",
            )
        if freed := [other for other in fresh if other in was - now]:
            yield check.finding(
                place,
                f"It cuts the tie of rig {quote(handle)} with {_named(freed)}: from then on they may decide about each other.",
                "Accept it only if both are apart",
            )


def _named(accounts: list[str]) -> str:
    more = f" and {len(accounts) - NAMED_MAX} more" if len(accounts) > NAMED_MAX else ""
    return ", ".join(map(quote, accounts[:NAMED_MAX])) + more
