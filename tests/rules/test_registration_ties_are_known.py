"""Ties that a registration makes or cuts."""

from __future__ import annotations

import pytest

from bot.model.ids import User
from bot.rulebook import RowChange
from rules.registration_ties_are_known import check
from tests.build import RIGS, a_policy, a_rig, a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found, judged

NEW = {"handle": "newt", "dolthub_org": "nia", "trust_level": "1"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (added("rigs", **NEW), PASS),
        (added("rigs", **NEW, owner_email="ana@example.org"), ("doubt rigs.newt",)),
        (added("rigs", **NEW, parent_rig="bo-works"), ("doubt rigs.newt",)),
        (added("rigs", **{**NEW, "dolthub_org": "ana"}, owner_email="ana@example.org"), PASS),
        (modified("rigs", {"owner_email": "ana@example.org"}, owner_email=None), ("doubt rigs.polecat-7",)),
    ],
    ids=["nobody's", "another's e-mail", "another's rig as parent", "one's own", "a tie is cut"],
)
def test_ties_to_others_are_told_before_they_stand(row: RowChange, expected: tuple[str, ...]) -> None:
    rigs = (a_rig(owner_email="ana@example.org"), *RIGS[1:])
    assert found(check, a_snapshot(changes=changes_of(row), rigs=rigs)) == expected


def test_a_link_is_told_once_for_both_its_rigs_unless_the_operator_says_otherwise() -> None:
    rigs = (a_rig(), *RIGS[1:])
    link = added("rig_links", id="l-1", rig_a=rigs[0].handle, rig_b="ana-town", status="active", link_type="friend")
    pull = a_snapshot(changes=changes_of(link), rigs=rigs)
    assert found(check, pull) == (f"doubt rigs.{rigs[0].handle}",)
    apart = a_policy(apart=((User("pia"), User("ana")),))
    assert found(check, a_snapshot(changes=changes_of(link), rigs=rigs, policy=apart)) == PASS


def test_it_is_said_whom_it_bars_and_whom_it_sets_free() -> None:
    rigs = (a_rig(owner_email="ana@example.org"), *RIGS[1:])
    tie = a_snapshot(changes=changes_of(added("rigs", **NEW, owner_email="ana@example.org")), rigs=rigs)
    cut = a_snapshot(changes=changes_of(modified("rigs", {"owner_email": "ana@example.org"}, owner_email="")), rigs=rigs)
    assert [finding.says for finding in judged(check, tie).findings] == [
        "It ties rig `newt` to `pia`, `ana`: from then on neither may decide about the other's work."
    ]
    assert [finding.says for finding in judged(check, cut).findings] == [
        "It cuts the tie of rig `polecat-7` with `ana`: from then on they may decide about each other."
    ]
