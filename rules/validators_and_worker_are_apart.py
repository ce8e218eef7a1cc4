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
    Place,
    PullKind,
    Relations,
    Snapshot,
    account_node,
    quote,
    rig_node,
    rule,
)

VALIDATORS_MAX = 20


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
    relations = Relations.of((*pull.rigs, *pull.past_rigs), (*pull.rig_links, *pull.past_rig_links), (worker,))
    for validator in pull.policy.validators[:VALIDATORS_MAX]:
        starts = (account_node(validator.user), *((rig_node(validator.rig),) if validator.rig else ()))
        ties = relations.hint(starts, rig_node(worker))
        if ties:
            by = ", ".join(dict.fromkeys(TIES[tie] for tie in ties))
            yield check.finding(
                Place("rigs", worker, validator.user),
                f"Validator {quote(validator.user)} and rig {quote(worker)} are joined through rows of other accounts: {by}.",
                "Another validator decides, if that is no accident",
            )
