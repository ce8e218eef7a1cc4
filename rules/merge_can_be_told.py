"""What the merge would bring can be read.

Dolt merges a branch by comparing both sides with one common ancestor of the branch and main. A branch that merged two
commits of main which do not hold each other has several such ancestors, and what main wrote between them may be set back by
the merge although no row of the pull shows it. So a branch with more than one best common ancestor is not decided on, whoever
is its author.

Dolt leaves a table out of the summary of a diff whose primary key it takes for another one, and the merge brings that table all
the same. So the hashes of all tables are compared, each table that differs is read by name, and where a hash differs with
nothing to show for it, where the summary names a table without a change, or where the answer comes with a warning, the pull is
not decided on either. No setting changes this, and no override.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule, start_over

_BY_HAND = "A maintainer compares main before the merge with main after it, table by table"
_ANEW = "Discard the branch (b in the wl board), sync the fork with main, then make a new branch and write the rows again"


@rule(
    Level.FORBID,
    label="Merge result",
    asks="What the merge would bring can be read",
    fixed=True,
)
def check(pull: Snapshot) -> Iterator[Finding]:
    if pull.other_bases:
        count = len(pull.other_bases) + 1
        yield check.finding(
            Place("pulls", str(pull.pull.number), "branch"),
            f"The branch and main have {count} best common ancestors"
            ": what main wrote between them may be set back by the merge, and no row of the pull shows it.",
            _remedy(pull),
        )

    for table, why in pull.changes.untold:
        named = f" in table {quote(table)}" if table else ""
        yield check.finding(
            Place(table) if table else Place("pulls", str(pull.pull.number), "branch"),
            f"What changes{named} cannot be read: {quote(why)}.",
            _remedy(pull),
        )


def _remedy(pull: Snapshot) -> str:
    if pull.merged:
        return _BY_HAND
    item = pull.item_id
    return start_over(item) if item is not None and pull.kind in (PullKind.WORK, PullKind.CLAIM) else _ANEW
