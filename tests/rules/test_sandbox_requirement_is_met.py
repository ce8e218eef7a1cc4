"""Items that ask for a sandbox."""

from __future__ import annotations

import pytest

from bot.rulebook import Rig, Row, Snapshot
from rules.sandbox_requirement_is_met import check
from tests.build import ITEM, a_rig, a_snapshot, a_wanted, changes_of, claims, merged
from tests.rules.table import PASS, found, judged, told

NOTE, DOUBT = f"note wanted.{ITEM}.sandbox_required", f"doubt wanted.{ITEM}.sandbox_min_tier"
OLDER = Rig(Row.of({name: cell for name, cell in a_rig().row.cells if name != "trust_level"}))


def boxed(
    required: str | None = "1", scope: str | None = None, tier: str | None = None, rigs: tuple[Rig, ...] = (a_rig(),)
) -> Snapshot:
    item = a_wanted(sandbox_required=required, sandbox_scope=scope, sandbox_min_tier=tier)
    return a_snapshot(items=(item,), rigs=rigs)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(items=()), PASS),
        (boxed(None), PASS),
        (boxed("false"), PASS),
        (boxed(" "), PASS),
        (boxed(), (NOTE,)),
        (boxed("TRUE"), (NOTE,)),
        (boxed("perhaps"), (NOTE,)),
        (boxed(tier="isolated"), (NOTE,)),
        (boxed(tier="1"), (NOTE,)),
        (boxed(tier="2"), (DOUBT, NOTE)),
        (boxed(tier="²"), (NOTE,)),
        (boxed(tier="9" * 5000), (DOUBT, NOTE)),
        (boxed(tier="2", rigs=()), (NOTE,)),
        (boxed(tier="2", rigs=(OLDER,)), (NOTE,)),
        (boxed("0", tier="2"), PASS),
        (boxed(tier="2", rigs=(a_rig(trust_level="much"),)), (DOUBT, NOTE)),
        (merged(boxed(tier="2")), (f"note wanted.{ITEM}.sandbox_min_tier", NOTE)),
        (a_snapshot(items=(a_wanted(sandbox_required="1"),), changes=changes_of(claims())), (NOTE,)),
    ],
    ids=[
        "no sandbox", "item not read", "an older commons", "no, in words", "no, blank", "a sandbox", "yes, in words",
        "cannot be told", "a tier in words", "the tier is met", "the tier is not met", "no number after all",
        "a huge tier", "rig not on main", "trust not on main", "no sandbox but a tier", "trust that cannot be read", "merged",
        "a claim",
    ],
)  # fmt: skip
def test_sandboxes_are_reminded_of(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("scope", "tier", "says"),
    [
        (None, None, ""),
        ("{}", "", ""),
        ("null", " ", ""),
        ('{"fs": ["read"], "net": ["none"]}', "trusted", " (`fs read, net none`), tier `trusted` or more"),
        ('["beads", "relay"]', None, " (`beads, relay`)"),
        ('["a", "b", "c", "d", "e"]', None, " (`a, b, c, d`)"),
        ('"no network"', None, " (`no network`)"),
        ("no network", None, " (`no network`)"),
        ('{"a": {"b": 1}, "c": null}', None, " (`a, c`)"),
        ("[[[]]]", None, " (`scope given`)"),
        ("[" * 100_000, None, f" (`{'[' * 60}…`)"),
    ],
)
def test_scope_and_tier_are_told_in_a_few_words(scope: str | None, tier: str | None, says: str) -> None:
    assert told(check, boxed(scope=scope, tier=tier)) == f"This item asks for work in a sandbox{says}."


def test_what_is_missing_of_the_tier_is_told() -> None:
    doubt, _ = judged(check, boxed(tier="2")).findings
    assert doubt.says == "This item asks for tier `2`, and rig `polecat-7` has trust level 1 on main."


@pytest.mark.parametrize(("trust", "expected"), [("1", (DOUBT, NOTE)), ("2", (NOTE,)), ("3", (NOTE,))])
def test_a_rig_above_the_tier_is_as_good_as_one_that_meets_it(trust: str, expected: tuple[str, ...]) -> None:
    assert found(check, boxed(tier="2", rigs=(a_rig(trust_level=trust),))) == expected
