"""The evidence shows this work alone.

One pull request, commit or page proves one piece of work. Where the same thing, however its link is written, is submitted for
another item or by another rig, a human has to see both.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, Use, quote, rule


@rule(
    Level.DOUBT,
    label="Evidence reuse",
    asks="The evidence is submitted once",
    kinds=(PullKind.WORK,),
    softens_after_merge=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for use in pull.uses:
        yield check.finding(
            Place("completions", use.completion) if use.pull is None else Place("pulls", str(use.pull)),
            f"The evidence {quote(use.url)} is {_where(use)} too: rig {quote(use.rig)}, item {quote(use.item)}.",
            "Say in a comment how it shows this work as well, or submit evidence of this work alone",
        )


def _where(use: Use) -> str:
    return f"in pull {use.pull}" if use.pull is not None else f"in completion {quote(use.completion)} on main"
