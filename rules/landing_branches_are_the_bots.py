"""Only the bot opens pulls from stampbot/ branches.

Branches of that name carry decisions of validators to main. One that the bot did not open from the commons itself only
looks like a decision.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import LANDING_PREFIX, Finding, Level, Place, Snapshot, quote, rule


@rule(
    Level.FAULT,
    label="Landing branch",
    asks="Only the bot uses branches for landings",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    if pull.pull.source.branch.startswith(LANDING_PREFIX):
        yield check.finding(
            Place(),
            f"The branch {quote(str(pull.pull.source))} is named like a decision of the bot, and is none.",
            "Push the rows to a branch of another name and open a new pull",
        )
