"""`/accept --adopt`: what is taken over and what is left behind, what it refuses, and how it goes on where it was cut short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.commands.command import Decision
from bot.model.evidence import Seen
from bot.model.finding import Verdict
from bot.model.ids import PullNo, User, decision_id
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
    hands_in,
    modified,
    work,
)
from tests.commands.asking import WRITTEN, ask, followed, landed, on_main, refused, reviewed, steps, waits

ADOPT = "/accept --quality 4 --adopt"
COMMENT = a_comment("ana", ADOPT, WRITTEN, id="c-7")
STAMP = "s-b7c0fdba3ae69e6a"
RULES = rules.find()
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
    present = snapshot.present
    if "completions" in rows:
        present = replace(present, completions=(*present.completions, Completion(a_row("completions", **rows["completions"]))))
    if "wanted" in rows:
        present = replace(present, items=tuple(Wanted(Row.of(i.row.as_dict() | rows["wanted"])) for i in present.items))
    if "stamps" in rows:
        present = replace(present, stamps=(Stamp(a_row("stamps", **{**rows["stamps"], **stamp})),))
    return replace(snapshot, present=present, items=present.items, completions=present.completions)


# --- what it does -------------------------------------------------------------------------------------------------------


def test_the_rows_are_those_of_a_close_with_a_stamp_and_its_links() -> None:
    snapshot = reviewed(items=OTTERS, comments=BLOCKED)
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
                guard=Row.of({"status": "claimed", "claimed_by": "cormorant"}),
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
        {"items": OTTERS},
        {"items": (a_wanted(status="in_review", claimed_by="cormorant"),)},
        {"changes": CROWD},
        {"changes": work(modified("wanted", {"id": "w-2"}, title="Mine")), "items": (a_wanted(), a_wanted(id="w-2"))},
        {"changes": Changes(rows=work().rows, schema=("stamps",))},
        {"changes": Changes(rows=work().rows, unread=(("rigs", 9_000),))},
        {"changes": work(wanted=hands_in(title="My own words"))},
        {"changes": changes_of(added("completions"))},
    ],
    ids=["sound", "conflict", "in review", "crowd", "two items", "schema", "unread", "locked field", "competing"],
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


def test_the_receipt_tells_the_rows_and_what_was_left_behind() -> None:
    said = str(adopting(reviewed(changes=CROWD, comments=BLOCKED), f"{ADOPT} --message Well").says)  # type: ignore[union-attr]
    assert said == (
        "**ACCEPTED, ADOPTED** · `w-870be07fbc` `Teach the mayor to count` · by `ana` (rig `ana-town`) at 2026-06-14 13:57 UTC"
        f"\n\nStamp `{STAMP}` for `polecat-7`: quality 4 (good), reliability 4 (good), severity `leaf`, confidence 1, "
        "skills `go, cli`.\nMessage: `Well`\n"
        f"Nothing of this pull was merged: `completions` `{COMPLETION}`, `wanted` `{ITEM}`, `stamps` `{STAMP}` came to main "
        f"in commits of the bot's own, as reviewed at `{HEAD[:7]}`, 20 cells read back; item completed; pull closed.\n"
        f"Way back, for an operator: `stampbot revert {STAMP} --plan`\n\n"
        "Not taken over:\n\n- `rigs` `polecat-9` added\n- `rigs` `polecat-7` `trust_level`: `1` to `5`\n\n"
        f"Branch `wl/polecat-7/{ITEM}` cannot be merged any more: start the next work from the current main."
    )


# --- what it refuses ----------------------------------------------------------------------------------------------------

FOREIGN_COMPLETION = added("completions", id="c-2", wanted_id="w-2")
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "two completions": ({"changes": work(FOREIGN_COMPLETION)}, "hands in no single completion"),
    "no completion": ({"changes": changes_of(hands_in())}, "hands in no single completion"),
    "completions that were not read": (
        {"changes": Changes(rows=work().rows, unread=(("completions", 9_000),))},
        "hands in no single completion",
    ),
    "no such item": ({"items": ()}, "hands in no single completion of an item that main has"),
    "settled item": ({"items": (a_wanted(status="completed", claimed_by="cormorant"),)}, "**BLOCKED**"),
    "dead evidence": (
        {"items": OTTERS, "probes": (a_probe(seen=Seen.DEAD, misses=(ago(hours=9), ago(hours=8), ago(minutes=2))),)},
        "**BLOCKED**",
    ),
    "stamped by itself": ({"changes": work(completion=added("completions", stamp_id="s-1")), "items": OTTERS}, ""),
    "no review": ({"comments": ()}, "No review of this pull stood here"),
    "head moved": ({"head": a_hash("moved")}, "The pull moved from"),
    "closed": ({"pull": a_pull(state=PullState.CLOSED)}, "This pull is closed."),
    "landing": ({"pull": a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0/1"))}, "a pull of the bot's own"),
    "on main already": ({"completions": (a_completion(),)}, f"Main holds the completion `{COMPLETION}` already."),
    "stamped already": (
        {"present": Present(items=(a_wanted(),), completions=(a_completion(),), stamps=(a_stamp(),))},
        "Accepted already by `ana-town` at 2026-06-14 13:50 UTC, stamp `s-0a1b2c3d4e5f6071`.",
    ),
    "own work": ({"rigs": (*RIGS, a_rig("ana-2", "pia")), "pull": a_pull(creator=User("ana"))}, "Yearbook rule"),
}


@pytest.mark.parametrize(("fields", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_what_it_refuses(fields: dict[str, Any], expected: str) -> None:
    if not expected:  # the mark of another validator is no part of what is taken over
        assert followed(adopting(reviewed(**fields)))[-1] == "ACCEPTED, ADOPTED"
        return
    assert expected in " ".join(refused(adopting(reviewed(**fields))))


def test_it_needs_a_rating_and_fresh_evidence() -> None:
    reason, remedy = refused(adopting(reviewed(items=OTTERS), "/accept --adopt"))
    assert "needs `--quality`" in reason
    assert f"`/accept --at {HEAD[:7]} --adopt --quality Q`" in remedy
    assert waits(adopting(reviewed(items=OTTERS, probes=()))) == "the evidence to be looked at once more."


def test_on_a_merged_pull_it_is_a_plain_accept() -> None:
    assert followed(ask(ADOPT, on_main())) == ("Land", "ACCEPTED")


# --- where it was cut short ---------------------------------------------------------------------------------------------

MAIN = reviewed(items=OTTERS, comments=BLOCKED)


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
    items = tuple(Wanted(Row.of(i.row.as_dict() | {"tags": '["else"]'})) for i in snapshot.present.items)
    edited = replace(snapshot, items=items, present=replace(snapshot.present, items=items))
    assert steps(adopting(edited, comment=COMMENT)) == steps(adopting(snapshot, comment=COMMENT))
