"""`/accept --adopt`: what is taken over and what is left behind, what it refuses, and how it goes on where it was cut short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands.command import Decision, Follow
from bot.messages import reviews
from bot.model.evidence import Seen
from bot.model.finding import Level, Verdict
from bot.model.ids import Database, PullNo, User, decision_id
from bot.model.ledger import Changes, Completion, LedgerChange, Row, RowWrite, Stamp, Wanted, Write
from bot.model.pull import BranchRef, Comment, PullState
from bot.model.snapshot import Present, Snapshot
from bot.rulebook import catalog as rules
from bot.rulebook.judge import judge
from tests.build import (
    BOT,
    COMMONS,
    COMPLETION,
    EVIDENCE,
    HEAD,
    ITEM,
    RIGS,
    a_comment,
    a_completion,
    a_hash,
    a_policy,
    a_probe,
    a_pull,
    a_review,
    a_rig,
    a_row,
    a_stamp,
    a_wanted,
    added,
    ago,
    changes_of,
    claims,
    hands_in,
    modified,
    work,
)
from tests.commands.asking import WRITTEN, ask, followed, landed, on_main, refused, reviewed, steps, waits
from tests.strategies import any_pulls

ADOPT = "/accept --quality 4 --adopt"
COMMENT = a_comment("ana", ADOPT, WRITTEN, id="c-7")
STAMP = "s-b7c0fdba3ae69e6a"
RULES = rules.find()
CONFLICT = (a_wanted(status="claimed", claimed_by="polecat-7"),)
"""Main has written the row since the branch left it, and gives the item to the rig that does the work."""
OTTERS = (a_wanted(status="claimed", claimed_by="cormorant"),)
CROWD = work(added("rigs", handle="polecat-9"), modified("rigs", trust_level="5"))
BLOCKED = (a_review(Verdict.BLOCKED),)


def adopting(snapshot: Snapshot, body: str = ADOPT, *, by: str = "ana", comment: Comment | None = None) -> Decision:
    """What it comes to, judged by the real rules."""
    return ask(body, snapshot, by=by, comment=comment, judgement=judge(snapshot, RULES))


def with_rows(snapshot: Snapshot, *tables: str, **stamp: str) -> Snapshot:
    """Main with these of the decision's rows."""
    change = landed(adopting(snapshot, comment=COMMENT))
    rows = {w.table: w.cells.as_dict() | {"id": w.key} for w in change.writes if w.table in tables}
    present = snapshot.on_main_now
    if "completions" in rows:
        present = replace(present, completions=(*present.completions, Completion(a_row("completions", **rows["completions"]))))
    if "wanted" in rows:
        present = replace(present, items=tuple(Wanted(Row.of(i.row.as_dict() | rows["wanted"])) for i in present.items))
    if "stamps" in rows:
        present = replace(present, stamps=(Stamp(a_row("stamps", **{**rows["stamps"], **stamp})),))
    return replace(snapshot, on_main_now=present, items=present.items, completions=present.completions)


# --- what it does -------------------------------------------------------------------------------------------------------


