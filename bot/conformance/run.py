"""Tries assumptions on a host, one after the other; the first one that fails keeps no other from being tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.conformance.assumption import Assumption, Different, NotTried, Outcome, Result
from bot.conformance.catalog import ASSUMPTIONS
from bot.conformance.trial import Trial
from bot.dolthub import sql
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy, HubError
from bot.model.ids import Database


class NotScratch(Exception):
    """The database must not be written to by a check; the text is the reason."""


def chosen(*, writes: bool) -> tuple[Assumption, ...]:
    """The assumptions to try: all, or those that write nothing."""
    return tuple(each for each in ASSUMPTIONS if writes or not each.writes)


def refuse_real(hub: Hub, db: Database) -> None:
    """Raises NotScratch for a database that holds stamps: people's reputation is not for trying things out. Raises HubError."""
    if not hub.database(db):
        raise NotScratch(
            f"{db} does not exist, or this token may not see it. Make it on the site first, with one commit on main."
        )
    tables = {row.text("table_name") for row in hub.rows(db, "main", sql.columns())}
    if "stamps" in tables and hub.rows(db, "main", sql.Query("SELECT `id` AS id FROM `stamps` LIMIT 1")):
        raise NotScratch(f"{db} holds stamps. Name a scratch database, or use --read-only.")


def tried(
    trial: Trial, assumptions: Iterable[Assumption], done: Callable[[Result], None] = lambda _: None
) -> tuple[Result, ...]:
    """What trying each of them came to. `done` is called with each result."""
    results = []
    for each in assumptions:
        result = _tried(trial, each)
        done(result)
        results.append(result)
    return tuple(results)


def _tried(trial: Trial, each: Assumption) -> Result:
    outcome, says = Outcome.AS_ASSUMED, ""
    try:
        each.check(trial)
    except Different as different:
        outcome, says = Outcome.DIFFERENT, str(different)
    except NotTried as why:
        outcome, says = Outcome.NOT_TRIED, str(why)
    except HubBusy as busy:
        outcome, says = Outcome.NOT_TRIED, f"DoltHub is busy or away: {busy}"
    except HubError as refused:
        outcome, says = Outcome.DIFFERENT, f"refused: {refused}"
    return Result(id=each.id, outcome=outcome, says=says, assumes=each.assumes, changes=each.changes)
