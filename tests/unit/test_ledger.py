"""Cells as people and machines write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.ledger import NOT_JSON, ChangeKind, Row, RowChange, canonical_cell, read_time, same_cell, same_row
from sandbox.seed import schema


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


JSON_CELLS = ("tags", "sandbox_scope", "valence", "skill_tags", "sheet_json", "metadata")
"""Columns that may hold JSON; the last is one that only some commons have."""


def a_change(before: Row, after: Row) -> RowChange:
    return RowChange(table="wanted", key="w-1", kind=ChangeKind.MODIFIED, before=before, after=after)


def test_the_columns_that_hold_no_json_are_those_of_the_schema() -> None:
    typed = {(name, kind.partition(" ")[0]) for table in schema.TABLES for name, kind in table.columns}
    assert {name for name, kind in typed if kind != "JSON"} == NOT_JSON
    assert {name for name, kind in typed if kind == "JSON"} == set(JSON_CELLS) - {"metadata"}


@pytest.mark.parametrize("column", JSON_CELLS)
def test_json_null_is_null_in_every_comparison(column: str) -> None:
    unset, null, word = (Row.of({"id": "w-1", column: cell}) for cell in (None, "null", '"null"'))
    assert same_cell(column, None, "null")
    assert same_row(unset, null)
    assert a_change(unset, null).changed == ()
    assert a_change(null, unset).changed == ()
    assert a_change(unset, null).new(column) is None
    assert a_change(null, unset).old(column) is None
    assert a_change(null, word).moved_on(unset) == ()
    assert not same_row(null, word)
    assert a_change(unset, word).changed == (column,)


def test_json_is_the_same_in_each_form_that_a_server_shows() -> None:
    # Dolt shows a cell in the first form and text made of it in the second; doltlite shows what was written as MySQL would.
    dolt, text, mysql = '{"a":1,"bb":[1,2]}', '{"a": 1, "bb": [1, 2]}', '{"a": 1.0, "bb": [1, 2]}'
    assert same_cell("valence", dolt, text)
    assert same_cell("valence", dolt, mysql)
    assert not same_cell("valence", dolt, '{"a":1,"bb":[2,1]}')


@pytest.mark.parametrize("column", sorted(NOT_JSON))
def test_the_text_null_is_a_text_where_no_json_stands(column: str) -> None:
    unset, text = Row.of({column: None}), Row.of({column: "null"})
    assert not same_cell(column, None, "null")
    assert not same_row(unset, text)
    assert (a_change(unset, text).changed, a_change(unset, text).new(column)) == ((column,), "null")


def test_a_row_that_is_not_there_is_no_row_of_nothing() -> None:
    assert same_row(None, None)
    assert not same_row(None, Row.of({"tags": None}))
    assert not same_row(Row.of({"tags": "null"}), None)


ALIKE = ("1", "1.0", "true", "null", '{"a":1,"b":[1,true]}', '{"b":[1,1],"a":1.0}', "01", "NULL", "=1", "-0", "0.0")
TIMES = ("2026-06-14 14:02:00", "2026-06-14T14:02:00Z", "2026-06-14T16:02:00+02:00", "2026-06-14")
ANY_CELL = st.none() | st.text(max_size=6) | st.sampled_from(ALIKE) | st.sampled_from(TIMES)


@given(column=st.sampled_from(("tags", "title", "created_at", "last_seen", "priority")), left=ANY_CELL, right=ANY_CELL)
def test_cells_have_one_canonical_text_exactly_where_they_are_the_same(
    column: str, left: str | None, right: str | None
) -> None:
    assert (canonical_cell(column, left) == canonical_cell(column, right)) == same_cell(column, left, right)
