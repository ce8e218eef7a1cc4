"""The audit that goes along with the sweep: what main has gained without the bot is looked at and remembered.

What is remembered is scratch: where it is lost, main is read anew, from the bot's first deed on. Nobody is told below a pull:
what others wrote on main is for whoever keeps the commons.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.audit.checks import TRAILER_MARK, WAYS, Arrival, audit, worst_first
from bot.audit.rows import read_arrivals, read_books
from bot.converge.bot import Deps
from bot.converge.reads import main_head
from bot.dolthub import diff, sql
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubRefused, HubStrange
from bot.model.finding import AuditFinding
from bot.model.ids import CommitHash, Commons, is_commit_hash
from bot.model.policy import RatingStyle
from bot.store import KeptAudit


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """An audit, and those of its findings that the last one had not."""

    audit: KeptAudit
    new: tuple[AuditFinding, ...] = ()


def audit_if_due(commons: Commons, deps: Deps) -> Gains | None:
    """Audit main if that was not done for a while; None if it is not due, or somebody is at it. Raises HubError."""
    every_s = deps.policy(commons).timing.audit_s
    due = bool(every_s) and deps.store.at(commons).audits.take_turn(every_s=every_s)
    return audit_gains(commons, deps) if due else None


def audit_gains(commons: Commons, deps: Deps) -> Gains:
    """How main stands now, and how what it gained since the last audit came there. Raises HubError."""
    hub, paper = deps.hub(commons), deps.store.at(commons).audits
    at, last = main_head(hub, commons), paper.get()
    if last is not None and last.at == at:
        return Gains(audit=last)
    books, unread = read_books(hub, commons, at)
    since = last.at if last is not None else _first_of_ours(hub, commons, at)
    arrivals, untold = _arrivals(hub, commons, since, at, deps)
    found = audit(books, arrivals=arrivals, words=deps.policy(commons).rating is RatingStyle.WORDS)
    before = last.findings if last is not None else ()
    there = books.keys()
    # How a row came does not change, so it is told as long as the row is there.
    kept = [each for each in before if each.check == WAYS and any(row in there for row in each.rows)]
    audited = KeptAudit(
        at=at,
        audited_at=deps.clock(),
        findings=worst_first(dict.fromkeys((*found, *kept))),
        unread=(*unread, *untold),
    )
    paper.put(audited)
    return Gains(audit=audited, new=tuple(each for each in audited.findings if each not in before))


def _arrivals(
    hub: Hub, commons: Commons, since: CommitHash | None, at: CommitHash, deps: Deps
) -> tuple[tuple[Arrival, ...], tuple[str, ...]]:
    """By which commits rows came since. None before the bot's first deed: what was there before it is not its business."""
    if since is None:
        return (), ()
    try:
        changes = diff.read_changes(hub, commons, since, at, pool=deps.readers)
        return read_arrivals(hub, commons, since, at, changes)
    except (HubRefused, HubStrange):
        return (), (f"main was set back, or is not known any more where the last audit saw it ({since[:8]})",)


def _first_of_ours(hub: Hub, commons: Commons, at: CommitHash) -> CommitHash | None:
    """The first commit that main holds of a statement of the bot's; None if there is none."""
    rows = hub.rows(commons, at, sql.first_with(TRAILER_MARK, at))
    found = rows[0].text("commit_hash") if rows else ""
    return CommitHash(found) if is_commit_hash(found) else None
