"""Whatever a stranger puts into a pull: no crash, each rule asked once, work that grows with the rows, never READY unawares."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.large_pulls import KINDS, pull_of
from bot.commands import catalog as command_catalog
from bot.converge.plan import plan
from bot.messages import reviews
from bot.model.adoption import work_alone
from bot.model.ids import User
from bot.model.kind import Form
from bot.model.ledger import ChangeKind, Changes, RowChange
from bot.model.mark import MarkKind, read_mark
from bot.model.snapshot import Snapshot
from bot.rulebook import ORDINARY_TABLES, Catalog, Judgement, Level, PullKind, Rule, Said, Verdict, find, judge
from tests.build import BOT, COLUMNS, a_comment, a_policy, a_snapshot, added, changes_of, modified, work
from tests.strategies import any_pull_changes, any_pulls, hostile_text

RULES, COMMANDS = find(), command_catalog.find()
ROWS_MAX = 5_000
"""More than these are not read (`Changes.unread`)."""
COMMENT_CHARS_MAX = 40_000


def all_of(snapshot: Snapshot) -> Judgement:
    """The whole pure road of a pull: kind, form, judgement, review, plan; what must hold of every one of them."""
    asked: Counter[str] = Counter()
    judgement = judge(snapshot, Catalog.of(counting(rule, asked) for rule in RULES.rules))
    assert judgement.crashes == ()
    alone = work_alone(snapshot) if judgement.alone is not None else None
    judged = [each for each in (snapshot, alone) if each is not None]
    assert asked == Counter(rule.name for each in judged for rule in RULES.rules if each.kind in rule.kinds)
    assert isinstance(snapshot.form, Form)
    assert judgement == judge(snapshot, RULES)
    review = reviews.review(snapshot, judgement)
    assert len(review) < COMMENT_CHARS_MAX
    mark = read_mark(a_comment(BOT, review), BOT)
    assert mark is not None
    assert (mark.kind, mark.outcome) == (MarkKind.REVIEW, judgement.verdict.word)
    plan(snapshot, judgement, COMMANDS)
    return judgement


def counting(rule: Rule, asked: Counter[str]) -> Rule:
    def check(pull: Snapshot) -> Iterator[Said]:
        asked[rule.name] += 1
        return rule.check(pull)

    return replace(rule, check=check)


def is_unknown(changes: Changes) -> bool:
    """Whether anything changed that wl schema 1.2 knows nothing of: a definition, a table, a column; or that was not read."""
    return bool(changes.schema or changes.unread) or any(_is_unknown(change) for change in changes.rows)


def _is_unknown(change: RowChange) -> bool:
    if change.table not in ORDINARY_TABLES:
        return True
    return change.kind is not ChangeKind.REMOVED and not set(change.changed) <= set(COLUMNS[change.table])


# --- everything -----------------------------------------------------------------------------------------------------


@given(any_pulls())
def test_nothing_a_stranger_writes_breaks_the_road(snapshot: Snapshot) -> None:
    all_of(snapshot)


@given(any_pull_changes())
def test_what_is_not_known_is_never_ready(changes: Changes) -> None:
    judgement = judge(a_snapshot(changes=changes), RULES)
    assert not (is_unknown(changes) and judgement.verdict is Verdict.READY)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@given(any_pulls(ROWS_MAX))
def test_nothing_breaks_the_road_in_a_long_run(snapshot: Snapshot) -> None:
    judgement = all_of(snapshot)
    assert not (is_unknown(snapshot.changes) and judgement.verdict is Verdict.READY)


UNKNOWN = (
    changes_of(*work().rows, added("payouts", id="p-1")),
    changes_of(*work().rows, modified("_meta", value="2.0")),
    changes_of(*work().rows, added("dolt_ignore", pattern="*")),
    changes_of(*work().rows, schema=("wanted",)),
    changes_of(*work().rows, schema=("dolt_schemas",)),
    changes_of(*work().rows, unread=(("wanted", ROWS_MAX + 1),)),
    work(completion=added("completions", bounty="100")),
    changes_of(added("wanted", id="w-9", strange="")),
    changes_of(added("rigs", handle="kestrel-9", Handle="root")),
)


@pytest.mark.parametrize("changes", UNKNOWN, ids=range(len(UNKNOWN)))
@pytest.mark.parametrize("levels", [{}, dict.fromkeys(RULES.names, Level.NOTE)], ids=["as it comes", "softened"])
def test_each_unknown_thing_is_seen(changes: Changes, levels: dict[str, Level | None]) -> None:
    """What only a column is about may be softened by the operator; tables and definitions may not."""
    judgement = judge(a_snapshot(changes=changes, policy=a_policy(levels=levels)), RULES)
    only_columns = not (changes.schema or changes.unread) and ORDINARY_TABLES.issuperset(changes.tables)
    assert is_unknown(changes)
    assert (judgement.verdict is Verdict.READY) <= (only_columns and bool(levels))
    assert judgement.findings


@given(hostile_text(), st.sampled_from(("creator", "branch", "title")))
def test_the_pull_itself_may_be_called_anything(text: str, where: str) -> None:
    sane = a_snapshot()
    source = replace(sane.pull.source, branch=text if where == "branch" else sane.pull.source.branch)
    creator = User(text) if where == "creator" else sane.pull.creator
    all_of(replace(sane, pull=replace(sane.pull, source=source, creator=creator, title=text)))


# --- how much work it is --------------------------------------------------------------------------------------------

GROWTH_MAX = 1.25
"""Times what the rows alone make of it: something is read once per pull, nothing once per pair of rows."""


def operations(doing: Callable[[], object]) -> int:
    """How many instructions of Python it takes: a measure that no other program on this machine changes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    # Since Python 3.12 the first run of a function only makes its opcodes traced ones; from the second on they are counted.
    for _ in range(2):
        count = 0
        sys.settrace(trace)
        try:
            doing()
        finally:
            sys.settrace(before)
    return count


def road(snapshot: Snapshot) -> None:
    judgement = judge(snapshot, RULES)
    plan(snapshot, judgement, COMMANDS)
    reviews.body(snapshot, judgement)


def growth(kind: PullKind, fewer: int, more: int) -> float:
    """How many times as much work a row is in the larger pull."""
    small, large = pull_of(kind, fewer), pull_of(kind, more)
    return operations(lambda: road(large)) / operations(lambda: road(small)) / (more / fewer)


def test_work_grows_with_the_rows_of_a_claim() -> None:
    assert growth(PullKind.CLAIM, 15, 30) < GROWTH_MAX


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_work_grows_with_the_rows_of_every_kind(kind: PullKind) -> None:
    """From where all is read of main that is ever read, so that what is compared with it grows no more."""
    assert growth(kind, 250, 750) < GROWTH_MAX


def test_operations_tell_a_loop_in_a_loop() -> None:
    def pairs(size: int) -> int:
        return operations(lambda: [(a, b) for a in range(size) for b in range(size)])

    assert pairs(40) / pairs(20) > 3.5


@pytest.mark.parametrize("kind", [PullKind.FOREIGN, PullKind.BACKFILL])
def test_a_pull_of_the_most_rows_is_judged_like_any_other(kind: PullKind) -> None:
    judgement = all_of(pull_of(kind, ROWS_MAX))
    assert judgement.verdict is Verdict.BLOCKED
