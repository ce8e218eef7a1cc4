"""Nobody holds the pull.

A hold stands in the bot's own answer to `/hold`, and stays, whatever is pushed, until whoever placed it or a validator
without a stake in the work writes `/unhold`. While it stands nothing is decided.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Level, Said, Snapshot, quote, rule


@rule(
    Level.NOTE,
    label="Hold",
    asks="No person holds the pull",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Said]:
    for hold in pull.holds:
        yield check.waits(f"{quote(hold.by)} to lift the hold")
