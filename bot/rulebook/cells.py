"""Reads cells for rules: converts the text that DoltHub returns, and validates it by the JSON Schemas in `schemas/`.

`<table>.json` says what fits each column; its `$defs/usual` what cells usually hold, its `$defs/known` what else is known to
stand there. A schema's `title` says what would be right, in words that fit after "which is not" and after "Write".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from bot.model.kind import ORDINARY_TABLES
from bot.model.ledger import ChangeKind, RowChange, read_time
from bot.rulebook.phrases import quote

JSON_DEPTH_MAX = 40
"""Nothing that belongs in a cell is nested deeper; readers that recurse are not made to."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")

Schema = dict[str, Any]
_FORMATS = FormatChecker(formats=())
# An integer is written as one: readers in Go refuse 4.0 where they expect 4, which jsonschema by itself would take.
_Validator: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


@_FORMATS.checks("commons-time")
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or read_time(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """What is wrong with a cell: a clause to go after what the cell holds, and what would be right.

    `inner` is the part inside JSON that is wrong, None where the cell is wrong as a whole.
    """

    column: str
    clause: str
    right: str
    inner: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """A cell that fits and is unusual: what is usual, or, where it is known all the same, what is known of it."""

    usual: str
    known: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The schema of one table, compiled: validators by column."""

    required: tuple[str, ...]
    schemas: Mapping[str, Schema]
    fits: Mapping[str, Draft202012Validator]
    usual: Mapping[str, Draft202012Validator]
    known: Mapping[str, Draft202012Validator]


# --- asking -----------------------------------------------------------------------------------------------------------


def written(change: RowChange) -> Iterator[tuple[str, str]]:
    """Column and text of each cell that the pull writes; NULL, and what it leaves alone, are passed over."""
    for column in change.changed:
        text = change.new(column)
        if text is not None:
            yield column, text


def is_worded(table: str, column: str) -> bool:
    """Whether something is known of what usually stands in this column."""
    return column in SHEETS[table].usual


def knows(table: str, column: str) -> bool:
    """Whether the table has a column of this name in any schema that is known here."""
    return column in SHEETS[table].schemas


def misfits(change: RowChange) -> Iterator[Misfit]:
    """At most one for each cell that the pull writes, in a row of a known table: the first that is wrong with it.

    A cell of a column that nobody here knows fits always.
    """
    sheet, fresh = SHEETS[change.table], change.kind is ChangeKind.ADDED
    for column in sheet.required:
        if change.new(column) is None and (fresh or change.old(column) is not None):
            yield Misfit(column=column, clause="which every row has", right=_title(sheet.schemas[column]))
    for column, text in written(change):
        schema = sheet.schemas.get(column)
        if schema is None:
            continue
        error = next(sheet.fits[column].iter_errors(_read(text, schema)), None)
        if error is not None:
            inner = error.instance if error.absolute_path else None
            yield Misfit(column=column, clause=_clause(error), right=_title(schema), inner=inner)


def oddity(table: str, column: str, text: str) -> Oddity | None:
    """What is unusual about a cell, if anything; None too if the cell is empty, or does not fit its column anyhow."""
    sheet = SHEETS[table]
    usual = sheet.usual.get(column)
    if usual is None or not text:
        return None
    value = _read(text, sheet.schemas[column])
    if usual.is_valid(value) or not sheet.fits[column].is_valid(value):
        return None
    known = sheet.known.get(column)
    told = _title(known.schema) if known is not None and known.is_valid(value) else ""
    return Oddity(usual=_title(usual.schema), known=told)


def read_as(name: str, text: str) -> tuple[Mapping[str, Any], str]:
    """A text as the JSON object that this schema describes, and a clause that says what is wrong with it: empty if nothing.

    What is wrong is read as the empty object.
    """
    validator = _validator(name)
    value = _json(text)
    error = next(validator.iter_errors(value), None)
    return (value, "") if error is None and isinstance(value, dict) else ({}, _clause(error) if error else "which is no object")


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(text: str, schema: Schema) -> object:
    """The text as what the schema says the column holds. What cannot be read stays text, which then has the wrong type."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "integer" in kinds or "number" in kinds:
        return _number(text)
    return _json(text) if "object" in kinds or "array" in kinds else text


def _number(text: str) -> object:
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    # A server may write a whole number with a point or an exponent: in a column of numbers that is a form, no difference.
    return int(number) if number.is_integer() else number


def _json(text: str) -> object:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return text if _is_deep(value) else value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(JSON_DEPTH_MAX):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


# --- saying -----------------------------------------------------------------------------------------------------------


def _clause(error: ValidationError) -> str:
    """What is wrong, after what the cell holds: `which is not a whole number`, `where entry 2 is not text`."""
    where = " of ".join(
        f"entry {part + 1}" if isinstance(part, int) else quote(str(part)) for part in reversed(error.absolute_path)
    )
    if error.validator == "required" and isinstance(error.instance, dict):
        names: Any = error.validator_value
        missing = [name for name in names if name not in error.instance]
        return f"where {where} lacks {', '.join(missing)}" if where else f"which lacks {', '.join(missing)}"
    right = _title(error.schema)
    return f"where {where} is not {right}" if where else f"which is not {right}"


def _title(schema: object) -> str:
    """What would be right."""
    told: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    if "title" in told:
        return str(told["title"])
    return f"one of {', '.join(map(str, told['enum']))}" if "enum" in told else "what belongs there"


# --- the schemas ------------------------------------------------------------------------------------------------------


@cache
def schema_of(name: str) -> Schema:
    """The schema in this file of bot/rulebook/schemas, with what it refers to in other files put in its place."""
    found: Schema = _expanded(_file(name))
    return found


@cache
def _file(name: str) -> Schema:
    loaded: Schema = json.loads(files("bot.rulebook").joinpath("schemas", f"{name}.json").read_text("utf-8"))
    return loaded


def _expanded(node: Any) -> Any:
    if isinstance(node, list):
        return [_expanded(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name, _, pointer = str(node["$ref"]).partition("#")
        found: Any = _file(name.removesuffix(".json"))
        for part in pointer.split("/")[1:]:
            found = found[part]
        return _expanded(found)
    return {key: _expanded(value) for key, value in node.items()}


@cache
def _validator(name: str) -> Draft202012Validator:
    return _compiled(schema_of(name))


def _compiled(schema: Schema) -> Draft202012Validator:
    return _Validator(schema, format_checker=_FORMATS)


def _sheet(table: str) -> Sheet:
    schema = schema_of(table)
    defs = schema.get("$defs", {})
    usual, known = (defs.get(name, {}).get("properties", {}) for name in ("usual", "known"))
    return Sheet(
        required=tuple(schema.get("required", ())),
        schemas=schema["properties"],
        fits={column: _compiled(part) for column, part in schema["properties"].items()},
        usual={column: _compiled(part) for column, part in usual.items()},
        known={column: _compiled(part) for column, part in known.items()},
    )


# Read when the rules are, so that a rule that runs reads nothing but its snapshot.
SHEETS: Mapping[str, Sheet] = {table: _sheet(table) for table in sorted(ORDINARY_TABLES)}
for _name in ("inference_job", "inference_result"):
    _validator(_name)
