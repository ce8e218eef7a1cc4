"""By which commits rows of main were written, believed only where the commit's own step holds the row.

Dolt's `dolt_diff_<table>` leaves some steps out and shows some rows at a later merge (`sql.arrivals`). Where it names no
commit that can be believed, main's own steps are read one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from bot.dolthub import sql, wire
from bot.dolthub.client import Hub
from bot.model.history import Move
from bot.model.ids import CommitHash, Commons, is_commit_hash
from bot.model.ledger import Row

STEPS_MAX = 50
"""Steps of main that are read to find a writer. Where none of them wrote the row, no account is named."""
STEPS_PER_READ = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Main:
    """Main of a commons as it stands at `head`."""

    hub: Hub
    commons: Commons
    head: CommitHash

    def rows(self, query: sql.Query) -> tuple[Row, ...]:
        """What the query yields at `head`. Raises HubError."""
        return self.hub.rows(self.commons, self.head, query)

    def log(self, since: CommitHash | None) -> dict[str, Row]:
        """The newest commits that `head` holds and `since` does not, by hash: one page. Raises HubError."""
        page = self.hub.rows_page(self.commons, self.head, sql.line(since, self.head), 0)
        return {row.text("commit_hash"): row for row in page}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one commit changed: from its first parent to itself."""

    before: CommitHash
    commit: CommitHash


def is_believed(row: Row, first_parent: str | None) -> bool:
    """Whether a row of `dolt_diff_<table>` compares the commit with its first parent: then it is that commit's own step."""
    return first_parent is not None and row.get("from_commit") == first_parent


def own_steps(log: Mapping[str, Row], head: CommitHash) -> Iterator[Step]:
    """The steps of the first-parent line from `head`, newest first, as far as the log (by commit, with `parent_hash`) goes."""
    at = head
    while at in log and is_commit_hash(parent := log[at].text("parent_hash")):
        yield Step(before=CommitHash(parent), commit=at)
        at = CommitHash(parent)


def steps_that_wrote(
    main: Main,
    table: str,
    keys: Iterable[str],
    steps: Iterable[Step],
    *,
    added: bool = False,
    sets: tuple[tuple[str, str], ...] = (),
) -> dict[str, Step]:
    """By key, the first of these steps that wrote the row. At most STEPS_MAX are tried. Raises HubError."""
    missing, tried = set(keys), tuple(islice(steps, STEPS_MAX))
    found: dict[str, Step] = {}
    for first in range(0, len(tried), STEPS_PER_READ):
        some = tried[first : first + STEPS_PER_READ]
        pairs = [(step.before, step.commit) for step in some]
        query = sql.wrote(table, sorted(missing), pairs, added=added, sets=sets)
        if query.is_nothing:
            break
        wrote = {(row.text("row_key"), row.text("commit_hash")) for row in main.rows(query)}
        for step in some:
            for key in sorted(missing):
                if (key, step.commit) in wrote:
                    found[key] = step
                    missing.discard(key)
    return found


def moves(main: Main, table: str, keys: Iterable[str], since: CommitHash) -> tuple[Move, ...]:
    """By which commit since `since` each of these rows came to stand as it does now.

    A row whose last writer is not found is left out. Raises HubError.
    """
    wanted = tuple(dict.fromkeys(keys))
    rows = main.rows(sql.moves(table, wanted, since, main.head))
    named = tuple(
        Move(table=table, key=row.text("row_key"), commit=wire.read_commit(row))
        for row in rows
        if is_believed(row, row.get("parent_hash"))
    )
    told = {key: move for key in wanted if (move := _last(named, key)) is not None}
    stale = _written_since(main, table, told)
    kept = tuple(move for key, move in told.items() if key not in stale)
    missing = [key for key in wanted if key not in told or key in stale]
    if not missing:
        return kept
    log = main.log(since)
    found = steps_that_wrote(main, table, missing, own_steps(log, main.head))
    walked = (Move(table=table, key=key, commit=wire.read_commit(log[step.commit])) for key, step in found.items())
    return (*kept, *walked)


def _last(named: Iterable[Move], key: str) -> Move | None:
    """The newest commit of a row. A merge only where the commit that it brought is not named."""
    mine = [move for move in named if move.key == key]
    return next((move for move in mine if not move.commit.is_merge), mine[0] if mine else None)


def _written_since(main: Main, table: str, told: Mapping[str, Move]) -> frozenset[str]:
    """The rows that stand otherwise now than after the commit that is told: another one wrote them later."""
    commits = tuple(dict.fromkeys(move.commit.id for move in told.values() if move.commit.id != main.head))
    found: set[tuple[str, str]] = set()
    for first in range(0, len(commits), STEPS_PER_READ):
        pairs = [(commit, main.head) for commit in commits[first : first + STEPS_PER_READ]]
        rows = main.rows(sql.wrote(table, told, pairs))
        found |= {(row.text("row_key"), row.text("from_commit")) for row in rows}
    return frozenset(key for key, move in told.items() if (key, move.commit.id) in found)
