"""Links between rigs."""

from __future__ import annotations

import pytest

from bot.rulebook import RowChange
from rules.links_are_asserted_by_their_rigs import check
from tests.build import a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found

PENDING: dict[str, str | None] = {"rig_a": "cormorant", "rig_b": "polecat-7", "status": "pending"}


def link(a: str = "polecat-7", b: str = "cormorant", status: str = "pending", **cells: str | None) -> RowChange:
    return added("rig_links", **{"rig_a": a, "rig_b": b, "status": status, **cells})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (link(), PASS),
        (modified("rig_links", PENDING, assertion_b="mine too", status="active"), PASS),
        (modified("rig_links", PENDING, status="revoked", revoked_by="polecat-7"), PASS),
        (link("ana-town", "bo-works", assertion_a=None), ("fault rig_links.l-1",)),
        (link("nobody", "no-one", assertion_a=None), ("fault rig_links.l-1",)),
        (link(b="polecat-7"), ("fault rig_links.l-1",)),
        (link(assertion_b="theirs"), ("fault rig_links.l-1.assertion_b",)),
        (link(status="active"), ("fault rig_links.l-1.status",)),
        (modified("rig_links", PENDING, assertion_a="theirs, changed"), ("fault rig_links.l-1.assertion_a",)),
        (modified("rig_links", PENDING, rig_a="ana-town"), ("fault rig_links.l-1.rig_a",)),
        (modified("rig_links", status="revoked"), ("doubt rig_links.l-1.status",)),
        (modified("rig_links", status=None), ("fault rig_links.l-1.status", "doubt rig_links.l-1.status")),
    ],
    ids=[
        "asked for", "answered", "revoked", "of others", "of nobody", "with itself", "speaks for another", "active at once",
        "puts words in another's mouth", "swapped", "ended", "no status",
    ],
)  # fmt: skip
def test_links_are_asserted_by_their_rigs(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes_of(row))) == expected
