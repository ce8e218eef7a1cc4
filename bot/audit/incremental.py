"""The audit that goes along with the sweep: what main has gained without the bot is looked at and remembered.

What is remembered is scratch: where it is lost, main is read anew, from the bot's first deed on. Nobody is told below a pull:
what others wrote on main is for whoever keeps the commons.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.audit.checks import TRAILER_MARK, WAYS, Arrival, audit, worst_first
from bot.audit.rows import read_arrivals, read_books
from bot.converge.bot import Site
from bot.converge.reads import main_head
from bot.converge.writers import Main
from bot.dolthub import diff, sql
from bot.dolthub.errors import HubRefused, HubStrange
from bot.model.finding import AuditFinding
from bot.model.ids import CommitHash, is_commit_hash
from bot.model.policy import RatingStyle
from bot.store import KeptAudit


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """An audit, and those of its findings that the last one had not."""

    audit: KeptAudit
    new: tuple[AuditFinding, ...] = ()


def audit_if_due(site: Site) -> Gains | None:
    """Audit main if that was not done for a while; None if it is not due, or somebody is at it. Raises HubError."""
    every_s = site.policy.timing.audit_s
    due = bool(every_s) and site.store.audits.take_turn(every_s=every_s)
    return audit_gains(site) if due else None


def audit_gains(site: Site) -> Gains:
    """How main stands now, and how what it gained since the last audit came there. Raises HubError."""
    paper = site.store.audits
    at, last = main_head(site), paper.get()
    if last is not None and last.at == at:
        return Gains(audit=last)
    books, unread = read_books(site, at)
    since = last.at if last is not None else _first_of_ours(site, at)
    arrivals, untold = _arrivals(since, at, site)
    found = audit(books, arrivals=arrivals, words=site.policy.rating is RatingStyle.WORDS)
    before = last.findings if last is not None else ()
    there = books.keys()
    # How a row came does not change, so it is told as long as the row is there.
    kept = [each for each in before if each.check == WAYS and any(row in there for row in each.rows)]
    audited = KeptAudit(
        at=at,
        audited_at=site.clock(),
        findings=worst_first(dict.fromkeys((*found, *kept))),
        unread=(*unread, *untold),
    )
    paper.put(audited)
    return Gains(audit=audited, new=tuple(each for each in audited.findings if each not in before))


def _arrivals(since: CommitHash | None, at: CommitHash, site: Site) -> tuple[tuple[Arrival, ...], tuple[str, ...]]:
    """By which commits rows came since. None before the bot's first deed: what was there before it is not its business."""
    if since is None:
        return (), ()
    try:
        changes = diff.read_changes(site.hub, site.commons, since, at, pool=site.readers)
        return read_arrivals(Main(hub=site.hub, commons=site.commons, head=at), since, changes)
    except (HubRefused, HubStrange):
        return (), (f"main was set back, or is not known any more where the last audit saw it ({since[:8]})",)


def _first_of_ours(site: Site, at: CommitHash) -> CommitHash | None:
    """The first commit that main holds of a statement of the bot's; None if there is none."""
    rows = site.hub.rows(site.commons, at, sql.first_with(TRAILER_MARK, at))
    found = rows[0].text("commit_hash") if rows else ""
    return CommitHash(found) if is_commit_hash(found) else None
