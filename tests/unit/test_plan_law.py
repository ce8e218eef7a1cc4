"""The law: after the first k steps of a plan have happened, planning again yields the remaining steps.

For every decision, kind of pull and way of asking, and although anything may have happened after the first step that the
design says does not matter: time, evidence, trust on main, rivals, edits of the item, later comments, a wiped Redis.

`after` is the world: what DoltHub shows of a pull once a step has been carried out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from bot.commands import catalog as command_catalog
from bot.converge.plan import plan
from bot.model.evidence import Seen
from bot.model.finding import Finding, Judgement, Level, Place, RuleCrash, Verdict
from bot.model.ids import CommentId, Database, Handle, PullNo, User
from bot.model.ledger import (
    ChangeKind,
    Changes,
    Completion,
    LedgerChange,
    Row,
    RowChange,
    Stamp,
    Wanted,
    Write,
    read_time,
    write_time,
)
from bot.model.policy import Comments, Decisions, Landing, RatingStyle
from bot.model.pull import BranchRef, Comment, PullState
from bot.model.snapshot import Landed, Merge, Present, Record, Rival, Snapshot
from bot.model.step import Answer, ClosePull, Land, MergePull, Outcome, PostNotice, PostReview, Step
from bot.rulebook import catalog as rule_catalog
from bot.rulebook.judge import judge
from tests.build import (
    BOT,
    COLUMNS,
    FORK,
    HEAD,
    ITEM,
    NOW,
    WORKER,
    a_comment,
    a_finding,
    a_hash,
    a_hold,
    a_lift,
    a_policy,
    a_probe,
    a_pull,
    a_review,
    a_rig,
    a_row,
    a_snapshot,
    a_wanted,
    added,
    ago,
    an_answer,
    an_override,
    changes_of,
    claims,
    hands_in,
    modified,
    work,
)
from tests.strategies import any_pulls

RULES, COMMANDS = rule_catalog.find(), command_catalog.find()
Key = tuple[str, str]


def due(snapshot: Snapshot) -> tuple[Step, ...]:
    """What is due, by the real rules and the real commands."""
    return plan(snapshot, judge(snapshot, RULES), COMMANDS).steps


# --- the world ------------------------------------------------------------------------------------------------------


def after(snapshot: Snapshot, step: Step, *, dressed: bool = False, fast_forward: bool = False) -> Snapshot:
    """What DoltHub shows a few seconds later, once `step` was carried out.

    `dressed`: cells come back in another form than they were written in. `fast_forward`: a merge without a merge commit.
    """
    later = replace(snapshot, taken_at=snapshot.taken_at + timedelta(seconds=3))
    match step:
        case PostReview(body=body) | PostNotice(body=body) | Answer(body=body):
            said = a_comment(BOT, body, later.taken_at)
            return replace(later, comments=(*snapshot.comments, said), since_last=None)
        case MergePull(head=head):
            assert head == snapshot.head
            return merge(later, fast_forward=fast_forward)
        case Land(change=change):
            return land(later, change, dressed=dressed)
        case ClosePull():
            return replace(later, pull=replace(snapshot.pull, state=PullState.CLOSED))


def merge(snapshot: Snapshot, *, fast_forward: bool = False) -> Snapshot:
    """The pull merged: its changed cells over main's rows; rules and rights see main as it stood before, `present` now."""
    assert snapshot.head is not None
    main: dict[Key, Row] = {("wanted", i.id): i.row for i in snapshot.items}
    main |= {("completions", c.id): c.row for c in snapshot.completions}
    brought: list[RowChange] = []
    for change in snapshot.changes.rows:
        before = main.get((change.table, change.key), change.before)
        now = change.after
        if change.kind is ChangeKind.MODIFIED and before is not None:
            now = Row.of(before.as_dict() | {column: change.new(column) for column in change.changed})
        if now is not None:
            main[change.table, change.key] = now
        brought.append(replace(change, before=before, after=now))
    commit = snapshot.head if fast_forward else a_hash("merge")
    return replace(
        snapshot,
        pull=replace(snapshot.pull, state=PullState.MERGED),
        main_head=commit,
        base=snapshot.main_head,
        merge=Merge(commit=commit, before=snapshot.main_head, head=snapshot.head),
        changes=Changes(rows=tuple(brought)),
        reviewed=Changes(rows=tuple(brought)) if fast_forward else snapshot.changes,
        since_last=None,
        on_main_now=replace(
            snapshot.on_main_now,
            items=tuple(Wanted(row) for (table, key), row in main.items() if table == "wanted" and key in snapshot.item_ids),
            completions=tuple(Completion(row) for (table, _), row in main.items() if table == "completions"),
        ),
    )


