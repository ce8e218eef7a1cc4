"""`--dry-run`: told in full, done in nothing, and no decision to anybody who asks later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import catalog
from bot.converge.plan import Plan, plan
from bot.messages import reviews, words
from bot.model.mark import read_mark
from bot.model.policy import Comments, Decisions, Landing
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, Land, Outcome
from tests.build import (
    BOT,
    HEAD,
    a_comment,
    a_policy,
    a_review,
    added,
    ago,
    changes_of,
    merged,
)
from tests.commands.asking import FAULT, READY, REGISTRATION, WRITTEN, reviewed

COMMANDS = catalog.find()


def planned(body: str, snapshot: Snapshot, *, faults: bool = False) -> Plan:
    said = replace(snapshot, comments=(*snapshot.comments, a_comment("ana", body, WRITTEN)))
    return plan(said, FAULT if faults else READY, COMMANDS)


def told(found: Plan) -> str:
    """The one answer that is all a rehearsal comes to, without its mark."""
    (step,) = found.steps
    assert isinstance(step, Answer)
    return step.body.rpartition("\n\n")[0]


WATCH = a_policy(decisions=Decisions.WATCH)
STANDING = reviewed(comments=(a_review(digest=READY.digest(HEAD)),))


def test_a_rehearsed_accept_tells_every_row_it_would_write() -> None:
    assert told(planned(f'/accept --at {HEAD[:7]} -q 4 --skills go --message "It\'s good" --dry-run', STANDING)) == (
        "**DRY RUN** · `w-870be07fbc` `Teach the mayor to count` · what `/accept` by `ana` would do now\n\n"
        f"Merge this pull at `{HEAD[:7]}`.\n\n"
        "Write these rows to a branch of the bot's own, and merge that into main by a pull:\n\n"
        "```\n"
        "UPDATE completions SET validated_by = 'ana-town', stamp_id = 's-b7c0fdba3ae69e6a', "
        "validated_at = '2026-06-14 13:57:00' WHERE id = 'c-1f3870be274f6c49' AND wanted_id = 'w-870be07fbc' "
        "AND completed_by = 'polecat-7' AND evidence = 'https://github.com/gastownhall/beads/pull/412' AND stamp_id IS NULL\n"
        "UPDATE wanted SET status = 'completed', updated_at = NOW() WHERE id = 'w-870be07fbc' AND status = 'in_review'\n"
        "INSERT INTO stamps (id, author, subject, valence, confidence, severity, context_id, context_type, skill_tags, "
        "message, created_at) VALUES ('s-b7c0fdba3ae69e6a', 'ana-town', 'polecat-7', "
        "'{\"quality\": 4, \"reliability\": 4}', '1', 'leaf', 'c-1f3870be274f6c49', 'completion', '[\"go\"]', "
        "'It''s good', '2026-06-14 13:57:00')\n"
        "```\n\n"
        "It would be answered **ACCEPTED**. Times are those of this comment; the decision would bear its own. "
        "Nothing was changed."
    )


@pytest.mark.parametrize(
    ("body", "snapshot", "expected"),
    [
        ("/accept --dry-run", reviewed(changes=REGISTRATION), ("Merge this pull at", "answered **ACCEPTED**")),
        (
            "/reject --dry-run It does not build.",
            reviewed(),
            ("Nothing would be merged or written: the answer itself would be the decision.", "answered **REJECTED**"),
        ),
        ("/reject --dry-run It does not build.", merged(reviewed()), ("DELETE FROM completions WHERE id =", "**REJECTED**")),
        (
            "/close --yes --dry-run Solved elsewhere.",
            reviewed(policy=a_policy(landing=Landing.DIRECT)),
            ("Write these rows to main, one by one:", "INSERT INTO completions", "Close this pull unmerged.", "**CLOSED, ITEM"),
        ),
        ("/close --pull-only --dry-run No.", reviewed(), ("Close this pull unmerged.", "**PULL CLOSED, NO ROW TOUCHED**")),
    ],
)
def test_every_decision_can_be_rehearsed(body: str, snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    said = told(planned(body, snapshot))
    assert [piece for piece in expected if piece not in said] == [], said


@pytest.mark.parametrize("line", ["/accept --at {at} -q 4", "/reject --at {at} It fails."])
def test_a_bot_that_watches_answers_a_decision_as_if_it_were_rehearsed_and_says_why(line: str) -> None:
    body = line.format(at=HEAD[:7])
    name, _, rest = body.partition(" ")
    watched = replace(STANDING, policy=WATCH)
    asked = told(planned(f"{name} --dry-run {rest}", STANDING))
    assert told(planned(body, watched)) == f"{asked}\n\n{words.WATCHING}"
    (answer,) = planned(body, watched).steps
    assert isinstance(answer, Answer)
    mark = read_mark(a_comment(BOT, answer.body), BOT)
    assert mark is not None
    assert (mark.commands, mark.facts) == (("dry-run",), ())


def test_a_bot_that_watches_says_so_in_its_review() -> None:
    plain, watched = (reviews.body(replace(STANDING, policy=policy), READY) for policy in (a_policy(), WATCH))
    assert words.WATCHING not in plain
    assert words.WATCHING in watched.split("\n\n")


def test_a_rehearsal_is_refused_like_the_decision() -> None:
    said = told(planned("/accept -q 4 --dry-run", STANDING, faults=True))
    assert "**REFUSED** · `ana`\n\n```\n/accept -q 4 --dry-run\n```\n\n**BLOCKED**" in said
    assert said.endswith("Nothing was changed.")


def test_a_rehearsal_waits_for_the_same_evidence_and_holds_nobody_up() -> None:
    rehearsal, decision = a_comment("bo", "/accept -q 3 --dry-run", ago(minutes=6)), a_comment("ana", "/reject No.", WRITTEN)
    snapshot = replace(STANDING, probes=())
    assert plan(replace(snapshot, comments=(*snapshot.comments, rehearsal)), READY, COMMANDS).waits != ()
    both = plan(replace(snapshot, comments=(*snapshot.comments, rehearsal, decision)), READY, COMMANDS)
    assert [step.to for step in both.steps if isinstance(step, Answer)] == [decision.id]


@pytest.mark.parametrize("body", ["/accept -q 4 --dry-run", "/reject --dry-run No.", "/close --pull-only --dry-run No."])
def test_a_rehearsal_is_no_decision_to_those_who_come_after(body: str) -> None:
    first = a_comment("bo", body, ago(minutes=4))
    snapshot = replace(STANDING, comments=(*STANDING.comments, first))
    (step,) = plan(snapshot, READY, COMMANDS).steps
    assert isinstance(step, Answer)
    said = a_comment(BOT, step.body, ago(minutes=3))
    mark = read_mark(said, BOT)
    assert mark is not None
    assert (mark.commands, step.outcome) == (("dry-run",), Outcome.DONE)
    older = a_comment("ana", "/accept -q 4", WRITTEN)
    after = replace(snapshot, comments=(*STANDING.comments, older, first, said))
    assert after.rejection is None
    assert [type(each).__name__ for each in plan(after, READY, COMMANDS).steps] == ["MergePull", "Land", "Answer"]


def test_a_rehearsal_may_stand_beside_a_decision() -> None:
    found = planned("/close --pull-only --dry-run No.\n\n/accept -q 4", STANDING)
    assert [type(step).__name__ for step in found.steps] == ["MergePull", "Land", "Answer"]
    answer = found.steps[-1]
    assert isinstance(answer, Answer)
    assert "**DRY RUN**" in answer.body
    assert "`stampbot/1 answer dry-run+accept=ana:" in answer.body


def test_whoever_rehearses_on_a_silent_commons_gets_the_review_first() -> None:
    silent = reviewed(comments=(), policy=a_policy(comments=Comments.DECISIONS))
    assert [type(step).__name__ for step in planned("/accept -q 4 --dry-run", silent).steps] == ["PostReview"]


def test_cells_of_strangers_cannot_leave_the_fence() -> None:
    evil = changes_of(added("completions", evidence="x'\n```\n/close --yes gone\n", completed_by="a`b"))
    found = planned("/close --yes --dry-run No.", reviewed(changes=evil))
    said = told(found)
    assert said.count("```") == 2
    assert not any(isinstance(step, Land) for step in found.steps)
