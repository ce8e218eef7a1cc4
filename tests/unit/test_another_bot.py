"""Two bots on one commons notice each other, and nobody else can make them believe it for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.commands import catalog as commands
from bot.converge.plan import Plan, plan
from bot.model.duplicate_bot import MARKS_MAX, Sign, sign_of_another
from bot.model.finding import Verdict
from bot.model.ids import CommentId, User
from bot.model.mark import Mark, MarkKind
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, MergePull
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from tests.build import BOT, HEAD, NOW, a_comment, a_snapshot

OTHER, MALLORY = User("bot-two"), User("mallory")
TOGETHER_S = 120.0
RULES, COMMANDS = rules.find(), commands.find()


def at(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def review(author: User, minutes: float, n: int = 1, digest: str = "d" * 12) -> Comment:
    mark = Mark(kind=MarkKind.REVIEW, outcome=Verdict.READY.word, head=HEAD, digest=digest, n=n)
    return a_comment(author, f"**READY**\n\n{mark.line}", at(minutes))


def answer(author: User, minutes: float, to: str = "c-1", outcome: str = "done") -> Comment:
    mark = Mark(kind=MarkKind.ANSWER, outcome=outcome, head=HEAD, digest="", n=1, commands=("accept",), comment=CommentId(to))
    return a_comment(author, f"**ACCEPTED**\n\n{mark.line}", at(minutes))


def edited(comment: Comment) -> Comment:
    return replace(comment, updated_at=comment.updated_at + timedelta(seconds=1))


CERTAIN = Sign(account=BOT, at=at(9), certain=True)
HINT = Sign(account=OTHER, at=at(5), certain=False)


@pytest.mark.parametrize(
    ("comments", "sign"),
    [
        ((), None),
        ((review(BOT, 10), review(BOT, 9, n=2)), None),
        ((review(BOT, 10), review(BOT, 9)), CERTAIN),
        ((review(BOT, 10), review(BOT, 9, digest="e" * 12)), CERTAIN),
        ((answer(BOT, 10), answer(BOT, 9)), CERTAIN),
        ((answer(BOT, 10, outcome="parked"), answer(BOT, 9)), None),
        ((answer(BOT, 10), answer(BOT, 9, to="c-2")), None),
        ((review(BOT, 900), review(BOT, 9)), None),
        ((edited(review(BOT, 10)), review(BOT, 9)), None),
        ((review(BOT, 10), review(OTHER, 5)), HINT),
        ((review(OTHER, 5),), HINT),
        ((review(OTHER, 5), review(BOT, 4)), None),
        ((review(BOT, 10), review(BOT, 9), review(OTHER, 5)), CERTAIN),
        ((review(BOT, 10), edited(review(OTHER, 5))), None),
        ((review(BOT, 10), answer(OTHER, 5, to="decide-0123456789abcdef")), None),
        ((review(BOT, 10), a_comment(OTHER, f"> {review(BOT, 10).body}\nwhat is this?", at(5))), None),
    ],
)
def test_a_sign_is_what_only_another_bot_or_an_impostor_leaves(comments: tuple[Comment, ...], sign: Sign | None) -> None:
    assert sign_of_another(comments, BOT, together_s=TOGETHER_S) == sign
    assert sign_of_another(reversed(comments), BOT, together_s=TOGETHER_S) == sign


def test_an_impostor_holds_a_pull_up_for_a_bounded_time_however_often_marks_are_pasted() -> None:
    pasted = [review(MALLORY, 500 - n) for n in range(400)]
    sign = sign_of_another((review(BOT, 600), *pasted), BOT, together_s=TOGETHER_S)
    assert sign == Sign(account=MALLORY, at=pasted[MARKS_MAX - 1].created_at, certain=False)
    assert sign_of_another((review(BOT, 600), *pasted), BOT, ignored=(MALLORY,), together_s=TOGETHER_S) is None


def a_decision(*more: Comment, minutes: float = 3) -> Snapshot:
    """A pull whose review is a quarter of an hour old, and an accept that would be carried out now."""
    snapshot = a_snapshot()
    head = snapshot.head
    assert head is not None
    judgement = judge(snapshot, RULES)
    mark = Mark(kind=MarkKind.REVIEW, outcome=judgement.verdict.word, head=head, digest=judgement.digest(head), n=1)
    first = a_comment(BOT, f"x\n{mark.line}", at(15))
    said = a_comment(User("ana"), "/accept --quality 4", at(minutes))
    comments = tuple(sorted((first, said, *more), key=lambda c: c.created_at))
    probes = tuple(replace(p, probed_at=NOW) for p in snapshot.probes)
    return replace(snapshot, comments=comments, probes=probes)


def due(snapshot: Snapshot) -> Plan:
    return plan(snapshot, judge(snapshot, RULES), COMMANDS)


def test_a_decision_waits_while_the_sign_is_fresh_and_goes_on_when_it_is_not() -> None:
    assert [type(step) for step in due(a_decision()).steps][:1] == [MergePull]
    held = due(a_decision(review(OTHER, 5)))
    assert held.steps == ()
    assert "bot-two" in held.waits[0]
    late = replace(a_decision(review(OTHER, 5)), taken_at=NOW + timedelta(hours=1))
    assert [type(step) for step in due(late).steps][:1] == [MergePull]


def test_a_certain_sign_elsewhere_on_the_commons_holds_decisions_here() -> None:
    held = due(replace(a_decision(), other_bot=Sign(account=BOT, at=at(1), certain=True)))
    assert (held.steps, len(held.waits)) == ((), 1)


def test_what_decides_nothing_and_what_is_refused_is_answered_all_the_same() -> None:
    sign = review(OTHER, 5)
    help_asked = a_comment(User("ana"), "/help", at(2))
    assert [type(s) for s in due(a_decision(sign, help_asked)).steps] == [Answer]
    refused = replace(
        a_decision(sign), comments=(*a_decision(sign).comments[:1], sign, a_comment(MALLORY, "/accept -q 5", at(1)))
    )
    assert [type(s) for s in due(refused).steps] == [Answer]
