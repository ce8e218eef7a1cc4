"""Fork owner, rig and owner of the rig."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot, User
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
from tests.rules.table import PASS, found, told

MALLORYS = a_pull(source=a_branch("mallory"), creator=User("mallory"))
ON_THE_COMMONS = a_branch("hop")
WORKER_PLACE = f"completions.{COMPLETION}.completed_by"
POST = changes_of(added("wanted", id="w-new", posted_by="polecat-7"))


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
            a_snapshot(changes=changes_of(claims(claimed_by="cormorant"), added("wanted", id="w-new", posted_by="polecat-7"))),
            (f"fault wanted.{ITEM}.claimed_by",),
        ),
        (a_snapshot(changes=work(wanted=hands_in(claimed_by="cormorant"))), (f"fault wanted.{ITEM}.claimed_by",)),
    ],
    ids=[
        "happy", "claim", "post", "opened by somebody else", "branch of the commons", "another's branch of the commons",
        "impostor", "post by an impostor", "owner in another case", "not registered", "owner unknown", "inherited claim",
        "another claims",
    ],
)  # fmt: skip
def test_rigs_act_from_their_owners_fork(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_an_impostor_is_told_whose_rig_it_is() -> None:
    said = told(check, a_snapshot(pull=MALLORYS))
    assert said == "Rig `polecat-7` hands in work; it belongs to `pia`, but the rows come from `mallory`."


def test_a_handle_in_another_case_is_another_rig() -> None:
    changes = work(wanted=hands_in(claimed_by="Polecat-7"), completion=added("completions", completed_by="Polecat-7"))
    said = told(check, a_snapshot(changes=changes))
    assert said == "Rig `Polecat-7` hands in work, but is not registered on main; main knows `polecat-7`."
