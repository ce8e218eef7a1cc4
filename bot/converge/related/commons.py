"""What the other commons of this bot tell of a worker: a line for whoever decides, never a reason for a verdict.

Read from main of each at its head, remembered for an hour, and only where that commons' own budget has room. No trouble with
them is trouble with the pull, and nobody waits long: what is not known in time is known at the next look.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass

from bot.converge.bot import Site
from bot.converge.reads import columns_at, main_head
from bot.dolthub import sql, wire
from bot.dolthub.errors import HubError
from bot.model.ids import Commons
from bot.model.ledger import Rig
from bot.model.snapshot import Elsewhere, Record

PATIENCE_S = 3.0
COMMONS_MAX = 8
"""Other commons asked about one worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is remembered, and reads under way."""

    remembered: dict[Commons, Record]
    asked: dict[Commons, Future[Record | None]]

    def known(self) -> tuple[Elsewhere, ...]:
        """Where the worker has stamps, as far as it is known within PATIENCE_S."""
        wait(self.asked.values(), timeout=PATIENCE_S)
        told = {
            commons: future.result() for commons, future in self.asked.items() if future.done() and future.exception() is None
        }
        records = {**self.remembered, **told}
        return tuple(
            Elsewhere(commons=commons, record=record)
            for commons in sorted(records, key=str)
            if (record := records[commons]) is not None and record.stamps
        )


NOBODY = Asked(remembered={}, asked={})


def ask(worker: Rig | None, site: Site) -> Asked:
    """Begin to ask about the rig of this handle and this owner. A rig without an owner is nobody elsewhere."""
    if worker is None or not worker.owner:
        return NOBODY
    remembers, handle, owner = site.store.shared.reputation, worker.handle, worker.owner
    remembered: dict[Commons, Record] = {}
    asked: dict[Commons, Future[Record | None]] = {}
    for commons in [each for each in site.bot.hubs if each != site.commons][:COMMONS_MAX]:
        record = remembers.get(commons, handle, owner)
        if record is not None:
            remembered[commons] = record
        elif site.bot.hubs[commons].has_slack and remembers.may_ask(commons, handle, owner):
            asked[commons] = site.readers.submit(_ask, worker, site.bot.at(commons))
    return Asked(remembered=remembered, asked=asked)


def _ask(worker: Rig, site: Site) -> Record | None:
    """What main of a commons tells of the rig, kept for whoever asks next; None where it cannot be told now."""
    query = sql.record_elsewhere(worker.handle, worker.owner or "")
    try:
        hub = site.hub
        main = main_head(site)
        rows = hub.rows(site.commons, main, query) if query.fits(columns_at(site, main)) else ()
    except HubError:
        return None
    same = (worker.handle, worker.owner)
    record = wire.read_record(row for row in rows if (row.text("handle"), row.text("dolthub_org")) == same)
    site.store.shared.reputation.put(site.commons, worker.handle, worker.owner or "", record)
    return record
