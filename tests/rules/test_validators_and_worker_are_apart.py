"""Validators and workers joined through rows of others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rulebook import Rig
from rules.validators_and_worker_are_apart import check
from tests.build import RIGS, a_rig, a_rig_link, a_snapshot
from tests.rules.table import PASS, found, told

ANA, PIA = "ana@example.org", "pia@example.org"
WORKER = a_rig(owner_email=PIA)
BETWEEN = (a_rig("one", "x", owner_email=ANA), a_rig("two", "x", owner_email=PIA))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((), PASS),
        (BETWEEN[:1], PASS),
        (BETWEEN, ("doubt rigs.polecat-7.ana",)),
        ((a_rig("one", "x", owner_email=ANA, parent_rig="polecat-7"),), ("doubt rigs.polecat-7.ana",)),
    ],
    ids=["apart", "one stranger", "a stranger with both addresses", "an address and a parent"],
)
def test_a_way_through_others_is_a_doubt(more: tuple[Rig, ...], expected: tuple[str, ...]) -> None:
    rigs = (WORKER, *(rig for rig in RIGS if rig.handle != "polecat-7"), *more)
    assert found(check, a_snapshot(rigs=rigs)) == expected


def test_a_tie_of_their_own_is_for_the_yearbook_rule() -> None:
    pull = a_snapshot(rig_links=(a_rig_link("polecat-7", "ana-town"),))
    assert found(check, pull) == PASS


def test_a_way_that_was_there_when_the_branch_left_main_is_a_doubt_as_well() -> None:
    pull = replace(a_snapshot(rigs=(WORKER, *RIGS[1:])), past_rigs=BETWEEN)
    assert told(check, pull) == (
        "Validator `ana` and rig `polecat-7` are joined through rows of other accounts:"
        " the same owner e-mail, the same DoltHub account."
    )
