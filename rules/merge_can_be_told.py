"""What the merge would bring can be told.

Dolt merges a branch by comparing both sides with one common ancestor of the branch and main. A branch that merged two
commits of main which do not hold each other has several such ancestors, and what main wrote between them may be set back by
the merge although no row of the pull shows it. So a branch with more than one best common ancestor is not decided on, whoever
is its author. No setting changes this, and no override.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, rule, start_over

_BY_HAND = "A maintainer compares main before the merge with main after it, table by table"
_ANEW = "Discard the branch (b in the wl board), sync the fork with main, then make a new branch and write the rows again"


@rule(Level.FORBID, fixed=True)
def check(pull: Snapshot) -> Iterator[Finding]:
    if pull.other_bases:
        count = len(pull.other_bases) + 1
        yield check.finding(
            Place("pulls", str(pull.pull.number), "branch"),
            f"The branch and main have {count} best common ancestors"
            ": what main wrote between them may be set back by the merge, and no row of the pull shows it.",
            _remedy(pull),
        )


def _remedy(pull: Snapshot) -> str:
    if pull.merged:
        return _BY_HAND
    item = pull.item_id
    return start_over(item) if item is not None and pull.kind in (PullKind.WORK, PullKind.CLAIM) else _ANEW
