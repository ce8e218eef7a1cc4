"""A command that cannot go on now: its author is told once for each reason, it is kept, and tried again by itself."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from bot.converge.bot import Site
from bot.converge.perform import deed_of, park
from bot.converge.plan.commands import kept
from bot.dolthub.errors import HubBusy, HubError, HubObstructed, HubRefused
from bot.model.snapshot import Snapshot
from bot.model.step import ClosePull, Land, MergePull, ParkReason, Step


def keep(step: Step, trouble: HubBusy | HubRefused, snapshot: Snapshot, site: Site) -> bool:
    """Tell whose command is stuck, if it is time to. Whether it has been told, so that the next try can wait a while."""
    hitch = _hitch(trouble)
    comment = next((c for c in snapshot.comments if c.id == deed_of(step)), None)
    if not snapshot.comments_readable or hitch is None or comment is None or not isinstance(step, MergePull | Land | ClosePull):
        return False
    about = f"stuck {comment.id} {hitch.value}"
    since = site.store.notes.first_look(snapshot.pull.number, about)
    patience = timedelta(seconds=snapshot.policy.timing.park_s if hitch is ParkReason.BUSY else 0)
    if since is None or site.clock() < since + patience:
        return False
    if hitch.value not in snapshot.journal.parked(comment.id):
        said = kept(snapshot, comment, step, site.commands, hitch=hitch, why=str(trouble))
        # Whoever hears the trouble itself need not hear of this one as well: the next try tells it.
        with contextlib.suppress(HubError):
            park(said, hitch, snapshot, site)
    return True


def _hitch(trouble: HubBusy | HubRefused) -> ParkReason | None:
    """A token that is refused is for the operator alone: nothing could be said with it either."""
    if isinstance(trouble, HubObstructed):
        return ParkReason.OBSTRUCTED
    if isinstance(trouble, HubBusy):
        return ParkReason.BUSY
    return ParkReason.WITHHELD if trouble.withheld else None
