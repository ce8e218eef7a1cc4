"""The trust of whoever acts."""

from __future__ import annotations

import pytest

from bot.rulebook import Changes, Rig, Row, Snapshot
from rules.rig_has_trust import check
from tests.build import RIGS, a_rig, a_snapshot, added, changes_of, claims, hands_in, merged, work
from tests.rules.table import PASS, found, told

POLECAT, POST = "rigs.polecat-7.trust_level", changes_of(added("wanted", id="w-new"))
NOBODYS_AND_A_POST = changes_of(added("wanted", id="w-a", posted_by=None), added("wanted", id="w-new"))
OLDER = Rig(Row.of({name: cell for name, cell in a_rig().row.cells if name != "trust_level"}))


def trusted(level: str | None, changes: Changes | None = None, handle: str = "polecat-7") -> Snapshot:
    others = tuple(rig for rig in RIGS if rig.handle != handle)
    return a_snapshot(rigs=(a_rig(handle, trust_level=level), *others), changes=changes or work())


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (trusted("3"), PASS),
        (a_snapshot(rigs=()), PASS),
        (a_snapshot(rigs=(OLDER,)), PASS),
        (a_snapshot(changes=changes_of(hands_in(claimed_by=None))), PASS),
        (trusted("0"), (f"doubt {POLECAT}",)),
        (trusted("-1"), (f"doubt {POLECAT}",)),
        (trusted("0", changes_of(claims())), (f"doubt {POLECAT}",)),
        (trusted("0", POST), PASS),
        (trusted("0", POST, "ana-town"), ("doubt rigs.ana-town.trust_level",)),
        (a_snapshot(changes=changes_of(added("wanted", id="w-new", posted_by=None))), PASS),
        (trusted("0", NOBODYS_AND_A_POST, "ana-town"), ("doubt rigs.ana-town.trust_level",)),
        (trusted(None), (f"note {POLECAT}",)),
        (trusted("high"), (f"note {POLECAT}",)),
        (trusted("9" * 5000), (f"note {POLECAT}",)),
        (merged(trusted("0")), (f"note {POLECAT}",)),
    ],
    ids=[
        "registered", "a maintainer", "not on main", "an older commons", "nobody works", "an outsider", "less than nothing",
        "an outsider claims", "another posts", "an outsider posts", "nobody posts", "a post of nobody's beside it",
        "no level", "a word", "a huge number",
        "merged",
    ],
)  # fmt: skip
def test_outsiders_are_looked_at(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_the_level_is_told() -> None:
    assert told(check, trusted("0")) == "Rig `polecat-7` has trust level 0 on main; rigs that work have 1 or more."
    assert told(check, trusted("high")) == "How far rig `polecat-7` is trusted is unknown: main says `high`."
