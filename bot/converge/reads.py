"""Reads of a commons at a commit, side by side. What this commons does not have reads as nothing: older ones lack tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from bot.converge.bot import Site
from bot.dolthub import sql, wire
from bot.dolthub.budget.rate_limiter import Urgency, urgency
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubStrange
from bot.model.ids import CommitHash, Commons, is_commit_hash
from bot.model.ledger import Row

Rows = Future[tuple[Row, ...]]
P = ParamSpec("P")
T = TypeVar("T")


class Readers(Executor):
    """Threads that read side by side, each for the urgency of whoever sent it.

    Each urgency has its own: a read that waits for its share of the budget is never in the way of a decision's.
    """

    def __init__(self, most: int) -> None:
        self._pools = {
            how: ThreadPoolExecutor(max_workers=most, thread_name_prefix=f"reader-{how.name.lower()}") for how in Urgency
        }

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As Executor's."""
        return self._pools[urgency()].submit(partial(copy_context().run, fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As Executor's."""
        for pool in self._pools.values():
            pool.shutdown(wait, cancel_futures=cancel_futures)


class Readable(Protocol):
    """A commons and the client that reads it: a `Site`, say."""

    @property
    def hub(self) -> Hub: ...
    @property
    def commons(self) -> Commons: ...


def main_head(site: Readable) -> CommitHash:
    """Where main of the commons stands now."""
    rows = site.hub.rows(site.commons, "main", sql.hash_of("main"))
    head = rows[0].text("head") if rows else ""
    if not is_commit_hash(head):
        raise HubStrange(f"the head of {site.commons} main reads {head!r}")
    return CommitHash(head)


def columns_at(site: Readable, commit: CommitHash) -> dict[str, tuple[str, ...]]:
    """Columns by table at a commit, of the tables that are known. Asked once per commit: the hub keeps what it read there."""
    return wire.read_columns(site.hub.rows(site.commons, commit, sql.columns()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """`columns`: by commit and table, for all commits that are read at: main may have been given others since an old one.

    The site's readers are never used from inside one of their own tasks.
    """

    site: Site
    columns: Mapping[CommitHash, Mapping[str, Collection[str]]]

    def read(self, at: CommitHash, query: sql.Query) -> Rows:
        """Begin to read; nothing is asked where a column that the query names is missing."""
        if not self._asks(at, query):
            return _nothing()
        return self.site.readers.submit(self.site.hub.rows, self.site.commons, at, query)

    def read_together(self, at: CommitHash, *queries: sql.Query) -> tuple[Rows, ...]:
        """Begin to read several in one request, which is what DoltHub counts. All cells come as text.

        What cannot be asked so (an answer that is too large, a SQL error of one) is asked one by one.
        """
        asked = tuple(dict.fromkeys(query for query in queries if self._asks(at, query)))
        if len(asked) < 2:
            return tuple(self.read(at, query) for query in queries)
        found: dict[sql.Query, Rows] = {query: Future() for query in asked}
        self.site.readers.submit(self._fill, at, found)
        return tuple(found[query] if query in found else _nothing() for query in queries)

    def _asks(self, at: CommitHash, query: sql.Query) -> bool:
        return not query.is_nothing and query.fits(self.columns[at])

    def _fill(self, at: CommitHash, futures: Mapping[sql.Query, Rows]) -> None:
        try:
            answers = rows_together(self.site, at, tuple(futures), self.columns[at])
        except BaseException as error:
            for future in futures.values():
                future.set_exception(error)
            return
        for future, answer in zip(futures.values(), answers, strict=True):
            future.set_result(answer)


def rows_together(
    site: Readable, ref: str, queries: Sequence[sql.Query], columns: Mapping[str, Collection[str]]
) -> tuple[tuple[Row, ...], ...]:
    """What several queries yield, query by query, in one request. All cells come as text.

    What cannot be asked so (an answer that is too large, a SQL error of one of them) is asked one by one. Raises HubError.
    """
    if len(queries) > 1:
        try:
            return sql.apart(site.hub.rows(site.commons, ref, sql.together(queries, columns)), queries, columns)
        except (HubStrange, ValueError, IndexError):
            pass
    return tuple(site.hub.rows(site.commons, ref, query) for query in queries)


def _nothing() -> Rows:
    done: Rows = Future()
    done.set_result(())
    return done