def land(snapshot: Snapshot, change: LedgerChange, *, dressed: bool = False) -> Snapshot:
    """Main with the rows of a decision: only in columns it has, `touch` at the time of writing."""
    rows: dict[Key, Row] = {("wanted", i.id): i.row for i in snapshot.on_main_now.items}
    rows |= {("completions", c.id): c.row for c in snapshot.on_main_now.completions}
    rows |= {("stamps", s.id): s.row for s in snapshot.on_main_now.stamps}
    for write in change.writes:
        key = (write.table, write.key)
        if write.write is Write.DELETE:
            rows.pop(key, None)
            continue
        empty = Row.of(dict.fromkeys(snapshot.columns[write.table]) | {write.key_column: write.key})
        old = (empty if write.write is Write.INSERT else rows[key]).as_dict()
        told = {c: _dress(c, v) if dressed else v for c, v in write.cells.cells}
        touched = dict.fromkeys(write.touch, write_time(snapshot.taken_at))
        assert set(told | touched) <= set(old), "a column this commons does not have"
        rows[key] = Row.of(old | told | touched)
    present = Present(
        items=tuple(Wanted(row) for (table, _), row in rows.items() if table == "wanted"),
        completions=tuple(Completion(row) for (table, _), row in rows.items() if table == "completions"),
        stamps=tuple(Stamp(row) for (table, _), row in rows.items() if table == "stamps"),
    )
    landed = replace(snapshot, main_head=a_hash(f"landed {change.decision}"), on_main_now=present)
    if snapshot.merged:
        return landed
    traces = (Landed(commit=landed.main_head, note=change.note),)
    return replace(landed, items=present.items, completions=present.completions, landed=(*traces, *snapshot.landed))


def _dress(column: str, value: str | None) -> str | None:
    """The same cell in another form a server may answer."""
    moment = read_time(value) if column.endswith("_at") else None
    if moment is not None:
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    if column in ("valence", "skill_tags") and value is not None:
        return json.dumps(json.loads(value), separators=(",", ":"), sort_keys=True)
    return f"{float(value):.7f}" if column == "confidence" and value is not None else value


# --- scenes: a pull, reviewed, and a comment that decides it ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """A snapshot in which somebody has just decided, and that somebody's comment."""

    snapshot: Snapshot = field(repr=False)
    comment: Comment


CLAIMED: Mapping[str, str | None] = {"status": "claimed", "claimed_by": WORKER}
CY = BranchRef(Database("cy", FORK.name), "wl/cormorant/edit")
WORKS: Mapping[str, Snapshot] = {
    "work": a_snapshot(),
    "work on a claim": a_snapshot(items=(a_wanted(**CLAIMED),), changes=work(wanted=hands_in(CLAIMED))),
    "competing work": a_snapshot(changes=changes_of(added("completions"))),
    "work, main edited since": a_snapshot(items=(a_wanted(title="Now with tests", tags='["rust"]', priority="1"),)),
}
OTHERS: Mapping[str, Snapshot] = {
    "claim": a_snapshot(changes=changes_of(claims())),
    "registration": a_snapshot(changes=changes_of(added("rigs", handle="polecat-9", display_name="Nine")), items=()),
    "post": a_snapshot(changes=changes_of(added("wanted", id="w-0a1b2c3d4e", posted_by=WORKER)), items=()),
    "edit": a_snapshot(
        changes=changes_of(modified("wanted", {"posted_by": "cormorant"}, title="Better")),
        items=(a_wanted(posted_by="cormorant"),),
        pull=a_pull(creator=User("cy"), source=CY),
    ),
    "link": a_snapshot(
        changes=changes_of(added("rig_links", status="pending")), items=(), rigs=(*a_snapshot().rigs, a_rig("polecat-8"))
    ),
}
UNMERGEABLE: Mapping[str, Snapshot] = {
    "work that conflicts": a_snapshot(items=(a_wanted(**CLAIMED),)),
    "work on an item written since": a_snapshot(items=(a_wanted(updated_at="2026-06-14 13:45:00"),)),
}
"""Work that only `/accept --adopt` can bring to main."""
WRITTEN = ago(minutes=5)
OLD_COLUMNS = COLUMNS | {
    "completions": tuple(c for c in COLUMNS["completions"] if c not in ("validated_at", "hop_uri")),
    "stamps": tuple(c for c in COLUMNS["stamps"] if c not in ("message", "severity", "skill_tags")),
    "wanted": tuple(c for c in COLUMNS["wanted"] if c != "updated_at"),
}
BESIDE = ("", "\n\n/recheck", "\n\n/status", "\n\n/help", "\n\n/help nonsense", "\n\nThanks to all.")
EARLIER: tuple[tuple[str, str], ...] = (
    ("cy", "Any news?"),
    ("cy", "please /accept --quality 4"),
    ("eve", "/hold mine"),
    ("pia", "> ok\n/recheck"),
)
"""Comments older than the decision, not answered; some of them could be once somebody is a validator."""


