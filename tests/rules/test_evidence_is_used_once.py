"""The same thing submitted twice."""

from __future__ import annotations

import pytest

from bot.model.ids import PullNo
from bot.rulebook import Handle, Snapshot, Use, WantedId
from rules.evidence_is_used_once import check
from tests.build import EVIDENCE, a_snapshot, merged
from tests.rules.table import PASS, found, judged, told

ON_MAIN = Use(url=EVIDENCE, completion="c-before", item=WantedId("w-2"), rig=Handle("cormorant"))
IN_A_PULL = Use(url=EVIDENCE, pull=PullNo(58), item=WantedId("w-2"), rig=Handle("cormorant"))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(uses=(ON_MAIN,)), ("doubt completions.c-before",)),
        (a_snapshot(uses=(IN_A_PULL,)), ("doubt pulls.58",)),
        (a_snapshot(uses=(ON_MAIN, IN_A_PULL)), ("doubt completions.c-before", "doubt pulls.58")),
        (merged(a_snapshot(uses=(ON_MAIN,))), ("note completions.c-before",)),
    ],
    ids=["used once", "on main", "in a pull", "both", "merged"],
)
def test_evidence_that_is_used_twice_is_a_doubt(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_the_other_place_is_named_with_its_rig_and_item() -> None:
    assert told(check, a_snapshot(uses=(ON_MAIN,))) == (
        f"The evidence `{EVIDENCE}` is in completion `c-before` on main too: rig `cormorant`, item `w-2`."
    )
    assert told(check, a_snapshot(uses=(IN_A_PULL,))) == (
        f"The evidence `{EVIDENCE}` is in pull 58 too: rig `cormorant`, item `w-2`."
    )


def test_the_remedy_for_evidence_used_twice_can_be_typed() -> None:
    (finding,) = judged(check, a_snapshot(uses=(ON_MAIN,))).findings
    assert finding.remedy == "Say in a comment how it shows this work as well, or submit evidence of this work alone"
