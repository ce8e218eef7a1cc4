"""Stamps that other tools write: by whom, for whom, and about what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model.ledger import Stamp
from bot.model.policy import Policy, PosterMay, Validator
from bot.rulebook import Changes, Form, Handle, PullKind, Rig, Row, RowChange, Snapshot, User
from rules.outside_decision_is_allowed import check
from tests.build import (
    COMPLETION,
    ITEM,
    RIGS,
    a_branch,
    a_completion,
    a_policy,
    a_pull,
    a_rig,
    a_rig_link,
    a_row,
    a_snapshot,
    a_stamp,
    a_wanted,
    added,
    changes_of,
    hands_in,
    merged,
    modified,
    removed,
)
from tests.rules.table import PASS, found, told

STAMP = "s-0a1b2c3d4e5f6071"
WELL = ("note stamps",)
IN_REVIEW: dict[str, str | None] = {"status": "in_review", "claimed_by": "polecat-7"}
LINKED: dict[str, str | None] = {"validated_by": "ana-town", "stamp_id": STAMP, "validated_at": "2026-06-14 13:50:00"}
STAMPED = modified("completions", None, **LINKED)
COMPLETED = modified("wanted", IN_REVIEW, status="completed")
AUTHOR, SUBJECT, CONTEXT = (f"fault stamps.{STAMP}.{column}" for column in ("author", "subject", "context_id"))


def accepting(*rows: RowChange, by: str = "ana", rigs: tuple[Rig, ...] = RIGS, **fields: object) -> Snapshot:
    """What `wl accept` leaves on a branch of the fork of `by`, or these rows instead; main holds the work in review."""
    sane = {
        "pull": a_pull(source=a_branch(by, f"wl/{by}/{ITEM}"), creator=User(by)),
        "items": (a_wanted(**IN_REVIEW),),
        "completions": (a_completion(),),
        "rigs": rigs,
        "changes": changes_of(*(rows or (added("stamps"), STAMPED, COMPLETED))),
    }
    return a_snapshot(**{**sane, **fields})


def by(author: str, sender: str, subject: str = "polecat-7", rigs: tuple[Rig, ...] = RIGS, **fields: object) -> Snapshot:
    """The same acceptance in the name of another rig, about the work of another rig."""
    done = modified("completions", {"completed_by": subject}, **{**LINKED, "validated_by": author})
    stamp = added("stamps", author=author, subject=subject)
    return accepting(stamp, done, COMPLETED, by=sender, rigs=rigs, **fields)


def adopting(**cells: str | None) -> Changes:
    """What `wl accept-upstream` leaves: every completion of the item goes, and one comes with its stamp."""
    return changes_of(
        removed("completions", id="c-rival", completed_by="cormorant"),
        added("completions", id="c-new", **LINKED),
        hands_in(status="completed"),
        added("stamps", context_id="c-new", **cells),
    )


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (accepting(), WELL),
        (accepting(changes=adopting()), WELL),
        (by("bo-works", "bo"), WELL),
        (by("ana-town", "cy", policy=Policy(validators=(Validator(User("cy"), Handle("ana-town")),))), WELL),
        (by("cormorant", "cy", policy=Policy(validators=(Validator(User("cy")),))), WELL),
        (by("cormorant", "cy"), (AUTHOR,)),
        (by("ana-town", "bo"), (AUTHOR,)),
        (by("ana-town", "Ana"), (AUTHOR,)),
        (by("nobody", "ana"), (AUTHOR,)),
        (by("Ana-Town", "ana"), (AUTHOR,)),
        (by("loose", "ana", rigs=(*RIGS, a_rig("loose", None, trust_level="3"))), (AUTHOR,)),
        (by("ana-town", "ana", policy=Policy(min_trust=4)), (AUTHOR,)),
        (by("ana-town", "ana", policy=Policy(min_trust=4, poster_may_decide=PosterMay.ALL)), WELL),
        (by("ana-town", "ana", policy=Policy(min_trust=4, poster_may_decide=PosterMay.CLOSE)), (AUTHOR,)),
        (by("bo-works", "bo", policy=Policy(min_trust=4, poster_may_decide=PosterMay.ALL)), (AUTHOR,)),
    ],
    ids=[
        "accepted", "adopted", "by another validator", "named with a rig of another account", "named without a rig",
        "too little trust", "in another's name", "account in another case", "not registered", "rig in another case",
        "rig without owner", "trust of the policy", "poster may decide", "poster may only close", "another than the poster",
    ],
)  # fmt: skip
def test_the_author_may_decide_and_is_the_senders(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert (snapshot.kind, snapshot.form) == (PullKind.ADMIN, Form.ACCEPTANCE)
    assert found(check, snapshot) == expected


KILN = a_rig("ana-kiln", "ana", trust_level="3")
AS_BO = by(
    "bo-works", "ana", "ana-kiln", (*RIGS, KILN), policy=a_policy(validators=(Validator(User("ana"), Handle("bo-works")),))
)
OWN_LINK = a_rig_link("ana-town", "polecat-7")


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (by("ana-town", "ana", "ana-town"), (SUBJECT,)),
        (by("ana-town", "ana", "Ana-Town"), (SUBJECT,)),
        (by("ana-town", "ana", "\u0430na_town"), (SUBJECT,)),
        (by("ana-town", "ana", "ana-kiln", (*RIGS, KILN)), (SUBJECT,)),
        (by("ana-town", "ana", "bot", (*RIGS, a_rig("bot", "x", parent_rig="ana-town"))), (SUBJECT,)),
        (by("ana-town", "ana", "bot", (*RIGS, a_rig("bot", "x", owner_email="ANA@example.org"))), (SUBJECT,)),
        (accepting(rig_links=(OWN_LINK,)), (SUBJECT,)),
        (accepting(rig_links=(a_rig_link("ana-town", "polecat-7", status="pending"),)), WELL),
        (AS_BO, (SUBJECT,)),
        (accepting(rigs=(RIGS[1],)), (f"doubt stamps.{STAMP}.subject",)),
        (by("ana-town", "ana", "loose", (*RIGS, a_rig("loose", None))), (f"doubt stamps.{STAMP}.subject",)),
    ],
    ids=[
        "itself", "itself in another case", "its look-alike", "rig of one account", "its agent", "e-mail", "linked",
        "link not yet active", "the sender's own rig", "worker not on main", "worker without owner",
    ],
)  # fmt: skip
def test_nobody_stamps_their_own_work_under_whatever_name(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


OTHERS = added("stamps", subject="cormorant")


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (accepting(OTHERS, STAMPED, COMPLETED), (CONTEXT,)),
        (accepting(added("stamps", context_id="c-none"), COMPLETED), (CONTEXT,)),
        (accepting(added("stamps", context_id=None), COMPLETED), (CONTEXT,)),
        (accepting(added("stamps"), COMPLETED), (f"fault completions.{COMPLETION}.stamp_id",)),
        (
            accepting(added("stamps"), modified("completions", None, **{**LINKED, "stamp_id": "s-1"}), COMPLETED),
            (f"fault completions.{COMPLETION}.stamp_id",),
        ),
        (
            accepting(added("stamps"), modified("completions", None, **{**LINKED, "validated_by": "bo-works"}), COMPLETED),
            (f"fault completions.{COMPLETION}.validated_by",),
        ),
        (accepting(added("stamps"), STAMPED), (f"fault wanted.{ITEM}.status",)),
        (accepting(added("stamps"), STAMPED, items=(a_wanted(status="completed"),)), WELL),
        (accepting(added("stamps"), STAMPED, items=(a_wanted(status="withdrawn"),)), (f"fault wanted.{ITEM}.status",)),
        (accepting(added("stamps"), STAMPED, items=()), (f"fault wanted.{ITEM}.status",)),
        (accepting(added("stamps"), added("stamps", id="s-2"), STAMPED, COMPLETED), ("fault stamps.s-2.context_id",)),
        (
            accepting(added("stamps"), STAMPED, modified("wanted", IN_REVIEW, status="completed", title="Mine")),
            (f"fault wanted.{ITEM}.title",),
        ),
        (accepting(added("stamps", context_id=COMPLETION), removed("completions"), COMPLETED), (CONTEXT,)),
        (accepting(added("stamps"), modified("stamps", {"id": "s-2"}, message="x"), STAMPED, COMPLETED), PASS),
        (accepting(added("stamps", subject=None), STAMPED, COMPLETED), (CONTEXT, SUBJECT)),
        (accepting(added("stamps", author=None), STAMPED, COMPLETED), (f"fault completions.{COMPLETION}.validated_by", AUTHOR)),
    ],
    ids=[
        "work of another", "no such completion", "no completion", "not linked", "linked to another", "validated by another",
        "item not completed", "item completed before", "item withdrawn", "item not on main", "two stamps", "item rewritten",
        "about a completion that goes", "with another rule's fault", "about nobody", "by nobody",
    ],
)  # fmt: skip
def test_a_stamp_is_about_completed_work_of_its_subject(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_a_second_stamp_beside_the_one_on_main_is_a_fault() -> None:
    snapshot = accepting()
    there = replace(snapshot.on_main_now, stamps=(a_stamp(id="s-main"), a_stamp(id="s-other", context_id="c-2")))
    assert told(check, replace(snapshot, on_main_now=there)) == f"Completion `{COMPLETION}` has stamp `s-main` already."


def test_once_merged_its_own_stamp_on_main_is_no_second_one() -> None:
    snapshot = merged(accepting())
    there = replace(snapshot.on_main_now, stamps=(a_stamp(), a_stamp(id="s-later")))
    assert told(check, replace(snapshot, on_main_now=there)) == (
        f"The acceptance of `{COMPLETION}` by `ana-town` keeps the yearbook rule."
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (modified("completions", None, validated_by="polecat-7"), (f"fault completions.{COMPLETION}.validated_by",)),
        (modified("completions", None, validated_by="Polecat_7"), (f"fault completions.{COMPLETION}.validated_by",)),
        (modified("completions", None, validated_by="ana-town"), PASS),
        (modified("completions", None, validated_by=None, evidence="x"), PASS),
        (modified("completions", {"validated_by": "polecat-7"}, evidence="x"), PASS),
        (added("badges"), PASS),
        (modified("wanted", IN_REVIEW, status="completed"), PASS),
    ],
    ids=["own", "own, written differently", "another's", "nobody's", "not this pull's", "badge", "closed"],
)
def test_nobody_validates_their_own_work_without_a_stamp_either(change: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, accepting(change)) == expected


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (accepting(), f"The acceptance of `{COMPLETION}` by `ana-town` keeps the yearbook rule; a maintainer merges by hand."),
        (by("ana-town", "vic"), f"Stamp `{STAMP}` is by `ana-town` of `ana`, but the rows come from `vic`."),
        (by("ana-town", "ana", "ana-town"), f"Stamp `{STAMP}` of `ana-town` is for `ana-town`, the same rig."),
        (
            by("ana-town", "ana", "ana-kiln", (*RIGS, KILN)),
            f"Stamp `{STAMP}` of `ana-town` is for `ana-kiln`,"
            " and `ana-town` is tied to `ana-kiln` by the same DoltHub account.",
        ),
        (
            AS_BO,
            f"Stamp `{STAMP}` of `bo-works` is for `ana-kiln`,"
            " and the account `ana` is tied to `ana-kiln` by the same DoltHub account.",
        ),
        (
            accepting(rig_links=(OWN_LINK,)),
            f"Stamp `{STAMP}` of `ana-town` is for `polecat-7`,"
            " and `ana-town` is tied to `polecat-7` by an active row of rig_links.",
        ),
        (
            by("ana-town", "ana", "Ana-Town"),
            f"Stamp `{STAMP}` of `ana-town` is for `Ana-Town`, and the two look too much alike.",
        ),
        (
            by("cormorant", "cy"),
            f"Stamp `{STAMP}` is by `cormorant`, no validator here: its trust level is 1, and deciding takes 3.",
        ),
        (
            accepting(OTHERS, STAMPED, COMPLETED),
            f"Stamp `{STAMP}` is for `cormorant`, but `{COMPLETION}` is the work of `polecat-7`.",
        ),
        (
            accepting(added("stamps"), STAMPED),
            f"Completion `{COMPLETION}` is stamped, and the pull leaves its item `{ITEM}` with status `in_review`.",
        ),
    ],
)
def test_each_violation_is_one_sentence(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == says


def test_several_acceptances_are_counted() -> None:
    other: dict[str, str | None] = {"id": "c-2", "completed_by": "cormorant"}
    more = (
        added("stamps", id="s-2", subject="cormorant", context_id="c-2"),
        modified("completions", other, **{**LINKED, "stamp_id": "s-2"}),
    )
    snapshot = accepting(added("stamps"), STAMPED, COMPLETED, *more)
    assert told(check, snapshot) == "2 acceptances by `ana-town` keep the yearbook rule; a maintainer merges by hand."


def test_an_older_commons_knows_fewer_ties_and_breaks_nothing() -> None:
    columns = ("handle", "display_name", "dolthub_org", "trust_level")
    rigs = tuple(Rig(Row.of([(column, rig.row.get(column)) for column in columns])) for rig in RIGS)
    stamp = added("stamps")
    bare = Row.of([(c, a_row("stamps").get(c)) for c in ("id", "author", "subject", "valence", "context_id")])
    snapshot = accepting(replace(stamp, after=bare), STAMPED, COMPLETED, rigs=rigs)
    assert found(check, snapshot) == WELL
    assert Stamp(bare).context_id == COMPLETION


POSTERS = Policy(min_trust=4, poster_may_decide=PosterMay.ALL)
SEVERAL = (a_wanted(id="w-zz", posted_by="bo-works"), a_wanted(id="w-0", posted_by="bo-works"), a_wanted(**IN_REVIEW))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (by("ana-town", "ana", policy=Policy()), WELL),
        (by("ana-town", "ana", policy=Policy(min_trust=2)), WELL),
        (by("ana-town", "ana", policy=replace(POSTERS, poster_min_trust=3)), WELL),
        (by("ana-town", "ana", policy=replace(POSTERS, poster_min_trust=4)), (AUTHOR,)),
        (by("ana-town", "ana", policy=POSTERS, items=SEVERAL), WELL),
        (by("ana-town", "ana", policy=POSTERS, items=(a_wanted(posted_by="zulu-9"),)), (AUTHOR,)),
        (by("ana-town", "ana", policy=POSTERS, items=(a_wanted(posted_by="aa-1"),)), (AUTHOR,)),
        (by("ana-town", "ana", policy=POSTERS, items=()), (AUTHOR,)),
    ],
    ids=[
        "just enough trust", "more than enough", "a poster just trusted", "a poster not trusted", "the item among others",
        "posted by a later rig", "posted by an earlier rig", "item not on main",
    ],
)  # fmt: skip
def test_trust_and_posters_are_held_against_the_policy(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


ZULU = (*RIGS, a_rig("zulu-9", "zed"))
BY_AA = modified("completions", None, **{**LINKED, "validated_by": "aa-1"})


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (accepting(added("stamps", subject="zulu-9"), STAMPED, COMPLETED, rigs=ZULU), (CONTEXT,)),
        (accepting(added("stamps"), BY_AA, COMPLETED), (f"fault completions.{COMPLETION}.validated_by",)),
        (accepting(modified("completions", None, validated_by="bo-works"), by="pia"), PASS),
        (accepting(added("stamps"), STAMPED, COMPLETED, removed("rigs", handle="old")), PASS),
    ],
    ids=["for a later rig", "validated by an earlier rig", "a worker sends another's validation", "beside a rig that goes"],
)
def test_names_are_equal_or_not(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (by("nobody", "ana"), f"Stamp `{STAMP}` is by rig `nobody`, which is not registered on main."),
        (
            by("ana-town", "ana", "ana_town"),
            f"Stamp `{STAMP}` of `ana-town` is for `ana_town`, and the two look too much alike.",
        ),
    ],
)
def test_who_stamps_is_told_apart(snapshot: Snapshot, says: str) -> None:
    assert told(check, snapshot) == says
