"""A second witness of what lies between two commits: each table compared with itself by ordinary reads.

`dolt_diff` and its kin are one witness, and they have left rows out (`diff`). Here the engine joins a table at one commit with
the same table at the other. The rows that this names must be the rows that the diff shows, cell by cell. What does not agree is
untold, and what is untold forbids a merge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from bot.dolthub import sql, wire
from bot.dolthub.errors import HubRefused, HubStrange
from bot.model.ids import CommitHash, Database
from bot.model.ledger import KNOWN_TABLES, PRIMARY_KEYS, ChangeKind, Row, RowChange, same_cell

ROWS_MAX: Final = 5000
"""Rows of one table that are read: those that differ, or all of either commit where the host joins no two commits."""
NOT_ANSWERED: Final = "this host does not answer how its rows differ from what they were"
NOT_COMPARABLE: Final = "it is not there before and after with the same key, so its rows cannot be compared"
HTTP_BAD_REQUEST: Final = 400


class Reads(Protocol):
    """The part of the hub that is needed here."""

    def rows(self, db: Database, ref: str, query: sql.Query) -> tuple[Row, ...]: ...

    def rows_page(self, db: Database, ref: str, query: sql.Query, page: int) -> tuple[Row, ...]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A commit and the database it is read in."""

    db: Database
    commit: CommitHash


@dataclass(frozen=True, slots=True)
class _Gone:
    """A row that is no longer there."""


_Held = _Gone | tuple[Row | None, Row]
"""What the rows themselves show of a key: gone, or the cells before (None: it was added) and after."""
_Rows = dict[str, _Held]
"""By key, every row that differs."""


