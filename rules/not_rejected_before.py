"""This head and this evidence have not been rejected.

A rejection stands in the bot's own answer and holds for the head it was about and for its evidence, whatever new commits
carry that evidence again.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, Snapshot, day, quote, rule, submit_again


@rule(
    Level.DOUBT,
    label="Rejection",
    asks="This work was not rejected before",
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    rejection = pull.rejection
    if rejection is None:
        return
    told = pull.journal.asker(rejection, "reject")
    about = "commit" if rejection.mark.head == pull.head else "evidence"
    yield check.finding(
        Place("completions", pull.completion.id, "evidence") if pull.completion else Place(),
        f"This {about} was rejected by {quote(told) if told else 'a validator'} at {day(rejection.comment.created_at)}; "
        "the bot's answer then says why.",
        submit_again(pull.item_id or "<item>"),
    )
