"""Judging: bulkheads, levels, order, what is waited for; and that nothing a stranger writes breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.ledger import Changes, Completion, Rig, Row, Wanted
from bot.model.mark import NO_HEAD
from bot.rulebook import (
    REVIEWED,
    Catalog,
    Finding,
    Judgement,
    Level,
    Place,
    PullKind,
    Rule,
    RuleCrash,
    Said,
    Seen,
    Snapshot,
    Verdict,
    find,
    judge,
)
from bot.rulebook.judge import FINDINGS_MAX, READ_MAX
from bot.rulebook.rule import Check
from tests.build import (
    a_hash,
    a_policy,
    a_probe,
    a_review,
    a_snapshot,
    a_wanted,
    added,
    an_override,
    changes_of,
    merged,
    work,
)
from tests.strategies import any_changes, any_pulls, any_rows

PLACE = Place("wanted", "w-1", "status")


def a_rule(name: str, check: Check, level: Level = Level.FAULT, *, fixed: bool = False, fades: bool = False) -> Rule:
    return Rule(
        name=name,
        level=level,
        label="Sample",
        asks="It holds",
        title=name,
        doc="",
        kinds=REVIEWED,
        fixed=fixed,
        softens_after_merge=fades,
        check=check,
    )


def saying(name: str, *levels: Level, fixed: bool = False, fades: bool = False, own: Level = Level.FAULT) -> Rule:
    """A rule of level `own` that says one thing at each of these levels."""

    def check(_: Snapshot) -> Iterator[Finding]:
        for level in levels:
            yield made.finding(PLACE, f"Something is {level.value}.", level=level)

    made = a_rule(name, check, own, fixed=fixed, fades=fades)
    return made


def waiting(name: str, whom: str) -> Rule:
    def check(_: Snapshot) -> Iterator[Said]:
        yield made.waits(whom)

    made = a_rule(name, check)
    return made


def judged(*rules: Rule, snapshot: Snapshot | None = None, **levels: Level | None) -> Judgement:
    return judge(snapshot or a_snapshot(policy=a_policy(levels=levels)), Catalog.of(rules))


def levels_of(judgement: Judgement) -> list[Level]:
    return [finding.level for finding in judgement.findings]


def test_the_happy_pull_is_ready_and_says_what_passed() -> None:
    judgement = judge(a_snapshot(), find())
    asked = tuple(r.name for r in find().rules if PullKind.WORK in r.kinds)
    assert judgement == Judgement(findings=(), passed=asked, final=judgement.final)
    assert judgement.verdict is Verdict.READY


def test_findings_come_worst_first_then_by_rule_and_place_and_once() -> None:
    def check(_: Snapshot) -> Iterator[Finding]:
        for key in ("w-2", "w-1", "w-2"):
            yield b_rule.finding(Place("wanted", key), "Twice.", level=Level.DOUBT)

    b_rule = a_rule("b_rule", check)
    judgement = judged(saying("c_rule", Level.NOTE, Level.UNSURE, Level.FAULT), b_rule, saying("a_rule", Level.DOUBT))
    assert [(f.rule, f.level, f.place.key) for f in judgement.findings] == [
        ("c_rule", Level.FAULT, "w-1"),
        ("c_rule", Level.UNSURE, "w-1"),
        ("a_rule", Level.DOUBT, "w-1"),
        ("b_rule", Level.DOUBT, "w-1"),
        ("b_rule", Level.DOUBT, "w-2"),
        ("c_rule", Level.NOTE, "w-1"),
    ]


def test_a_crash_hides_no_other_rule_and_keeps_what_was_found_before_it() -> None:
    def check(_: Snapshot) -> Iterator[Finding]:
        yield broken.finding(PLACE, "Found before.", level=Level.DOUBT)
        raise ValueError("no number: 'x'\nsecond line")

    broken = a_rule("broken_rule", check)
    judgement = judged(broken, saying("quiet_rule"), saying("loud_rule", Level.NOTE))
    assert [(f.rule, f.says) for f in judgement.findings] == [
        ("broken_rule", "Found before."),
        ("loud_rule", "Something is note."),
    ]
    assert judgement.crashes == (RuleCrash(rule="broken_rule", error="ValueError: no number: 'x'"),)
    assert judgement.passed == ("quiet_rule",)
    assert judgement.verdict is Verdict.CANNOT_TELL


class _UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("x" * 500), "KeyError: '" + "x" * 149),
        (RecursionError(), "RecursionError"),
        (_UnspeakableError(), "_UnspeakableError"),
    ],
)
def test_a_crash_is_told_in_one_short_line(error: Exception, told: str) -> None:
    def check(_: Snapshot) -> Iterator[Finding]:
        yield from ()
        raise error

    assert judged(a_rule("broken_rule", check)).crashes == (RuleCrash(rule="broken_rule", error=told),)


def test_a_rule_that_yields_something_else_has_crashed() -> None:
    def words(_: Snapshot) -> Iterator[Finding]:
        yield "FAULT"  # type: ignore[misc]

    def nothing(_: Snapshot) -> Iterator[Finding]:
        return None  # type: ignore[return-value]

    errors = [c.error for c in judged(a_rule("wordy_rule", words), a_rule("void_rule", nothing)).crashes]
    assert errors == ["TypeError: 'NoneType' object is not iterable", "TypeError: yields str, not a finding"]


def test_a_finding_carries_the_name_of_the_rule_that_yields_it() -> None:
    def check(_: Snapshot) -> Iterator[Finding]:
        yield Finding(rule="somebody_else", level=Level.FAULT, place=PLACE, says="Not me.")

    assert judged(a_rule("this_rule", check)).findings[0].rule == "this_rule"


def test_a_rule_without_end_is_cut() -> None:
    def check(_: Snapshot) -> Iterator[Finding]:
        n = 0
        while True:
            n += 1
            yield endless.finding(Place("wanted", f"w-{n:09}"), "Again.")

    endless = a_rule("endless_rule", check)
    judgement = judged(endless)
    assert levels_of(judgement) == [Level.FAULT] * FINDINGS_MAX + [Level.FORBID]
    assert judgement.findings[-1].says == f"This rule has more than {READ_MAX} findings, and the rest was not read."


def test_many_findings_of_one_level_are_cut_and_hide_no_other_level() -> None:
    def check(_: Snapshot) -> Iterator[Finding]:
        for n in range(FINDINGS_MAX + 5):
            yield long.finding(Place("wanted", f"w-{n:03}"), "Again.", level=Level.DOUBT)
        for level in (Level.FORBID, Level.FAULT):
            yield long.finding(PLACE, "Last.", level=level)

    long = a_rule("long_rule", check)
    assert levels_of(judged(long)) == [Level.FAULT, Level.FORBID, *[Level.DOUBT] * FINDINGS_MAX, Level.NOTE]
    assert judged(long).findings[-1].says == f"This rule has more than {FINDINGS_MAX} findings."


def test_a_rule_is_only_asked_about_its_kinds() -> None:
    only_posts = Rule(
        name="only_posts",
        level=Level.FAULT,
        label="Sample",
        asks="It holds",
        title="",
        doc="",
        kinds=(PullKind.POST,),
        fixed=False,
        softens_after_merge=False,
        check=saying("only_posts", Level.FAULT).check,
    )
    assert judged(only_posts) == Judgement(findings=())
    assert levels_of(judged(only_posts, snapshot=a_snapshot(changes=changes_of(added("wanted"))))) == [Level.FAULT]


@pytest.mark.parametrize(
    ("said", "ruled", "level"),
    [
        (Level.FAULT, Level.DOUBT, Level.DOUBT),
        (Level.FAULT, Level.NOTE, Level.NOTE),
        (Level.DOUBT, Level.NOTE, Level.NOTE),
        (Level.UNSURE, Level.DOUBT, Level.DOUBT),
        (Level.DOUBT, Level.FAULT, Level.DOUBT),
        (Level.NOTE, Level.DOUBT, Level.NOTE),
    ],
)
def test_policy_sets_the_level_of_a_rule_and_only_softens_what_chose_its_own(said: Level, ruled: Level, level: Level) -> None:
    assert levels_of(judged(saying("some_rule", said), some_rule=ruled)) == [level]


def crashing(name: str, *, fixed: bool, fades: bool) -> Rule:
    def check(_: Snapshot) -> Iterator[Finding]:
        yield made.finding(PLACE, "Found before.")
        raise KeyError("x")

    made = a_rule(name, check, fixed=fixed, fades=fades)
    return made


@given(
    pull=any_pulls(5),
    ruled=st.sampled_from((None, Level.NOTE, Level.DOUBT, Level.UNSURE, Level.FAULT)),
    own=st.sampled_from(Level),
    fixed=st.booleans(),
    fades=st.booleans(),
    crashes=st.booleans(),
)
def test_no_setting_no_override_and_no_merge_takes_away_what_forbids(
    pull: Snapshot, ruled: Level | None, own: Level, fixed: bool, fades: bool, crashes: bool
) -> None:
    rule = (
        crashing("some_rule", fixed=fixed, fades=fades)
        if crashes
        else saying("some_rule", Level.FORBID, Level.FAULT, own=own, fixed=fixed, fades=fades)
    )
    if pull.kind not in rule.kinds:
        return
    overridden = (a_review(head=pull.head or NO_HEAD), an_override("some_rule", head=pull.head or NO_HEAD))
    for comments in ((), overridden):
        for snapshot in (pull, merged(pull)):
            seen = replace(snapshot, policy=a_policy(levels={"some_rule": ruled}), comments=comments)
            judgement = judge(seen, Catalog.of((rule,)))
            told = judgement.crashes if crashes else judgement.at(Level.FORBID)
            assert (judgement.forbids, len(told)) == (True, 1)
            expected = Verdict.BLOCKED if judgement.at(Level.FAULT) else Verdict.CANNOT_TELL
            assert (judgement.verdict, judgement.adoptable) == (expected, False)


def test_what_is_overridden_beside_what_forbids_leaves_cannot_tell() -> None:
    rule = saying("some_rule", Level.FORBID, Level.FAULT)
    judgement = judged(rule, snapshot=a_snapshot(comments=(a_review(), an_override("some_rule"))))
    assert (levels_of(judgement), judgement.verdict) == ([Level.FORBID, Level.DOUBT], Verdict.CANNOT_TELL)


@pytest.mark.parametrize("crashes", [False, True])
def test_what_forbids_the_merge_forbids_the_work_alone(crashes: bool) -> None:
    """Also where the work without its pull shows nothing of it."""

    def check(pull: Snapshot) -> Iterator[Finding]:
        if pull.base != pull.main_head:
            yield from [made.finding(PLACE, "Not to be told.", level=Level.FORBID)] if not crashes else []
            if crashes:
                raise KeyError("x")

    made = a_rule("some_rule", check)
    late = a_snapshot(base=a_hash("base"), items=(a_wanted(status="claimed", claimed_by="polecat-7"),))
    plain, told = judge(late, find()), judge(late, Catalog.of((*find().rules, made)))
    assert (plain.adoptable, plain.verdict) == (True, Verdict.BLOCKED)
    assert (told.adoptable, told.verdict) == (False, Verdict.BLOCKED)
    assert told.alone is not None
    assert (told.alone.forbids, told.alone.verdict) == (True, Verdict.CANNOT_TELL)


def test_policy_can_make_a_rule_stricter() -> None:
    assert levels_of(judged(saying("some_rule", Level.DOUBT, own=Level.DOUBT), some_rule=Level.FAULT)) == [Level.FAULT]


def test_a_rule_that_is_switched_off_is_neither_found_nor_passed() -> None:
    assert judged(saying("some_rule", Level.FAULT), some_rule=None) == Judgement(findings=())
    assert judged(saying("some_rule"), some_rule=None).passed == ()


@pytest.mark.parametrize("ruled", [None, Level.NOTE])
def test_a_fixed_rule_cannot_be_softened_or_switched_off(ruled: Level | None) -> None:
    assert levels_of(judged(saying("some_rule", Level.FAULT, fixed=True), some_rule=ruled)) == [Level.FAULT]


def test_identity_yearbook_and_foreign_tables_are_fixed() -> None:
    fixed = {r.name for r in find().rules if r.fixed}
    assert fixed >= {
        "rig_belongs_to_its_owner",
        "registration_is_ones_own",
        "landing_branches_are_the_bots",
        "no_stamps_or_trust",
        "only_known_rows_change",
        "pull_is_one_thing",
        "pull_goes_to_main",
    }


def test_after_the_merge_what_fades_is_a_note_and_what_lasts_is_not() -> None:
    rules = saying("fading_rule", Level.FAULT, Level.UNSURE, fades=True), saying("lasting_rule", Level.FAULT)
    assert [(f.rule, f.level) for f in judged(*rules, snapshot=merged(a_snapshot())).findings] == [
        ("lasting_rule", Level.FAULT),
        ("fading_rule", Level.UNSURE),
        ("fading_rule", Level.NOTE),
    ]


def test_what_is_waited_for_is_named_once() -> None:
    judgement = judged(waiting("a_rule", "the rig"), waiting("b_rule", "the checker"), waiting("c_rule", "the rig"))
    assert judgement == Judgement(findings=(), waiting_for="the rig and the checker")


def test_a_fault_waits_for_nobody_and_a_doubt_does() -> None:
    assert judged(waiting("a_rule", "the rig"), saying("b_rule", Level.FAULT)).waiting_for == ""
    doubtful = judged(waiting("a_rule", "the rig"), saying("b_rule", Level.DOUBT))
    assert (doubtful.waiting_for, doubtful.verdict) == ("the rig", Verdict.WAITING)


@pytest.mark.parametrize(
    ("snapshot", "verdict"),
    [
        (a_snapshot(), Verdict.READY),
        (a_snapshot(probes=(a_probe(seen=Seen.SUSPICIOUS),)), Verdict.LOOK),
        (a_snapshot(probes=(), first_look_at=None), Verdict.WAITING),
        (a_snapshot(probes=(a_probe(seen=Seen.UNKNOWN),)), Verdict.LOOK),
        (a_snapshot(head=None), Verdict.CANNOT_TELL),
        (a_snapshot(items=(a_wanted(status="completed"),)), Verdict.BLOCKED),
    ],
)
def test_the_verdict_is_the_worst_row(snapshot: Snapshot, verdict: Verdict) -> None:
    assert judge(snapshot, find()).verdict is verdict


@given(any_changes())
def test_no_row_a_stranger_writes_crashes_a_rule(changes: Changes) -> None:
    snapshot = a_snapshot(changes=changes)
    judgement = judge(snapshot, find())
    assert judgement.crashes == ()
    assert judgement == judge(snapshot, find())


@given(any_rows("wanted"), any_rows("completions"), any_rows("rigs"), any_changes(("wanted", "completions", "rigs")))
def test_no_row_on_main_crashes_a_rule(wanted: Row, completion: Row, rig: Row, changes: Changes) -> None:
    snapshot = a_snapshot(
        items=(Wanted(wanted), a_wanted()),
        completions=(Completion(completion),),
        rigs=(Rig(rig), *a_snapshot().rigs),
        changes=changes,
    )
    for seen in (snapshot, merged(snapshot)):
        assert judge(seen, find()).crashes == ()


@given(any_changes())
def test_a_pull_is_never_ready_when_an_unknown_table_changed(changes: Changes) -> None:
    foreign = Changes(rows=(*changes.rows, added("payouts", id="1")), schema=changes.schema, unread=changes.unread)
    for levels in ({}, dict.fromkeys(find().names)):
        judgement = judge(a_snapshot(changes=foreign, policy=a_policy(levels=levels)), find())
        assert judgement.verdict is Verdict.BLOCKED


@given(any_changes(), st.sampled_from(["stamps", "badges"]))
def test_no_row_hides_a_stamp(changes: Changes, table: str) -> None:
    smuggled = Changes(rows=(*changes.rows, *work().rows, added(table)), schema=changes.schema, unread=changes.unread)
    judgement = judge(a_snapshot(changes=smuggled, policy=a_policy(levels=dict.fromkeys(find().names))), find())
    assert judgement.verdict is Verdict.BLOCKED
