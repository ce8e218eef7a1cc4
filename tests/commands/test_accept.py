"""`/accept`: what is merged and written, what is waited for, and everything it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands import decision_rows
from bot.model.finding import Judgement, Verdict
from bot.model.ids import CommitHash, Database, PullNo, User, decision_id, stamp_id
from bot.model.ledger import Changes, LedgerChange, Row, RowWrite, Write
from bot.model.policy import PosterMay, RatingStyle
from bot.model.pull import BranchRef, PullState
from bot.model.snapshot import Merge, Present, Snapshot
from bot.model.step import Land, MergePull
from tests.build import (
    BOT,
    COLUMNS,
    COMMONS,
    COMPLETION,
    EVIDENCE,
    HEAD,
    ITEM,
    MAIN,
    NOW,
    RIGS,
    a_comment,
    a_completion,
    a_hash,
    a_policy,
    a_probe,
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
    hands_in,
    modified,
    removed,
    work,
)
from tests.commands.asking import (
    DOUBT,
    FAULT,
    FOREIGN,
    READY,
    REGISTRATION,
    UNSURE,
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

ACCEPT = "/accept --quality 4"
STAMP = stamp_id(COMMONS, a_completion().id)
MOVED = a_hash("new head")
OLDER = a_review(Verdict.BLOCKED, head=a_hash("old head"), at=ago(minutes=40))


def the_stamp(**cells: str | None) -> Row:
    """The cells of the stamp of `/accept --quality 4` by ana, some of them replaced."""
    sane: dict[str, str | None] = {
        "author": "ana-town",
        "subject": "polecat-7",
        "valence": '{"quality": 4, "reliability": 4}',
        "confidence": "1",
        "severity": "leaf",
        "context_id": COMPLETION,
        "context_type": "completion",
        "skill_tags": '["go", "cli"]',
        "message": None,
        "created_at": "2026-06-14 13:57:00",
    }
    return Row.of(sane | cells)


# --- what it does -------------------------------------------------------------------------------------------------------


def test_work_is_merged_linked_completed_and_stamped() -> None:
    comment = a_comment("ana", ACCEPT, WRITTEN, id="c-7")
    merge, land = steps(ask(ACCEPT, reviewed(), comment=comment))
    assert merge == MergePull(head=HEAD, comment=comment.id)
    assert land == Land(
        change=LedgerChange(
            decision=decision_id(COMMONS, PullNo(57), comment.id),
            note=f"stampbot accept {ITEM} (pull 57) by ana",
            writes=(
                RowWrite(
                    table="completions",
                    key=COMPLETION,
                    write=Write.UPDATE,
                    cells=Row.of({"validated_by": "ana-town", "stamp_id": STAMP, "validated_at": "2026-06-14 13:57:00"}),
                    guard=Row.of({"wanted_id": ITEM, "completed_by": "polecat-7", "evidence": EVIDENCE, "stamp_id": None}),
                ),
                RowWrite(
                    table="wanted",
                    key=ITEM,
                    write=Write.UPDATE,
                    cells=Row.of({"status": "completed"}),
                    guard=Row.of({"status": "in_review"}),
                    touch=("updated_at",),
                ),
                RowWrite(table="stamps", key=STAMP, write=Write.INSERT, cells=the_stamp()),
            ),
        ),
        title=f"stampbot: accept {ITEM} (pull 57, comment c-7)",
        comment=comment.id,
    )


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("-q 5 -r 2", the_stamp(valence='{"quality": 5, "reliability": 2}')),
        ("-q good -r excellent", the_stamp(valence='{"quality": 4, "reliability": 5}')),
        ("-q 1", the_stamp(valence='{"quality": 1, "reliability": 1}')),
        ("-q 4 --severity root", the_stamp(severity="root")),
        ("-q 4 --confidence 80%", the_stamp(confidence="0.8")),
        ("-q 4 --confidence 0", the_stamp(confidence="0")),
        ("-q 4 --skills rust,tests", the_stamp(skill_tags='["rust", "tests"]')),
        ('-q 4 --message "It\'s `good`; DROP"', the_stamp(message="It's `good`; DROP")),
        ("-q 4 --message\nOver\ntwo lines", the_stamp(message="Over\ntwo lines")),
        ("-q 4 --as ana-town", the_stamp()),
        (f"{ITEM} -q 4", the_stamp()),
    ],
)
def test_the_stamp_says_what_was_typed(typed: str, expected: Row) -> None:
    assert landed(ask(f"/accept {typed}", reviewed())).writes[2].cells == expected


def test_where_words_are_the_style_words_are_stored() -> None:
    snapshot = reviewed(policy=a_policy(rating=RatingStyle.WORDS))
    valence = landed(ask("/accept -q 5 -r 1", snapshot)).writes[2].cells.get("valence")
    assert valence == '{"quality": "excellent", "reliability": "1"}'


def test_only_columns_that_this_commons_has_are_written_and_guarded() -> None:
    columns = COLUMNS | {
        "stamps": ("id", "author", "subject", "valence", "context_id"),
        "completions": ("id", "wanted_id", "completed_by", "stamp_id"),
        "wanted": ("id", "status"),
    }
    writes = landed(ask(ACCEPT, reviewed(columns=columns))).writes
    assert [(w.cells.columns, w.guard.columns, w.touch) for w in writes] == [
        (("stamp_id",), ("wanted_id", "completed_by", "stamp_id"), ()),
        (("status",), ("status",), ()),
        (("author", "subject", "valence", "context_id"), (), ()),
    ]  # fmt: skip


@pytest.mark.parametrize("pull", [reviewed, on_main], ids=["open", "merged"])
def test_a_commons_that_cannot_hold_a_stamp_whole_is_told_so_before_anything_is_done(pull: Callable[..., Snapshot]) -> None:
    shorn = {"stamps": ("id", "author", "subject", "valence"), "completions": ("id", "wanted_id", "completed_by")}
    reason, remedy = refused(ask(ACCEPT, pull(columns=COLUMNS | shorn)))
    assert reason == "Main has no column `completions.stamp_id, stamps.context_id`, so no stamp can be written here."
    assert remedy == "A maintainer can bring the schema of this commons up to date, or merge by hand."


def test_what_main_fills_into_a_column_it_was_given_after_the_review_is_no_difference() -> None:
    brought = tuple(replace(c, after=Row.of(dict(c.after.as_dict() if c.after else {}) | {"grade": "1"})) for c in work().rows)
    filled = on_main(changes=replace(work(), rows=brought), reviewed=work())
    assert followed(ask(ACCEPT, filled)) == ("Land", "ACCEPTED")
    told = on_main(changes=replace(work(), rows=brought), reviewed=replace(work(), rows=brought[:1]))
    assert refused(ask(ACCEPT, told))[0].startswith("**NOT STAMPED.**")


def test_json_null_that_a_merge_wrote_in_place_of_null_is_no_difference() -> None:
    def with_scope(changes: Changes, scope: str | None) -> Changes:
        rows = (replace(c, after=Row.of((c.after or Row(())).as_dict() | {"sandbox_scope": scope})) for c in changes.rows)
        return replace(changes, rows=tuple(rows))

    null = on_main(changes=with_scope(work(), "null"), reviewed=with_scope(work(), None))
    assert followed(ask(ACCEPT, null)) == ("Land", "ACCEPTED")
    other = on_main(changes=with_scope(work(), "{}"), reviewed=with_scope(work(), None))
    assert refused(ask(ACCEPT, other))[0].startswith("**NOT STAMPED.**")


def test_skills_come_from_the_item_on_main_not_from_the_branch() -> None:
    snapshot = reviewed(items=(a_wanted(tags='["rust"]'),))
    before = landed(ask(ACCEPT, snapshot)).writes[2].cells.get("skill_tags")
    assert before == landed(ask(ACCEPT, on_main(snapshot))).writes[2].cells.get("skill_tags") == '["rust"]'


UNSTAMPED: dict[str, tuple[str, Changes]] = {
    "registration": ("/accept", REGISTRATION),
    "post": ("/accept", changes_of(added("wanted", id="w-new"))),
    "edit": ("/accept", changes_of(modified("wanted", title="Better"))),
    "link": ("/accept", changes_of(added("rig_links"))),
    "claim": ("/accept --yes", changes_of(claims())),
}


@pytest.mark.parametrize(("typed", "changes"), UNSTAMPED.values(), ids=UNSTAMPED)
def test_what_is_no_work_is_merged_without_a_stamp(typed: str, changes: Changes) -> None:
    assert followed(ask(typed, reviewed(changes=changes))) == ("MergePull", "ACCEPTED")
    assert followed(ask(typed, on_main(reviewed(changes=changes)))) == ("ACCEPTED",)


@pytest.mark.parametrize("judgement", [DOUBT, UNSURE, READY], ids=["doubt", "unsure", "ready"])
def test_only_a_fault_stands_in_the_way(judgement: Judgement) -> None:
    assert followed(ask(ACCEPT, reviewed(), judgement=judgement)) == ("MergePull", "Land", "ACCEPTED")


@pytest.mark.parametrize(
    ("policy", "by"),
    [
        (a_policy(), "ana"),
        (a_policy(validators=()), "ana"),
        (a_policy(validators=(), min_trust=9, poster_may_decide=PosterMay.ALL), "ana"),
    ],
    ids=["named", "trusted", "poster"],
)
def test_who_may_accept(policy: Any, by: str) -> None:
    assert followed(ask(ACCEPT, reviewed(policy=policy), by=by)) == ("MergePull", "Land", "ACCEPTED")


@pytest.mark.parametrize("length", [7, 12, 32])
def test_at_names_the_reviewed_head_by_any_beginning(length: int) -> None:
    found = ask(f"{ACCEPT} --at {HEAD[:length]}", reviewed())
    assert steps(found)[0] == MergePull(head=HEAD, comment=a_comment("ana", f"{ACCEPT} --at {HEAD[:length]}", WRITTEN).id)


def test_without_at_the_newest_review_before_the_comment_counts() -> None:
    later = a_review(Verdict.BLOCKED, head=a_hash("later"), at=NOW, n=3)
    snapshot = reviewed(comments=(OLDER, a_review(n=2), later))
    assert followed(ask(ACCEPT, snapshot)) == ("MergePull", "Land", "ACCEPTED")


# --- what it waits for --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"probes": (a_probe(probed_at=WRITTEN - timedelta(seconds=1)),)}, "the evidence to be looked at once more."),
        ({"probes": ()}, "the evidence to be looked at once more."),
        ({"policy": a_policy(min_age_s=7200)}, "the head to be as old as this commons asks."),
        ({"pull": a_pull(state=PullState.UNKNOWN)}, "DoltHub to say whether this pull is open."),
    ],
    ids=["old sheet", "no sheet", "young head", "unknown state"],
)
def test_what_an_accept_waits_for(fields: dict[str, Any], expected: str) -> None:
    assert waits(ask(ACCEPT, reviewed(**fields))) == expected


@pytest.mark.parametrize("probes", [(), (a_probe(probed_at=ago(hours=2)),)], ids=["no sheet", "old sheet"])
def test_evidence_that_nobody_looked_at_in_ten_minutes_never_blocks(probes: Any) -> None:
    late = a_comment("ana", ACCEPT, ago(minutes=11))
    assert followed(ask(ACCEPT, reviewed(probes=probes), comment=late)) == ("MergePull", "Land", "ACCEPTED")


def test_a_head_is_as_old_as_the_first_review_that_names_it() -> None:
    asked = a_policy(min_age_s=600)
    known = (a_review(at=ago(minutes=11), n=1), a_review(at=ago(minutes=5), n=2))
    assert followed(ask(ACCEPT, reviewed(policy=asked, comments=known))) == ("MergePull", "Land", "ACCEPTED")
    other_head = a_review(head=a_hash("old head"), at=ago(days=9), n=1)
    young = reviewed(policy=asked, comments=(other_head, a_review(at=ago(minutes=9), n=2)))
    assert waits(ask(ACCEPT, young)) == "the head to be as old as this commons asks."


def test_a_head_as_old_as_asked_is_accepted() -> None:
    assert followed(ask(ACCEPT, reviewed(policy=a_policy(min_age_s=600)))) == ("MergePull", "Land", "ACCEPTED")


def test_a_merge_that_does_not_show_yet_is_waited_for_and_then_refused() -> None:
    snapshot = on_main(merge=None)
    assert waits(ask(ACCEPT, snapshot)) == "the merge to show on main."
    later = replace(snapshot, taken_at=NOW + timedelta(minutes=20))
    assert "not from a head that was reviewed here" in refused(ask(ACCEPT, later))[0]


# --- what it refuses ----------------------------------------------------------------------------------------------------

TWINS = (CommitHash("0" * 8 + "a" * 24), CommitHash("0" * 8 + "b" * 24))
LATER = a_comment("bo", "/recheck", ago(minutes=4))
REFUSALS: dict[str, tuple[str, dict[str, Any], Judgement, tuple[str, ...]]] = {
    "no review": (ACCEPT, {"comments": ()}, READY, ("No review of this pull stood here", "writing the command again")),
    "review came after": (ACCEPT, {"comments": (a_review(at=NOW),)}, READY, ("No review of this pull stood here",)),
    "review was edited": (
        ACCEPT,
        {"comments": (replace(a_review(), updated_at=NOW),)},
        READY,
        ("No review of this pull stood here",),
    ),
    "review by another": (
        ACCEPT,
        {"comments": (replace(a_review(), author=User("mallory")),)},
        READY,
        ("No review of this pull stood here",),
    ),
    "at a head never reviewed": (
        f"{ACCEPT} --at {MOVED[:7]}",
        {},
        READY,
        (f"`--at {MOVED[:7]}` names no review", f"Reviews before this comment, newest first: `{HEAD[:7]}.1`."),
    ),
    "at a head reviewed only afterwards": (
        f"{ACCEPT} --at {MOVED[:7]}",
        {"head": MOVED, "comments": (a_review(), a_review(head=MOVED, at=NOW))},
        READY,
        ("names no review",),
    ),
    "at a beginning of two heads": (
        f"{ACCEPT} --at 00000000",
        {"head": TWINS[0], "comments": tuple(a_review(head=h, at=ago(minutes=20 - n)) for n, h in enumerate(TWINS))},
        READY,
        ("names reviews of more than one head",),
    ),
    "at an older head": (
        f"{ACCEPT} --at {a_hash('old head')[:7]}",
        {"comments": (OLDER, a_review(n=2))},
        READY,
        (f"moved from `{a_hash('old head')[:7]}` to `{HEAD[:7]}`", f"`--at {HEAD[:7]}`"),
    ),
    "head moved": (
        ACCEPT,
        {"head": MOVED, "since_last": changes_of(modified("completions", evidence="https://e.org/2"))},
        READY,
        (f"moved from `{HEAD[:7]}` to `{MOVED[:7]}`", "`evidence`", "`https://e.org/2`", f"`--at {MOVED[:7]}`"),
    ),
    "branch gone": (ACCEPT, {"head": None}, READY, ("The branch of this pull cannot be read any more",)),
    "later decision carried out": (
        ACCEPT,
        {"comments": (a_review(), LATER, an_answer(LATER, "reject"))},
        READY,
        ("A later decision has been carried out since", "Please confirm"),
    ),
    "other item": ("/accept w-0000 -q 4", {}, READY, (f"about `{ITEM}`, not `w-0000`",)),
    "not a number of one's own": (
        f"{ACCEPT} --as bo-works",
        {},
        READY,
        ("No rig `bo-works` on main belongs to the account `ana`", "`ana-town`"),
    ),
    "no quality": ("/accept", {}, READY, ("needs `--quality`", f"`/accept --at {HEAD[:7]}.1 --quality Q`")),
    "work without completion": (ACCEPT, {"changes": changes_of(hands_in())}, READY, ("no single completion",)),
    "two completions": (
        ACCEPT,
        {"changes": work(added("completions", id="c-2"))},
        READY,
        ("no single completion",),
    ),
    "claim": ("/accept", {"changes": changes_of(claims())}, READY, ("only claims an item", "`--yes`")),
    "admin": (ACCEPT, {"changes": changes_of(added("stamps"))}, READY, ("an acceptance by another tool, which the bot does",)),
    "mixed": (ACCEPT, {"changes": work(added("rigs", handle="new"))}, READY, ("several things at once, which the bot does",)),
    "foreign": (ACCEPT, {"changes": FOREIGN}, READY, ("rows of a table nobody here knows, which the bot does",)),
    "empty": (ACCEPT, {"changes": changes_of()}, READY, ("no change, which the bot does",)),
    "removal": (ACCEPT, {"changes": changes_of(removed("completions"))}, READY, ("a removal of rows, which the bot does",)),
    "landing": (
        ACCEPT,
        {"pull": a_pull(creator=BOT, source=BranchRef(COMMONS, "stampbot/0123/abc"))},
        READY,
        ("a pull of the bot's own",),
    ),
    "fault": (ACCEPT, {}, FAULT, ("**BLOCKED**", "evidence is alive: The link answers 404.", "Submit another link.")),
    "fault of a registration": ("/accept", {"changes": REGISTRATION}, FAULT, ("**BLOCKED**",)),
    "reviewed as blocked": (
        ACCEPT,
        {"comments": (a_review(Verdict.BLOCKED),)},
        READY,
        ("The review this is about said BLOCKED", "A new review follows"),
    ),
    "closed": (ACCEPT, {"pull": a_pull(state=PullState.CLOSED)}, READY, ("This pull is closed.",)),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "fields", "judgement", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_say_why_and_what_helps(
    typed: str, fields: dict[str, Any], judgement: Judgement, expected: tuple[str, ...]
) -> None:
    said = " ".join(refused(ask(typed, reviewed(**fields), judgement=judgement)))
    assert [piece for piece in expected if piece not in said] == [], said


def test_a_comment_of_the_day_before_is_not_carried_out() -> None:
    old = a_comment("ana", ACCEPT, ago(hours=24, seconds=1))
    snapshot = reviewed(comments=(a_review(at=ago(hours=30)),))
    reason, remedy = refused(ask(ACCEPT, snapshot, comment=old))
    assert reason == "This comment is more than a day old, so it is not carried out."
    assert "Please confirm" in remedy
    just = a_comment("ana", ACCEPT, ago(hours=24))
    assert followed(ask(ACCEPT, snapshot, comment=just)) == ("MergePull", "Land", "ACCEPTED")


def test_an_answer_to_an_earlier_comment_does_not_make_it_old() -> None:
    earlier = a_comment("bo", "/recheck", ago(minutes=6))
    snapshot = reviewed(comments=(a_review(), earlier, an_answer(earlier, "recheck", at=NOW)))
    assert followed(ask(ACCEPT, snapshot)) == ("MergePull", "Land", "ACCEPTED")


# --- whose work it is ---------------------------------------------------------------------------------------------------

PIA_VALIDATES = (*RIGS, a_rig("pia-validates", "pia", trust_level="3"))
OWN: dict[str, tuple[str, dict[str, Any]]] = {
    "the worker": ("pia", {"rigs": (*RIGS[1:], a_rig(trust_level="3"))}),
    "another rig of the worker's owner": ("pia", {"rigs": PIA_VALIDATES}),
    "the same e-mail": (
        "cy",
        {"rigs": (a_rig(owner_email="P@e.org"), a_rig("cormorant", "cy", trust_level="3", owner_email="p@e.org"))},
    ),
    "the creator of the pull": ("bo", {"pull": a_pull(creator=User("bo"))}),
    "the owner of the fork": ("bo", {"pull": a_pull(source=BranchRef(Database("bo", "wl-commons"), "x"))}),
}


@pytest.mark.parametrize("merge", [False, True], ids=["open", "merged"])
@pytest.mark.parametrize(("by", "fields"), OWN.values(), ids=OWN)
def test_nobody_accepts_their_own_work(by: str, fields: dict[str, Any], merge: bool) -> None:
    snapshot = reviewed(**fields)
    reason, _ = refused(ask(ACCEPT, on_main(snapshot) if merge else snapshot, by=by))
    assert reason.startswith("Yearbook rule: a validator does not decide on their own work.")


def test_the_yearbook_refusal_names_who_is_free() -> None:
    assert refused(ask(ACCEPT, reviewed(rigs=PIA_VALIDATES), by="pia"))[1] == (
        "Free validators: `ana`, `bo`. You may `/close` it yourself: no stamp arises from that."
    )


@pytest.mark.parametrize("merge", [False, True], ids=["open", "merged"])
def test_only_validators_accept(merge: bool) -> None:
    snapshot = on_main() if merge else reviewed()
    reason, remedy = refused(ask(ACCEPT, snapshot, by="cy"))
    assert reason.startswith("Only validators decide here.")
    assert remedy == "Free validators: `ana`, `bo`. You can use `/hold`, `/status`, `/help`."


# --- merged already -----------------------------------------------------------------------------------------------------


def test_work_that_others_merged_at_the_reviewed_head_is_stamped() -> None:
    assert followed(ask(ACCEPT, on_main(), judgement=FAULT)) == ("Land", "ACCEPTED")
    assert landed(ask(ACCEPT, on_main())) == landed(ask(ACCEPT, reviewed()))


def test_what_is_on_main_is_answered_without_a_step() -> None:
    comment = a_comment("ana", ACCEPT, WRITTEN)
    snapshot = on_main()
    change = landed(ask(ACCEPT, snapshot, comment=comment))
    stamp = a_stamp(id=STAMP, **change.writes[2].cells.as_dict())
    seen = main_now(snapshot, item=change.writes[1].cells.as_dict(), done=change.writes[0].cells.as_dict())
    seen = replace(seen, on_main_now=replace(seen.on_main_now, stamps=(stamp,)))
    assert decision_rows.is_landed(seen, change)
    assert followed(ask(ACCEPT, seen, comment=comment)) == ("ACCEPTED",)
    again = ask("/accept -q 2", seen, by="bo")
    assert refused(again)[0] == f"Accepted already by `ana-town` at 2026-06-14 13:57 UTC, stamp `{STAMP}`."


ROWS_DIFFER = on_main(
    reviewed=replace(work(), rows=(hands_in(), added("completions", evidence="https://e.org/seen-by-the-reviewer")))
)
MERGED: dict[str, tuple[Snapshot, tuple[str, ...]]] = {
    "without a review of ours": (on_main(comments=()), ("No review of this pull stood here",)),
    "at another head": (
        on_main(merge=Merge(commit=a_hash("merge"), before=MAIN, head=MOVED)),
        ("**NOT STAMPED.**", f"`{ITEM}`", f"head `{HEAD[:7]}` was reviewed", f"head `{MOVED[:7]}`", "A maintainer"),
    ),
    "other rows": (ROWS_DIFFER, ("**NOT STAMPED.**", "rows that differ from it", "`completions`")),
    "rows that nobody could review": (on_main(reviewed=Changes()), ("**NOT STAMPED.**",)),
    "more than was reviewed": (
        on_main(reviewed=replace(work(), unread=(("rigs", 9000),))),
        ("**NOT STAMPED.**",),
    ),
    "reviewed as blocked": (
        on_main(reviewed(comments=(a_review(Verdict.BLOCKED),))),
        ("said BLOCKED, so no stamp is written", "A maintainer"),
    ),
    "stamped by another tool": (
        on_main(on_main_now=replace(on_main().on_main_now, stamps=(a_stamp(),))),
        ("Accepted already by `ana-town` at 2026-06-14 13:50 UTC, stamp `s-0a1b2c3d4e5f6071`.",),
    ),
    "stamped, no date": (
        on_main(
            on_main_now=Present(
                items=on_main().on_main_now.items,
                completions=on_main().on_main_now.completions,
                stamps=(a_stamp(created_at="soon"),),
            )
        ),
        ("Accepted already by `ana-town` at an unknown time",),
    ),
    "linked to a stamp": (
        main_now(on_main(), done={"stamp_id": "s-1", "validated_by": "bo-works"}),
        ("Accepted already by `bo-works`, stamp `s-1`.",),
    ),
    "rejected meanwhile": (
        on_main(on_main_now=Present(items=on_main().on_main_now.items)),
        ("The completion is not on main any more",),
    ),
    "item completed meanwhile": (
        main_now(on_main(), item={"status": "completed"}),
        ("The item is `completed` on main already, without this stamp.",),
    ),
    "item withdrawn meanwhile": (main_now(on_main(), item={"status": "withdrawn"}), ("The item is `withdrawn`",)),
}  # fmt: skip


@pytest.mark.parametrize(("snapshot", "expected"), MERGED.values(), ids=MERGED)
def test_what_is_refused_after_the_merge(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    said = " ".join(refused(ask(ACCEPT, snapshot)))
    assert [piece for piece in expected if piece not in said] == [], said


def test_a_second_accept_of_what_gets_no_stamp_is_told_who_was_first() -> None:
    first = a_comment("bo", "/accept", ago(minutes=7))
    snapshot = on_main(reviewed(changes=REGISTRATION, comments=(a_review(), first, an_answer(first, "accept"))))
    assert refused(ask("/accept", snapshot))[0] == "Decided already: `accept` by `bo` at 2026-06-14 13:55 UTC."


@pytest.mark.parametrize("days", [1, 30])
def test_after_the_merge_age_and_evidence_do_not_count(days: int) -> None:
    snapshot = on_main(taken_at=NOW + timedelta(days=days), probes=())
    assert followed(ask(ACCEPT, snapshot, judgement=FAULT)) == ("Land", "ACCEPTED")


def test_a_closed_pull_takes_no_accept() -> None:
    assert refused(ask(ACCEPT, closed()))[0] == "This pull is closed."


def test_rights_of_a_merged_pull_are_those_of_the_time_before_the_merge() -> None:
    """They are read there; main now is in `present` and is not asked about rights."""
    snapshot = on_main(policy=a_policy(validators=()), rigs=(a_rig(), a_rig("ana-town", "ana", trust_level="3")))
    assert followed(ask(ACCEPT, snapshot)) == ("Land", "ACCEPTED")
