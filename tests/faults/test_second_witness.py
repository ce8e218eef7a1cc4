"""What lies between two commits is believed when two witnesses agree: the diff functions, and the rows themselves."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bot.dolthub import diff
from bot.model.finding import Level, Verdict
from bot.model.ids import PullNo
from bot.rulebook.judge import judge
from bot.worker.reporter import Reporter
from tests.faults.test_attacks import ACCEPT, BRANCH, ITEM, act, refusal, reviewed
from tests.journeys.test_kinds import outcomes, verdicts
from tests.world import World

QUESTIONS = (
    *("hashes", "summary", "definitions", "rows of a diff", "history of rows", "two commits", "several at once", "heights"),
    "counts",
)
"""What the look-alike can be made not to answer."""
LIES = {
    "missing": "1 row differing that the diff does not show",
    "altered": "1 row with other cells than the diff shows",
    "made up": "the diff shows 1 row as changed that a comparison of the rows does not",
}


def lie(world: World, how: str, table: str = "wanted") -> None:
    """The diff functions of both databases show a table otherwise than its rows are."""
    for database in (world.db.name, world.fork_of("pia")):
        world.db.play({"quirk": "lying-diff", "table": table, "how": how, "match": {"database": database}})


def refuse(world: World, what: str) -> None:
    """Neither database knows a function."""
    for database in (world.db.name, world.fork_of("pia"), world.fork_of("mallory")):
        world.db.play({"quirk": "refused-question", "what": what, "match": {"database": database}})


@pytest.mark.parametrize("table", ["wanted", "completions"])
@pytest.mark.parametrize("how", LIES)
def test_a_diff_that_shows_other_rows_than_there_are_gets_no_verdict_and_no_merge(world: World, how: str, table: str) -> None:
    lie(world, how, table)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    snapshot = world.observe(pull)
    # Where the one row of a table is missing, its hash alone gives it away.
    expected = diff.NOTHING_SHOWN if how == "missing" else LIES[how]
    assert (table, expected) in snapshot.changes.untold
    judgement = judge(snapshot, world.deps.rules)
    assert [f.rule for f in judgement.at(Level.FORBID)] == ["merge_can_be_told"]
    assert judgement.verdict in (Verdict.CANNOT_TELL, Verdict.BLOCKED)
    world.comment(pull, "ana", f"{ACCEPT} --yes")
    act(world, pull)
    refusal(world, pull)
    assert (world.state(pull), world.count("stamps")) == ("open", 0)


def test_a_diff_that_hides_one_of_two_rows_of_a_table_is_found_out(world: World) -> None:
    world.push(
        "pia",
        BRANCH,
        "UPDATE rigs SET display_name = 'Pia anew' WHERE handle = 'polecat-7'",
        "UPDATE rigs SET trust_level = 9 WHERE handle = 'brass-otter'",
    )
    lie(world, "missing", "rigs")
    pull = world.hand_in("pia", "polecat-7", ITEM)
    snapshot = world.observe(pull)
    assert ("rigs", LIES["missing"]) in snapshot.changes.untold


@pytest.mark.parametrize("how", LIES)
def test_a_diff_that_lies_about_a_merge_leaves_it_without_a_stamp_and_says_so(world: World, how: str) -> None:
    pull, reporter, site = reviewed(world), Reporter(), world.deps.at(world.commons)
    world.comment(pull, "ana", ACCEPT)
    world.merge_by_hand(pull)
    lie(world, how)
    world.settle()
    assert world.count("stamps") == 0
    assert outcomes(world, pull) == ["REFUSED"]
    with capture_logs() as logged:
        report = world.converge(pull)
        for _ in range(2):
            reporter.looked(site, report)
    said = [line for line in logged if line["log_level"] == "error"]
    assert [(line["event"], line["pull"]) for line in said] == [("what a merge brought to main cannot be told", pull)]
    assert world.deps.store.counters.all()["incidents"] == 1


def pulls(world: World) -> dict[str, PullNo]:
    """An honest work, one that brings trust along, and one by an account that does not own the rig."""
    honest = world.hand_in("pia", "polecat-7", "w-com-002")
    world.push("mallory", "wl/slick-fox/w-com-003", "UPDATE rigs SET trust_level = 3 WHERE handle = 'slick-fox'")
    smuggler = world.hand_in("mallory", "slick-fox", "w-com-003", path="/ok?another")
    return {"honest": honest, "smuggler": smuggler}


@pytest.mark.parametrize("what", QUESTIONS)
def test_a_host_that_does_not_know_a_function_gets_the_same_reviews_and_decisions(world: World, what: str) -> None:
    there = pulls(world)
    refuse(world, what)
    world.settle()
    assert {name: verdicts(world, pull) for name, pull in there.items()} == {"honest": ["READY"], "smuggler": ["BLOCKED"]}
    world.comment(there["honest"], "ana", ACCEPT)
    world.settle()
    honest = there["honest"]
    assert (outcomes(world, honest), world.count("stamps"), world.state(honest)) == (["ACCEPTED"], 1, "merged")
