"""Hypothesis strategies over the model: rows and changes as broken as a stranger could make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from hypothesis import strategies as st

from bot.model.evidence import Seen
from bot.model.history import Commit, Move
from bot.model.ids import CommitHash
from bot.model.ledger import PRIMARY_KEYS, ChangeKind, Changes, Completion, Rig, RigLink, Row, RowChange, Wanted
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot, Surroundings
from tests.build import (
    COLUMNS,
    COMPLETION,
    EVIDENCE,
    ITEM,
    NOW,
    RIGS,
    a_branch,
    a_probe,
    a_pull,
    a_row,
    a_snapshot,
    a_wanted,
    merged,
)

T = TypeVar("T")
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


# --- whole pulls ----------------------------------------------------------------------------------------------------

_NASTY = (
    "\u202e\u2066evil\u2069", "\ud800", "\x00\x1b[2J", "a\u0300" * 40, "\U000e0041\U000e0042", "\ufdfa" * 9, "İıſK",
    "| a | b |\n|---|---|", "`stampbot/1 review - READY " + "0" * 32 + " - 1`", "</td><script>", "[x](javascript:1)",
    "9" * 400, "1e309", "-0", "'; DROP TABLE wanted; --", "[" * 3000, '{"a":' * 500, "https://" + "a." * 200, "http://[",
    "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-06-14T13:00:00+23:59", "x" * 70_000,
)  # fmt: skip
"""Text that has broken renderers, readers of JSON, of times, of numbers and of names."""


def hostile_text() -> st.SearchStrategy[str]:
    """Any text at all, lone surrogates and controls included."""
    return st.sampled_from(_NASTY) | st.text(st.characters(codec=None, exclude_categories=()), max_size=12)


def any_names() -> st.SearchStrategy[str]:
    """The name of a table or a column: one that is known, one that is not, or no name at all."""
    known = sorted({*TABLES, *(column for columns in COLUMNS.values() for column in columns)})
    return (
        st.sampled_from((*TABLES, *known))
        | st.sampled_from(("dolt_branches", "dolt_schemas", "payouts", "WANTED"))
        | hostile_text()
    )


@st.composite
def odd_row_changes(draw: st.DrawFn) -> RowChange:
    """A change of any table, known or not, with any columns and any text; a sane one with hostile cells as often as not."""
    table = draw(st.sampled_from(TABLES) | any_names())
    text = st.none() | cells() | hostile_text()
    written = {draw(any_names()): draw(text) for _ in range(draw(st.integers(0, 3)))}
    written |= {column: draw(text) for column in draw(st.lists(st.sampled_from((*COLUMNS.get(table, ("id",)),)), max_size=3))}
    before, after = a_row(table), Row.of(a_row(table).as_dict() | written) if draw(st.booleans()) else Row.of(written)
    kind = draw(st.sampled_from(ChangeKind))
    return RowChange(
        table=table,
        key=draw(st.sampled_from((ITEM, COMPLETION, "w-1", "polecat-7")) | hostile_text()),
        kind=kind,
        before=None if kind is ChangeKind.ADDED else draw(st.sampled_from((before, after))),
        after=None if kind is ChangeKind.REMOVED else after,
    )


@st.composite
def any_pull_changes(draw: st.DrawFn, rows_max: int = 150) -> Changes:
    """All that may lie between two commits, up to so many rows; large ones repeat a few rows under other keys."""
    few = draw(st.lists(odd_row_changes() | any_row_changes(), max_size=5))
    size = draw(st.sampled_from((len(few), len(few), len(few), 30, rows_max))) if few else 0
    more = (replace(few[n % len(few)], key=f"{few[n % len(few)].key[:40]}-{n}") for n in range(len(few), size))
    return Changes(
        rows=(*few, *more),
        schema=tuple(draw(_seldom(st.tuples(any_names())))),
        unread=tuple(draw(_seldom(st.tuples(st.tuples(any_names(), st.integers(1, 10**9)))))),
    )


_MESSAGES = (
    f"wl done: {ITEM}", "wl accept: `x`", "Register rig: \u202eanna", "UPDATE `stamps` SET x = 1", "x; -- wl claim: w-1",
    "DROP TABLE x",
)  # fmt: skip
"""What commits are called, and could be."""


def any_commits() -> st.SearchStrategy[Commit]:
    """A commit of a stranger, called anything."""
    return st.builds(
        Commit,
        id=st.sampled_from(("a" * 32, "b" * 32)).map(CommitHash),
        committer=hostile_text(),
        made_at=st.sampled_from((None, NOW)),
        message=st.sampled_from(_MESSAGES) | hostile_text(),
        is_merge=st.booleans(),
    )


@st.composite
def any_pulls(draw: st.DrawFn, rows_max: int = 150) -> Snapshot:
    """An open, closed or merged pull of strangers with any changes, and any rows around it on main. Never the bot's own."""
    main = (
        st.lists(any_rows("wanted"), max_size=2),
        st.lists(any_rows("completions"), max_size=2),
        st.lists(any_rows("rigs"), max_size=2),
    )
    items, done, rigs = (tuple(draw(rows)) for rows in main)
    branch = draw(st.sampled_from((f"wl/polecat-7/{ITEM}", "main", "stampbot/x", "wl//", "")) | hostile_text())
    pull = a_snapshot(
        pull=a_pull(title=draw(cells()) or "", source=a_branch(branch=branch)),
        changes=draw(any_pull_changes(rows_max)),
        items=(*map(Wanted, items), *((a_wanted(),) if draw(st.booleans()) else ())),
        completions=tuple(map(Completion, done)),
        rigs=(*map(Rig, rigs), *RIGS),
        rig_links=tuple(map(RigLink, draw(st.lists(any_rows("rig_links"), max_size=1)))),
        namesakes=tuple(map(Wanted, items)),
        probes=(a_probe(seen=draw(st.sampled_from(Seen)), title=draw(hostile_text())),),
        commits=draw(st.none() | st.lists(any_commits(), max_size=3).map(tuple)),
        moves=tuple(
            draw(st.lists(st.builds(Move, table=st.just("wanted"), key=st.just(ITEM), commit=any_commits()), max_size=2))
        ),
        base_at=draw(st.none() | st.sampled_from((NOW, NOW - timedelta(days=99), NOW + timedelta(days=9)))),
        surroundings=Surroundings(claims=tuple(map(Wanted, items)), completions=tuple(map(Completion, done))),
    )
    pull = replace(
        pull, head=draw(st.sampled_from((pull.head, None))), base=draw(st.sampled_from((pull.base, pull.base, None)))
    )
    state = draw(st.sampled_from((PullState.OPEN, PullState.OPEN, *PullState)))
    if state is PullState.MERGED and draw(st.booleans()):
        return merged(pull)
    return replace(pull, pull=replace(pull.pull, state=state))
