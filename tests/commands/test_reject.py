"""`/reject`: what goes back, what is taken off main, and everything it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands.command import Follow
from bot.model.ids import PullNo, User, decision_id
from bot.model.ledger import Changes, LedgerChange, Row, RowWrite, Write
from bot.model.pull import BranchRef, PullState
from bot.model.snapshot import Present, Snapshot
from bot.model.step import Land
from tests.build import (
    BOT,
    COMMONS,
    COMPLETION,
    HEAD,
    ITEM,
    NOW,
    RIGS,
    a_comment,
    a_completion,
    a_fact,
    a_hash,
    a_policy,
    a_pull,
    a_review,
    a_rig,
    a_stamp,
    a_wanted,
    added,
    ago,
    an_answer,
    changes_of,
    claims,
)
from tests.commands.asking import (
    FAULT,
    FOREIGN,
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

REJECT = "/reject It does not build."
DELETED = RowWrite(
    table="completions",
    key=COMPLETION,
    write=Write.DELETE,
    guard=Row.of({"wanted_id": ITEM, "completed_by": "polecat-7", "stamp_id": None}),
)
CLAIMED_AGAIN = RowWrite(
    table="wanted",
    key=ITEM,
    write=Write.UPDATE,
    cells=Row.of({"status": "claimed", "evidence_url": None}),
    guard=Row.of({"status": "in_review", "claimed_by": "polecat-7"}),
    touch=("updated_at",),
)


def with_completions(*others: dict[str, str | None]) -> Snapshot:
    """Merged, and main holds these completions of the item beside it."""
    snapshot = on_main()
    more = tuple(a_completion(**cells) for cells in others)
    return replace(snapshot, on_main_now=replace(snapshot.on_main_now, completions=(*snapshot.on_main_now.completions, *more)))


# --- what it does -------------------------------------------------------------------------------------------------------


def test_work_that_is_not_on_main_goes_back_without_a_row() -> None:
    found = ask(REJECT, reviewed(), judgement=FAULT)
    assert followed(found) == ("REJECTED",)
    assert "Why: `It does not build.`" in str(found)
    assert "Running `wl done` again on the same branch writes nothing." in str(found)


@pytest.mark.parametrize(
    "changes", [REGISTRATION, FOREIGN, changes_of(), changes_of(claims())], ids=["registration", "foreign", "empty", "claim"]
)
def test_any_other_pull_can_be_rejected_too(changes: Changes) -> None:
    found = ask(REJECT, reviewed(changes=changes))
    assert followed(found) == ("REJECTED",)
    assert "Push a corrected commit to `wl/polecat-7/w-870be07fbc`." in str(found)


def test_work_on_main_is_taken_off_it_and_the_claim_is_kept() -> None:
    comment = a_comment("ana", REJECT, WRITTEN, id="c-7")
    change = LedgerChange(
        decision=decision_id(COMMONS, PullNo(57), comment.id),
        note=f"stampbot reject {ITEM} (pull 57) by ana",
        writes=(DELETED, CLAIMED_AGAIN),
    )
    assert steps(ask(REJECT, on_main(), comment=comment)) == (
        Land(change=change, title=f"stampbot: reject {ITEM} (pull 57, comment c-7)", comment=comment.id),
    )


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (with_completions({"id": "c-2"}), (DELETED,)),
        (with_completions({"id": "c-2", "stamp_id": "s-1", "validated_by": "bo-works"}), (DELETED, CLAIMED_AGAIN)),
        (with_completions({"id": "c-2", "wanted_id": "w-other"}), (DELETED, CLAIMED_AGAIN)),
        (on_main(reviewed(changes=changes_of(added("completions")))), (DELETED,)),
        (
            on_main(
                reviewed(
                    changes=changes_of(added("completions")),
                    items=(a_wanted(status="in_review", claimed_by="cormorant"),),
                )
            ),
            (DELETED,),
        ),
        (
            on_main(
                reviewed(
                    changes=changes_of(added("completions")),
                    items=(a_wanted(status="claimed", claimed_by="polecat-7"),),
                )
            ),
            (DELETED,),
        ),
    ],
    ids=["another waits", "another is stamped", "another item", "open item", "claimed by another", "not in review"],
)
def test_the_item_is_claimed_again_only_if_nothing_else_waits_and_the_claim_is_this_rigs(
    snapshot: Snapshot, expected: tuple[RowWrite, ...]
) -> None:
    assert landed(ask(REJECT, snapshot)).writes == expected


def test_rows_that_are_gone_already_are_answered_without_a_step() -> None:
    seen = main_now(on_main(), item={"status": "claimed", "evidence_url": None})
    seen = replace(seen, on_main_now=replace(seen.on_main_now, completions=()))
    assert followed(ask(REJECT, seen)) == ("REJECTED",)


def test_rows_that_are_half_gone_are_finished() -> None:
    seen = replace(on_main(), on_main_now=Present(items=on_main().on_main_now.items))
    assert followed(ask(REJECT, seen)) == ("Land", "REJECTED")


def test_after_the_merge_age_does_not_count() -> None:
    assert followed(ask(REJECT, on_main(taken_at=NOW + timedelta(days=9)))) == ("Land", "REJECTED")


@pytest.mark.parametrize("fields", [{"probes": ()}, {"policy": a_policy(min_age_s=7200)}], ids=["no sheet", "young head"])
def test_it_waits_for_nothing_but_the_state_of_the_pull(fields: dict[str, Any]) -> None:
    assert followed(ask(REJECT, reviewed(**fields))) == ("REJECTED",)
    unknown = reviewed(**fields, pull=a_pull(state=PullState.UNKNOWN))
    assert waits(ask(REJECT, unknown)) == "DoltHub to say whether this pull is open."


# --- what it refuses ----------------------------------------------------------------------------------------------------

EARLIER = a_comment("bo", "/reject no", ago(minutes=7))
REFUSALS: dict[str, tuple[str, Snapshot, tuple[str, ...]]] = {
    "no review": (REJECT, reviewed(comments=()), ("No review of this pull stood here",)),
    "no review, merged": (REJECT, on_main(comments=()), ("No review of this pull stood here",)),
    "at a head never reviewed": ("/reject --at 0000000 no", reviewed(), ("names no review",)),
    "head moved": (REJECT, reviewed(head=a_hash("new head")), (f"moved from `{HEAD[:7]}`",)),
    "branch gone": (REJECT, reviewed(head=None), ("cannot be read any more",)),
    "other item": ("/reject w-0000 no", reviewed(), (f"about `{ITEM}`, not `w-0000`",)),
    "closed": (REJECT, closed(), ("This pull is closed.",)),
    "landing": (
        REJECT,
        reviewed(pull=a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0123/abc"))),
        ("a pull of the bot's own",),
    ),
    "no work on main": (REJECT, on_main(reviewed(changes=REGISTRATION)), ("nothing here to take back",)),
    "merge not readable": (REJECT, on_main(merge=None), ("nothing here to take back",)),
    "gone from main": (
        REJECT,
        replace(main_now(on_main(), item={"status": "open"}), on_main_now=Present(items=(a_wanted(),))),
        ("The completion is not on main any more.",),
    ),
    "rejected before": (
        REJECT,
        replace(
            on_main(reviewed(comments=(a_review(), EARLIER, an_answer(EARLIER, "reject")))),
            on_main_now=Present(items=(a_wanted(),)),
        ),
        ("Decided already: `reject` by `bo` at 2026-06-14 13:55 UTC.",),
    ),
    "stamped": (
        REJECT,
        on_main(on_main_now=replace(on_main().on_main_now, stamps=(a_stamp(),))),
        ("stamped already, by `ana-town`",),
    ),
    "linked to a stamp": (
        REJECT,
        main_now(on_main(), done={"stamp_id": "s-1", "validated_by": "bo-works"}),
        ("stamped already, by `bo-works`",),
    ),
    "item completed": (REJECT, main_now(on_main(), item={"status": "completed"}), ("The item is `completed`",)),
    "item gone": (
        REJECT,
        on_main(on_main_now=Present(completions=on_main().on_main_now.completions)),
        ("The item is `not on main`",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "snapshot", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_say_why(typed: str, snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    said = " ".join(refused(ask(typed, snapshot)))
    assert [piece for piece in expected if piece not in said] == [], said


def test_a_comment_of_the_day_before_is_not_carried_out() -> None:
    old = a_comment("ana", REJECT, ago(hours=25))
    snapshot = reviewed(comments=(a_review(at=ago(hours=30)),))
    assert "more than a day old" in refused(ask(REJECT, snapshot, comment=old))[0]


@pytest.mark.parametrize("snapshot", [reviewed(), on_main()], ids=["open", "merged"])
def test_nobody_rejects_their_own_work_and_only_validators_reject(snapshot: Snapshot) -> None:
    own = replace(snapshot, rigs=(*RIGS, a_rig("pia-validates", "pia", trust_level="3")))
    assert refused(ask(REJECT, own, by="pia"))[0].startswith("Yearbook rule")
    assert refused(ask(REJECT, snapshot, by="cy"))[0].startswith("Only validators decide here.")
    assert refused(ask(REJECT, replace(snapshot, pull=replace(snapshot.pull, creator=User("bo"))), by="bo"))[0].startswith(
        "Yearbook rule"
    )


# --- taken back ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["/reject cancel", "/reject undo it please", "/reject withdraw my rejection"])
def test_a_rejection_is_taken_back_by_whoever_gave_it_and_by_no_one_else(line: str) -> None:
    no = a_comment("ana", "/reject it does not build", ago(minutes=15))
    answer = an_answer(no, "reject", at=ago(minutes=14), facts=(a_fact("reject"),))
    rejected = reviewed(no, answer)
    assert rejected.rejection is not None
    found = ask(line, rejected)
    assert followed(found) == ("REJECTION TAKEN BACK",)
    assert isinstance(found, Follow)
    back = an_answer(a_comment("ana", line, WRITTEN), "reject", "unreject", at=ago(minutes=4), facts=found.facts)
    assert replace(rejected, comments=(*rejected.comments, back)).rejection is None
    no_again = a_comment("ana", "/reject still not", ago(minutes=3))
    again = an_answer(no_again, "reject", at=ago(minutes=2), facts=(a_fact("reject"),))
    assert replace(rejected, comments=(*rejected.comments, back, again)).rejection is not None
    assert "No rejection of yours stands here" in refused(ask(line, rejected, by="bo"))[0]
    assert "No rejection of yours stands here" in refused(ask(line, reviewed()))[0]
