"""Fork owner, rig and owner of the rig."""

from __future__ import annotations

import pytest

from bot.rulebook import Pull, Snapshot, User
from rules.rig_belongs_to_its_owner import check
from tests.build import (
    COMPLETION,
    ITEM,
    RIGS,
    a_branch,
    a_pull,
    a_rig,
    a_snapshot,
    added,
    changes_of,
    claims,
    hands_in,
    work,
)
from tests.rules.table import PASS, found, judged, told

MALLORYS = a_pull(source=a_branch("mallory"), creator=User("mallory"))
ON_THE_COMMONS = a_branch("hop")
WORKER_PLACE = f"completions.{COMPLETION}.completed_by"
POST = changes_of(added("wanted", id="w-new", posted_by="polecat-7"))
CY = {"claimed_by": "cormorant"}
CORMORANTS = (f"fault wanted.{ITEM}.claimed_by",)
INHERITED = claims({"id": "w-2"}, claimed_by="cormorant")
BESIDE = added("wanted", id="w-new", posted_by="polecat-7")
SLASHED = (*RIGS, a_rig("kilo", "pia"), a_rig("kilo/main", "kilo-org"))


def on(branch: str, owner: str = "pia") -> Pull:
    return a_pull(source=a_branch(owner, branch), creator=User(owner))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(changes=changes_of(claims())), PASS),
        (a_snapshot(changes=POST), PASS),
        (a_snapshot(pull=a_pull(creator=User("a-colleague"))), PASS),
        (a_snapshot(pull=a_pull(source=ON_THE_COMMONS)), PASS),
        (a_snapshot(pull=a_pull(source=ON_THE_COMMONS, creator=User("ana"))), (f"fault {WORKER_PLACE}",)),
        (a_snapshot(pull=MALLORYS), (f"fault {WORKER_PLACE}",)),
        (a_snapshot(pull=MALLORYS, changes=POST), ("fault wanted.w-new.posted_by",)),
        (a_snapshot(pull=a_pull(source=a_branch("Pia"))), (f"fault {WORKER_PLACE}",)),
        (a_snapshot(rigs=RIGS[1:]), (f"fault {WORKER_PLACE}",)),
        (a_snapshot(rigs=(a_rig(owner=None), *RIGS[1:])), (f"doubt {WORKER_PLACE}",)),
        (
            a_snapshot(changes=changes_of(claims(claimed_by="cormorant"), BESIDE)),
            (f"fault wanted.{ITEM}.claimed_by",),
        ),
        (a_snapshot(changes=work(INHERITED)), ("fault wanted.w-2.claimed_by",)),
        (a_snapshot(changes=changes_of(INHERITED)), ("fault wanted.w-2.claimed_by",)),
        (a_snapshot(changes=changes_of(hands_in({"claimed_by": "cormorant"}, claimed_by="cormorant"))), CORMORANTS),
        (a_snapshot(changes=work(wanted=hands_in(claimed_by="cormorant"))), (f"fault wanted.{ITEM}.claimed_by",)),
        (a_snapshot(changes=changes_of(hands_in({"status": "claimed", **CY}, **CY))), CORMORANTS),
        (a_snapshot(changes=changes_of(claims(CY, **CY))), CORMORANTS),
        (a_snapshot(changes=changes_of(claims({"status": "claimed", "claimed_by": "bo-works"}, **CY))), CORMORANTS),
        (a_snapshot(changes=changes_of(claims({"status": "claimed", **CY}, **CY), BESIDE)), PASS),
        (a_snapshot(rigs=(*RIGS[1:], a_rig(owner="zed"))), (f"fault {WORKER_PLACE}",)),
    ],
    ids=[
        "happy", "claim", "post", "opened by somebody else", "branch of the commons", "another's branch of the commons",
        "impostor", "post by an impostor", "owner in another case", "not registered", "owner unknown",
        "inherited claim beside a post",
        "inherited claim beside work", "another's claim alone", "another's work moved on", "another claims",
        "another's claim submitted", "another's claim begun", "another takes over", "another's claim left alone",
        "an owner of a late letter",
    ],
)  # fmt: skip
def test_rigs_act_from_their_owners_fork(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_an_impostor_is_told_whose_rig_it_is() -> None:
    said = told(check, a_snapshot(pull=MALLORYS))
    assert said == "Rig `polecat-7` submits work; it belongs to `pia`, but the rows come from `mallory`."


def test_a_handle_in_another_case_is_another_rig() -> None:
    changes = work(wanted=hands_in(claimed_by="Polecat-7"), completion=added("completions", completed_by="Polecat-7"))
    said = told(check, a_snapshot(changes=changes))
    assert said == "Rig `Polecat-7` submits work, but is not registered on main; main knows `polecat-7`."


def test_a_claim_that_a_branch_carries_along_is_told_with_whose_it_is() -> None:
    assert told(check, a_snapshot(changes=changes_of(INHERITED, BESIDE))) == (
        "The branch carries along a claim of item `w-2` by `cormorant` of `cy`, and the pull is from `pia`."
    )
    alone = told(check, a_snapshot(changes=changes_of(INHERITED)))
    assert alone == "Rig `cormorant` claims the item; it belongs to `cy`, but the rows come from `pia`."


def test_a_claim_of_an_owner_of_any_letter_is_carried_along() -> None:
    rigs = (*RIGS, a_rig("zulu-9", "zed"))
    carried = a_snapshot(rigs=rigs, changes=changes_of(claims({"id": "w-2"}, claimed_by="zulu-9"), BESIDE))
    assert told(check, carried) == (
        "The branch carries along a claim of item `w-2` by `zulu-9` of `zed`, and the pull is from `pia`."
    )


def test_claims_of_others_alone_are_no_claims_carried_along() -> None:
    claimed = changes_of(claims({"id": "w-2"}, claimed_by="zulu-9"), claims({"id": "w-3"}, claimed_by="cormorant"))
    snapshot = a_snapshot(rigs=(*RIGS, a_rig("zulu-9", "zed")), changes=claimed)
    assert sorted(finding.says for finding in judged(check, snapshot).findings) == [
        "Rig `cormorant` claims the item; it belongs to `cy`, but the rows come from `pia`.",
        "Rig `zulu-9` claims the item; it belongs to `zed`, but the rows come from `pia`.",
    ]


@pytest.mark.parametrize(("typed", "meant"), [("Polecat-7", "polecat-7"), ("po1ecat_7", "polecat-7"), ("mallard", "")])
def test_the_rig_that_was_meant_is_found_among_many(typed: str, meant: str) -> None:
    rigs = (a_rig("aardvark", "ada"), a_rig("zulu-9", "zed"), a_rig("???", "q"), *RIGS)
    said = told(check, a_snapshot(rigs=rigs, changes=changes_of(claims(claimed_by=typed))))
    known = f"; main knows `{meant}`." if meant else "."
    assert said == f"Rig `{typed}` claims the item, but is not registered on main{known}"


def test_a_handle_that_only_looks_registered_is_told_with_the_one_that_is() -> None:
    changes = changes_of(claims(claimed_by="po1ecat_7"))
    said = told(check, a_snapshot(changes=changes))
    assert said == "Rig `po1ecat_7` claims the item, but is not registered on main; main knows `polecat-7`."


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(pull=on("wl/cormorant/w-870be07fbc")), ("doubt pulls.57.branch",)),
        (a_snapshot(pull=on("wl/kilo/main/w-870be07fbc"), rigs=SLASHED), ("doubt pulls.57.branch",)),
        (a_snapshot(pull=on("wl/kilo/w-870be07fbc"), rigs=SLASHED), PASS),
        (a_snapshot(pull=on("wl/register/cormorant")), PASS),
        (a_snapshot(pull=on("wl/nobody-known/w-1")), PASS),
        (a_snapshot(pull=on("wl/cormorant")), PASS),
        (a_snapshot(pull=on("wl")), PASS),
        (a_snapshot(pull=on("main")), PASS),
        (a_snapshot(pull=on("wl/cormorant/w-1"), rigs=(*RIGS[:3], a_rig("cormorant", None))), PASS),
        (a_snapshot(pull=on("wl/polecat-7/w-870be07fbc", "mallory")), (f"fault {WORKER_PLACE}",)),
        (a_snapshot(pull=on("wl/cormorant/w-1"), changes=changes_of(added("wanted", posted_by=None))), PASS),
        (a_snapshot(pull=on("wl/zulu-9/w-1"), rigs=(*RIGS, a_rig("zulu-9", "zed"))), ("doubt pulls.57.branch",)),
        (a_snapshot(pull=on("fix/cormorant/w-1")), PASS),
        (a_snapshot(pull=on("zz/cormorant/w-1")), PASS),
        (a_snapshot(pull=on("wl/register/x"), rigs=(*RIGS, a_rig("register", "cy"))), PASS),
        (a_snapshot(pull=on("wl/aa/x"), rigs=(*RIGS, a_rig("aa", "cy"))), ("doubt pulls.57.branch",)),
        (a_snapshot(pull=on("wl/kilo/main/x/w-1"), rigs=SLASHED), ("doubt pulls.57.branch",)),
        (a_snapshot(pull=on("wl/kilo/w-1"), rigs=(*SLASHED, a_rig("kilo/w-1", "cy"))), PASS),
        (a_snapshot(pull=on("wl/x/cormorant/w-1")), PASS),
    ],
    ids=[
        "another's rig", "another's rig with a slash", "own rig of the first part", "a registration's", "rig not known",
        "no item", "nothing but wl", "main", "rig without owner", "impostor, told of the rig", "nobody acts",
        "a late letter", "no branch of wl", "none of wl either", "a rig called register", "an early letter", "a longer branch",
        "a rig like the whole branch", "a rig in the middle",
    ],
)  # fmt: skip
def test_a_branch_named_after_anothers_rig_is_looked_at(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_a_branch_named_after_anothers_rig_is_told_with_its_owner() -> None:
    assert told(check, a_snapshot(pull=on("wl/cormorant/w-1"))) == (
        "The branch is named after rig `cormorant` of `cy`, and the pull is from `pia`."
    )
