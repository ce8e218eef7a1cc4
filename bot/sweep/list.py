"""The pulls there are: as DoltHub lists them, as they were listed before, and those that came since."""

from __future__ import annotations

from math import ceil

from bot.commands import decision_rows
from bot.converge.bot import Site
from bot.converge.landing import put_away
from bot.dolthub.errors import HubError, HubGone, HubRefused, HubStrange
from bot.model.ids import PullNo
from bot.model.mark import MarkKind, read_mark
from bot.model.pull import PullState
from bot.store import DECIDE, Listed, PollState
from bot.store.poll_state import LIST, NEXT
from bot.sweep.run import SweepRun

LIST_SHARE = 0.04
"""The list of all pulls, which has neither heads nor comments, may cost this share of the budget."""
PULLS_PER_PAGE = 20
"""Of DoltHub's list (wl, on v1alpha1; v2's size is not documented)."""
NEXT_MAX = 20
"""New pulls found by number between two readings of the list."""


def read_list(run: SweepRun) -> dict[PullNo, Listed]:
    """All pulls, newest first: as listed now, or as they were, with those that came since."""
    site = run.site
    known = dict(site.store.pulls.listed())
    pages = ceil(max(1, len(known)) / PULLS_PER_PAGE)
    looked_at = run.pulses.get(LIST, PollState()).checked_at
    wait_s = max(run.poll_s, pages * 60 / (LIST_SHARE * run.per_minute))
    if not known or run.everything or run.over(looked_at, wait_s) >= 1:
        run.left -= pages
        run.note_check(LIST)
        unread: dict[PullNo, HubStrange] = {}
        found = {p.number: p for p in site.hub.pulls(site.commons, unread=unread)}
        for number, strange in unread.items():
            run.look_closer(number, strange)
        old = {n: known[n].source for n in found if n in known}
        known = {
            n: Listed(number=n, state=p.state, creator=p.creator, title=p.title, source=old.get(n)) for n, p in found.items()
        } | {n: known[n] for n in unread if n in known}
        site.store.pulls.note_listed(known.values())
        site.store.pulls.keep_open((n for n, p in known.items() if p.state is PullState.OPEN))
        for number in _served([p for p in known.values() if is_landing(p, site)], run):
            run.add_pending(number, DECIDE)
    elif run.over(run.pulses.get(NEXT, PollState()).checked_at, run.poll_s) >= 1:
        known |= _came_since(max(known), run)
    return dict(sorted(known.items(), reverse=True))


def _came_since(newest: PullNo, run: SweepRun) -> dict[PullNo, Listed]:
    """Pulls numbered on from the newest that is known: cheaper than the list, which is read all the same, if less often."""
    site = run.site
    run.note_check(NEXT)
    found: dict[PullNo, Listed] = {}
    for number in map(PullNo, range(newest + 1, newest + 1 + NEXT_MAX)):
        run.left -= 1
        try:
            pull = site.hub.pull(site.commons, number)
        except HubRefused as no:
            if no.status == 401:
                raise
            break
        except HubStrange as strange:
            run.look_closer(number, strange)
            continue
        found[pull.number] = Listed(
            number=pull.number, state=pull.state, creator=pull.creator, title=pull.title, source=pull.source
        )
    site.store.pulls.note_listed(found.values())
    return found


def is_landing(pull: Listed, site: Site) -> bool:
    return pull.creator == site.account and decision_rows.served_pull(pull.title) is not None


def _served(landings: list[Listed], run: SweepRun) -> set[PullNo]:
    """Pulls whose decision has a landing pull still open. If that decision was answered, the landing pull is closed.

    So it is where the decision is none any more: nobody goes on with a command that was deleted or edited.
    """
    found: set[PullNo] = set()
    site = run.site
    hub, bot = site.hub, site.account
    for landing in landings:
        served = decision_rows.served_pull(landing.title)
        if landing.state is not PullState.OPEN or served is None:
            continue
        try:
            comments = hub.comments(site.commons, served)
        except HubGone:
            continue
        except HubError as trouble:
            run.report(served, trouble)
            found.add(served)
            continue
        marks = [m for c in comments if (m := read_mark(c, bot)) is not None]
        stands = any(decision_rows.serves_comment(landing.title, c.id) and not c.edited for c in comments)
        told = any(
            m.kind is MarkKind.ANSWER and m.outcome in ("done", "refused") and m.comment is not None
            and decision_rows.serves_comment(landing.title, m.comment)
            for m in marks
        )  # fmt: skip
        if told or not stands:
            _put_away(landing, run)
        elif not site.store.notes.is_parked(served):
            found.add(served)
    return found


def _put_away(landing: Listed, run: SweepRun) -> None:
    """Close a landing pull, where DoltHub lets the bot do so: a landing pull that stays open changes nothing on main."""
    try:
        put_away(run.site, landing.number)
    except HubError as trouble:
        # Trouble that is not of this pull alone meets the next request as well.
        run.report(landing.number, trouble)
