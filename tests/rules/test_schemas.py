"""The schemas of rows and cells: sound, complete, and unmoved by whatever stands in a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.rulebook import ORDINARY_TABLES, ChangeKind, RowChange, Rule, cells, find
from tests.build import COLUMNS, a_row, a_snapshot, a_wanted, added, changes_of, modified, work
from tests.rules.table import judged
from tests.strategies import cells as any_cells

FOLDER = Path(cells.__file__).with_name("schemas")
FILES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
NAMES = (
    "rows_are_whole",
    "values_are_conventional",
    "columns_are_known",
    "inference_fits_its_job",
    "post_starts_open",
    "evidence_is_a_url",
)
COLUMN_NAMES = tuple((table, column) for table in COLUMNS if table in ORDINARY_TABLES for column in COLUMNS[table])


def rule_of(name: str) -> Rule:
    found = find().get(name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", FILES)
def test_each_schema_is_one_of_the_draft_it_names(name: str) -> None:
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(cells.schema_of(name))
    assert "$ref" not in json.dumps(cells.schema_of(name))


@pytest.mark.parametrize("name", FILES)
def test_whatever_can_be_wrong_says_what_would_be_right(name: str) -> None:
    assert [
        part for part in parts(cells.schema_of(name)) if {"type", "minimum", "pattern"} & set(part) and "title" not in part
    ] == []


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
        for key in ("items", "additionalProperties"):
            yield from parts(schema.get(key))
        for key in ("properties", "$defs"):
            for inner in schema.get(key, {}).values():
                yield from parts(inner)


@pytest.mark.parametrize("table", sorted(ORDINARY_TABLES))
def test_each_column_of_a_table_stands_in_its_schema(table: str) -> None:
    schema = cells.schema_of(table)
    assert tuple(schema["properties"]) == COLUMNS[table]
    for name in ("usual", "known"):
        assert set(schema.get("$defs", {}).get(name, {}).get("properties", {})) <= set(COLUMNS[table])
    assert set(schema.get("$defs", {}).get("known", {}).get("properties", {})) <= set(cells.SHEETS[table].usual)


@pytest.mark.parametrize("table", sorted(ORDINARY_TABLES))
def test_a_sane_row_fits(table: str) -> None:
    assert list(cells.misfits(added(table))) == []


@pytest.mark.parametrize(
    ("name", "good", "wrong", "clause"),
    [
        ("inference_job", '{"prompt": "p", "model": "m"}', '{"prompt": "p"}', "which lacks model"),
        ("inference_result", None, '{"output": 1, "output_hash": "", "model": "m"}', "where `output` is not text"),
        ("valence", '{"quality": 4}', '{"quality": "good"}', "where `quality` is not a number"),
        ("tags", None, '["go", ["cli"]]', "where entry 2 is not text"),
        ("sandbox_scope", '{"fs": ["read"]}', '"all"', 'which is not JSON, such as {"fs": ["read"], "net": ["none"]}'),
    ],
)
def test_a_text_is_read_as_a_schema_describes_it(name: str, good: str | None, wrong: str, clause: str) -> None:
    if good is not None:
        assert cells.read_as(name, good) == (json.loads(good), "")
    assert cells.read_as(name, wrong) == ({}, clause)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "", "2026-02-30 00:00:00", "now\x00"]
)
def test_a_moment_that_no_calendar_has_is_no_time(text: str) -> None:
    (misfit,) = cells.misfits(added("badges", awarded_at=text))
    assert (misfit.column, misfit.clause) == ("awarded_at", "which is not a time in UTC, such as 2026-06-14 13:40:00")


@pytest.mark.parametrize(
    ("text", "fits"),
    [("1", True), ("+1", True), ("1.0", True), ("1e0", True), (".5", True), ("0", True), ("1.01", False), ("-0.1", False),
     ("nan", False), ("inf", False), ("1e999", False), ("1_0", False), (" 1", False), ("１", False), ("", False),
     ("0x1", False), ("true", False), ("9" * 5_000, False)],
)  # fmt: skip
def test_a_number_is_read_as_columns_hold_it(text: str, fits: bool) -> None:
    assert (list(cells.misfits(added("stamps", confidence=text))) == []) is fits


HOSTILE = (
    "[" * 100_000, "[" * 39 + "]" * 39, "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, '["' + "x" * 70_000 + '"]',
    "[" + ",".join("1" * 1 for _ in range(50_000)) + "]", '{"quality": 1e999}', '{"quality": ' + "9" * 5_000 + "}", "1e400",
    "-", "NaN", "null", "\ud800", '"\\ud800"', "\x00", "`|*_<b>", "2026-13-45", "9" * 70_000, "{}", "[null]", " 1 ",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_in_any_cell_is_a_finding_or_a_pass(text: str) -> None:
    """`judged` fails if the rule crashes. Every column of every table holds the text at once, then each table by itself."""
    for table in sorted(ORDINARY_TABLES):
        whole = added(table, **dict.fromkeys(COLUMNS[table], text), strange=text)
        for name in NAMES[:4]:
            judged(rule_of(name), a_snapshot(changes=changes_of(whole)))


@given(where=st.sampled_from(COLUMN_NAMES), text=any_cells() | st.text(max_size=60), kind=st.sampled_from(ChangeKind))
def test_any_text_in_any_cell_is_a_finding_or_a_pass(where: tuple[str, str], text: str | None, kind: ChangeKind) -> None:
    (table, column), before = where, a_row(where[0])
    after = a_row(table, **{column: text})
    change = RowChange(
        table=table,
        key="k",
        kind=kind,
        before=None if kind is ChangeKind.ADDED else before,
        after=None if kind is ChangeKind.REMOVED else after,
    )
    for name in NAMES:
        for changes in (changes_of(change), work(change)):
            judgement = judged_or_not_asked(rule_of(name), changes)
            assert all(finding.says.endswith(".") and "\n" not in finding.says for finding in judgement)


def judged_or_not_asked(rule: Rule, changes: Any) -> tuple[Any, ...]:
    return judged(rule, a_snapshot(changes=changes, items=(a_wanted(type="inference"),))).findings


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@given(value=JSON, column=st.sampled_from(("valence", "skill_tags")))
def test_any_json_fits_or_is_told_in_one_sentence(value: object, column: str) -> None:
    text = json.dumps(value)
    told = [(misfit.column, misfit.clause) for misfit in cells.misfits(added("stamps", **{column: text}))]
    if column == "skill_tags":
        fits = value is None or (isinstance(value, list) and all(isinstance(word, str) for word in value))
    else:
        numbers = value.values() if isinstance(value, dict) else ("no object",)
        fits = all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    assert (told == []) is fits
    assert all("\n" not in clause for _, clause in told)


def test_thousands_of_rows_are_read() -> None:
    rows = [added("stamps", id=f"s-{n}", severity="twig" if n % 2 else "leaf") for n in range(5_000)]
    last = modified("wanted", created_at="yesterday")
    pull = a_snapshot(changes=changes_of(*rows, last))
    assert [str(finding.place) for finding in judged(rule_of("rows_are_whole"), pull).findings] == [
        f"wanted.{last.key}.created_at"
    ]
    assert [str(finding.place) for finding in judged(rule_of("values_are_conventional"), pull).findings] == ["stamps.severity"]
    assert judged(rule_of("columns_are_known"), pull).findings == ()
