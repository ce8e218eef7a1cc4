"""Pulls that a move of main touches, and pulls behind what main shows as unfinished."""

from __future__ import annotations

from collections.abc import Mapping

from bot.converge.bot import Site
from bot.converge.reads import Reads, columns_at, main_head
from bot.converge.related.evidence import same_evidence
from bot.dolthub import diff, sql
from bot.dolthub.errors import HubRefused, HubStrange
from bot.model.ids import CommitHash, PullNo
from bot.model.ledger import Completion
from bot.model.pull import PullState
from bot.store import RECHECK, CachedVerdict, Listed
from bot.store.poll_state import LIST, MAIN
from bot.sweep.run import SweepRun

DETAIL_READS_MAX = 20
"""Pulls tried to find the one behind an unfinished completion."""


def read_main(run: SweepRun, pulls: Mapping[PullNo, Listed]) -> frozenset[PullNo]:
    """Owe a look at every pull that main touches, if it moved; the merged pulls that may be behind what is unfinished there."""
    site = run.site
    last, unfinished = site.store.notes.swept()
    if last is not None and run.overdue(MAIN, run.main_s) < 1:
        return unfinished
    run.left -= 1
    main = main_head(site)
    run.note_check(MAIN, moved=main != last)
    if main == last and LIST not in run.changed:
        return unfinished
    unfinished = frozenset(_behind_unfinished(pulls, main, site))
    for number in _touched(last, main, site):
        run.add_pending(number, RECHECK)
    site.store.notes.note_swept(main, unfinished)
    return unfinished


def _behind_unfinished(pulls: Mapping[PullNo, Listed], main: CommitHash, site: Site) -> list[PullNo]:
    """Pulls that may have brought the completions which main shows as begun and not finished, by who made them."""
    reads = Reads(site=site, columns={main: columns_at(site, main)})
    unfinished = [Completion(r) for r in reads.read(main, sql.open_completions()).result()]
    if not unfinished:
        return []
    rigs = reads.read(main, sql.rows_by("rigs", "handle", [c.completed_by for c in unfinished if c.completed_by]))
    owners = {r.text("dolthub_org") for r in rigs.result() if r.text("dolthub_org")}
    return [n for n, p in pulls.items() if p.creator in owners and p.state is PullState.MERGED][:DETAIL_READS_MAX]


def _touched(last: CommitHash | None, main: CommitHash, site: Site) -> set[PullNo]:
    """Open pulls whose item, rigs or evidence main has changed since: their review may not hold any more."""
    if last == main:
        return set()
    standings = site.store.pulls.verdicts()
    try:
        changes = diff.read_changes(site.hub, site.commons, last, main, pool=site.readers) if last is not None else None
    except (HubRefused, HubStrange):
        changes = None
    if changes is None or changes.unread or changes.schema or changes.untold:
        # Main was set back, or changed as a whole: who knows what that means.
        return {s.pull for s in standings}
    done = changes.of("completions")
    items = {c.key for c in changes.of("wanted")} | {c.new("wanted_id") or c.old("wanted_id") for c in done}
    rigs = {c.key for c in changes.of("rigs")} | {c.new("subject") for c in changes.of("stamps")}
    rigs |= {end for c in changes.of("rig_links") for side in ("rig_a", "rig_b") for end in (c.new(side), c.old(side)) if end}
    # A rig that was registered or given away is looked at by its handle and by its owner's account.
    names = {c.key for c in changes.of("rigs")}
    names |= {name for c in changes.of("rigs") for name in (c.new("dolthub_org"), c.old("dolthub_org")) if name}
    handed_in = [text for c in done for text in (c.new("evidence"), c.old("evidence")) if text]

    def touches(one: CachedVerdict) -> bool:
        if one.item in items or (one.rig is not None and one.rig in rigs) or not names.isdisjoint(one.names):
            return True
        return any(same_evidence(one.evidence, text, site) for text in handed_in)

    return {s.pull for s in standings if touches(s)}
