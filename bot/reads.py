"""Reads of a commons at a commit, side by side. What this commons does not have reads as nothing: older ones lack tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from bot.hub import sql, wire
from bot.hub.client import Hub
from bot.model.ids import CommitHash, Commons
from bot.model.ledger import Row

Rows = Future[tuple[Row, ...]]


def columns_at(hub: Hub, commons: Commons, commit: CommitHash) -> dict[str, tuple[str, ...]]:
    """Columns by table at a commit, of the tables that are known. Asked once per commit: the hub keeps what it read there."""
    return wire.read_columns(hub.rows(commons, commit, sql.columns()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """`columns`: by commit and table, for all commits that are read at: main may have been given others since an old one.

    `pool` is never used from inside one of its own tasks.
    """

    hub: Hub
    commons: Commons
    columns: Mapping[CommitHash, Mapping[str, Collection[str]]]
    pool: Executor

    def read(self, at: CommitHash, query: sql.Query) -> Rows:
        """Begin to read; nothing is asked where a column that the query names is missing."""
        if query.is_nothing or not query.fits(self.columns[at]):
            done: Rows = Future()
            done.set_result(())
            return done
        return self.pool.submit(self.hub.rows, self.commons, at, query)
