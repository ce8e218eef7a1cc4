"""Rejections that still hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model.ids import CommitHash
from bot.model.pull import Comment
from bot.rulebook import Snapshot
from rules.not_rejected_before import check
from tests.build import COMPLETION, HEAD, ITEM, a_comment, a_hash, a_snapshot, added, ago, an_answer, merged, work
from tests.rules.table import PASS, found, judged, told

PLACE = f"completions.{COMPLETION}.evidence"
NO = a_comment("ana", "/reject tests are missing", ago(minutes=15))
KEY = a_snapshot().evidence_key
OLD = a_hash("old head")


THEN = "2026-06-14 13:47 UTC; the bot's answer then says why."


def after(answer_head: str = HEAD, digest: str = KEY, outcome: str = "done", command: str = "reject") -> Snapshot:
    answer = an_answer(NO, command, head=a_hash(answer_head) if answer_head != HEAD else HEAD, digest=digest, outcome=outcome)
    return a_snapshot(comments=(NO, answer))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(comments=(NO,)), PASS),
        (after(outcome="refused"), PASS),
        (after(command="close"), PASS),
        (after("old head", digest="ffffffffffff"), PASS),
        (after(), (f"doubt {PLACE}",)),
        (after(digest="ffffffffffff"), (f"doubt {PLACE}",)),
        (after("old head"), (f"doubt {PLACE}",)),
        (merged(after()), (f"note {PLACE}",)),
    ],
    ids=[
        "never", "not answered yet", "refused", "another command", "other head and evidence", "this head", "other evidence",
        "same evidence on a new head", "merged",
    ],
)  # fmt: skip
def test_a_rejection_holds_for_its_head_and_its_evidence(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_rejected_evidence_is_still_rejected_beside_other_links() -> None:
    first, second, third = (f"https://example.org/{name}" for name in "abc")

    def with_evidence(text: str, *comments: Comment) -> Snapshot:
        return a_snapshot(changes=work(completion=added("completions", evidence=text)), comments=comments)

    rejected = with_evidence(f"{second} {first}")
    comments = (NO, an_answer(NO, "reject", head=a_hash("old head"), digest=rejected.evidence_key, outcome="done"))
    for text in (f"{first} {second}", f"{first}, {third}, {second}", f"New: {third} {first} {second}"):
        assert (text, found(check, with_evidence(text, *comments))) == (text, (f"doubt {PLACE}",))
    for text in (first, f"{first} {third}", third):
        assert (text, found(check, with_evidence(text, *comments))) == (text, PASS)


def test_who_rejected_and_when_is_told() -> None:
    assert told(check, after()) == f"This commit was rejected by `ana` at {THEN}"


@pytest.mark.parametrize("head", ["0" * 32, "v" * 32])
def test_on_another_head_it_is_the_evidence_that_was_rejected(head: str) -> None:
    assert told(check, replace(after(), head=CommitHash(head))).startswith("This evidence was rejected by ")


def test_a_rejection_outlives_the_comment_that_asked_for_it() -> None:
    gone = a_snapshot(comments=after("old head").comments[1:])
    assert told(check, gone) == f"This evidence was rejected by a validator at {THEN}"


def test_new_evidence_on_a_new_head_is_a_new_chance() -> None:
    fresh = work(completion=added("completions", evidence="https://github.com/gastownhall/beads/pull/500"))
    assert found(check, a_snapshot(comments=after().comments, changes=fresh, head=a_hash("new head"))) == PASS


def test_among_other_comments_the_one_that_rejected_is_named() -> None:
    others = (a_comment("zed", "Nice.", ago(minutes=18)), a_comment("bo", "Hm.", ago(minutes=17)))
    for around in ((*others, *after().comments), (*after().comments, *others)):
        assert told(check, a_snapshot(comments=around)) == f"This commit was rejected by `ana` at {THEN}"


def test_the_remedy_names_the_item() -> None:
    (finding,) = judged(check, after()).findings
    assert (
        finding.remedy
        == f'Discard the branch (b in the wl board), then: `wl claim {ITEM}`, `wl done {ITEM} --evidence "<URL>"`'
    )
