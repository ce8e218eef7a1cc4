"""Cells as people and machines write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.ledger import read_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-14 14:02:00", datetime(2026, 6, 14, 14, 2, tzinfo=UTC)),
        ("2026-06-14T14:02:00Z", datetime(2026, 6, 14, 14, 2, tzinfo=UTC)),
        ("2026-06-14 14:02:00 UTC", datetime(2026, 6, 14, 14, 2, tzinfo=UTC)),
        ("2026-06-14 14:02:00 +0000 UTC", datetime(2026, 6, 14, 14, 2, tzinfo=UTC)),
        ("2026-06-14T16:02:00+02:00", datetime(2026, 6, 14, 14, 2, tzinfo=UTC)),
        ("2026-06-14", datetime(2026, 6, 14, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (None, None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31 23:59:59-10:00", None),
    ],
)
def test_times_are_read_as_they_are_written(text: str | None, moment: datetime | None) -> None:
    assert read_time(text) == moment


@given(st.text() | st.datetimes(timezones=st.timezones()).map(str))
def test_no_cell_breaks_the_reading_of_times(text: str) -> None:
    read_time(text)
