"""Links between rigs: who makes them, who speaks for whom, who ends them, and that there is one for two rigs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rulebook import Row, RowChange, Snapshot
from rules.links_are_asserted_by_their_rigs import check
from tests.build import RIGS, a_rig, a_rig_link, a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found, told

PENDING: dict[str, str | None] = {"rig_a": "cormorant", "rig_b": "polecat-7", "status": "pending", "assertion_a": "ours"}
ACTIVE: dict[str, str | None] = {**PENDING, "status": "active", "assertion_b": "ours too"}
OF_OTHERS = "The link is between `ana-town` and `bo-works`; neither belongs to `pia`."
REVOKED: dict[str, str | None] = {**ACTIVE, "status": "revoked", "revoked_by": "cormorant"}


def link(a: str = "polecat-7", b: str = "cormorant", status: str = "pending", **cells: str | None) -> RowChange:
    return added("rig_links", **{"rig_a": a, "rig_b": b, "status": status, **cells})


def linking(*rows: RowChange) -> Snapshot:
    """A pull of the account pia, who owns polecat-7 and polecat-8."""
    return a_snapshot(changes=changes_of(*rows), rigs=(*RIGS, a_rig("polecat-8")))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (link(), PASS),
        (link(assertion_a=None), PASS),
        (link(link_type="delegate"), PASS),
        (link("polecat-7", "polecat-8", "active", assertion_b="mine too"), PASS),
        (link("ana-town", "bo-works", assertion_a=None), ("fault rig_links.l-1",)),
        (link("nobody", "no-one", assertion_a=None), ("fault rig_links.l-1",)),
        (link(a="", b="", assertion_a=None), ("fault rig_links.l-1", "fault rig_links.l-1")),
        (link(b="nobody"), ("doubt rig_links.l-1.rig_b",)),
        (link(b="polecat-7"), ("fault rig_links.l-1",)),
        (link(assertion_b="theirs"), ("fault rig_links.l-1.assertion_b",)),
        (link(status="active"), ("fault rig_links.l-1.status",)),
        (link(status="active", assertion_b=" "), ("fault rig_links.l-1.assertion_b", "fault rig_links.l-1.status")),
        (link(status="done"), ("fault rig_links.l-1.status",)),
    ],
    ids=[
        "asked for", "asked for without a word", "delegate", "between own rigs", "of others", "of nobody", "of nothing",
        "with an unknown rig", "with itself", "speaks for another", "active at once", "active by a blank", "other status",
    ],
)  # fmt: skip
def test_a_new_link_is_asked_for_by_one_of_its_rigs(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, linking(row)) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (modified("rig_links", PENDING, assertion_b="mine too", status="active"), PASS),
        (modified("rig_links", PENDING, assertion_b="mine too"), PASS),
        (modified("rig_links", PENDING, status="revoked", revoked_by="polecat-7"), PASS),
        (modified("rig_links", PENDING, status="revoked"), PASS),
        (modified("rig_links", PENDING, status="revoked", revoked_by="cormorant"), ("fault rig_links.l-1.revoked_by",)),
        (modified("rig_links", PENDING, status="revoked", revoked_by="polecat-8"), ("fault rig_links.l-1.revoked_by",)),
        (modified("rig_links", PENDING, assertion_a="theirs, changed"), ("fault rig_links.l-1.assertion_a",)),
        (modified("rig_links", PENDING, status="active"), ("fault rig_links.l-1.status",)),
        (modified("rig_links", PENDING, rig_a="ana-town"), ("fault rig_links.l-1.rig_a",)),
        (modified("rig_links", ACTIVE, status="revoked", revoked_by="polecat-7"), ("doubt rig_links.l-1.status",)),
        (modified("rig_links", ACTIVE, status="pending"), ("doubt rig_links.l-1.status",)),
        (modified("rig_links", ACTIVE, assertion_b=None), ("fault rig_links.l-1.status",)),
        (modified("rig_links", ACTIVE, link_type="delegate"), ("doubt rig_links.l-1.link_type",)),
        (modified("rig_links", ACTIVE, status=None), ("fault rig_links.l-1.status", "doubt rig_links.l-1.status")),
        (modified("rig_links", REVOKED, status="active"), ("doubt rig_links.l-1.status",)),
        (modified("rig_links", REVOKED, status="pending"), PASS),
    ],
    ids=[
        "answered", "answered, not yet active", "revoked", "revoked by nobody named", "revoked in another's name",
        "revoked by a rig that is not in it", "puts words in another's mouth", "active by one word", "swapped", "ended",
        "suspended", "word taken back", "another type", "no status", "active again", "asked again",
    ],
)  # fmt: skip
def test_a_link_changes_by_the_word_of_its_rigs(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, linking(row)) == expected


@pytest.mark.parametrize(
    ("pair", "status", "expected"),
    [
        (("cormorant", "polecat-7"), "pending", ("fault rig_links.l-1.rig_b",)),
        (("cormorant", "polecat-7"), "active", ("fault rig_links.l-1.rig_b",)),
        (("cormorant", "polecat-7"), "revoked", PASS),
        (("polecat-7", "cormorant"), "active", ("fault rig_links.l-1.rig_b",)),
        (("polecat-7", "cormorant"), "revoked", ("fault rig_links.l-1.rig_b",)),
        (("polecat-7", "ana-town"), "active", PASS),
        (("cormorant", "polecat-7"), "suspended", ("fault rig_links.l-1.rig_b",)),
    ],
    ids=[
        "turned",
        "turned and active",
        "turned and revoked",
        "the same",
        "the same and revoked",
        "another",
        "turned, odd word",
    ],
)
@pytest.mark.parametrize("name", ["l-main", "a-link"])
def test_two_rigs_have_one_link(pair: tuple[str, str], status: str, expected: tuple[str, ...], name: str) -> None:
    there = a_rig_link(*pair, id=name, status=status)
    assert found(check, replace(linking(link()), rig_links=(there,))) == expected


def test_a_revoked_link_the_other_way_round_stands_in_nobodys_way() -> None:
    there = a_rig_link("polecat-7", "cormorant", id="l-main", status="revoked")
    assert (
        found(check, replace(linking(link("cormorant", "polecat-7", assertion_a=None, assertion_b="mine")), rig_links=(there,)))
        == PASS
    )


def test_a_link_is_not_its_own_double() -> None:
    there = a_rig_link("cormorant", "polecat-7", id="l-1", status="pending")
    answered = modified("rig_links", PENDING, assertion_b="mine too", status="active")
    assert found(check, replace(linking(answered), rig_links=(there,))) == PASS
    assert found(check, replace(linking(link()), rig_links=(there,))) == PASS


def test_two_links_of_one_pull_for_the_same_rigs_are_one_too_many() -> None:
    two = linking(link(), link("cormorant", "polecat-7", id="l-2", assertion_a=None, assertion_b="mine"))
    assert found(check, two) == ("fault rig_links.l-1.rig_b", "fault rig_links.l-2.rig_b")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (link("ana-town", "bo-works", assertion_a=None), OF_OTHERS),
        (link(assertion_b="theirs"), "The pull speaks for `cormorant`, which does not belong to `pia`."),
        (link(status="active"), "The link is active before both rigs have spoken."),
        (
            modified("rig_links", PENDING, status="revoked", revoked_by="cormorant"),
            "The link is revoked in the name of `cormorant`, which is not the sender's rig in it.",
        ),
    ],
)  # fmt: skip
def test_findings_on_links_say_who(row: RowChange, says: str) -> None:
    assert told(check, linking(row)) == says


def test_a_second_link_is_told_with_the_first() -> None:
    there = a_rig_link("cormorant", "polecat-7", id="l-main")
    assert told(check, replace(linking(link()), rig_links=(there,))) == (
        "Main links `polecat-7` and `cormorant` already, by `l-main`, which is `active`."
    )


def test_links_of_a_commons_without_assertions_can_be_pending_only() -> None:
    row = Row.of({"id": "l-1", "rig_a": "polecat-7", "rig_b": "cormorant", "status": "pending"})
    assert found(check, linking(replace(link(), after=row))) == PASS
