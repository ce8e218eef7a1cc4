"""No validator is joined to the worker through rows of other accounts.

What two accounts wrote themselves ties them, and the bot refuses their decisions about each other. A way from tie to tie that
others wrote alone, such as an e-mail address that a third rig states as well, bars no validator: a stranger could write it.
It may be true all the same, so it is said before anybody decides.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import (
    TIES,
    Finding,
    Level,
    Node,
    Place,
    PullKind,
    Relations,
    Snapshot,
    account_node,
    quote,
    rig_node,
    rule,
)


@rule(
    Level.DOUBT,
    label="Ties",
    asks="No validator is joined to the worker through rows of other accounts",
    kinds=(PullKind.WORK,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    worker = pull.worker
    if worker is None:
        return
    rigs, links = (*pull.rigs, *pull.past_rigs), (*pull.rig_links, *pull.past_rig_links)
    relations = Relations.of(rigs, links, (worker,), apart=pull.policy.apart)
    near = relations.near([rig_node(worker)])
    for user, starts in _validators(pull):
        ties = relations.hint(starts, rig_node(worker)) if near.intersection(starts) else ()
        if ties:
            by = ", ".join(dict.fromkeys(TIES[tie] for tie in ties))
            yield check.finding(
                Place("rigs", worker, user),
                f"Validator {quote(user)} and rig {quote(worker)} are joined through rows of other accounts: {by}.",
                "Let another validator decide, if both may be one person",
            )


def _validators(pull: Snapshot) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """Accounts that may decide here, by the policy and by trust on main, each once, with where ties to them begin."""
    found: dict[str, dict[Node, None]] = {}
    for validator in pull.policy.validators:
        starts = found.setdefault(validator.user, {account_node(validator.user): None})
        if validator.rig:
            starts[rig_node(validator.rig)] = None
    for rig in pull.rigs:
        if rig.owner and rig.trust >= pull.policy.min_trust:
            found.setdefault(rig.owner, {account_node(rig.owner): None})
    yield from ((user, tuple(starts)) for user, starts in found.items())
