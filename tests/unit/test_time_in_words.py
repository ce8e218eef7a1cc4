"""Times, durations and ages as comments and terminals write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import time

NOW = datetime(2026, 6, 14, 14, 2, tzinfo=UTC)
UNITS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (0.6, "0 seconds"),
        (1.9, "1 second"),
        (7200.5, "2 hours"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert time.span(seconds) == words


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=3), "3 hours ago"),
    ],
)
def test_an_age_ends_in_ago_from_one_minute_on(age: timedelta, words: str) -> None:
    assert time.ago(NOW - age, NOW) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW, "14:02 UTC"),
        (NOW - timedelta(hours=14), "00:02 UTC"),
        (NOW - timedelta(hours=15), "2026-06-13 23:02 UTC"),
    ],
)
def test_the_date_is_left_out_if_it_is_todays(moment: datetime, words: str) -> None:
    assert time.since(moment, NOW) == words


@given(seconds=st.integers(min_value=0, max_value=10**9))
def test_no_duration_is_written_longer_than_it_is_nor_as_less_than_half(seconds: int) -> None:
    number, unit = time.span(seconds).split(" ")
    written_s = int(float(number)) * UNITS_S[unit.removesuffix("s")]
    assert seconds / 2 <= written_s <= seconds
    assert unit.endswith("s") is (number != "1")
