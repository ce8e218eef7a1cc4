"""The validators' backlog: every open pull, as the board knows it, and as DoltHub lists it where the board knows nothing.

The board is scratch and DoltHub may be away. Either is enough for a list; what it lacks is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands import decision_rows
from bot.converge.bot import Site
from bot.dolthub.errors import HubError
from bot.model.finding import Verdict
from bot.model.ids import Commons, Handle, PullNo, User, WantedId
from bot.model.kind import PullKind
from bot.model.pull import PullState, PullSummary
from bot.store import CachedVerdict, PullRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One open pull that waits. What is None is not known: the pull was not looked at yet, or the board was lost."""

    pull: PullNo
    title: str
    opened_at: datetime | None = None
    creator: User | None = None
    verdict: Verdict | None = None
    kind: PullKind | None = None
    item: WantedId | None = None
    rig: Handle | None = None
    evidence: str = ""
    item_title: str = ""
    reason: str = ""
    """Why it is not READY; empty where nothing stands against it."""
    free: tuple[User, ...] = ()
    """Accounts that may decide it."""
    line: str = ""
    """What a validator can type, with the head it is about; empty where there is nothing to decide."""
    judged_at: datetime | None = None
    quarantined: str = ""
    """Why the bot leaves it alone; empty if it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """One commons' backlog, oldest first. `lacks`: sentences about who did not answer, so that this may not be all."""

    commons: Commons
    waiting: tuple[Waiting, ...]
    lacks: tuple[str, ...] = ()

    def ready(self) -> Backlog:
        """Only what can be accepted as it stands."""
        return replace(self, waiting=tuple(each for each in self.waiting if each.verdict is Verdict.READY))

    def since(self, moment: datetime) -> Backlog:
        """Only what was opened at this moment or later; what is not known to be older stays."""
        return replace(self, waiting=tuple(each for each in self.waiting if each.opened_at is None or each.opened_at >= moment))

    def of(self, account: User) -> Backlog:
        """Only what this account may decide, as far as that is known."""
        return replace(self, waiting=tuple(each for each in self.waiting if account in each.free))


def read_backlog(site: Site) -> Backlog:
    """What waits on a commons now. Raises HubError where neither DoltHub nor the board knows anything."""
    records = site.store.pulls.records()
    board = {pull: record.verdict for pull, record in records.items() if record.verdict is not None}
    lacks = (
        [] if site.store.shared.answers() else ["Redis does not answer, so no verdicts are known: start it, or fix REDIS_URL"]
    )
    try:
        listed = [pull for pull in site.hub.pulls(site.commons) if pull.state is PullState.OPEN]
        listed = [pull for pull in listed if not _is_landing(pull, site)]
    except HubError as error:
        if not board:
            raise
        lacks.append(f"DoltHub does not list its pulls ({error}), so this is what was known of them last: try again later")
        return _told([_of_board(each) for each in board.values()], lacks, records, site)
    return _told([_of_list(pull, board.get(pull.number)) for pull in listed], lacks, records, site)


def _told(waiting: list[Waiting], lacks: list[str], records: Mapping[PullNo, PullRecord], site: Site) -> Backlog:
    """Oldest first: pulls are numbered as they are opened."""
    alone = {pull: record.quarantine for pull, record in records.items() if record.quarantine is not None}
    told = [replace(each, quarantined=alone[each.pull].why) if each.pull in alone else each for each in waiting]
    return Backlog(commons=site.commons, waiting=tuple(sorted(told, key=lambda each: each.pull)), lacks=tuple(lacks))


def _is_landing(pull: PullSummary, site: Site) -> bool:
    return decision_rows.served_pull(pull.title) is not None and pull.creator == site.account


def _of_list(pull: PullSummary, standing: CachedVerdict | None) -> Waiting:
    known = _of_board(standing) if standing is not None else Waiting(pull=pull.number, title=pull.title)
    return replace(known, title=pull.title, opened_at=pull.created_at, creator=pull.creator)


def _of_board(standing: CachedVerdict) -> Waiting:
    return Waiting(
        pull=standing.pull,
        title=standing.title,
        opened_at=standing.opened_at,
        verdict=standing.verdict,
        kind=standing.kind,
        item=standing.item,
        rig=standing.rig,
        evidence=standing.evidence,
        item_title=standing.item_title,
        reason=standing.reason,
        free=standing.free,
        line=standing.line,
        judged_at=standing.judged_at,
    )
