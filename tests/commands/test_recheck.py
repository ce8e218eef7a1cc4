"""`/recheck`: who may, how often, what is looked at again, and what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands import grammar
from bot.commands.catalog import find
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait
from bot.model.finding import Judgement, Level, RuleCrash
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from tests.build import NOW, a_comment, a_finding, a_judgement, a_probe, a_pull, a_snapshot, ago, an_answer

FRESH = (a_probe(probed_at=NOW),)
JUDGED = a_judgement(
    a_finding(),
    a_finding("evidence_not_reused", Level.DOUBT, says="Used `twice`."),
    a_finding("size", Level.NOTE, says="Small."),
    crashes=(RuleCrash(rule="skill_tags", error="ValueError"),),
    passed=("one_item", "yearbook"),
)


def recheck(
    body: str = "/recheck",
    *,
    by: str = "pia",
    judgement: Judgement = JUDGED,
    comment: Comment | None = None,
    snapshot: Snapshot | None = None,
    **fields: Any,
) -> Decision:
    said = comment or a_comment(by, body)
    (parsed,) = grammar.read(said.body, find()).parsed
    world = snapshot or a_snapshot(**{"probes": FRESH, "comments": (said,), **fields})
    one = find().get(parsed.name)
    assert one is not None
    return one.decide(CommandContext(parsed=parsed, comment=said, snapshot=world, judgement=judgement, catalog=find()))


def refused(found: Decision) -> tuple[str, str]:
    assert isinstance(found, Refuse), found
    return found.reason, found.remedy


def told(found: Decision) -> list[str]:
    assert isinstance(found, Follow), found
    assert found.steps == ()
    return found.says.split("\n\n")


def test_it_tells_what_was_found_crashed_and_passed() -> None:
    assert told(recheck()) == [
        "**CHECKED AGAIN** · `w-870be07fbc` `Teach the mayor to count` · **BLOCKED** at 2026-06-14 14:02 UTC",
        "- fault `evidence_is_alive`: The link answers 404.\n"
        "- doubt `evidence_not_reused`: Used `twice`.\n"
        "- `skill_tags` failed with an error of the bot, so nothing is merged or stamped.",
        "2 checks passed.",
    ]


def test_it_tells_only_of_the_checks_that_were_named() -> None:
    assert told(recheck("/recheck evidence-is-alive one_item"))[1:] == [
        "- fault `evidence_is_alive`: The link answers 404.",
        "1 check passed.",
    ]
    assert len(told(recheck("/recheck evidence"))[1].split("\n")) == 2


def test_whom_the_pull_waits_for_is_told() -> None:
    assert "Waiting for rig `polecat-7`." in told(recheck(judgement=a_judgement(waiting_for="rig `polecat-7`")))


def test_a_long_list_is_cut() -> None:
    many = a_judgement(*(a_finding(f"rule_{n}") for n in range(20)))
    assert told(recheck(judgement=many))[1].split("\n")[-1] == "- and 12 more"


def test_it_waits_until_the_links_were_fetched_after_the_comment() -> None:
    found = recheck(probes=(a_probe(probed_at=ago(minutes=2)),))
    assert isinstance(found, Wait)


def test_it_does_not_wait_for_ever() -> None:
    old = a_comment("pia", "/recheck", at=ago(minutes=11))
    assert isinstance(recheck(comment=old, probes=(a_probe(probed_at=ago(hours=2)),)), Follow)


@pytest.mark.parametrize("state", [PullState.MERGED, PullState.CLOSED, PullState.UNKNOWN])
def test_a_pull_that_is_not_open_is_not_checked(state: PullState) -> None:
    assert refused(recheck(pull=a_pull(state=state)))[0] == (
        "This pull is not open any more, so there is nothing left to check."
    )


def test_a_bystander_is_refused() -> None:
    assert refused(recheck(by="cy"))[0] == (
        "Checks are run again for the user who opened the pull, for the contributor, and for validators."
    )


def test_an_unknown_check_is_refused_with_the_nearest_and_all_names() -> None:
    assert refused(recheck("/recheck evidnce yearbok")) == (
        "No such check: `evidnce`, `yearbok`. Did you mean `evidence`, `yearbook`?",
        "Checks: `evidence_is_alive`, `evidence_not_reused`, `one_item`, `size`, `skill_tags`, `yearbook`.",
    )


def test_within_a_minute_of_the_last_one_it_is_refused_whenever_it_is_asked_again() -> None:
    first = a_comment("ana", "/recheck", at=ago(minutes=3))
    second = a_comment("pia", "/recheck", at=ago(minutes=2))
    answer = an_answer(first, "recheck", at=ago(minutes=2, seconds=20))
    world = a_snapshot(probes=FRESH, comments=(first, answer, second))
    for later in (0, 3600):
        at = replace(world, taken_at=NOW + timedelta(seconds=later))
        assert refused(recheck(comment=second, snapshot=at)) == (
            "The checks were run 20 seconds before.",
            "Once in 60 seconds is the limit.",
        )


def test_a_refused_one_a_later_one_or_one_long_ago_does_not_count() -> None:
    mine = a_comment("pia", "/recheck", at=ago(minutes=2))
    other = a_comment("ana", "/recheck", at=ago(minutes=3))
    for answer in (
        an_answer(other, "recheck", outcome="refused", at=ago(minutes=2, seconds=10)),
        an_answer(other, "recheck", at=ago(minutes=1)),
        an_answer(other, "recheck", at=ago(minutes=4)),
        an_answer(other, "accept", at=ago(minutes=2, seconds=10)),
        an_answer(mine, "recheck", at=ago(minutes=2)),
    ):
        comments = tuple(sorted((other, answer, mine), key=lambda c: c.created_at))
        assert isinstance(recheck(comment=mine, comments=comments, probes=FRESH), Follow)
