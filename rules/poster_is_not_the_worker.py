"""The poster of the item is not its worker.

Who wants a thing may also do it, and nothing is wrong with that. But nobody stamps their own work, so it takes another
validator; with nobody but its poster around, such work can be closed, without a stamp (wl, README, working alone).
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import Finding, Level, Place, PullKind, Snapshot, quote, rule


@rule(
    Level.NOTE,
    label="Own item",
    asks="The worker did not post the item",
    kinds=(PullKind.WORK,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    item, worker = pull.item, pull.worker
    if item is None or item.posted_by is None or worker is None:
        return
    poster_rig, worker_rig = pull.rig(item.posted_by), pull.rig(worker)
    if item.posted_by == worker:
        who = f"Rig {quote(worker)} has posted this item itself"
    elif poster_rig is not None and worker_rig is not None and poster_rig.owner and poster_rig.owner == worker_rig.owner:
        who = f"Rig {quote(item.posted_by)}, which posted this item, belongs to {quote(worker_rig.owner)} like the worker"
    else:
        return
    yield check.finding(
        Place("wanted", item.id, "posted_by"), f"{who}, so a stamp takes another validator; its owner can close it at most."
    )
