"""Hypothesis strategies over the model: rows and changes as broken as a stranger could make them."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from bot.model.ledger import PRIMARY_KEYS, ChangeKind, Changes, Row, RowChange
from tests.build import COLUMNS, COMPLETION, EVIDENCE, ITEM, a_row

T = TypeVar("T")
unhurried = settings(deadline=None)
"""For laws: a busy machine is no counterexample."""
TABLES = (*COLUMNS, "payouts", "dolt_ignore")
_USUAL = (("wanted", "completions"), ("wanted",), ("completions",), ("rigs",), ("rig_links",))
_WORDS = (
    "", "open", "claimed", "in_review", "completed", "withdrawn", "done", "polecat-7", "ana-town", "nobody", "pia", "0", "1",
    "3", "-1", "NaN", "null", "[]", "{", "2026-06-14 13:00:00", "inference", ITEM, COMPLETION, EVIDENCE, "http://[::1",
    "`/accept`", "a\x00b\u202e\ud800", "x" * 300,
)  # fmt: skip


def cells() -> st.SearchStrategy[str | None]:
    """NULL, a word that means something somewhere, or any text."""
    return st.none() | st.sampled_from(_WORDS) | st.text(max_size=20)


@st.composite
def any_rows(draw: st.DrawFn, table: str) -> Row:
    """A row of this table: the sane one with some cells replaced, or one with columns missing and unknown ones."""
    columns = (*COLUMNS.get(table, ("id",)), "metadata", "strange")
    some = {column: draw(cells()) for column in draw(st.lists(st.sampled_from(columns), unique=True, max_size=4))}
    return Row.of((a_row(table).as_dict() | some) if draw(st.booleans()) else some)


@st.composite
def any_row_changes(draw: st.DrawFn, tables: tuple[str, ...] = TABLES) -> RowChange:
    """A changed row; in one of two, key and rows agree with what happened, in the other nothing need agree."""
    table = draw(st.sampled_from(tables))
    kind = draw(st.sampled_from((ChangeKind.ADDED, ChangeKind.MODIFIED, ChangeKind.MODIFIED, ChangeKind.REMOVED)))
    before, after = draw(st.none() | any_rows(table)), draw(st.none() | any_rows(table))
    if draw(st.booleans()):
        return RowChange(table=table, key=draw(cells()) or "", kind=kind, before=before, after=after)
    before, after = before or a_row(table), after or a_row(table)
    return RowChange(
        table=table,
        key=(before if kind is ChangeKind.REMOVED else after).text(PRIMARY_KEYS.get(table, "id")),
        kind=kind,
        before=None if kind is ChangeKind.ADDED else before,
        after=None if kind is ChangeKind.REMOVED else after,
    )


@st.composite
def any_changes(draw: st.DrawFn, tables: tuple[str, ...] = TABLES) -> Changes:
    """Whatever may lie between two commits, in few of these tables, so that every kind of pull comes up."""
    usual = [those for those in _USUAL if set(those) <= set(tables)]
    few = st.lists(st.sampled_from(tables), min_size=1, max_size=3, unique=True).map(tuple)
    some = draw(few | st.sampled_from(usual)) if usual else draw(few)
    named = st.sampled_from(some)
    return Changes(
        rows=tuple(draw(st.lists(any_row_changes(some), max_size=4))),
        schema=tuple(draw(_seldom(st.tuples(named)))),
        unread=tuple(draw(_seldom(st.tuples(st.tuples(named, st.integers(5001, 10**6)))))),
    )


def _seldom(strategy: st.SearchStrategy[tuple[T, ...]]) -> st.SearchStrategy[tuple[T, ...]]:
    """Mostly nothing: one changed definition makes a pull foreign, and hides what else is in it."""
    return st.integers(0, 7).flatmap(lambda n: strategy if n == 7 else st.just(()))
