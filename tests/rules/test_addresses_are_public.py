"""Addresses in registrations."""

from __future__ import annotations

import pytest

from bot.rulebook import RowChange
from rules.addresses_are_public import check
from tests.build import a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found, judged

MAIL, HOP = "pia@example.org", "hop://pia@example.org/polecat-7/"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (added("rigs"), PASS),
        (added("rigs", owner_email="", hop_uri=" "), PASS),
        (modified("rigs", {"owner_email": MAIL}, last_seen="2026-06-14 13:00:00"), PASS),
        (modified("rigs", {"owner_email": MAIL}, owner_email=None), PASS),
        (added("rigs", owner_email=MAIL), ("note rigs.polecat-7.owner_email",)),
        (added("rigs", hop_uri=HOP), ("note rigs.polecat-7.hop_uri",)),
        (added("rigs", owner_email=MAIL, hop_uri=HOP), ("note rigs.polecat-7.owner_email",)),
        (modified("rigs", {"owner_email": MAIL}, owner_email="p@example.org"), ("note rigs.polecat-7.owner_email",)),
    ],
    ids=["no address", "blank ones", "on main already", "taken back", "an e-mail", "a hop URI", "both", "another e-mail"],
)
def test_addresses_are_told_of_before_they_stay(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes_of(row))) == expected


def test_the_address_itself_is_not_repeated() -> None:
    (finding,) = judged(check, a_snapshot(changes=changes_of(added("rigs", owner_email=MAIL, hop_uri=HOP)))).findings
    assert (finding.says, finding.remedy) == (
        "The registration of `polecat-7` writes `owner_email` and `hop_uri`: once merged, public for ever.",
        "To keep it private, discard the branch and register without `owner_email` and `hop_uri`",
    )
