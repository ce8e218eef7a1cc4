"""`/cancel`: what it takes back, of whom, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.catalog import find
from bot.commands.command import Follow
from bot.converge.plan import plan
from bot.model.ids import CommentId
from bot.model.mark import UNREJECT, Fact
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, MergePull
from tests.build import BOT, a_comment, a_fact, a_hold, a_probe, a_pull, a_review, a_snapshot, ago, an_answer
from tests.commands.asking import READY, ask, followed, on_main, refused, reviewed, waits

ACCEPT = a_comment("ana", "/accept --quality 4", ago(minutes=6), id=CommentId("the-accept"))
"""Waits: the evidence was not looked at since."""


def a_rejection(by: str = "ana") -> Comment:
    return an_answer(a_comment(by, "/reject no tests", ago(minutes=9)), "reject", facts=(a_fact("reject", by),))


THINGS = {
    "a command that waits": (
        ACCEPT,
        Fact(command="cancel", by=ACCEPT.author, of="the-accept"),
        "`/accept` of 2026-06-14 13:56",
    ),
    "a hold": (a_hold("ana"), Fact(command="unhold", by=ACCEPT.author, of="ana"), "your hold since"),
    "a rejection": (a_rejection(), Fact(command=UNREJECT, by=ACCEPT.author), "your rejection of"),
}


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
def test_the_one_thing_in_force_of_the_asker_is_taken_back(thing: tuple[Comment, Fact, str]) -> None:
    comment, fact, told = thing
    found = ask("/cancel", reviewed(comment))
    assert isinstance(found, Follow)
    assert (followed(found), found.facts) == (("TAKEN BACK",), (fact,))
    assert told in found.says


def test_of_several_things_the_one_that_is_named_is_taken_back() -> None:
    seen = reviewed(a_rejection(), a_hold("ana"), ACCEPT)
    assert refused(ask("/cancel", seen)) == (
        "More than one thing of yours is in force here: `/accept` of 2026-06-14 13:56 UTC,"
        " your hold since 2026-06-14 13:52 UTC,"
        " your rejection of 2026-06-14 13:53 UTC.",
        "Write which one is meant: `/cancel accept`, `/cancel hold`, `/cancel reject`.",
    )
    for name, number in (("accept", 0), ("/hold", 1), ("reject", 2)):
        found = ask(f"/cancel {name}", seen)
        assert isinstance(found, Follow)
        assert found.facts == (list(THINGS.values())[number][1],)


@pytest.mark.parametrize(
    "seen",
    [
        reviewed(),
        reviewed(a_hold("cy")),
        reviewed(a_rejection("bo")),
        on_main(reviewed(ACCEPT)),
        reviewed(replace(ACCEPT, body="hi")),
    ],
    ids=["nothing", "another's hold", "another's rejection", "merged", "no command"],
)
def test_what_is_not_the_askers_or_is_carried_out_is_left_alone(seen: Snapshot) -> None:
    assert refused(ask("/cancel", seen))[0] == "Nothing of yours is in force here, so nothing was taken back."


def test_it_means_what_was_in_force_when_it_was_written() -> None:
    later = a_hold("ana", at=ago(minutes=1))
    assert refused(ask("/cancel", reviewed(later)))[0].startswith("Nothing of yours is in force")


def test_while_a_merge_may_be_under_way_it_waits() -> None:
    assert waits(ask("/cancel", reviewed(ACCEPT, merging=True))) == "the merge that was begun to end."
    assert waits(ask("/cancel", reviewed(pull=a_pull(state=PullState.UNKNOWN))))


def test_a_command_that_was_taken_back_is_not_carried_out_even_if_nothing_holds_it_up_any_more() -> None:
    back = a_comment("ana", "/cancel", ago(minutes=5))
    seen = a_snapshot(comments=(a_review(), ACCEPT, back), probes=(a_probe(probed_at=ago()),))
    assert isinstance(plan(replace(seen, comments=seen.comments[:2]), READY, find()).steps[0], MergePull)
    (answer,) = plan(seen, READY, find()).steps
    assert isinstance(answer, Answer)
    assert (answer.to, answer.closes) == (back.id, (ACCEPT.id,))
    said = replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body, ago(minutes=1))))
    assert (plan(said, READY, find()).steps, said.unanswered) == ((), ())
