"""Whatever main, a pull or the surroundings hold, the rules that weigh circumstances stay calm: no crash, never a fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.model.ids import PullNo
from bot.model.snapshot import Surroundings
from bot.rulebook import (
    Changes,
    Completion,
    Finding,
    Handle,
    Level,
    Rig,
    Rival,
    Row,
    Rule,
    Snapshot,
    Tally,
    Wanted,
)
from rules.addresses_are_public import check as addresses_are_public
from rules.branch_is_usual import check as branch_is_usual
from rules.main_has_not_moved_under_it import check as main_has_not_moved_under_it
from rules.open_claims_are_few import check as open_claims_are_few
from rules.post_is_new import check as post_is_new
from rules.poster_is_not_the_worker import check as poster_is_not_the_worker
from rules.ratings_vary import check as ratings_vary
from rules.rig_has_trust import check as rig_has_trust
from rules.sandbox_requirement_is_met import check as sandbox_requirement_is_met
from rules.stamps_are_not_mutual import check as stamps_are_not_mutual
from rules.times_are_sane import check as times_are_sane
from tests.build import ITEM, NOW, POSTER, WORKER, a_branch, a_pull, a_snapshot, added, changes_of
from tests.strategies import any_changes, any_rows, cells

HINTS = (
    addresses_are_public,
    branch_is_usual,
    poster_is_not_the_worker,
    stamps_are_not_mutual,
    ratings_vary,
    open_claims_are_few,
)
SAYS_CHARS_MAX = 400
DOUBTS = (post_is_new, rig_has_trust, sandbox_requirement_is_met, times_are_sane)
_HANDLES = st.sampled_from((WORKER, POSTER)) | cells().map(lambda cell: Handle(cell or ""))


def some(table: str, **known: str | None) -> st.SearchStrategy[tuple[Row, ...]]:
    """A few rows of this table, each with these cells or without them."""
    row = any_rows(table)
    return st.lists(row | row.map(lambda found: Row.of(found.as_dict() | known)), max_size=3).map(tuple)


@st.composite
def any_tallies(draw: st.DrawFn) -> Tally:
    return Tally(
        author=draw(_HANDLES),
        subject=draw(_HANDLES),
        stamps=draw(st.integers(0, 9)),
        valences=draw(st.integers(0, 2)),
        confidence=draw(st.none() | st.floats(0, 1)),
    )


def mutual(tallies: list[Tally]) -> list[Tally]:
    """These, and each the other way round as well."""
    return [*tallies, *(replace(tally, author=tally.subject, subject=tally.author) for tally in tallies)]


@st.composite
def any_snapshots(draw: st.DrawFn) -> Snapshot:
    """A pull with whatever changes, on a main that holds whatever rows, seen at whatever time."""
    sane = a_snapshot()
    posted = changes_of(added("wanted", id="w-new"), added("wanted", id="w-newer"))
    changes: Changes = draw(st.sampled_from((sane.changes, posted)) | any_changes())
    boxed = {"sandbox_required": "1", "sandbox_min_tier": draw(cells()), "sandbox_scope": draw(cells())}
    wanted = (*map(Wanted, draw(some("wanted", id=ITEM, posted_by=WORKER, **boxed))), *sane.items)
    rigs = (*map(Rig, draw(some("rigs", trust_level="0"))), *sane.rigs)
    return replace(
        sane,
        taken_at=draw(st.just(NOW) | st.integers(-(10**6), 10**6).map(lambda hours: NOW + timedelta(hours=hours))),
        changes=changes,
        pull=draw(st.sampled_from((sane.pull, a_pull(source=a_branch(branch="main"))))),
        items=wanted,
        rigs=rigs,
        namesakes=tuple(map(Wanted, draw(some("wanted", id="w-old")))),
        rivals=tuple(Rival(pull=PullNo(n), rig=h, evidence="") for n, h in enumerate(draw(st.lists(_HANDLES, max_size=3)))),
        surroundings=Surroundings(
            tallies=tuple(mutual(draw(st.lists(any_tallies(), max_size=3)))),
            claims=tuple(map(Wanted, draw(some("wanted", id="w-held", updated_at="2020-01-01 00:00:00")))),
            completions=tuple(map(Completion, draw(some("completions")))),
        ),
    )


def findings(rule: Rule, snapshot: Snapshot) -> tuple[Finding, ...]:
    """What a rule says, of whatever kind the pull is."""
    return tuple(said for said in rule.check(snapshot) if isinstance(said, Finding))


@given(any_snapshots())
def test_circumstances_are_a_short_hint_or_a_doubt_whatever_the_ledger_holds(snapshot: Snapshot) -> None:
    hints = [finding for rule in HINTS for finding in findings(rule, snapshot)]
    doubts = [finding for rule in DOUBTS for finding in findings(rule, snapshot)]
    moved = findings(main_has_not_moved_under_it, snapshot)
    assert {finding.level for finding in hints} <= {Level.NOTE}
    assert {finding.level for finding in doubts} <= {Level.NOTE, Level.DOUBT}
    assert [finding.says for finding in (*hints, *doubts) if len(finding.says) > SAYS_CHARS_MAX] == []
    assert [finding.says for finding in (*hints, *doubts, *moved) if "\n" in finding.says or finding.says[-1] != "."] == []
