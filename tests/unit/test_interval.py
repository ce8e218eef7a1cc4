"""How soon each place is read again: the design's table, and laws of it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.finding import Verdict
from bot.model.ids import PullNo
from bot.sweep.interval import RHYTHMS, SESSION_NEIGHBOURS, SESSION_S, Place, Watched, intervals, places

NOW = 1_000_000.0


def a_pull(number: int, verdict: Verdict | None = Verdict.READY, *, is_open: bool = True, judged_at: float = 0.0) -> Watched:
    return Watched(number=PullNo(number), is_open=is_open, verdict=verdict, judged_at=judged_at)


@pytest.mark.parametrize(
    ("pull", "place"),
    [
        (a_pull(1, Verdict.READY), Place.DECIDABLE),
        (a_pull(1, Verdict.LOOK), Place.DECIDABLE),
        (a_pull(1, Verdict.WAITING), Place.OPEN),
        (a_pull(1, Verdict.BLOCKED), Place.OPEN),
        (a_pull(1, Verdict.BY_HAND), Place.OPEN),
        (a_pull(1, None), Place.OPEN),
        (a_pull(1, Verdict.READY, is_open=False), Place.AT_REST),
    ],
)
def test_where_a_command_is_likely(pull: Watched, place: Place) -> None:
    assert places([pull], {}, NOW) == {PullNo(1): place}


def test_a_session_is_the_decided_pull_and_the_newest_that_can_be_decided() -> None:
    pulls = [a_pull(n, judged_at=float(n)) for n in range(1, 10)] + [a_pull(20, Verdict.BLOCKED), a_pull(21, is_open=False)]
    found = places(pulls, {PullNo(21): NOW - SESSION_S, PullNo(9): NOW - SESSION_S - 1}, NOW)
    assert sorted(n for n, place in found.items() if place is Place.SESSION) == [5, 6, 7, 8, 9, 21]
    assert len(found) == len(pulls)
    over = places(pulls, {PullNo(21): NOW - SESSION_S - 1}, NOW)
    assert Place.SESSION not in over.values()


TABLE = {
    "50 pulls, half READY or LOOK": ({Place.DECIDABLE: 25, Place.OPEN: 25, Place.HEADS: 50}, 120, (27, 162, 300)),
    "the same in a session": (
        {Place.SESSION: 6, Place.DECIDABLE: 19, Place.OPEN: 25, Place.HEADS: 50}, 120, (45, 162, 300),
    ),
    "500 pulls, 200 of them": ({Place.DECIDABLE: 200, Place.OPEN: 300, Place.HEADS: 500}, 120, (207, 1636, 2400)),
    "2,000 pulls, 500 of them": ({Place.DECIDABLE: 500, Place.OPEN: 1500, Place.HEADS: 2000}, 120, (517, 8182, 9600)),
    "the same with 600 a minute": ({Place.DECIDABLE: 500, Place.OPEN: 1500, Place.HEADS: 2000}, 600, (103, 1636, 1920)),
}  # fmt: skip


@pytest.mark.parametrize(("counts", "per_minute", "expected"), TABLE.values(), ids=TABLE)
def test_intervals_on_the_shipped_settings(
    counts: dict[Place, int], per_minute: float, expected: tuple[float, float, float]
) -> None:
    found = intervals(Counter(counts), poll_s=30, per_minute=per_minute)
    assert tuple(round(found[place]) for place in (Place.DECIDABLE, Place.OPEN, Place.HEADS)) == expected
    assert found[Place.SESSION] == 7.5


@given(
    st.dictionaries(st.sampled_from(Place), st.integers(0, 5000)),
    st.floats(0.5, 120),
    st.floats(1, 6000),
    st.integers(0, SESSION_NEIGHBOURS + 1),
)
def test_what_is_read_never_takes_more_than_its_share(
    counts: dict[Place, int], poll_s: float, per_minute: float, session: int
) -> None:
    counted = Counter(counts)
    counted[Place.SESSION] = session
    found = intervals(counted, poll_s=poll_s, per_minute=per_minute)
    asked = {place: counted[place] * 60 / found[place] for place in Place}
    shares = {place: rhythm.per_minute * per_minute / 120 for place, rhythm in RHYTHMS.items()}
    assert all(asked[place] <= shares[place] * 1.000001 for place in Place)