def compare(
    hub: Reads, base: Place, head: Place, tables: Iterable[str], pool: Executor | None = None
) -> tuple[Comparison, ...]:
    """Each of these tables at `base` and at `head`, compared by the engine without any diff function.

    `tables`: known tables that may differ and whose definition does not. At `head` both commits can be read; `base` names the
    database of main where it may be read as well, so that its answers serve all pulls. Two requests for the columns and one for
    all tables. Raises HubError, but for the refusal of a question, which has another way round.
    """
    compared = sorted(set(tables), key=KNOWN_TABLES.index)
    if not compared:
        return ()
    ask = partial(_columns, hub)
    before, after = pool.map(ask, (base, head)) if pool is not None else map(ask, (base, head))
    found = [Comparison(hub, base, head, table, before.get(table, ()), after.get(table, ())) for table in compared]
    together = _together(hub, head, [each for each in found if each.comparable])
    return tuple(replace(each, together=together.get(each.table)) for each in found)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table at both commits, with its columns at each. Its methods raise HubError as `compare` does.

    `together`: what was read of it with other tables, its cells as text.
    """

    hub: Reads
    base: Place
    head: Place
    table: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    together: _Rows | None = None

    @property
    def key(self) -> str:
        return PRIMARY_KEYS[self.table]

    @property
    def comparable(self) -> bool:
        """Whether the table is there at both commits, with the key that is known."""
        return self.key in self.before and self.key in self.after

    @property
    def compared(self) -> sql.Query:
        return sql.rows_compared(self.base.commit, self.head.commit, self.table, self.before, self.after)

    @property
    def gone(self) -> sql.Query:
        return sql.keys_gone(self.base.commit, self.head.commit, (self.table,))

    def unlike(self, shown: Sequence[RowChange]) -> str:
        """Why the rows do not hold what is `shown` of them; empty if they do."""
        if not self.comparable:
            return NOT_COMPARABLE
        if self.together is not None and not self._unlike(shown, self.together):
            return ""
        # A cell as text may be worded otherwise: JSON has blanks then. So nothing is told apart by such a text alone.
        held = self._joined()
        if held is None:
            held = self._whole()
        return NOT_ANSWERED if held is None else self._unlike(shown, held)

    def changes(self) -> tuple[RowChange, ...] | None:
        """What the rows themselves show, by key; None where the host does not answer that."""
        sides = self._sides() if self.comparable else None
        if sides is None:
            return None
        old, new = sides
        differing = (key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
        return tuple(
            RowChange(
                table=self.table, key=key, kind=_kind(old.get(key), new.get(key)), before=old.get(key), after=new.get(key)
            )
            for key in differing
        )

    def held(self, compared: Iterable[Row], gone: Iterable[Row]) -> _Rows:
        """The answers to `compared` and `gone` as one."""
        rows: _Rows = {}
        for row in compared:
            was = row.get(f"from_{self.key}") is not None
            old = Row.of((name, row.get(f"from_{name}")) for name in self.before) if was else None
            rows[row.text(f"to_{self.key}")] = (old, Row.of((name, row.get(f"to_{name}")) for name in self.after))
        return rows | {row.text("row_key"): _Gone() for row in gone}

    def _joined(self) -> _Rows | None:
        """Rows that differ, by a join; None where the host does not answer it, or there are too many."""
        answers = [_answered(partial(_pages, self.hub, self.head, query)) for query in (self.compared, self.gone)]
        return None if None in answers else self.held(*(answer or () for answer in answers))

    def _whole(self) -> _Rows | None:
        """The same, from both sides read whole: the way round where a host joins no two commits."""
        sides = self._sides()
        if sides is None:
            return None
        old, new = sides
        changed: _Rows = {key: (old.get(key), row) for key, row in new.items() if old.get(key) != row}
        return changed | {key: _Gone() for key in old if key not in new}

    def _sides(self) -> tuple[dict[str, Row], dict[str, Row]] | None:
        """All rows at both commits, by key; None where the host does not answer that, or there are too many."""
        sides: list[dict[str, Row]] = []
        for place, columns in ((self.base, self.before), (self.head, self.after)):
            rows = _answered(partial(_pages, self.hub, place, sql.all_rows(self.table, columns, columns)))
            if rows is None:
                return None
            # Both have one order of columns: a table whose definition differs is not compared.
            sides.append({row.text(self.key): Row.of((name, row.get(name)) for name in columns) for row in rows})
        return sides[0], sides[1]

    def _unlike(self, shown: Sequence[RowChange], held: _Rows) -> str:
        """Why both do not show the same; empty if they do. Of a row that is gone the key alone is compared."""
        said = {change.key: change for change in shown}
        if len(said) != len(shown):
            return "the diff shows one of its rows twice"
        if missing := len(held.keys() - said.keys()):
            return f"{_rows(missing)} differing that the diff does not show"
        if extra := len(said.keys() - held.keys()):
            return f"the diff shows {_rows(extra)} as changed that a comparison of the rows does not"
        other = sum(not self._same(said[key], row) for key, row in held.items())
        return f"{_rows(other)} with other cells than the diff shows" if other else ""

    def _same(self, shown: RowChange, held: _Held) -> bool:
        if isinstance(held, _Gone):
            return shown.kind is ChangeKind.REMOVED
        before, after = held
        if shown.kind is ChangeKind.REMOVED or shown.after is None or (shown.before is None) is not (before is None):
            return False
        if any(not same_cell(name, shown.after.get(name), after.get(name)) for name in self.after):
            return False
        return before is None or all(
            same_cell(name, (shown.before or after).get(name), before.get(name)) for name in self.before
        )


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _kind(before: Row | None, after: Row | None) -> ChangeKind:
    if before is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if after is None else ChangeKind.MODIFIED


def _columns(hub: Reads, at: Place) -> dict[str, tuple[str, ...]]:
    return wire.read_columns(hub.rows(at.db, at.commit, sql.columns()))


def _together(hub: Reads, head: Place, tables: Sequence[Comparison]) -> dict[str, _Rows]:
    """What differs in all these tables, in one request; empty where the host does not answer it so."""
    queries = [query for each in tables for query in (each.compared, each.gone)]
    if not queries:
        return {}
    rows = _answered(partial(_pages, hub, head, sql.together(queries, {})))
    if rows is None:
        return {}
    try:
        parts = iter(sql.apart(rows, queries, {}))
    except (ValueError, IndexError):
        return {}
    return {each.table: each.held(next(parts), next(parts)) for each in tables}


def _pages(hub: Reads, at: Place, query: sql.Query) -> tuple[Row, ...] | None:
    """All rows of a query; None if there are more than ROWS_MAX."""
    rows: list[Row] = []
    for page in range(ROWS_MAX // query.per_page + 1):
        got = hub.rows_page(at.db, at.commit, query, page)
        rows += got
        if len(got) < query.per_page:
            return tuple(rows)
    return None


def _answered(ask: Callable[[], tuple[Row, ...] | None]) -> tuple[Row, ...] | None:
    """The answer; None where this question is refused or cannot be answered. Raises HubError for any other trouble."""
    try:
        return ask()
    except HubStrange as strange:
        if strange.unreadable:
            raise
    except HubRefused as no:
        if no.status != HTTP_BAD_REQUEST:
            raise
    return None
