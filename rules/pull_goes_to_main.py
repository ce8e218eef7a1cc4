"""The pull is open, can be read, and goes to main of this commons.

A pull that is closed, goes elsewhere, or shares no history with main cannot be accepted. Where the source branch is gone or
cannot be read, where the state of the pull is unknown, or where a merge cannot be found on main, no account is at fault: what
the merge brings cannot be told, so nothing is merged or stamped.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullState, Snapshot, quote, rule


@rule(
    Level.FAULT,
    label="Target",
    asks="The pull is open and goes to main of this commons",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    target = pull.pull.target
    if target.database != pull.commons or target.branch != "main":
        yield check.finding(
            Place(),
            f"The pull goes to {quote(str(target))}, not to main of {pull.commons}.",
            f"Open a new pull to main of {pull.commons}",
        )
    match pull.pull.state:
        case PullState.CLOSED:
            yield check.finding(Place(), "The pull is closed.", "Open a new pull from the same branch")
        case PullState.UNKNOWN:
            yield check.finding(Place(), "DoltHub gives this pull a state that the bot does not know.", level=Level.FORBID)
        case PullState.MERGED if pull.merge is None:
            yield check.finding(Place(), "The pull is merged, and which commits it brought cannot be read.", level=Level.FORBID)
        case PullState.OPEN if pull.head is None:
            yield check.finding(
                Place(),
                f"The source branch {quote(str(pull.pull.source))} is gone or cannot be read.",
                "Restore the branch, or close this pull",
                level=Level.FORBID,
            )
        # Where the history could not be read, another check reports it.
        case PullState.OPEN if pull.base is None and not pull.changes.untold:
            yield check.finding(
                Place(), "The branch shares no history with main.", f"Fork {pull.commons} again and redo the work there"
            )
        case PullState.OPEN | PullState.MERGED:
            pass
