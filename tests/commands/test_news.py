"""A decision is held against the review it names: what came since is news, and nothing is merged or stamped on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.catalog import find as commands
from bot.commands.command import brings
from bot.converge.plan import plan
from bot.messages import reviews
from bot.model.finding import Level
from bot.model.ids import CommentId, CommitHash, User
from bot.model.kind import PullKind
from bot.model.ledger import Row
from bot.model.mark import FINDINGS_NAMED_MAX, Fact, Mark, MarkKind, Shown, read_mark
from bot.model.news import news_since, shown_by
from bot.model.policy import Policy, Validator
from bot.model.pull import Comment
from bot.model.snapshot import Merge, Snapshot
from bot.model.step import Answer, PostReview, Step
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from bot.rulebook.kit import gallery
from bot.rulebook.kit.examples import EXAMPLES
from tests.build import COLUMNS, HEAD, a_comment, a_finding, a_hash, a_judgement, a_review, a_snapshot, merged

RULES, COMMANDS = rules.find(), commands()
WRITES = {PullKind.WORK: "/accept --quality 4", PullKind.CLAIM: "/accept --yes"}
BOT = "stampbot"
NEVER_FINDS = {"claim_waits_for_evidence", "nobody_holds_it"}
"""They make a pull wait, and find nothing."""


def with_validator(pull: Snapshot) -> Snapshot:
    """The pull on a commons where account val decides, with the rig val-town."""
    val = Validator(User("val"), gallery.rig("val-town", "val").handle)
    policy = replace(pull.policy, validators=(*pull.policy.validators, val))
    rigs = (*pull.rigs, gallery.rig("val-town", "val", trust_level="3"))
    return replace(pull, policy=policy, rigs=rigs, columns=pull.columns or COLUMNS)


def reviewed_as(shown: Snapshot, now: Snapshot) -> Snapshot:
    """`now`, below a review that showed `shown` of the same head, and with a command to accept it."""
    at = now.taken_at
    mark = replace(reviews.mark(shown, judge(shown, RULES)), head=now.head or HEAD, outcome="READY", n=1)
    review = a_comment(BOT, mark.line, at - timedelta(minutes=30), id=CommentId("review"))
    body = WRITES.get(now.kind, "/accept")
    said = a_comment("val", body, at - timedelta(minutes=20), id=CommentId("said"))
    probes = tuple(replace(probe, probed_at=at - timedelta(minutes=10)) for probe in now.probes)
    return replace(now, comments=(*now.comments, review, said), probes=probes)


def merged_by_hand(pull: Snapshot) -> Snapshot:
    """The same after a merge that no command asked for."""
    head = pull.head or HEAD
    merge = Merge(commit=a_hash("merge"), before=pull.main_head, head=head, at=pull.taken_at - timedelta(minutes=15))
    after = merged(pull, head=head, merge=merge, base=pull.base)
    return replace(after, on_main_now=replace(after.on_main_now, rigs=pull.rigs))


def deeds(pull: Snapshot) -> list[Step]:
    """What the next look does to main."""
    return [step for step in plan(pull, judge(pull, RULES), COMMANDS).steps if brings(step)]


def found(pull: Snapshot) -> set[str]:
    return {finding.rule for finding in judge(pull, RULES).findings if finding.level is not Level.UNSURE}


SANE = with_validator(gallery.sane())
NEWS = [
    pytest.param(each.pull, id=f"{number:02} {each.what}")
    for number, each in enumerate(EXAMPLES)
    if found(with_validator(each.pull)) - found(with_validator(gallery.sane(each.pull.kind)))
]


def test_without_news_the_sane_pull_is_merged() -> None:
    assert deeds(reviewed_as(SANE, SANE)) != []


def test_every_rule_is_shown_by_an_example() -> None:
    shown = {rule for each in EXAMPLES for rule in found(with_validator(each.pull))}
    assert {rule.name for rule in RULES.rules} - shown == NEVER_FINDS


@pytest.mark.parametrize("example", NEWS)
def test_what_any_rule_finds_only_after_the_review_keeps_the_pull_from_main(example: Snapshot) -> None:
    now = with_validator(example)
    shown = with_validator(gallery.sane(now.kind))
    assert deeds(reviewed_as(shown, now)) == []
    by_hand = merged_by_hand(reviewed_as(shown, now))
    # What stood against the merge itself stands no more: how it came to main can be read there.
    if found(by_hand) - found(merged_by_hand(reviewed_as(shown, shown))):
        assert deeds(by_hand) == []


def _rig_of(owner: str) -> Callable[[Snapshot], Snapshot]:
    def changed(pull: Snapshot) -> Snapshot:
        rigs = tuple(gallery.rig(rig.handle, owner) if rig.handle == gallery.WORKER else rig for rig in pull.rigs)
        return replace(pull, rigs=rigs, pull=replace(pull.pull, creator=User(owner)))

    return changed


CHANGED = {
    "what the item asks": lambda pull: gallery.on_main(pull, description="Something else."),
    "the item's effort": lambda pull: gallery.on_main(pull, effort_level="epic"),
    "the link": lambda pull: gallery.having(pull, "completions", evidence=f"{gallery.EVIDENCE}1"),
    "a cell of the item": lambda pull: gallery.having(pull, "wanted", title="Another"),
    "the rig's owner": _rig_of("mallory"),
    "who opened the pull": lambda pull: replace(pull, pull=replace(pull.pull, creator=User("val2"))),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_a_changed_item_rig_owner_or_link_is_news(change: Callable[[Snapshot], Snapshot]) -> None:
    now = change(SANE)
    shown = shown_by(SANE, judge(SANE, RULES))
    assert news_since(shown, now, judge(now, RULES)).rows
    assert deeds(reviewed_as(SANE, now)) == []
    assert deeds(merged_by_hand(reviewed_as(SANE, now))) == []


def test_what_tools_and_migrations_write_is_no_news() -> None:
    written = {"updated_at": "2026-06-14 13:59:00", "reward": "0"}
    later = replace(SANE, items=tuple(replace(i, row=Row.of({**i.row.as_dict(), **written})) for i in SANE.items))
    assert not news_since(shown_by(SANE, judge(SANE, RULES)), later, judge(SANE, RULES))


def test_news_is_answered_with_a_new_review_and_the_command_below_it_is_carried_out() -> None:
    now = replace(SANE, rigs=(*SANE.rigs,))
    note = a_judgement(a_finding(rule="ratings_vary", level=Level.NOTE, says="All stamps are alike."))
    seen = reviewed_as(SANE, now)
    (answer,) = plan(seen, note, COMMANDS).steps
    assert isinstance(answer, Answer)
    assert answer.body.split("\n\n`stampbot")[0].split("```\n\n", 1)[1] == (
        f"Something is new since review 1 (`{(SANE.head or '')[:7]}.1`):\n\nratings\\_vary: All stamps are alike.\n\n"
        "A new review follows. Please decide again below it.\n\nNothing was changed."
    )
    told = a_comment(BOT, answer.body, seen.taken_at - timedelta(minutes=5))
    after = replace(seen, comments=(*seen.comments, told))
    (step,) = plan(after, note, COMMANDS).steps
    assert isinstance(step, PostReview)
    assert (step.number, step.digest) == (2, note.digest(SANE.head or ""))
    again = a_comment("val", "/accept --quality 4", seen.taken_at - timedelta(minutes=1))
    review = a_comment(BOT, step.body, seen.taken_at - timedelta(minutes=3))
    fresh = tuple(replace(probe, probed_at=seen.taken_at) for probe in seen.probes)
    assert [
        s
        for s in plan(replace(after, comments=(*after.comments, review, again), probes=fresh), note, COMMANDS).steps
        if brings(s)
    ]


def test_an_accept_against_anothers_rejection_is_refused_once_and_goes_through_with_yes_after_it_was_shown() -> None:
    at = SANE.taken_at
    seen = reviewed_as(SANE, SANE)
    review = seen.comments[0]
    no = a_comment("val2", "/reject it does not build", at - timedelta(minutes=25), id=CommentId("no"))
    fact = Fact(command="reject", by=User("val2"))
    mark = Mark(
        kind=MarkKind.ANSWER, outcome="done", head=SANE.head or HEAD, digest=SANE.evidence_key,
        commands=("reject",), comment=no.id, facts=(fact,),
    )  # fmt: skip
    rejected = a_comment(BOT, mark.line, at - timedelta(minutes=24))
    pull = replace(seen, comments=(review, no, rejected, seen.comments[-1]))
    unread = replace(seen.comments[-1], body="/accept --quality 4 --yes")
    assert deeds(replace(pull, comments=(*pull.comments[:-1], unread))) == [], "written before the rejection was shown"
    (answer,) = plan(pull, judge(pull, RULES), COMMANDS).steps
    assert isinstance(answer, Answer)
    assert "`val2` rejected this work at 2026-06-14 13:38 UTC." in answer.body
    told = a_comment(BOT, answer.body, at - timedelta(minutes=10))
    after = replace(pull, comments=(*pull.comments, told), probes=tuple(replace(p, probed_at=at) for p in pull.probes))
    assert plan(after, judge(after, RULES), COMMANDS).steps == (), "no review follows"
    again = {yes: a_comment("val", f"/accept --quality 4{yes}", at - timedelta(minutes=2)) for yes in ("", " --yes")}
    assert deeds(replace(after, comments=(*after.comments, again[""]))) == []
    overruled = replace(after, comments=(*after.comments, again[" --yes"]))
    assert deeds(overruled) != []
    *_, receipt = plan(overruled, judge(overruled, RULES), COMMANDS).steps
    assert isinstance(receipt, Answer)
    assert "`val` accepted it although `val2` had rejected it at 2026-06-14 13:38 UTC." in receipt.body


def test_on_a_merged_pull_the_command_written_after_the_news_is_carried_out() -> None:
    now = merged_by_hand(reviewed_as(SANE, gallery.on_main(SANE, effort_level="epic")))
    (answer,) = plan(now, judge(now, RULES), COMMANDS).steps
    assert isinstance(answer, Answer)
    assert "If it still holds, write the command again." in answer.body
    told = a_comment(BOT, answer.body, now.taken_at - timedelta(minutes=5))
    again = a_comment("val", "/accept --quality 4", now.taken_at - timedelta(minutes=1))
    other = a_comment("val2", "/accept --quality 4", now.taken_at - timedelta(minutes=1))
    assert deeds(replace(now, comments=(*now.comments, told, again))) != []
    assert deeds(replace(now, comments=(*now.comments, told, other))) == []


# --- the mark -----------------------------------------------------------------------------------------------------------

HEX = st.text("0123456789abcdef", min_size=16, max_size=16)
SHOWN = st.builds(Shown, cells=HEX, findings=st.lists(HEX, max_size=FINDINGS_NAMED_MAX).map(tuple), rest=st.just("") | HEX)
HEADS = st.text("0123456789abcdefghijklmnopqrstuv", min_size=32, max_size=32).map(CommitHash)


@given(shown=SHOWN | st.none(), head=HEADS, main=HEADS | st.none(), n=st.integers(1, 999_999))
def test_a_mark_is_read_as_it_was_written(shown: Shown | None, head: CommitHash, main: CommitHash | None, n: int) -> None:
    mark = Mark(kind=MarkKind.REVIEW, outcome="READY", head=head, digest="0123456789ab", n=n, main=main, shown=shown)
    assert read_mark(a_comment(BOT, f"**READY**\n\n{mark.line}"), User(BOT)) == mark


@pytest.mark.parametrize("main", ["-", "de0p373bjs0ifohibe8hshbiiliqsem5"])
def test_a_mark_of_the_version_before_is_read_as_before(main: str) -> None:
    line = f"`stampbot/1 review {main} READY vedj3hu86lq0b41dqem7qnjbeelk8kid 57e0f60bc50f 3`"
    expected = Mark(
        kind=MarkKind.REVIEW,
        outcome="READY",
        head=CommitHash("vedj3hu86lq0b41dqem7qnjbeelk8kid"),
        digest="57e0f60bc50f",
        n=3,
        main=None if main == "-" else CommitHash(main),
    )
    assert read_mark(a_comment(BOT, line), User(BOT)) == expected


def test_a_decision_about_a_review_that_kept_nothing_is_carried_out() -> None:
    head = SANE.head or HEAD
    at = SANE.taken_at
    old: Comment = a_comment(BOT, f"`stampbot/1 review - READY {head} 57e0f60bc50f 1`", at - timedelta(minutes=30))
    said = a_comment("val", "/accept --quality 4", at - timedelta(minutes=20))
    assert deeds(replace(SANE, comments=(old, said))) != []


LEVELS = st.sampled_from([level for level in Level if level is not Level.UNSURE])
FINDINGS = st.lists(st.tuples(st.sampled_from([f"rule_{n}" for n in range(12)]), LEVELS), max_size=14)


@given(before=FINDINGS, after=FINDINGS)
def test_a_finding_is_news_unless_it_was_shown_as_bad_or_worse(
    before: list[tuple[str, Level]], after: list[tuple[str, Level]]
) -> None:
    def judged(pairs: list[tuple[str, Level]]):  # type: ignore[no-untyped-def]
        ordered = sorted({a_finding(rule=rule, level=level) for rule, level in pairs}, key=lambda f: (-f.level.weight, f.rule))
        return a_judgement(*ordered)

    worst = {rule: max(level.weight for name, level in before if name == rule) for rule, _ in before}
    new = {(rule, level) for rule, level in after if level.weight > worst.get(rule, -1)}
    snapshot = a_snapshot(policy=Policy())
    found = news_since(shown_by(snapshot, judged(before)), snapshot, judged(after))
    named = {(finding.rule, finding.level) for finding in found.findings}
    assert named >= new
    if len(set(before)) <= FINDINGS_NAMED_MAX:
        assert named == new


# --- which review -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "number"),
    [("", 3), (f" --at {HEAD[:7]}", 1), (f" --at {HEAD[:7]}.2", 2), (f" --at {HEAD}.3", 3), (f" --at {HEAD[:7]}.4", None)],
)
def test_a_line_names_the_review_it_was_written_below(at: str, number: int | None) -> None:
    from bot.commands import decision, grammar
    from bot.commands.command import CommandContext

    all_three = tuple(a_review(n=n, at=a_snapshot().taken_at - timedelta(minutes=60 - n)) for n in (1, 2, 3))
    said = a_comment("ana", f"/accept{at} --quality 4")
    snapshot = a_snapshot(comments=(*all_three, said))
    (parsed,) = grammar.read(said.body, COMMANDS).parsed
    context = CommandContext(parsed=parsed, comment=said, snapshot=snapshot, judgement=a_judgement(), catalog=COMMANDS)
    ground = decision.ground(context, "accept")
    assert (ground.review.mark.n if isinstance(ground, decision.Ground) else None) == number
