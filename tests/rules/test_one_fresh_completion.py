"""Exactly one completion, new and not yet judged."""

from __future__ import annotations

import pytest

from bot.rulebook import Snapshot
from rules.one_fresh_completion import check
from tests.build import COMPLETION, ITEM, a_completion, a_snapshot, added, changes_of, hands_in, work
from tests.rules.table import PASS, found, judged

PLACE = f"fault completions.{COMPLETION}"


def with_completion(**cells: str | None) -> Snapshot:
    return a_snapshot(changes=work(completion=added("completions", **cells)))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (a_snapshot(), PASS),
        (a_snapshot(changes=changes_of(added("completions"))), PASS),
        (a_snapshot(completions=(a_completion(id="c-other"),)), PASS),
        (a_snapshot(completions=(a_completion(id="c-0"),)), PASS),
        (a_snapshot(changes=changes_of(hands_in())), ("fault completions",)),
        (a_snapshot(changes=work(added("completions", id="c-2"))), ("fault completions",)),
        (a_snapshot(completions=(a_completion(),)), (f"{PLACE}.id",)),
        (with_completion(completed_by="cormorant"), (f"{PLACE}.completed_by",)),
        (with_completion(completed_by="zelda"), (f"{PLACE}.completed_by",)),
        (with_completion(completed_by=None), (f"{PLACE}.completed_by",)),
        (with_completion(wanted_id=None), (f"{PLACE}.wanted_id",)),
        (
            with_completion(validated_by="ana-town", stamp_id="s-1", validated_at="2026-06-14 13:00:00"),
            (f"{PLACE}.stamp_id", f"{PLACE}.validated_at", f"{PLACE}.validated_by"),
        ),
        (with_completion(stamp_id=""), (f"{PLACE}.stamp_id",)),
    ],
    ids=[
        "happy", "competing", "beside another", "beside an earlier one", "none", "two", "id on main", "by another rig",
        "by yet another", "by nobody", "for nothing", "judged", "empty is not NULL",
    ],
)  # fmt: skip
def test_one_fresh_completion(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


def test_the_remedy_for_a_missing_completion_knows_that_wl_done_writes_nothing_twice() -> None:
    (finding,) = judged(check, a_snapshot(changes=changes_of(hands_in()))).findings
    assert finding.remedy == (
        f'Discard the branch (b in the wl board), then: `wl claim {ITEM}`, `wl done {ITEM} --evidence "<URL>"`'
    )