def test_the_rows_are_those_of_a_close_with_a_stamp_and_its_links() -> None:
    snapshot = reviewed(items=CONFLICT, comments=BLOCKED)
    at = "2026-06-14 13:57:00"
    assert landed(adopting(snapshot, comment=COMMENT)) == LedgerChange(
        decision=decision_id(COMMONS, PullNo(57), COMMENT.id),
        note=f"stampbot accept {ITEM} (pull 57) by ana",
        writes=(
            RowWrite(
                table="completions",
                key=COMPLETION,
                write=Write.INSERT,
                cells=Row.of(
                    {
                        "wanted_id": ITEM,
                        "completed_by": "polecat-7",
                        "evidence": EVIDENCE,
                        "completed_at": "2026-06-14 13:40:00",
                        "validated_by": "ana-town",
                        "stamp_id": STAMP,
                        "validated_at": at,
                    }
                ),
            ),
            RowWrite(
                table="wanted",
                key=ITEM,
                write=Write.UPDATE,
                cells=Row.of({"status": "completed", "claimed_by": "polecat-7", "evidence_url": EVIDENCE}),
                guard=Row.of({"status": "claimed", "claimed_by": "polecat-7"}),
                touch=("updated_at",),
            ),
            RowWrite(
                table="stamps",
                key=STAMP,
                write=Write.INSERT,
                cells=Row.of(
                    {
                        "author": "ana-town",
                        "subject": "polecat-7",
                        "valence": '{"quality": 4, "reliability": 4}',
                        "confidence": "1",
                        "severity": "leaf",
                        "context_id": COMPLETION,
                        "context_type": "completion",
                        "skill_tags": '["go", "cli"]',
                        "message": None,
                        "created_at": at,
                    }
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"items": CONFLICT},
        {"items": (a_wanted(updated_at="2026-06-14 13:45:00"),)},
        {"changes": changes_of(added("completions"))},
    ],
    ids=["sound", "conflict", "edited on main", "competing"],
)
def test_the_work_alone_is_judged_and_taken_over(fields: dict[str, Any]) -> None:
    snapshot = reviewed(**{"comments": BLOCKED, **fields})
    found = adopting(snapshot)
    assert followed(found) == ("Land", "ClosePull", "ACCEPTED, ADOPTED")
    assert {(w.table, w.key) for w in landed(found).writes} == {
        ("completions", COMPLETION),
        ("wanted", ITEM),
        ("stamps", STAMP),
    }


def test_the_receipt_tells_the_rows() -> None:
    said = str(adopting(reviewed(items=CONFLICT, comments=BLOCKED), f"{ADOPT} --message Well").says)  # type: ignore[union-attr]
    assert said == (
        "**ACCEPTED, ADOPTED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:57 UTC"
        f"\n\nStamp `{STAMP}` for `polecat-7`: quality 4 (good), reliability 4 (good), severity `leaf`, confidence 1, "
        "skills `go, cli`.\nMessage: `Well`\n"
        f"Nothing of this pull was merged: `completions` `{COMPLETION}`, `wanted` `{ITEM}`, `stamps` `{STAMP}` came to main "
        f"in commits of the bot, as reviewed at `{HEAD[:7]}`, 20 cells read back; item completed; pull closed.\n"
        f"Way back, for an operator: `stampbot revert {STAMP} --plan`\n\n"
        f"Branch `wl/polecat-7/{ITEM}` cannot be merged any more: start the next work from the current main."
    )


# --- what it refuses ----------------------------------------------------------------------------------------------------

FOREIGN_COMPLETION = added("completions", id="c-2", wanted_id="w-2")
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "two completions": ({"changes": work(FOREIGN_COMPLETION)}, "submits no single completion"),
    "no completion": ({"changes": changes_of(hands_in())}, "submits no single completion"),
    "completions that were not read": (
        {"changes": Changes(rows=work().rows, unread=(("completions", 9_000),))},
        "submits no single completion",
    ),
    "no such item": ({"items": ()}, "submits no single completion of an item that main has"),
    "settled item": ({"items": (a_wanted(status="completed", claimed_by="polecat-7"),)}, "**BLOCKED**"),
    "dead evidence": (
        {"items": CONFLICT, "probes": (a_probe(seen=Seen.DEAD, misses=(ago(hours=9), ago(hours=8), ago(minutes=2))),)},
        "**BLOCKED**",
    ),
    "no review": ({"comments": ()}, "No review of this pull stood here"),
    "head moved": ({"head": a_hash("moved")}, "The pull moved from"),
    "closed": ({"pull": a_pull(state=PullState.CLOSED)}, "This pull is closed."),
    "landing": ({"pull": a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0/1"))}, "a pull of the bot's own"),
    "on main already": ({"completions": (a_completion(),)}, f"Main holds the completion `{COMPLETION}` already."),
    "stamped already": (
        {"on_main_now": Present(items=(a_wanted(),), completions=(a_completion(),), stamps=(a_stamp(),))},
        "Accepted already by `ana-town` at 2026-06-14 13:50 UTC, stamp `s-0a1b2c3d4e5f6071`.",
    ),
    "own work": ({"rigs": (*RIGS, a_rig("ana-2", "pia")), "pull": a_pull(creator=User("ana"))}, "Yearbook rule"),
}


@pytest.mark.parametrize(("fields", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_what_it_refuses(fields: dict[str, Any], expected: str) -> None:
    assert expected in " ".join(refused(adopting(reviewed(**fields))))


MORE = "brings more than its work"
CLAIMED = f"Main gives item `{ITEM}` to rig `cormorant`."
DANGERS: dict[str, tuple[dict[str, Any], str]] = {
    "trust": ({"changes": CROWD}, MORE),
    "a stamp": ({"changes": work(added("stamps"))}, MORE),
    "the work stamps itself": ({"changes": work(completion=added("completions", stamp_id="s-1"))}, "**BLOCKED**"),
    "another rig": ({"changes": work(added("rigs", handle="polecat-9"))}, MORE),
    "another item": (
        {"changes": work(modified("wanted", {"id": "w-2"}, title="Mine")), "items": (*CONFLICT, a_wanted(id="w-2"))},
        MORE,
    ),
    "another completion": ({"changes": work(modified("completions", {"id": "c-9"}, evidence="x"))}, MORE),
    "a definition": ({"changes": Changes(rows=work().rows, schema=("stamps",))}, MORE),
    "rows that were not read": ({"changes": Changes(rows=work().rows, unread=(("rigs", 9_000),))}, MORE),
    "a locked field": ({"changes": work(wanted=hands_in(title="My own words"))}, "**BLOCKED**"),
    "a claim of another rig": ({"items": OTTERS}, CLAIMED),
    "in review for another rig": ({"items": (a_wanted(status="in_review", claimed_by="cormorant"),)}, CLAIMED),
    "competing with a claim": ({"changes": changes_of(added("completions")), "items": OTTERS}, CLAIMED),
}


@pytest.mark.parametrize("body", [ADOPT, f"{ADOPT} --yes"])
@pytest.mark.parametrize(("fields", "expected"), DANGERS.values(), ids=DANGERS)
def test_only_work_whose_one_fault_is_the_merge_is_adopted(fields: dict[str, Any], expected: str, body: str) -> None:
    snapshot = reviewed(**{"items": CONFLICT, **fields})
    assert expected in refused(adopting(snapshot, body))[0]
    assert not any("--adopt" in line for line in lines(snapshot))


def lines(snapshot: Snapshot) -> tuple[str, ...]:
    """The lines that a review offers for copying."""
    return reviews.lines_to_type(snapshot, judge(snapshot, RULES))


def test_an_adoption_is_offered_where_it_would_be_carried_out() -> None:
    assert lines(reviewed(items=CONFLICT))[0] == f"/accept --at {HEAD[:7]}.1 --adopt --quality Q"
    assert "`--adopt` writes the work and its stamp to main without the merge, and closes the pull." in reviews.review(
        reviewed(items=CONFLICT), judge(reviewed(items=CONFLICT), RULES)
    )


@st.composite
def conflicts(draw: st.DrawFn) -> Snapshot:
    """Pulls with one piece of work, with any dangers beside it, on any state of the item."""
    claimer = draw(st.sampled_from((None, "polecat-7", "cormorant", "Polecat-7", "")))
    status = draw(st.sampled_from(("open", "claimed", "in_review", "completed", "withdrawn")))
    rows = draw(st.lists(st.sampled_from(work(*CROWD.rows[2:], added("stamps"), added("badges")).rows[2:]), max_size=2))
    return reviewed(
        items=(a_wanted(status=status, claimed_by=claimer, updated_at=draw(st.sampled_from((None, "2026-06-14 13:45:00")))),),
        changes=replace(work(*rows), schema=draw(st.sampled_from(((), (), ("wanted",), ("stamps",))))),
        probes=(a_probe(seen=draw(st.sampled_from((Seen.REACHABLE, Seen.DEAD)))),),
    )


def is_adopted(snapshot: Snapshot) -> bool:
    return isinstance(adopting(snapshot), Follow)


@settings(deadline=None)
@given(conflicts() | any_pulls(20))
def test_whatever_is_adopted_is_one_work_whose_only_fault_is_the_merge(snapshot: Snapshot) -> None:
    judgement = judge(snapshot, RULES)
    offered = [line for line in reviews.lines_to_type(snapshot, judgement) if line.startswith(("/accept", "stampbot"))]
    if judgement.verdict is Verdict.WAITING:
        assert offered == []
    if not (is_adopted(snapshot) or any("--adopt" in line for line in offered)):
        return
    done = snapshot.completion
    assert done is not None
    (item,) = [i for i in snapshot.items if i.id == done.wanted_id]
    assert item.claimed_by in (None, done.completed_by)
    assert {(c.table, c.key) for c in snapshot.changes.rows} <= {("completions", done.id), ("wanted", item.id)}
    assert (snapshot.changes.schema, snapshot.changes.unread) == ((), ())
    assert {f.rule for f in judgement.at(Level.FAULT)} <= {rule.name for rule in RULES.rules if rule.of_merge}


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        (
            {"pull": a_pull(creator=User("mallory"), source=BranchRef(Database("mallory", "wl-commons"), "wl/polecat-7/x"))},
            "/close",
        ),
        ({"items": OTTERS}, "/close"),
        ({"items": (a_wanted(status="completed"),)}, "/close"),
        ({"changes": CROWD}, "/close"),
        ({"changes": work(wanted=hands_in(title="My own words"))}, "/reject"),
    ],
    ids=["impostor", "claim of another rig", "settled", "trust", "own work"],
)
def test_a_blocked_review_offers_what_ends_it_well(fields: dict[str, Any], offered: str) -> None:
    snapshot = reviewed(**fields)
    assert judge(snapshot, RULES).verdict is Verdict.BLOCKED
    ends = [line.partition(" ")[0] for line in lines(snapshot)]
    assert [name for name in ends if name in ("/accept", "/reject", "/close")] == [offered]


def test_a_claim_that_waits_is_offered_no_line_that_merges() -> None:
    claim = reviewed(changes=changes_of(claims()))
    assert judge(claim, RULES).verdict is Verdict.WAITING
    assert lines(claim) == ()


def test_it_needs_a_rating_and_fresh_evidence() -> None:
    reason, remedy = refused(adopting(reviewed(items=CONFLICT), "/accept --adopt"))
    assert "needs `--quality`" in reason
    assert f"`/accept --at {HEAD[:7]}.1 --adopt --quality Q`" in remedy
    assert waits(adopting(reviewed(items=CONFLICT, probes=()))) == "the evidence to be looked at once more."


def test_on_a_merged_pull_it_is_a_plain_accept() -> None:
    assert followed(ask(ADOPT, on_main())) == ("Land", "ACCEPTED")


# --- where it was cut short ---------------------------------------------------------------------------------------------

MAIN = reviewed(items=CONFLICT, comments=BLOCKED)


@pytest.mark.parametrize(
    ("tables", "state", "expected"),
    [
        (("completions",), PullState.OPEN, ("Land", "ClosePull")),
        (("completions", "wanted"), PullState.OPEN, ("Land", "ClosePull")),
        (("completions", "wanted", "stamps"), PullState.OPEN, ("ClosePull",)),
        (("completions", "wanted", "stamps"), PullState.CLOSED, ()),
    ],
)
@pytest.mark.parametrize("trust", ["3", "0"], ids=["validator", "right lost"])
def test_what_has_begun_is_finished_whoever_may_decide_now(
    tables: tuple[str, ...], state: PullState, expected: tuple[str, ...], trust: str
) -> None:
    bare = replace(MAIN, policy=a_policy(validators=()))
    snapshot = replace(with_rows(bare, *tables), pull=a_pull(state=state))
    rigs = tuple(a_rig(r.handle, r.owner, trust_level=trust) for r in snapshot.rigs)
    found = adopting(replace(snapshot, rigs=rigs), comment=COMMENT)
    assert followed(found) == (*expected, "ACCEPTED, ADOPTED")


def test_the_landed_rows_are_of_one_command_only() -> None:
    snapshot = with_rows(MAIN, "completions", "wanted", "stamps")
    told = "Accepted already by `ana-town` at 2026-06-14 13:57 UTC, stamp"
    assert told in refused(adopting(snapshot, by="bo"))[0]
    later = a_comment("ana", ADOPT, ago(minutes=4))
    assert told in refused(adopting(snapshot, comment=later))[0]
    assert told in refused(adopting(snapshot, "/accept --quality 5 --adopt", by="bo"))[0]


def test_what_a_stamp_inherited_is_read_from_itself_once_it_stands() -> None:
    snapshot = with_rows(MAIN, "completions", "wanted", "stamps")
    items = tuple(Wanted(Row.of(i.row.as_dict() | {"tags": '["else"]'})) for i in snapshot.on_main_now.items)
    edited = replace(snapshot, items=items, on_main_now=replace(snapshot.on_main_now, items=items))
    assert steps(adopting(edited, comment=COMMENT)) == steps(adopting(snapshot, comment=COMMENT))
