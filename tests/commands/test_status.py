"""`/status`: for anybody, in any state: how the pull stands, what stands against it, and who can decide."""

from __future__ import annotations

import pytest

from bot.commands.command import Follow
from bot.model.finding import Judgement
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from tests.build import a_comment, a_fact, a_finding, a_hash, a_hold, a_judgement, ago, an_answer, an_override
from tests.commands.asking import READY, ask, closed, on_main, reviewed


def lines(
    snapshot: Snapshot | None = None, judgement: Judgement = READY, *, by: str = "eve", word: str = "/status"
) -> list[str]:
    found = ask(word, snapshot or reviewed(), by="eve", judgement=judgement)
    assert isinstance(found, Follow), found
    assert not found.changes
    head, _, rest = found.says.partition("\n\n")
    return [head, *rest.split("\n")]


@pytest.mark.parametrize("word", ["/status", "/info", "/STATUS."])
def test_anybody_is_told_how_a_pull_stands(word: str) -> None:
    assert lines(word=word) == [
        "**STATUS** · `w-870be07fbc` `Teach the mayor to count` · **READY** at 2026-06-14 14:02 UTC",
        "- Review #1 is about head `vedj3hu`, where the pull is now.",
        "- Free validators: `ana`, `bo`.",
    ]


def test_what_stands_against_a_decision_is_told_and_whether_it_may_be_overridden() -> None:
    judgement = a_judgement(a_finding(), a_finding("rows_are_whole", says="A key is empty."), final=("rows_are_whole",))
    assert lines(judgement=judgement)[2:4] == [
        "- `evidence_is_alive`: The link answers 404. A validator may override it.",
        "- `rows_are_whole`: A key is empty. It cannot be overridden.",
    ]
    many = a_judgement(*(a_finding(f"rule_{n}") for n in range(9)))
    assert lines(judgement=many)[7] == "- and 4 more faults"


def no(*commands: str, outcome: str = "done", at: object = None) -> tuple[Comment, Comment]:
    asked = a_comment("ana", "/reject tests are missing", ago(minutes=15))
    return asked, an_answer(asked, *commands, outcome=outcome, facts=tuple(a_fact(c) for c in commands))


def test_holds_overrides_and_rejections_in_force_are_told() -> None:
    seen = reviewed(*no("reject"), a_hold(), an_override(at=ago(minutes=8)))
    assert lines(seen, a_judgement(waiting_for="`cy` to lift the hold"))[2:6] == [
        "- Waiting for `cy` to lift the hold.",
        "- Held by `cy` since 2026-06-14 13:52 UTC, when the pull was at `vedj3hu`. `/unhold` lifts it.",
        "- Overridden on this head: `evidence_is_alive`, by `bo` at 2026-06-14 13:54 UTC.",
        "- Rejected by `ana` at 2026-06-14 13:47 UTC, for this head.",
    ]


def test_who_rejected_is_told_although_their_comment_is_gone() -> None:
    _, answer = no("reject")
    assert "- Rejected by `ana` at 2026-06-14 13:47 UTC, for this head." in lines(reviewed(answer))


def test_a_head_without_a_review_and_one_that_is_gone_are_told() -> None:
    assert lines(reviewed(head=a_hash("pushed")))[1].startswith("- Review #1 is about head `vedj3hu`; the pull is at ")
    assert lines(reviewed(head=None))[1] == "- Review #1 is about head `vedj3hu`; the branch cannot be read any more."
    assert lines(reviewed(comments=()))[1] == "- Not reviewed yet."


def test_decisions_that_have_no_answer_yet_are_told() -> None:
    waits = a_comment("bo", "/accept -q 4", ago(minutes=6))
    talk = a_comment("cy", "please /accept -q 4", ago(minutes=6))
    assert lines(reviewed(waits, talk))[2:] == [
        "- `/accept` by `bo` at 2026-06-14 13:56 UTC has no answer yet.",
        "- Free validators: `ana`, `bo`.",
    ]


def test_what_was_decided_is_told_once_the_pull_is_merged_or_closed() -> None:
    asked = a_comment("ana", "/accept -q 4", ago(minutes=15))
    done = reviewed(asked, an_answer(asked, "accept", facts=(a_fact("accept"),)))
    assert lines(on_main(done))[0].endswith("**MERGED** at 2026-06-14 14:02 UTC")
    assert lines(on_main(done))[2] == "- Decided already: `accept` by `ana` at 2026-06-14 13:47 UTC."
    assert lines(closed())[0].endswith("**CLOSED** at 2026-06-14 14:02 UTC")
    assert lines(closed())[2:] == ["- Not decided here."]
