"""The pull comes from a branch of its own, in a pull of its own.

Branches are named `wl/<rig>/<item>` and `wl/register/<handle>` (wl, PR mode), and any rig may have a slash in its handle. From
other branches the rows are just as good, but whatever is pushed to a fork's main next joins the pull that is open from there.
Where one rig has several pulls open for one item, at most one of them can be merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule

_USUAL = re.compile(r"wl/[^/]+/.+", re.DOTALL)
_MAINS = frozenset({"main", "master"})
_NAMED_MAX = 4


@rule(
    Level.NOTE,
    label="Branch",
    asks="The pull comes from a branch of its own with a usual name, and a rig has one open pull for an item",
    kinds=(PullKind.WORK, PullKind.CLAIM, PullKind.POST, PullKind.EDIT, PullKind.REGISTRATION, PullKind.LINK),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    twins = sorted(rival.pull for rival in pull.rivals if pull.worker is not None and rival.rig == pull.worker)
    if twins:
        more = " …" if len(twins) > _NAMED_MAX else ""
        yield check.finding(
            Place(),
            f"Rig {quote(pull.worker)} has pull {', '.join(map(str, twins[:_NAMED_MAX]))}{more} open for this item too,"
            " and only one can be merged.",
            "Close the pulls that are not meant",
        )
    source = pull.pull.source
    place, instead = Place("pulls", str(pull.pull.number), "branch"), f"Next time push to a branch like {_usual(pull)}"
    if source.branch in _MAINS and source.database != pull.commons:
        yield check.finding(
            place,
            f"The pull comes from {quote(source.branch)} of the fork, so whatever is pushed there next joins it.",
            instead,
        )
    elif not _USUAL.fullmatch(source.branch):
        yield check.finding(
            place, f"The name of branch {quote(source.branch)} does not show whose work it is, and on which item.", instead
        )


def _usual(pull: Snapshot) -> str:
    """What wl would have called the branch, as far as the rows tell."""
    if pull.kind is PullKind.REGISTRATION:
        return quote(f"wl/register/{next((change.key for change in pull.changes.of('rigs')), '') or '<handle>'}")
    item = pull.item_on_head
    rig = pull.worker or (item.posted_by if item is not None else None)
    return quote(f"wl/{rig or '<rig>'}/{pull.item_id or '<item>'}")
