"""What is due, and in which order: reviews held back, digests, one answer per comment, who is never answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.commands import catalog as command_catalog
from bot.converge.plan import Plan, plan
from bot.converge.plan.commands import kept
from bot.messages.md import Md
from bot.messages.reviews import REVIEWS_A_DAY_MAX
from bot.model.evidence import Seen
from bot.model.finding import Finding, Judgement, Level, RuleCrash, Verdict
from bot.model.ids import CommentId, CommitHash, User
from bot.model.ledger import Changes
from bot.model.mark import NO_HEAD, read_mark
from bot.model.policy import Comments
from bot.model.pull import BranchRef, Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, Land, MergePull, Outcome, ParkReason, PostNotice, PostReview, Step
from tests.build import (
    BOT,
    COMMONS,
    HEAD,
    NOW,
    a_comment,
    a_finding,
    a_hash,
    a_hold,
    a_judgement,
    a_policy,
    a_probe,
    a_pull,
    a_review,
    a_snapshot,
    a_stamp,
    a_wanted,
    added,
    ago,
    an_answer,
    an_override,
    changes_of,
    merged,
)

COMMANDS = command_catalog.find()
READY = a_judgement()
FAULT, DOUBT, UNSURE = (a_judgement(a_finding(level=level)) for level in (Level.FAULT, Level.DOUBT, Level.UNSURE))
FORBID, CRASH = a_judgement(a_finding(level=Level.FORBID)), a_judgement(crashes=(RuleCrash(rule="rows_are_whole", error="E"),))
REVIEWED = a_review(digest=READY.digest(HEAD))


def planned(snapshot: Snapshot, judgement: Judgement = READY) -> Plan:
    return plan(snapshot, judgement, COMMANDS)


def names(found: Plan) -> tuple[str, ...]:
    return tuple(type(step).__name__ for step in found.steps)


def the_review(found: Plan) -> PostReview:
    (step,) = found.steps
    assert isinstance(step, PostReview)
    return step


def the_answer(found: Plan) -> Answer:
    (step,) = found.steps
    assert isinstance(step, Answer)
    return step


def said(*comments: Comment, **fields: Any) -> Snapshot:
    """The happy pull with a review that still holds, and these comments below it."""
    return a_snapshot(**{"comments": (REVIEWED, *comments), **fields})


def commanding(body: str, by: str = "ana", at: datetime | None = None) -> Comment:
    return a_comment(by, body, at or ago(minutes=5))


# --- reviews ------------------------------------------------------------------------------------------------------------


def test_a_pull_nobody_reviewed_gets_a_review_of_its_head_that_bears_its_mark() -> None:
    step = the_review(planned(a_snapshot(), DOUBT))
    assert step == PostReview(head=HEAD, digest=DOUBT.digest(HEAD), number=1, body="")
    mark = read_mark(a_comment(BOT, step.body), BOT)
    assert mark is not None
    assert (mark.head, mark.digest, mark.outcome, mark.n) == (HEAD, step.digest, "LOOK", 1)


def test_a_review_that_stands_is_not_posted_again() -> None:
    assert planned(said()) == Plan()


A, B = a_judgement(), a_judgement(a_finding(level=Level.DOUBT))


def test_a_review_that_was_true_before_is_posted_again_when_it_is_true_again() -> None:
    once = a_review(digest=A.digest(HEAD), at=ago(hours=5))
    twice = a_review(Verdict.LOOK, digest=B.digest(HEAD), at=ago(hours=3), n=2)
    assert the_review(planned(a_snapshot(comments=(once, twice)), A)).digest == A.digest(HEAD)
    assert planned(a_snapshot(comments=(once, twice)), B) == Plan()


@pytest.mark.parametrize(
    "judgement",
    [
        a_judgement(a_finding(level=Level.NOTE)),
        a_judgement(passed=("rows_are_whole",)),
        a_judgement(a_finding(level=Level.NOTE, says="Other words.")),
    ],
    ids=["note", "passed", "words"],
)
def test_notes_and_wording_make_no_review_new(judgement: Judgement) -> None:
    assert planned(said(), judgement) == Plan()


def test_two_findings_of_one_rule_at_one_place_make_the_same_review_as_one() -> None:
    one, two = a_finding(says="One."), a_finding(says="Two.")
    assert a_judgement(one, two).digest(HEAD) == a_judgement(two).digest(HEAD)


def finding_at(level: Level) -> tuple[Finding, ...]:
    return (a_finding(level=level),)


@pytest.mark.parametrize(
    ("fields", "judgement", "waits", "look_at"),
    [
        (
            {"pull": a_pull(created_at=ago(seconds=20))},
            READY,
            "the head to be quiet for a while",
            ago(seconds=20) + timedelta(seconds=60),
        ),
        (
            {"comments": (a_review(head=a_hash("old head")),), "head_seen_at": ago(seconds=60)},
            FAULT,
            "the head to be quiet for a while",
            NOW,
        ),
        (
            {"probes": (), "first_look_at": ago(seconds=30)},
            READY,
            "the link checker",
            ago(seconds=30) + timedelta(seconds=120),
        ),
        (
            {"probes": (), "first_look_at": None},
            READY,
            "the link checker",
            NOW + timedelta(seconds=120),
        ),
        (
            {"first_look_at": ago(minutes=2)},
            UNSURE,
            "the next look at a link that could not be judged",
            NOW + timedelta(minutes=1),
        ),
        (
            {"comments": (a_review(digest="ffff", at=ago(minutes=50)),)},
            READY,
            "a decent time since the last review of this head",
            NOW + timedelta(minutes=10),
        ),
        ({"probes": (), "first_look_at": NOW}, DOUBT, "the link checker", NOW + timedelta(minutes=2)),
    ],
    ids=["moving head", "moving head, fault", "no sheet", "first look", "unsure", "same head", "no sheet, doubt"],
)
def test_what_a_review_is_held_back_for_and_until_when(
    fields: dict[str, Any], judgement: Judgement, waits: str, look_at: datetime
) -> None:
    assert planned(a_snapshot(**fields), judgement) == Plan(waits=(Md(waits),), look_at=look_at)


@pytest.mark.parametrize(
    ("fields", "judgement"),
    [
        ({"pull": a_pull(created_at=ago(seconds=61))}, READY),
        ({"comments": (a_review(head=a_hash("old head")),), "head_seen_at": ago(seconds=61)}, READY),
        ({"probes": (), "first_look_at": ago(seconds=121)}, READY),
        ({"probes": (), "first_look_at": NOW}, FAULT),
        ({"first_look_at": ago(seconds=181)}, UNSURE),
        ({"first_look_at": NOW}, a_judgement(*finding_at(Level.UNSURE), a_finding("size", Level.DOUBT))),
        ({"comments": (a_review(digest="ffff", at=ago(seconds=3601)),)}, READY),
        (
            {"comments": (a_review(digest="ffff", head=a_hash("old head"), at=ago(minutes=1)),)},
            READY,
        ),
    ],
    ids=[
        "quiet", "quiet since the push", "checker silent", "fault", "unsure for long", "unsure and a doubt", "an hour later",
        "new head",
    ],
)  # fmt: skip
def test_what_ends_the_holding_back(fields: dict[str, Any], judgement: Judgement) -> None:
    assert names(planned(a_snapshot(**fields), judgement)) == ("PostReview",)


@pytest.mark.parametrize("judgement", [FORBID, CRASH], ids=["forbid", "crash"])
@pytest.mark.parametrize(
    "fields",
    [
        {"pull": a_pull(created_at=NOW)},
        {"probes": (), "first_look_at": NOW},
        {"first_look_at": NOW, "probes": (a_probe(seen=Seen.UNKNOWN),)},
        {"comments": (a_review(digest=READY.digest(HEAD), at=ago(minutes=1)),)},
        {"comments": (a_review(Verdict.BLOCKED, digest=FAULT.digest(HEAD), at=ago(minutes=1)),)},
    ],
    ids=["moving head", "no sheet", "unsure link", "just said READY", "just said BLOCKED"],
)
def test_what_forbids_the_merge_is_said_at_once(fields: dict[str, Any], judgement: Judgement) -> None:
    step = the_review(planned(a_snapshot(**fields), judgement))
    assert (step.digest, step.body.startswith("**CANNOT TELL**")) == (judgement.digest(HEAD), True)


@pytest.mark.parametrize("judgement", [FORBID, CRASH], ids=["forbid", "crash"])
def test_that_nothing_forbids_the_merge_any_more_is_said_at_once(judgement: Judgement) -> None:
    told = a_review(Verdict.CANNOT_TELL, digest=judgement.digest(HEAD), at=ago(minutes=1))
    assert planned(a_snapshot(comments=(told,)), judgement) == Plan()
    assert the_review(planned(a_snapshot(comments=(told,)), READY)).digest == READY.digest(HEAD)


@pytest.mark.parametrize(
    "more", [{"findings": (a_finding(level=Level.FORBID),)}, {"crashes": CRASH.crashes}], ids=["forbid", "crash"]
)
def test_what_forbids_makes_a_blocked_review_new(more: dict[str, Any]) -> None:
    both = replace(FAULT, **({"findings": (*FAULT.findings, *more["findings"])} if "findings" in more else more))
    assert (both.verdict, FAULT.verdict) == (Verdict.BLOCKED, Verdict.BLOCKED)
    assert both.digest(HEAD) != FAULT.digest(HEAD)


@pytest.mark.parametrize("sure", [READY, DOUBT, a_judgement(passed=("one_item",))], ids=["ready", "doubt", "passed"])
def test_a_flickering_link_says_nothing_twice(sure: Judgement) -> None:
    """Not that it cannot be judged, after a review without it; but once that it is judged, after a review that could not."""
    flickers = replace(sure, findings=(*sure.findings, a_finding("evidence_is_alive", Level.UNSURE)))
    said_sure = a_review(sure.verdict, digest=sure.digest(HEAD), at=ago(hours=9))
    assert planned(a_snapshot(comments=(said_sure,)), flickers) == Plan()
    said_unsure = a_review(flickers.verdict, digest=flickers.digest(HEAD), at=ago(hours=9))
    assert planned(a_snapshot(comments=(said_unsure,)), flickers) == Plan()
    news = planned(a_snapshot(comments=(said_unsure,)), sure)
    assert names(news) == (("PostReview",) if sure.verdict is Verdict.READY else ())


def test_a_pull_whose_branch_is_gone_is_told_so_once() -> None:
    orphan = a_snapshot(head=None, base=None, changes=Changes())
    (step,) = planned(orphan, FAULT).steps
    assert isinstance(step, PostReview)
    assert (step.head, "/close …" in step.body, "--at" in step.body) == (NO_HEAD, True, False)
    told = replace(orphan, comments=(a_comment(BOT, step.body, ago(minutes=1)),))
    assert planned(told, FAULT).steps == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"pull": a_pull(state=PullState.CLOSED)},
        {"pull": a_pull(state=PullState.MERGED)},
        {"pull": a_pull(state=PullState.UNKNOWN)},
        {"bot": None},
        {"policy": a_policy(comments=Comments.NONE)},
        {"policy": a_policy(comments=Comments.DECISIONS)},
        {"pull": a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0123/abc"))},
    ],
    ids=["closed", "merged", "unknown", "no account", "none", "decisions", "landing"],
)
def test_what_is_never_reviewed(fields: dict[str, Any]) -> None:
    assert planned(a_snapshot(**fields), FAULT) == Plan()


def many_reviews(hours: float = 23, count: int = REVIEWS_A_DAY_MAX) -> tuple[Comment, ...]:
    """Reviews of earlier heads, the oldest so many hours ago."""
    return tuple(a_review(head=a_hash(f"h{n}"), at=ago(hours=hours - n), n=n + 1) for n in range(count))


def test_a_pull_that_keeps_changing_is_not_reviewed_without_end() -> None:
    last = the_review(planned(a_snapshot(comments=many_reviews()[1:])))
    assert "The next review follows tomorrow, or when a validator decides it." in last.body
    assert "More follows" not in the_review(planned(a_snapshot(comments=many_reviews()[2:]))).body
    found = planned(a_snapshot(comments=many_reviews()))
    assert (found.steps, found.waits) == ((), ("a day with fewer reviews",))
    assert found.look_at == ago(hours=23) + timedelta(days=1)
    assert names(planned(a_snapshot(comments=many_reviews(hours=25)))) == ("PostReview",)


def test_somebody_who_wants_to_decide_hears_more_on_any_day() -> None:
    asked = commanding("/accept -q 4")
    told = an_answer(asked, "accept", outcome="refused", at=ago(minutes=4))
    assert names(planned(a_snapshot(comments=(*many_reviews(), asked, told)))) == ("PostReview",)
    assert names(planned(a_snapshot(comments=(*many_reviews(), an_override(at=ago(minutes=4)))))) == ("PostReview",)


def test_a_held_pull_is_not_reviewed_again_for_the_hold_until_its_head_moves() -> None:
    held, waits = a_snapshot(comments=(REVIEWED, a_hold())), a_judgement(waiting_for="`cy` to lift the hold")
    assert planned(held, waits) == Plan()
    moved = replace(held, head=a_hash("pushed"), head_seen_at=ago(hours=1))
    assert the_review(planned(moved, waits)).body.startswith("**WAITING**")
    overridden = replace(held, comments=(*held.comments, an_override(at=ago(minutes=5))))
    assert the_review(planned(overridden, waits)).body.startswith("**WAITING**")


def test_after_a_rejection_of_this_head_nothing_is_added_until_it_moves() -> None:
    reject = commanding("/reject no", at=ago(hours=3))
    seen = said(reject, an_answer(reject, "reject"))
    assert planned(seen, FAULT) == Plan()
    assert names(planned(replace(seen, head=a_hash("new head")), FAULT)) == ("PostReview",)


@pytest.mark.parametrize(
    ("reviewed_as", "asked", "judgement", "expected"),
    [
        (Verdict.BLOCKED, "accept", READY, ("PostReview",)),
        (Verdict.BLOCKED, "recheck", READY, ()),
        (Verdict.CANNOT_TELL, "accept", READY, ("PostReview",)),
        (Verdict.BLOCKED, "accept", FAULT, ()),
        (Verdict.LOOK, "accept", READY, ()),
    ],
    ids=["accept", "recheck", "could not tell", "blocked still", "not blocked"],
)
def test_an_accept_refused_for_a_review_that_is_not_true_any_more_gets_the_new_one_at_once(
    reviewed_as: Verdict, asked: str, judgement: Judgement, expected: tuple[str, ...]
) -> None:
    comment = commanding(f"/{asked}")
    before = a_review(digest="eeee", at=ago(minutes=40))
    answered = an_answer(comment, asked, outcome="refused")
    seen = a_snapshot(comments=(before, a_review(reviewed_as, at=ago(minutes=30)), comment, answered))
    assert names(planned(seen, judgement)) == expected


@pytest.mark.parametrize(
    ("reviewed_as", "before", "judgement", "expected"),
    [
        (Verdict.BLOCKED, (), READY, ("PostReview",)),
        (Verdict.BLOCKED, (), DOUBT, ("PostReview",)),
        (Verdict.BLOCKED, (a_review(digest="eeee", at=ago(minutes=20)),), READY, ()),
        (Verdict.BLOCKED, (a_review(digest="eeee", at=ago(minutes=61)),), READY, ("PostReview",)),
        (Verdict.BLOCKED, (a_review(digest="eeee", head=a_hash("old head"), at=ago(minutes=20)),), READY, ("PostReview",)),
        (Verdict.LOOK, (), READY, ()),
        (Verdict.READY, (), FAULT, ()),
    ],
    ids=["ready", "a doubt", "the second time", "an hour later", "the second head", "was not blocked", "is blocked now"],
)
def test_what_is_blocked_no_more_is_reviewed_at_once_but_not_each_time(
    reviewed_as: Verdict, before: tuple[Comment, ...], judgement: Judgement, expected: tuple[str, ...]
) -> None:
    seen = a_snapshot(comments=(*before, a_review(reviewed_as, digest="ffff", at=ago(minutes=10))))
    assert names(planned(seen, judgement)) == expected


# --- order --------------------------------------------------------------------------------------------------------------


def test_the_first_review_comes_before_any_command() -> None:
    seen = a_snapshot(comments=(commanding("/accept -q 4"),))
    assert names(planned(seen)) == ("PostReview",)


def test_a_command_without_a_review_before_it_is_answered_after_the_review() -> None:
    seen = a_snapshot(comments=(commanding("/accept -q 4"), replace(REVIEWED, created_at=NOW, updated_at=NOW)))
    answer = the_answer(planned(seen))
    assert answer.outcome is Outcome.REFUSED
    assert "confirm" in answer.body


def test_a_command_comes_before_a_new_review() -> None:
    seen = a_snapshot(comments=(a_review(digest="ffff", at=ago(hours=2)), commanding("/help")))
    assert names(planned(seen)) == ("Answer",)


def test_while_a_command_waits_the_new_review_is_posted_and_the_evidence_asked_for() -> None:
    accept = commanding("/accept -q 4", at=ago(minutes=1))
    seen = a_snapshot(comments=(a_review(digest="ffff", at=ago(hours=2)), accept), probes=(a_probe(),))
    found = planned(seen)
    assert names(found) == ("PostReview",)
    assert found.probe_since == accept.created_at
    assert found.waits == ("the evidence to be looked at once more.",)


def test_the_newest_waiting_command_says_how_fresh_the_evidence_must_be() -> None:
    first, second = commanding("/accept -q 4", at=ago(minutes=1)), commanding("/recheck", "pia", at=ago(seconds=30))
    found = planned(said(first, second))
    assert (found.steps, found.probe_since) == ((), second.created_at)


def test_a_held_back_review_is_looked_at_again_although_a_command_waits() -> None:
    accept = commanding("/accept -q 4", at=ago(minutes=1))
    found = planned(a_snapshot(comments=(a_review(digest="ffff", at=ago(minutes=50)), accept)))
    assert found.look_at == NOW + timedelta(minutes=10)
    assert len(found.waits) == 2


def test_the_oldest_comment_is_dealt_with_first_one_at_a_time() -> None:
    first, second = commanding("/help", at=ago(minutes=9)), commanding("/help", "bo", at=ago(minutes=8))
    assert the_answer(planned(said(first, second))).to == first.id
    assert the_answer(planned(said(first, second, an_answer(first, "help")))).to == second.id


def test_a_comment_that_waits_does_not_hold_up_the_next() -> None:
    first, second = commanding("/accept -q 4", at=ago(minutes=1)), commanding("/help", "bo", at=ago(seconds=30))
    assert the_answer(planned(said(first, second))).to == second.id


def test_a_decision_that_has_begun_comes_before_older_comments() -> None:
    older, accept = commanding("/help", "bo", at=ago(minutes=9)), commanding("/accept -q 4")
    steps: tuple[Step, ...] = planned(merged(said(older, accept))).steps
    assert [type(step) for step in steps] == [Land, Answer]
    assert isinstance(steps[-1], Answer)
    assert steps[-1].to == accept.id


# --- what is stuck and kept ---------------------------------------------------------------------------------------------


def kept_as(to: Comment, hitch: ParkReason) -> Comment:
    return an_answer(to, "accept", outcome="parked", digest=hitch.value, at=ago(minutes=4))


ACCEPT, REJECT, HELP = "/accept -q 4", "/reject No.", "/help"


@pytest.mark.parametrize(
    ("hitch", "on_main", "later", "first"),
    [
        (ParkReason.WITHHELD, False, HELP, HELP),
        (ParkReason.WITHHELD, False, REJECT, REJECT),
        (ParkReason.WITHHELD, True, HELP, HELP),
        (ParkReason.WITHHELD, True, REJECT, ACCEPT),
        (ParkReason.BUSY, False, HELP, HELP),
        (ParkReason.BUSY, False, REJECT, ACCEPT),
        (ParkReason.BUSY, True, HELP, HELP),
    ],
)
def test_what_is_stuck_is_tried_again_when_nobody_else_is_to_be_heard_first(
    hitch: ParkReason, on_main: bool, later: str, first: str
) -> None:
    accept, other = commanding(ACCEPT), commanding(later, "bo", at=ago(minutes=3))
    snapshot = said(accept, kept_as(accept, hitch), other)
    steps = planned(merged(snapshot) if on_main else snapshot).steps
    assert isinstance(steps[-1], Answer)
    assert steps[-1].to == (accept if first == ACCEPT else other).id


def test_what_is_kept_is_given_up_like_any_old_command() -> None:
    accept = commanding(ACCEPT, at=ago(hours=24, minutes=1))
    review = replace(REVIEWED, created_at=ago(hours=25), updated_at=ago(hours=25))
    answer = the_answer(planned(a_snapshot(comments=(review, accept, kept_as(accept, ParkReason.WITHHELD)))))
    assert answer.outcome is Outcome.REFUSED
    assert "more than a day old" in answer.body


KEPT: dict[str, tuple[ParkReason, bool, str]] = {
    "withheld": (
        ParkReason.WITHHELD,
        False,
        "DoltHub does not let the bot do this: `mergePull: 403 branch is protected`.\n\n"
        "Your command is kept and tried again by itself, every 5 minutes, until 2026-06-15 13:57 UTC. It need not be written "
        "again.\n\nAn admin of this commons can let the bot's account write to main, or merge by hand what waits; it goes on "
        "from there.\n\nA later decision takes its place. Nothing was changed.",
    ),
    "withheld after the merge": (
        ParkReason.WITHHELD,
        True,
        "DoltHub does not let the bot do this: `mergePull: 403 branch is protected`.\n\n"
        "Your command is kept and tried again by itself, every 5 minutes. It need not be written again.\n\n"
        "An admin of this commons can let the bot's account write to main, or merge by hand what waits; it goes on from "
        "there.\n\nWhat was done so far remains, and the rest follows.",
    ),
    "busy": (
        ParkReason.BUSY,
        False,
        "DoltHub has not done this for 5 minutes: `mergePull: 403 branch is protected`.\n\n"
        "Your command is kept and tried again by itself, every 5 minutes, until 2026-06-15 13:57 UTC. It need not be written "
        "again.\n\nLater decisions wait for its end.",
    ),
}


@pytest.mark.parametrize(("hitch", "on_main", "expected"), KEPT.values(), ids=KEPT)
def test_whoever_waits_is_told_why_and_what_happens_next(hitch: ParkReason, on_main: bool, expected: str) -> None:
    accept = commanding(ACCEPT)
    snapshot = merged(said(accept)) if on_main else said(accept)
    why = "mergePull: 403 branch is protected"
    answer = kept(snapshot, accept, MergePull(head=HEAD, comment=accept.id), COMMANDS, hitch=hitch, why=why)
    mark = read_mark(a_comment(BOT, answer.body), BOT)
    assert mark is not None
    assert (mark.commands, mark.outcome, mark.digest) == (("accept",), "parked", hitch.value)
    head = "**KEPT** · `ana` · `w-870be07fbc` `Teach the mayor to count`"
    assert answer.body == f"{head}\n\n{expected}\n\n{mark.line}"


# --- what was merged and nobody decided on ------------------------------------------------------------------------------

NOTICE = (
    "**MERGED, NOT STAMPED** · `w-870be07fbc` `Teach the mayor to count`\n\n"
    f"Reviewed head `{HEAD[:7]}` was merged as `{a_hash('merge')[:7]}`, and there is no decision about it here: it was "
    "merged by hand, or the command was edited or deleted before its end. The work waits in review on main until a validator "
    "decides.\n\n"
    "Validators, put one of these on a line of its own. Q is 1 to 5, … is your reason. `--message` is for words to the "
    "worker.\n\n"
    f"```\n/accept --at {HEAD[:7]}.1 --quality Q\n/reject --at {HEAD[:7]}.1 …\n/close --at {HEAD[:7]}.1 …\n```\n\n"
    f"`stampbot/1 notice - unstamped {HEAD} - 1`"
)


def merged_at(at: datetime | None, *comments: Comment) -> Snapshot:
    """The happy pull, merged then at the reviewed head, and nothing decided."""
    done = merged(said(*comments))
    assert done.merge is not None
    return replace(done, merge=replace(done.merge, at=at))


@pytest.mark.parametrize("at", [ago(minutes=6), None], ids=["a while ago", "time not told"])
def test_reviewed_work_that_was_merged_and_not_decided_on_is_told_once(at: datetime | None) -> None:
    snapshot = merged_at(at)
    (step,) = planned(snapshot).steps
    assert step == PostNotice(head=HEAD, about="unstamped", body="")
    assert isinstance(step, PostNotice)
    assert step.body == NOTICE
    told = replace(snapshot, comments=(*snapshot.comments, a_comment(BOT, step.body, ago(minutes=1))))
    assert planned(told) == Plan()


def test_an_edited_command_on_what_it_merged_is_told_of_twice_and_never_carried_out() -> None:
    """Its author hears that edits are not read; everybody hears that the work waits."""
    accept = replace(commanding("/accept -q 4", at=ago(minutes=7)), updated_at=ago(minutes=6))
    snapshot = merged_at(ago(minutes=6), accept)
    answer = the_answer(planned(snapshot))
    assert answer.outcome is Outcome.HINT
    after = replace(snapshot, comments=(*snapshot.comments, a_comment(BOT, answer.body, ago(minutes=1))))
    assert names(planned(after)) == ("PostNotice",)


def test_somebody_gets_the_time_to_decide_on_what_was_merged() -> None:
    found = planned(merged_at(ago(minutes=1)))
    assert (found.steps, found.look_at) == ((), ago(minutes=1) + timedelta(minutes=5))


REFUSED = commanding("/accept -q 4", at=ago(minutes=4))
UNTOLD: dict[str, Snapshot] = {
    "a decision was refused since": merged_at(ago(minutes=6), REFUSED, an_answer(REFUSED, "accept", outcome="refused")),
    "a command waits": merged_at(ago(minutes=6), replace(REFUSED, author=User("ana"))),
    "never reviewed": replace(merged_at(ago(minutes=6)), comments=(a_comment(BOT, "Hello."),)),
    "stamped": replace(
        merged_at(ago(minutes=6)), on_main_now=replace(merged_at(None).on_main_now, stamps=(a_stamp(author="bo-works"),))
    ),
    "taken back": replace(merged_at(ago(minutes=6)), on_main_now=replace(merged_at(None).on_main_now, completions=())),
    "item settled": replace(
        merged_at(ago(minutes=6)), on_main_now=replace(merged_at(None).on_main_now, items=(a_wanted(status="completed"),))
    ),
    "no work": merged(said(changes=changes_of(added("rigs", handle="polecat-9")))),
    "silent": replace(merged_at(ago(minutes=6)), policy=a_policy(comments=Comments.NONE)),
}


@pytest.mark.parametrize("snapshot", UNTOLD.values(), ids=UNTOLD)
def test_what_is_decided_or_none_of_ours_is_not_told_of(snapshot: Snapshot) -> None:
    assert "PostNotice" not in names(planned(snapshot))


# --- one answer per comment ---------------------------------------------------------------------------------------------


def test_an_answered_comment_is_not_answered_again() -> None:
    comment = commanding("/help")
    assert planned(said(comment, an_answer(comment, "help"))) == Plan()


@pytest.mark.parametrize(
    ("outcome", "by", "edited", "expected"),
    [
        ("done", BOT, False, ()),
        ("refused", BOT, False, ()),
        ("hint", BOT, False, ()),
        ("parked", BOT, False, ("Answer",)),
        ("done", User("mallory"), False, ("Answer",)),
        ("done", BOT, True, ("Answer",)),
    ],
    ids=["done", "refused", "hint", "parked", "by another", "edited"],
)
def test_what_closes_a_comment(outcome: str, by: User, edited: bool, expected: tuple[str, ...]) -> None:
    comment = commanding("/help")
    answer = replace(an_answer(comment, "help", outcome=outcome), author=by)
    answer = replace(answer, updated_at=NOW) if edited else answer
    assert names(planned(said(comment, answer))) == expected


def test_all_commands_of_a_comment_get_one_answer() -> None:
    answer = the_answer(planned(said(commanding("/help\n\n/recheck"))))
    assert answer.outcome is Outcome.DONE
    assert "**HELP**" in answer.body
    assert "**CHECKED AGAIN**" in answer.body


def test_of_two_decisions_none_is_carried_out() -> None:
    answer = the_answer(planned(said(commanding("/accept -q 4\n/reject no"))))
    assert answer.outcome is Outcome.REFUSED
    assert "Two decisions in one comment: neither was carried out." in answer.body


def test_a_misread_decision_does_not_stop_a_safe_command() -> None:
    answer = the_answer(planned(said(commanding("/help\n/accept --qualty 4"))))
    assert answer.outcome is Outcome.REFUSED
    assert "**HELP**" in answer.body
    assert "did you mean `--quality`" in answer.body


def test_a_misread_line_stops_the_decision_beside_it() -> None:
    answer = the_answer(planned(said(commanding("/accept -q 4\n/recheck --now"))))
    assert answer.outcome is Outcome.REFUSED
    assert "`/accept` was not carried out" in answer.body


def test_a_refused_question_does_not_make_a_decision_refused() -> None:
    """The mark is the journal: a rejection must stand in it as one."""
    answer = the_answer(planned(said(commanding("/help nonsense\n/reject It does not build."))))
    assert answer.outcome is Outcome.DONE
    mark = read_mark(a_comment(BOT, answer.body), BOT)
    assert mark is not None
    assert (mark.outcome, mark.commands) == ("done", ("help", "reject"))


def test_a_transaction_waits_as_a_whole_before_it_begins() -> None:
    both = commanding("/reject It does not build.\n\n/recheck", at=ago(minutes=1))
    assert planned(said(both)).steps == ()


def test_the_mark_names_all_commands_and_the_line_to_copy_is_pinned() -> None:
    body = the_answer(planned(said(commanding("/accept --quality 9")))).body
    assert f"/accept --at {HEAD[:7]}.1 --quality Q" in body
    assert body.splitlines()[-1].startswith("`stampbot/1 answer accept:")


# --- what is not answered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["Nice work!", "/usr/bin/env fails", "/shrug", "    /accept -q 4", "see `/accept -q 4`", ""])
def test_talk_is_not_answered(body: str) -> None:
    assert planned(said(commanding(body))) == Plan()


@pytest.mark.parametrize(
    ("author", "fields"),
    [(BOT, {}), (User("ana"), {"policy": a_policy(ignored_users=(User("ana"),))})],
    ids=["the bot", "ignored"],
)
def test_some_are_never_read(author: User, fields: dict[str, Any]) -> None:
    assert planned(said(commanding("/accept -q 4", author), **fields)) == Plan()


def test_an_edited_command_gets_one_hint_and_no_deed() -> None:
    edited = replace(commanding("/accept -q 4"), updated_at=NOW)
    answer = the_answer(planned(said(edited)))
    assert answer.outcome is Outcome.HINT
    assert "edited" in answer.body
    again = a_comment(BOT, answer.body, NOW)
    assert planned(said(edited, again)) == Plan()


def test_edited_talk_is_left_alone() -> None:
    assert planned(said(replace(commanding("please /accept -q 4"), updated_at=NOW))) == Plan()


@pytest.mark.parametrize(
    ("body", "validators_only"),
    [
        ("please /accept -q 4", True),
        ("```\n/accept -q 4\n```", True),
        ("wl accept w-ab12 --quality 4", True),
        ("> he said\n/accept -q 4", False),
        ("<details>\n/accept -q 4", False),
    ],
    ids=["in a line", "in a fence", "wl", "quotation", "html"],
)
def test_some_hints_are_for_validators_only(body: str, validators_only: bool) -> None:
    assert the_answer(planned(said(commanding(body)))).outcome is Outcome.HINT
    assert names(planned(said(commanding(body, "pia")))) == (() if validators_only else ("Answer",))


@pytest.mark.parametrize("state", [PullState.CLOSED, PullState.MERGED])
def test_a_pull_that_ended_without_a_word_of_ours_is_history(state: PullState) -> None:
    seen = a_snapshot(pull=a_pull(state=state), comments=(commanding("/accept -q 4"),))
    assert planned(seen) == Plan()
    spoken = replace(seen, comments=(REVIEWED, *seen.comments))
    assert names(planned(spoken if state is PullState.CLOSED else merged(spoken)))[-1] == "Answer"


# --- the commons' wish for words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ((), ()),
        ((commanding("Nice work!"),), ()),
        ((commanding("/help"),), ("Answer",)),
        ((commanding("/accept -q 4"),), ("PostReview",)),
        ((commanding("/reject no", "cy"),), ("PostReview",)),
        ((REVIEWED, commanding("/accept -q 4")), ("MergePull", "Land", "Answer")),
        ((a_review(digest="ffff", at=ago(hours=3)),), ()),
    ],
    ids=["nothing", "talk", "question", "decision", "decision of anybody", "reviewed", "review not true any more"],
)
def test_a_commons_that_wants_words_only_for_decisions_gets_a_review_when_one_is_asked_for(
    comments: tuple[Comment, ...], expected: tuple[str, ...]
) -> None:
    seen = a_snapshot(comments=comments, policy=a_policy(comments=Comments.DECISIONS))
    assert names(planned(seen)) == expected


def test_where_the_head_moved_a_refused_decision_is_followed_by_the_review_it_needs() -> None:
    accept = commanding("/accept -q 4")
    policy = a_policy(comments=Comments.DECISIONS)
    seen = said(accept, policy=policy, head=a_hash("new head"))
    answer = the_answer(planned(seen))
    assert answer.outcome is Outcome.REFUSED
    answered = replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body, NOW)))
    assert the_review(planned(answered)).head == a_hash("new head")
    assert planned(said(policy=policy, head=a_hash("new head"))) == Plan()


def test_a_commons_that_wants_no_words_gets_none() -> None:
    seen = said(commanding("/accept -q 4"), policy=a_policy(comments=Comments.NONE))
    assert planned(seen) == Plan()


def test_a_plan_names_the_reviewed_head_in_full() -> None:
    (merge, *_) = planned(said(commanding("/accept -q 4"))).steps
    assert isinstance(merge, MergePull)
    assert merge.head == CommitHash(HEAD)


# --- who only talks ---------------------------------------------------------------------------------------------------


def talk(user: str, *, deleted: bool = False) -> tuple[Comment, ...]:
    """Ten questions of the last hour and their answers; `deleted`: the questions are there no more."""
    asked = [a_comment(user, "/help", ago(minutes=50 - 2 * n), id=CommentId(f"{user}-{n}")) for n in range(10)]
    told = [an_answer(question, "help", at=question.created_at + timedelta(minutes=1)) for question in asked]
    return tuple(told) if deleted else (*asked, *told)


@pytest.mark.parametrize("deleted", [False, True])
def test_who_only_talks_is_answered_again_after_a_while(deleted: bool) -> None:
    before = talk("cy", deleted=deleted)
    seen = said(*before, commanding("/help", "cy"))
    assert planned(seen) == Plan(look_at=ago(minutes=49) + timedelta(hours=1))
    assert names(planned(replace(seen, taken_at=ago(minutes=49) + timedelta(hours=1)))) == ("Answer",)


@pytest.mark.parametrize(
    ("body", "by"),
    [
        ("/accept w-other --quality 4", "cy"),
        ("/close w-other why", "cy"),
        ("/reject x\n/close y", "cy"),
        ("/accept --quality 4\n/status", "cy"),
        ("/unhold", "cy"),
        ("/accept --qualty 4", "ana"),
        ("/status", "ana"),
    ],
)
def test_words_are_limited_whatever_they_look_like_and_whoever_writes_them(body: str, by: str) -> None:
    assert planned(said(*talk(by), commanding(body, by))).steps == ()


@pytest.mark.parametrize(
    ("body", "by", "begins"),
    [
        ("/help", "pia", "**HELP**"),
        ("/hold it does not build", "cy", "**HELD**"),
        ("/reject it does not build", "ana", "**REJECTED**"),
    ],
)
def test_deeds_and_other_accounts_are_heard_all_the_same(body: str, by: str, begins: str) -> None:
    before = (*talk("cy"), *talk("ana"), commanding("/help", "cy", ago(minutes=6)))
    answer = planned(said(*before, commanding(body, by))).steps[-1]
    assert isinstance(answer, Answer)
    assert answer.body.startswith(begins)


def test_the_same_command_twice_within_a_second_gets_one_answer() -> None:
    first = a_comment("ana", "/status", ago(minutes=3), id=CommentId("one"))
    near, far = first.created_at + timedelta(seconds=1), first.created_at + timedelta(seconds=5)
    again = replace(first, id=CommentId("two"), created_at=near, updated_at=near)
    later = replace(first, id=CommentId("three"), created_at=far, updated_at=far)
    other = replace(first, id=CommentId("four"), author=User("bo"))
    seen = said(first, again, later, other)
    answer = the_answer(planned(seen))
    assert (answer.to, answer.closes) == (first.id, (again.id,))
    after = replace(seen, comments=(*seen.comments, a_comment(BOT, answer.body, NOW)))
    assert [c.id for c in after.unanswered] == [later.id, other.id]


def test_an_answered_comment_that_is_edited_into_a_command_gets_one_line_for_it() -> None:
    asked = a_comment("ana", "/acept -q 4", ago(minutes=9))
    edited = replace(asked, body="/accept -q 4", updated_at=ago(minutes=3))
    seen = said(edited, an_answer(asked, outcome="hint"))
    (step,) = planned(seen).steps
    assert isinstance(step, PostNotice)
    assert step.body.startswith("`ana`: edited comments are not read. To give a command, write a new comment.")
    told = replace(seen, comments=(*seen.comments, a_comment(BOT, step.body, NOW)))
    assert planned(told) == Plan()
    talk = replace(seen, comments=(REVIEWED, replace(edited, body="never mind"), seen.comments[-1]))
    assert planned(talk) == Plan()
    before = replace(seen, comments=(REVIEWED, edited, an_answer(asked, outcome="hint", at=ago(minutes=1))))
    assert planned(before) == Plan(), "the answer came after the edit"
