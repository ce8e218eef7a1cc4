"""No other rig works on the same item.

Several rigs may submit work for one item; a human picks. Other open pulls, completions on main and a claim on main by
another rig are named here, so that nobody picks unawares.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule

_COMPARE = "Compare before deciding; the first merge ends the race"


@rule(
    Level.DOUBT,
    label="Rivals",
    asks="No other pull, completion or claim is about the same item",
    kinds=(PullKind.WORK, PullKind.CLAIM),
    softens_after_merge=True,
    formerly="no_rival_is_ahead",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for rival in pull.rivals:
        if rival.rig and rival.rig == pull.worker:
            continue  # The worker's own; `branch_is_usual` tells of those.
        yield check.finding(
            Place("pulls", str(rival.pull)),
            f"Pull {rival.pull} by rig {quote(rival.rig)} is about the same item"
            + (f", with evidence {quote(rival.evidence)}." if rival.evidence else "."),
            _COMPARE,
        )
    fresh = {change.key for change in pull.changes.of("completions")}
    for done in pull.completions:
        if done.wanted_id in pull.item_ids and done.id not in fresh:
            yield check.finding(
                Place("completions", done.id),
                f"Main has a completion of this item by rig {quote(done.completed_by)}: {quote(done.id)}.",
                _COMPARE,
            )
    item = pull.item
    if item is not None and not pull.changes.of("wanted") and item.claimed_by not in (None, pull.worker):
        yield check.finding(
            Place("wanted", item.id, "claimed_by"),
            f"On main the item is claimed by rig {quote(item.claimed_by)}; this is a competing submission.",
            _COMPARE,
        )
