"""The statements of a decision: each one row, one commit, guarded by what the decision was made about.

DoltHub makes a statement's text the public commit message, so it stays readable.
"""
# ruff: noqa: S608 - SQL is put together here; every value goes through literal(), name() or hash_literal()

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.dolthub.sql.literal import comment, literal, name
from bot.dolthub.sql.query import key_column
from bot.model.ledger import NOT_JSON, Row, RowWrite, Write, write_time

_NOT_COMPARABLE = frozenset({"tags", "sandbox_scope", "valence", "skill_tags", "sheet_json", "confidence"})
"""JSON and FLOAT columns: equality with a text literal does not hold in MySQL even where the cells agree."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One write, one commit."""

    text: str


def write_row(
    write: RowWrite, *, columns: Mapping[str, Collection[str]], now: datetime, note: str, unless_stamped: bool = False
) -> Statement:
    """One row of a decision as one guarded statement, with the note as trailing comment.

    `columns`: columns by table of this commons; cells of others are left out. `now` goes into the columns of `touch`.
    `unless_stamped`: nothing is written if any stamp has this context (the stamp's own `context_id`; for a completion, its
    id). Never INSERT IGNORE: that would also hide a violated CHECK.
    Raises ValueError for a write that cannot be said safely (unknown table, a guard on a JSON or FLOAT column).
    """
    there = columns.get(write.table, ())
    key = name(key_column(write.table))
    cells = [(column, value) for column, value in write.cells.cells if column in there]
    cells += [(column, write_time(now)) for column in write.touch if column in there]
    unstamped = _unstamped(write) if unless_stamped else ""
    if write.write is Write.INSERT:
        if write.guard.cells:
            raise ValueError("an INSERT has no guard: its key must be free")
        text = _insert(write.table, [(write.key_column, write.key), *(c for c in cells if c[0] != write.key_column)], unstamped)
        return Statement(text + comment(note))
    where = " AND ".join([f"{key} = {literal(write.key)}", *_guard(write.guard, there)] + ([unstamped] if unstamped else []))
    if write.write is Write.DELETE:
        return Statement(f"DELETE FROM {name(write.table)} WHERE {where}{comment(note)}")
    if not cells:
        raise ValueError(f"nothing to set in {write.table}")
    sets = ", ".join(f"{name(column)} = {literal(value)}" for column, value in cells)
    return Statement(f"UPDATE {name(write.table)} SET {sets} WHERE {where}{comment(note)}")


def _insert(table: str, cells: list[tuple[str, str | None]], condition: str) -> str:
    into = f"INSERT INTO {name(table)} ({', '.join(name(column) for column, _ in cells)})"
    values = ", ".join(literal(value) for _, value in cells)
    return f"{into} SELECT {values} WHERE {condition}" if condition else f"{into} VALUES ({values})"


def _guard(guard: Row, there: Collection[str]) -> list[str]:
    """Conditions under which the row is still what the decision was made about. A column that is not there reads as NULL."""
    conditions: list[str] = []
    for column, value in guard.cells:
        if value is None:
            conditions += [_is_nothing(column)] if column in there else []
        elif column in _NOT_COMPARABLE or column not in there:
            raise ValueError(f"a guard on {column} cannot hold")
        else:
            conditions.append(f"{name(column)} = {literal(value)}")
    return conditions


def _is_nothing(column: str) -> str:
    """NULL; in a column that may hold JSON, JSON `null` as well: a merge may have written it (`cell_value`)."""
    null = f"{name(column)} IS NULL"
    return null if column in NOT_JSON else f"({null} OR CAST({name(column)} AS CHAR) = 'null')"


def _unstamped(write: RowWrite) -> str:
    """No stamp on main is about what is decided here."""
    context = write.cells.get("context_id") if write.table == "stamps" else write.key
    if write.table not in ("stamps", "completions") or not context:
        raise ValueError("unless_stamped is for a stamp with a context, or for a completion")
    return f"NOT EXISTS (SELECT 1 FROM `stamps` WHERE `context_id` = {literal(context)})"
