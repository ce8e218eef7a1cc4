"""`/close`: an end without a stamp, with the item or without it, and everything it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands.command import Refuse
from bot.model.ids import PullNo, decision_id
from bot.model.ledger import Changes, Completion, LedgerChange, Row, RowWrite, Write
from bot.model.policy import PosterMay
from bot.model.pull import BranchRef, PullState
from bot.model.snapshot import Present, Snapshot
from bot.model.step import ClosePull, Land
from tests.build import (
    BOT,
    COMMONS,
    COMPLETION,
    EVIDENCE,
    HEAD,
    ITEM,
    NOW,
    RIGS,
    a_comment,
    a_hash,
    a_policy,
    a_pull,
    a_review,
    a_rig,
    a_row,
    a_wanted,
    added,
    ago,
    an_answer,
    changes_of,
    claims,
    work,
)
from tests.commands.asking import (
    DOUBT,
    FAULT,
    FOREIGN,
    READY,
    REGISTRATION,
    WRITTEN,
    ask,
    closed,
    followed,
    landed,
    main_now,
    on_main,
    refused,
    reviewed,
    steps,
    waits,
)

ITEM_TOO = "CLOSED, ITEM COMPLETED WITHOUT A STAMP"
PULL_ONLY = "PULL CLOSED, NO ROW TOUCHED"
ADOPTED = RowWrite(
    table="completions",
    key=COMPLETION,
    write=Write.INSERT,
    cells=Row.of({"wanted_id": ITEM, "completed_by": "polecat-7", "evidence": EVIDENCE, "completed_at": "2026-06-14 13:40:00"}),
)
COMPLETED = RowWrite(
    table="wanted",
    key=ITEM,
    write=Write.UPDATE,
    cells=Row.of({"status": "completed", "claimed_by": "polecat-7", "evidence_url": EVIDENCE}),
    guard=Row.of({"status": "open", "claimed_by": None}),
    touch=("updated_at",),
)


def adopted(*, completion: bool = True, item: bool = True) -> Snapshot:
    """The open pull once the rows of `/close --yes`, or some of them, are on main."""
    done = (Completion(Row.of(a_row("completions").as_dict() | ADOPTED.cells.as_dict())),) if completion else ()
    wanted = a_wanted(status="completed", claimed_by="polecat-7", evidence_url=EVIDENCE) if item else a_wanted()
    return reviewed(items=(wanted,), completions=done)


# --- what it does -------------------------------------------------------------------------------------------------------


def test_with_yes_the_work_is_recorded_the_item_completed_and_the_pull_closed() -> None:
    comment = a_comment("ana", "/close --yes Solved elsewhere.", WRITTEN, id="c-7")
    change = LedgerChange(
        decision=decision_id(COMMONS, PullNo(57), comment.id),
        note=f"stampbot close {ITEM} (pull 57) by ana",
        writes=(ADOPTED, COMPLETED),
    )
    found = ask("", reviewed(), comment=comment)
    assert steps(found) == (
        Land(change=change, title=f"stampbot: close {ITEM} (pull 57, comment c-7)", comment=comment.id),
        ClosePull(comment=comment.id),
    )
    assert followed(found)[-1] == ITEM_TOO


def test_validation_cells_a_worker_wrote_are_not_adopted() -> None:
    """The completion is taken over as reviewed work, not as the stamped work it says it is."""
    changes = work(completion=added("completions", validated_by="ana-town", stamp_id="s-1", validated_at="2026-06-14 13:41:00"))
    assert landed(ask("/close --yes why", reviewed(changes=changes))).writes[0] == ADOPTED


TABLE: dict[str, tuple[str, dict[str, Any], Any, tuple[str, ...]]] = {
    "work, yes": ("--yes", {}, READY, ("Land", "ClosePull", ITEM_TOO)),
    "work, yes, doubt": ("--yes", {}, DOUBT, ("Land", "ClosePull", ITEM_TOO)),
    "work, pull only": ("--pull-only", {}, READY, ("ClosePull", PULL_ONLY)),
    "work, both": ("--yes --pull-only", {}, READY, ("ClosePull", PULL_ONLY)),
    "work at fault": ("", {}, FAULT, ("ClosePull", PULL_ONLY)),
    "work at fault, yes": ("--yes", {}, FAULT, ("ClosePull", PULL_ONLY)),
    "work of no item": ("--yes", {"items": ()}, READY, ("ClosePull", PULL_ONLY)),
    "claim": ("", {"changes": changes_of(claims())}, READY, ("ClosePull", PULL_ONLY)),
    "registration": ("", {"changes": REGISTRATION}, READY, ("ClosePull", PULL_ONLY)),
    "registration, yes": ("--yes", {"changes": REGISTRATION}, READY, ("ClosePull", PULL_ONLY)),
    "foreign": ("", {"changes": FOREIGN}, FAULT, ("ClosePull", PULL_ONLY)),
    "empty": ("", {"changes": Changes()}, READY, ("ClosePull", PULL_ONLY)),
    "no sheet": ("--pull-only", {"probes": ()}, READY, ("ClosePull", PULL_ONLY)),
    "at": (f"--pull-only --at {HEAD[:9]}", {}, READY, ("ClosePull", PULL_ONLY)),
}


@pytest.mark.parametrize(("options", "fields", "judgement", "expected"), TABLE.values(), ids=TABLE)
def test_what_is_closed(options: str, fields: dict[str, Any], judgement: Any, expected: tuple[str, ...]) -> None:
    assert followed(ask(f"/close {options} why", reviewed(**fields), judgement=judgement)) == expected


def test_a_pull_whose_branch_is_gone_can_be_cleared_away() -> None:
    assert followed(ask("/close Gone.", reviewed(head=None, changes=changes_of()))) == ("ClosePull", PULL_ONLY)


def test_sound_work_asks_which_of_the_two_is_meant() -> None:
    reason, remedy = refused(ask("/close why", reviewed()))
    assert reason == "This work holds, so closing could mean two things."
    assert "`/close --yes why`" in remedy
    assert "`/close --pull-only why`" in remedy


@pytest.mark.parametrize("by", ["pia", "ana"])
def test_own_work_may_be_closed_by_a_validator(by: str) -> None:
    """No stamp arises, so the yearbook rule does not ask."""
    rigs = (*RIGS[1:], a_rig(trust_level="3"))
    assert followed(ask("/close --yes why", reviewed(rigs=rigs), by=by)) == ("Land", "ClosePull", ITEM_TOO)


def test_the_poster_may_close_where_the_policy_says_so() -> None:
    policy = a_policy(validators=(), min_trust=9, poster_may_decide=PosterMay.CLOSE)
    assert followed(ask("/close --yes why", reviewed(policy=policy))) == ("Land", "ClosePull", ITEM_TOO)
    assert refused(ask("/reject why", reviewed(policy=policy)))[0] == "The poster of an item may only `/close` it here."


# --- what it goes on with -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (adopted(item=False), ("Land", "ClosePull", ITEM_TOO)),
        (adopted(), ("ClosePull", ITEM_TOO)),
        (closed(adopted()), (ITEM_TOO,)),
    ],
    ids=["half written", "written", "closed"],
)
def test_a_close_that_has_begun_is_finished_whatever_is_found_now(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    later = replace(snapshot, taken_at=NOW + timedelta(days=3), probes=())
    assert followed(ask("/close --yes why", later, judgement=FAULT)) == expected


@pytest.mark.parametrize("options", ["", "--yes", "--pull-only"])
def test_a_pull_that_is_closed_already_is_only_answered(options: str) -> None:
    assert followed(ask(f"/close {options} why", closed())) == (PULL_ONLY,)


def test_a_close_that_was_decided_meanwhile_is_told_who_and_when() -> None:
    first = a_comment("bo", "/close --pull-only why", ago(minutes=6))
    snapshot = closed(reviewed(first, an_answer(first, "close", at=ago(minutes=2))))
    assert refused(ask("/close --pull-only why", snapshot))[0] == "Decided already: `close` by `bo` at 2026-06-14 14:00 UTC."


def test_a_close_of_what_was_closed_long_before_names_the_earlier_decision() -> None:
    first = a_comment("bo", "/close --pull-only why", ago(minutes=16))
    snapshot = closed(reviewed(first, an_answer(first, "close")))
    found = ask("/close --pull-only why", snapshot)
    assert followed(found) == (PULL_ONLY,)
    assert "Decided already: `close` by `bo` at 2026-06-14 13:46 UTC." in str(found)


# --- merged already -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "--yes", "--pull-only"])
def test_work_on_main_is_completed_without_a_stamp(options: str) -> None:
    comment = a_comment("ana", f"/close {options} why", WRITTEN)
    found = ask("", on_main(), comment=comment)
    assert followed(found) == ("Land", ITEM_TOO)
    assert landed(found).writes == (
        replace(COMPLETED, cells=Row.of({"status": "completed"}), guard=Row.of({"status": "in_review"})),
    )


def test_work_on_main_that_is_completed_is_answered() -> None:
    assert followed(ask("/close why", main_now(on_main(), item={"status": "completed"}))) == (ITEM_TOO,)


# --- what it refuses ----------------------------------------------------------------------------------------------------

EARLIER = a_comment("bo", "/close why", ago(minutes=7))
ACCEPTED = a_comment("bo", "/accept -q 4", ago(minutes=7))
REFUSALS: dict[str, tuple[str, Snapshot, tuple[str, ...]]] = {
    "no review": ("/close --yes why", reviewed(comments=()), ("No review of this pull stood here",)),
    "at a head never reviewed": ("/close --at 0000000 why", reviewed(), ("names no review",)),
    "head moved": ("/close --yes why", reviewed(head=a_hash("new head")), (f"moved from `{HEAD[:7]}`",)),
    "head moved, pull only": ("/close --pull-only why", reviewed(head=a_hash("new head")), (f"moved from `{HEAD[:7]}`",)),
    "other item": ("/close w-0000 why", reviewed(), (f"about `{ITEM}`, not `w-0000`",)),
    "landing": (
        "/close why",
        reviewed(pull=a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0123/abc"))),
        ("a pull of the bot's own",),
    ),
    "merged registration": ("/close why", on_main(reviewed(changes=REGISTRATION)), ("nothing left to close",)),
    "merged and stamped": (
        "/close why",
        main_now(
            on_main(reviewed(ACCEPTED, an_answer(ACCEPTED, "accept"))), done={"stamp_id": "s-1", "validated_by": "bo-works"}
        ),
        ("Decided already: `accept` by `bo` at 2026-06-14 13:55 UTC.",),
    ),
    "merged and stamped by others": (
        "/close why",
        main_now(on_main(), done={"stamp_id": "s-1"}),
        ("This work is decided already.",),
    ),
    "merged and taken off main": (
        "/close why",
        on_main(on_main_now=Present(items=on_main().on_main_now.items)),
        ("This work is decided already.",),
    ),
    "merged and closed": (
        "/close why",
        on_main(reviewed(EARLIER, an_answer(EARLIER, "close"))),
        ("Decided already: `close` by `bo` at 2026-06-14 13:55 UTC.",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "snapshot", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_say_why(typed: str, snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    said = " ".join(refused(ask(typed, snapshot)))
    assert [piece for piece in expected if piece not in said] == [], said


@pytest.mark.parametrize("snapshot", [reviewed(), adopted(), closed(), on_main()], ids=["open", "begun", "closed", "merged"])
def test_only_validators_close(snapshot: Snapshot) -> None:
    assert refused(ask("/close --yes why", snapshot, by="cy"))[0].startswith("Only validators decide here.")


def test_a_refusal_below_a_closed_pull_denies_nothing_and_says_so() -> None:
    """It may be this very command that closed it, before its author lost the right: no row and no mark tells."""
    reason, _ = refused(found := ask("/close --pull-only why", closed(), by="cy"))
    assert reason.endswith("\n\nThe pull is closed, and stays so; DoltHub does not report by whom.")
    assert isinstance(found, Refuse)
    assert found.changed


def test_a_comment_of_the_day_before_is_not_carried_out() -> None:
    old = a_comment("ana", "/close --pull-only why", ago(hours=25))
    snapshot = reviewed(comments=(a_review(at=ago(hours=30)),))
    assert "more than a day old" in refused(ask("", snapshot, comment=old))[0]


def test_an_unknown_state_is_waited_for() -> None:
    unknown = reviewed(pull=a_pull(state=PullState.UNKNOWN))
    assert waits(ask("/close --yes why", unknown)) == "DoltHub to say whether this pull is open."