def _options(draw: st.DrawFn) -> str:
    """Options of an accept, in any mixture."""
    quality = draw(st.sampled_from(("1", "3", "4/5", "good", "excellent")))
    more = (
        st.sampled_from(("", " --reliability 2")),
        st.sampled_from(("", " --severity root")),
        st.sampled_from(("", " --skills go,tests", ' --skills "häkeln, 中文"')),
        st.sampled_from(("", " --confidence 80%", " --confidence 0.333333")),
        st.sampled_from(("", ' --message "Clean; it\'s good\\\\"', ' --message "ünï – 😀"')),
    )
    return f" --quality {quality}{''.join(draw(part) for part in more)}"


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Every decision that goes through. The older comments and the answer about them come on top.

    Who just closes a pull is named in the policy: that leaves no row, and so no trace of whose right was asked about.
    """
    verb = draw(st.sampled_from(("accept", "reject", "close")))
    adopts = verb == "accept" and draw(st.booleans())
    kinds = WORKS if verb != "close" or draw(st.booleans()) else OTHERS
    every = {**WORKS, **UNMERGEABLE} if adopts else {**WORKS, **OTHERS} if verb == "accept" else kinds
    name = draw(st.sampled_from(tuple(every)))
    bare = every[name]
    on_main = name in WORKS and not adopts and draw(st.booleans())
    asker = draw(st.sampled_from(("ana", "bo")))
    pin = draw(st.sampled_from(("", f" --at {HEAD[:7]}", f" --at {HEAD}")))
    rig = draw(st.sampled_from(("", " --as ana-town"))) if asker == "ana" else ""
    match verb:
        case "accept":
            rated = name in WORKS or name in UNMERGEABLE
            rest = _options(draw) + " --adopt" * adopts if rated else " --yes" if name == "claim" else ""
        case "reject":
            rest = " It does not build; see `make`."
        case _:
            how = draw(st.sampled_from((" --yes", " --pull-only"))) if name in WORKS and not on_main else ""
            rest = f"{how} Solved elsewhere."
    body = f"/{verb}{pin}{rig}{rest}{draw(st.sampled_from(BESIDE))}"
    closes = verb == "close" and not on_main and "--yes" not in rest
    policy = a_policy(
        validators=a_policy().validators if closes else draw(st.sampled_from((a_policy().validators, ()))),
        landing=draw(st.sampled_from(Landing)),
        rating=draw(st.sampled_from(RatingStyle)),
        comments=draw(st.sampled_from((Comments.SUMMARY, Comments.DECISIONS))),
    )
    comment = a_comment(asker, body, WRITTEN)
    before = [a_review(draw(st.sampled_from((Verdict.READY, Verdict.LOOK))))]
    if draw(st.booleans()):
        before += [a_hold("cy", at=ago(minutes=19)), a_lift("ana", "cy", at=ago(minutes=18))]
    before += [a_comment(who, said, ago(minutes=9 - n)) for n, (who, said) in enumerate(EARLIER) if draw(st.booleans())]
    snapshot = replace(
        bare,
        policy=policy,
        columns=draw(st.sampled_from((COLUMNS, OLD_COLUMNS))),
        comments=tuple(before),
        probes=(a_probe(),) if name in WORKS or name in UNMERGEABLE else (),
        record=Record(stamps=2, mean_quality=4.0),
    )
    if on_main:
        snapshot = merge(snapshot, fast_forward=draw(st.booleans()))
    return Scene(replace(snapshot, comments=(*snapshot.comments, comment)), comment)


def first_answers(scene: Scene) -> Scene:
    """The scene once everything that comes before the decision was answered."""
    snapshot = scene.snapshot
    for _ in EARLIER:
        steps = due(snapshot)
        if deed(steps[0]) == scene.comment.id:
            break
        for step in steps:
            snapshot = after(snapshot, step)
    return Scene(snapshot, scene.comment)


def deed(step: Step) -> CommentId | None:
    """The comment a step is about."""
    match step:
        case MergePull(comment=about) | Land(comment=about) | ClosePull(comment=about) | Answer(to=about):
            return about
        case PostReview() | PostNotice():
            return None


# --- what may happen after the first step -----------------------------------------------------------------------------

Happening = Callable[[Snapshot], Snapshot]
SAID: tuple[tuple[str, str], ...] = (
    ("bo", "/accept --quality 2"),
    ("bo", "/reject I do not like it"),
    ("bo", "/close --yes because"),
    ("ana", "/close --pull-only never mind"),
    ("bo", "/hold until Monday"),
    ("ana", "/unhold"),
    ("bo", '/override evidence_is_alive --because "I looked"'),
    ("eve", "/status"),
    ("bo", "/accept --quality 9\n/recheck"),
    ("pia", "/recheck"),
    ("cy", "/accept --quality 5"),
    ("mallory", "/close mine now"),
    ("pia", "Thank you!"),
)


def _time_passes(hours: float) -> Happening:
    return lambda s: replace(s, taken_at=s.taken_at + timedelta(hours=hours))


def _evidence_turns(seen: Seen) -> Happening:
    def happens(s: Snapshot) -> Snapshot:
        misses = tuple(s.taken_at - timedelta(hours=h) for h in (20, 19, 1)) if seen is Seen.DEAD else ()
        sheets = (a_probe(link.url, seen, misses=misses, probed_at=s.taken_at, key="") for link in s.links)
        return replace(s, probes=tuple(sheets))

    return happens


def _redis_is_wiped(s: Snapshot) -> Snapshot:
    return replace(s, probes=(), rivals=(), first_look_at=s.taken_at)


def _a_rival_comes(s: Snapshot) -> Snapshot:
    return replace(s, rivals=(Rival(pull=PullNo(99), rig=Handle("cormorant"), evidence="https://example.org/99"),))


def _trust_on_main_changes(s: Snapshot) -> Snapshot:
    """Rigs of a merged pull are read before the merge, so only one that is not merged shows it."""
    if s.merged:
        return s
    levels = {"ana-town": "0", "bo-works": "0", "cormorant": "5", "polecat-7": "5"}
    rigs = (replace(r, row=Row.of(r.row.as_dict() | {"trust_level": levels.get(r.handle, "0")})) for r in s.rigs)
    return replace(s, rigs=tuple(rigs))


def _the_item_is_edited(s: Snapshot) -> Snapshot:
    """In columns that no decision is about."""
    edits = {"title": "Teach two mayors", "description": "", "tags": '["other"]', "priority": "0"}
    items = tuple(Wanted(Row.of(i.row.as_dict() | edits)) for i in s.on_main_now.items)
    edited = replace(s, on_main_now=replace(s.on_main_now, items=items), main_head=a_hash(f"edited {s.main_head}"))
    return edited if s.merged else replace(edited, items=items)


def _somebody_says(author: str, body: str) -> Happening:
    return lambda s: replace(s, comments=(*s.comments, a_comment(author, body, s.taken_at)))


def _is_held_by(user: str) -> Happening:
    """Our answer to a hold that was asked for in the meantime."""
    return lambda s: replace(s, comments=(*s.comments, a_hold(user, at=s.taken_at)))


def _is_overridden(s: Snapshot) -> Snapshot:
    return replace(s, comments=(*s.comments, an_override(at=s.taken_at, head=s.head or HEAD)))


HAPPENINGS: Mapping[str, Happening] = {
    "an hour": _time_passes(1),
    "three days": _time_passes(72),
    "Redis wiped": _redis_is_wiped,
    "a rival": _a_rival_comes,
    "trust": _trust_on_main_changes,
    "item edited": _the_item_is_edited,
    **{f"evidence {seen.value}": _evidence_turns(seen) for seen in Seen},
    "held": _is_held_by("bo"),
    "held by the worker": _is_held_by("pia"),
    "overridden": _is_overridden,
    **{f"{author}: {body}": _somebody_says(author, body) for author, body in SAID},
}
meanwhile = st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=4)


def disturbed(snapshot: Snapshot, names: Iterable[str]) -> Snapshot:
    for name in names:
        snapshot = HAPPENINGS[name](snapshot)
    return snapshot


# --- the law ----------------------------------------------------------------------------------------------------------


@given(data=st.data(), scene=scenes().map(first_answers), dressed=st.booleans(), fast_forward=st.booleans())
def test_after_some_steps_the_rest_is_due(data: st.DataObject, scene: Scene, dressed: bool, fast_forward: bool) -> None:
    world, steps = scene.snapshot, due(scene.snapshot)
    assert isinstance(steps[-1], Answer)
    assert (steps[-1].to, steps[-1].outcome) == (scene.comment.id, Outcome.DONE), steps[-1].body
    event(" ".join((scene.comment.body.split()[0], *(type(step).__name__ for step in steps))))
    for k, step in enumerate(steps, 1):
        world = disturbed(after(world, step, dressed=dressed, fast_forward=fast_forward), data.draw(meanwhile))
        if k < len(steps):
            assert due(world) == steps[k:]
        else:
            assert scene.comment.id not in {deed(one) for one in due(world)}


@given(scene=scenes().map(first_answers))
def test_after_all_steps_only_older_comments_are_left(scene: Scene) -> None:
    """They are answered, each once, and then nothing is due."""
    world = scene.snapshot
    for step in due(world):
        world = after(world, step)
    older = {c.id for c in scene.snapshot.unanswered} - {scene.comment.id}
    for _ in EARLIER:
        for step in due(world):
            assert isinstance(step, Answer)
            older.remove(step.to)
            world = after(world, step)
    assert due(world) == ()


# --- what cannot be told ----------------------------------------------------------------------------------------------


def brings(steps: Iterable[Step]) -> list[Step]:
    """The steps that bring to main what a pull holds, or a stamp."""
    return [
        step
        for step in steps
        if isinstance(step, MergePull) or (isinstance(step, Land) and any(w.table == "stamps" for w in step.change.writes))
    ]


FORBIDDING = Finding(rule="rows_are_whole", level=Level.FORBID, place=Place(), says="The diff cannot be told.")
CRASHED = RuleCrash(rule="rows_are_whole", error="KeyError")


def forbidden(judgement: Judgement, *, crashed: bool, alone: bool) -> Judgement:
    """The judgement with a finding that forbids, or a crash; where `alone`, on the work alone."""
    if alone:
        work = judgement.alone or replace(judgement, alone=None)
        return replace(judgement, alone=forbidden(work, crashed=crashed, alone=False))
    if crashed:
        return replace(judgement, crashes=(*judgement.crashes, CRASHED))
    return replace(judgement, findings=(*judgement.findings, FORBIDDING))


@given(
    data=st.data(),
    scene=scenes().map(first_answers),
    crashed=st.booleans(),
    alone=st.booleans(),
    fault=st.booleans(),
    dressed=st.booleans(),
)
def test_where_it_cannot_be_told_what_a_merge_brings_nothing_is_merged_and_no_stamp_written(
    data: st.DataObject, scene: Scene, crashed: bool, alone: bool, fault: bool, dressed: bool
) -> None:
    """Whatever the command, the kind of pull, its state, the review, and however many steps were taken before."""
    world, steps = scene.snapshot, due(scene.snapshot)
    event(f"{scene.comment.body.split()[0]} brings {len(brings(steps))}")
    for step in (None, *steps):
        world = disturbed(world if step is None else after(world, step, dressed=dressed), data.draw(meanwhile))
        judgement = judge(world, RULES)
        if fault:
            judgement = replace(judgement, findings=(a_finding("made_up"), *judgement.findings))
        told = forbidden(judgement, crashed=crashed, alone=alone)
        assert brings(plan(world, told, COMMANDS).steps) == []


@given(
    snapshot=any_pulls(20),
    body=st.sampled_from(("/accept", "/accept -q 4", "/accept --yes", "/accept -q 4 --adopt", "/accept -q 4 --adopt --yes")),
    verdict=st.sampled_from(Verdict),
    crashed=st.booleans(),
)
def test_of_whatever_pull_nothing_is_merged_and_no_stamp_written_where_that_cannot_be_told(
    snapshot: Snapshot, body: str, verdict: Verdict, crashed: bool
) -> None:
    seen = replace(snapshot, comments=(a_review(verdict), a_comment("ana", body, WRITTEN)), policy=a_policy())
    assert brings(plan(seen, forbidden(Judgement(findings=()), crashed=crashed, alone=False), COMMANDS).steps) == []


@given(
    data=st.data(),
    scene=scenes().map(first_answers),
    dressed=st.booleans(),
)
def test_a_bot_that_only_watches_merges_closes_and_writes_nothing_whenever_it_began_to(
    data: st.DataObject, scene: Scene, dressed: bool
) -> None:
    """Whatever the command, the kind of pull, its state, the review, and however many steps were taken before."""
    world, steps = scene.snapshot, due(scene.snapshot)
    event(f"{scene.comment.body.split()[0]} takes {len(steps)} steps")
    for step in (None, *steps):
        world = disturbed(world if step is None else after(world, step, dressed=dressed), data.draw(meanwhile))
        watched = replace(world, policy=replace(world.policy, decisions=Decisions.WATCH))
        assert [each for each in due(watched) if isinstance(each, MergePull | Land | ClosePull)] == []


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.CANNOT_TELL])
@pytest.mark.parametrize("name", [*WORKS, *OTHERS, *(f"merged {name}" for name in WORKS)])
def test_nothing_is_merged_or_stamped_on_a_review_that_could_not_tell_or_said_blocked(name: str, verdict: Verdict) -> None:
    bare = {**WORKS, **OTHERS}.get(name) or merge(WORKS[name.removeprefix("merged ")])
    asks = "/accept --yes" if name == "claim" else "/accept -q 4" if name.removeprefix("merged ") in WORKS else "/accept"
    seen = replace(bare, comments=(a_review(), a_comment("ana", asks, WRITTEN)))
    assert brings(due(seen)) != []
    assert brings(due(replace(seen, comments=(a_review(verdict), *seen.comments[1:])))) == []


def test_a_review_that_could_not_tell_after_the_one_that_was_named_keeps_the_stamp_back() -> None:
    """The accept was written below READY; then it could not be told any more; then the pull was merged by hand."""
    seen = merge(reviewed(a_comment("ana", "/accept -q 4", WRITTEN)))
    assert [type(step) for step in due(seen)] == [Land, Answer]
    late = a_review(Verdict.CANNOT_TELL, at=ago(minutes=4), n=2)
    assert brings(due(replace(seen, comments=(*seen.comments, late)))) == []


EXPECTED: tuple[tuple[str, Snapshot, str, tuple[type[Step], ...]], ...] = (
    ("accept", WORKS["work"], "/accept -q 4", (MergePull, Land, Answer)),
    ("accept on main", merge(WORKS["work"]), "/accept -q 4", (Land, Answer)),
    *(
        (f"adopt {name}", snapshot, "/accept -q 4 --adopt", (Land, ClosePull, Answer))
        for name, snapshot in {**WORKS, **UNMERGEABLE}.items()
    ),
    ("accept a claim", OTHERS["claim"], "/accept --yes", (MergePull, Answer)),
    ("accept a registration", OTHERS["registration"], "/accept", (MergePull, Answer)),
    ("accept a post", OTHERS["post"], "/accept", (MergePull, Answer)),
    ("accept an edit", OTHERS["edit"], "/accept", (MergePull, Answer)),
    ("accept a link", OTHERS["link"], "/accept", (MergePull, Answer)),
    ("reject", WORKS["work"], "/reject why", (Answer,)),
    ("reject on main", merge(WORKS["work"]), "/reject why", (Land, Answer)),
    ("close", WORKS["work"], "/close --yes why", (Land, ClosePull, Answer)),
    ("close the pull", WORKS["work"], "/close --pull-only why", (ClosePull, Answer)),
    ("close on main", merge(WORKS["work"]), "/close why", (Land, Answer)),
    ("close a post", OTHERS["post"], "/close why", (ClosePull, Answer)),
)


@pytest.mark.parametrize(("snapshot", "body", "expected"), [e[1:] for e in EXPECTED], ids=[e[0] for e in EXPECTED])
def test_the_law_is_about_these_steps(snapshot: Snapshot, body: str, expected: tuple[type[Step], ...]) -> None:
    seen = replace(snapshot, comments=(a_review(), a_comment("ana", body, WRITTEN)))
    assert tuple(type(step) for step in due(seen)) == expected


# --- plans that the scenes do not come by -----------------------------------------------------------------------------


@pytest.mark.parametrize("snapshot", [*WORKS.values(), *OTHERS.values()], ids=[*WORKS, *OTHERS])
def test_a_posted_review_is_not_due_again(snapshot: Snapshot) -> None:
    (step,) = due(snapshot)
    assert isinstance(step, PostReview)
    assert due(after(snapshot, step)) == ()


def reviewed(*comments: Comment, snapshot: Snapshot = WORKS["work"], verdict: Verdict = Verdict.READY) -> Snapshot:
    return replace(snapshot, comments=(a_review(verdict), *comments))


def carried_out(snapshot: Snapshot, count: int) -> Snapshot:
    for step in due(snapshot)[:count]:
        snapshot = after(snapshot, step)
    return snapshot


def test_an_older_accept_that_shows_late_does_not_come_between_the_steps_of_a_close() -> None:
    late = a_comment("bo", "/accept -q 3", ago(minutes=4))
    closes = a_comment("ana", "/close --yes solved elsewhere", ago(minutes=3))
    seen = reviewed(closes)
    steps = due(seen)
    assert [(type(s), deed(s)) for s in steps] == [(Land, closes.id), (ClosePull, closes.id), (Answer, closes.id)]
    for k in (1, 2):
        begun = replace(carried_out(seen, k), probes=(a_probe(probed_at=NOW),))
        shown = tuple(sorted((*begun.comments, late), key=lambda c: c.created_at))
        assert due(replace(begun, comments=shown)) == steps[k:]


def test_a_later_decision_waits_behind_an_older_one_that_waits_for_its_evidence() -> None:
    waits = a_comment("bo", "/accept -q 3", ago(minutes=4))
    rejects = a_comment("ana", "/reject it does not build", ago(minutes=3))
    seen = replace(reviewed(waits, rejects), probes=(a_probe(probed_at=ago(hours=1)),))
    assert due(seen) == ()
    fresh = replace(seen, probes=(a_probe(probed_at=NOW),))
    assert [(type(s), deed(s)) for s in due(fresh)] == [(MergePull, waits.id), (Land, waits.id), (Answer, waits.id)]


def test_a_recheck_beside_a_close_does_not_hold_it_up_once_it_has_begun() -> None:
    seen = reviewed(a_comment("ana", "/recheck\n/close --yes solved elsewhere", ago(minutes=3)))
    steps = due(seen)
    assert due(_redis_is_wiped(carried_out(seen, 1))) == steps[1:]


def test_a_close_of_a_pull_that_was_opened_again_is_answered_as_done() -> None:
    first = a_comment("bo", "/close --pull-only not now", ago(hours=3))
    again = a_comment("ana", "/close --pull-only not ever", ago(minutes=3))
    seen = reviewed(first, an_answer(first, "close", at=ago(hours=2)), a_review(at=ago(hours=1), n=2), again)
    steps = due(seen)
    assert [type(step) for step in steps] == [ClosePull, Answer]
    assert due(carried_out(seen, 1)) == steps[1:]


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.CANNOT_TELL])
def test_nothing_is_merged_on_a_review_that_would_forbid_the_stamp(verdict: Verdict) -> None:
    """What was wrong is right now, after a review that said so: the merged pull would be judged by that review."""
    seen = reviewed(a_comment("ana", "/accept -q 4", ago(minutes=3)), verdict=verdict)
    (answer,) = due(seen)
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.REFUSED
    (review,) = due(after(seen, answer))
    assert isinstance(review, PostReview)
    again = after(after(seen, answer), review)
    later: datetime = again.taken_at + timedelta(seconds=60)
    confirmed = a_comment("ana", "/accept -q 4", later)
    fresh = replace(
        again, comments=(*again.comments, confirmed), taken_at=later + timedelta(seconds=9), probes=(a_probe(probed_at=later),)
    )
    assert [type(step) for step in due(fresh)] == [MergePull, Land, Answer]


def test_the_world_model_keeps_what_main_edited_in_other_columns() -> None:
    """A check of the model itself: a merge takes cells, not rows."""
    seen = merge(WORKS["work, main edited since"])
    (item,) = seen.on_main_now.items
    assert (item.title, item.status, item.claimed_by) == ("Now with tests", "in_review", WORKER)
    assert seen.on_main_now.completions[0].row == a_row("completions")
    assert seen.item_ids == (ITEM,)
