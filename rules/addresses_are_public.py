"""A registration makes its e-mail address public.

A commons is a public database with a history: what a registration writes into `owner_email` or `hop_uri`, which mostly holds
the same address, stays there for everybody, whatever later rows say. Nobody is refused for it, and it is not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule

_ADDRESSES = ("owner_email", "hop_uri")


@rule(
    Level.NOTE,
    label="E-mail",
    asks="A registration that holds an e-mail address warns that the address becomes public",
    kinds=(PullKind.REGISTRATION,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("rigs"):
        written = [column for column in _ADDRESSES if column in change.changed and (change.new(column) or "").strip()]
        if written:
            named = " and ".join(map(quote, written))
            yield check.finding(
                Place("rigs", change.key, written[0]),
                f"The registration of {quote(change.key)} writes {named}: once merged, public for ever.",
                f"To keep it private, discard the branch and register without {named}",
            )
