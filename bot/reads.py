"""Reads of a commons at a commit, side by side. What this commons does not have reads as nothing: older ones lack tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from bot.hub import sql
from bot.hub.client import Hub
from bot.model.ids import CommitHash, Commons
from bot.model.ledger import Row

Rows = Future[tuple[Row, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """`columns`: by table, of this commons. `pool` is never used from inside one of its own tasks."""

    hub: Hub
    commons: Commons
    columns: Mapping[str, Collection[str]]
    pool: Executor

    def read(self, at: CommitHash, table: str, query: sql.Query, needs: Iterable[str] = ()) -> Rows:
        """Begin to read; nothing is asked where the table, or one of the columns it `needs`, is missing."""
        there = self.columns.get(table)
        if there is None or query.is_nothing or not set(needs).issubset(there):
            done: Rows = Future()
            done.set_result(())
            return done
        return self.pool.submit(self.hub.rows, self.commons, at, query)
