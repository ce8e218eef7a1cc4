"""Dolt's strong types over the engine's loose ones: what a cell may hold, and the form it is kept in."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta

from sandbox.sql.catalog import TableColumn
from sandbox.sql.functions import Cell, mysql_json, mysql_time, text_of
from sandbox.values.records import SqlRefused

_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXT_BYTES = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}
_BLOB_BYTES = {"tinyblob": 255, "blob": 65_535, "mediumblob": 16_777_215, "longblob": 4_294_967_295}
_MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:\.(\d{0,9}))?)?Z?")
_WITH_OFFSET = re.compile(r"\d[+-]\d\d:\d\d$")
FIRST_TIMESTAMP, LAST_TIMESTAMP = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)

# The types that `schemas` lets into a table.
KNOWN_TYPES = frozenset(
    {*_INTEGER_BITS, *_TEXT_BYTES, *_BLOB_BYTES, "char", "varchar", "varbinary", "binary", "json", "float", "double"}
    | {"decimal", "timestamp", "datetime", "date"}
)


def kept_form(column: TableColumn, value: Cell, *, is_update: bool) -> Cell:
    """The value as the column keeps it; the same object if nothing has to change.

    Where an integer is out of range, an INSERT is refused and an UPDATE keeps the nearest that fits (seen on Dolt 2.3.1).
    Raises SqlRefused (`constraint`) with Dolt's words where they are known.
    """
    if value is None:
        if not column.is_nullable:
            raise _refused(f"column name '{column.name}' is non-nullable but attempted to set a value of null")
        return None
    kind = column.base_type
    if kind in _INTEGER_BITS:
        return _integer(column, value, is_update=is_update)
    if kind in {"float", "double", "decimal"}:
        return _number(column, value)
    if kind in {"varbinary", "binary"} or kind in _BLOB_BYTES:
        return _bytes(column, value)
    if kind == "json":
        return _json(column, value)
    if kind in {"timestamp", "datetime", "date"}:
        return _moment(column, value)
    return _text(column, value)


def shown(value: Cell) -> str | None:
    """A cell as it stands in an answer: everything is text, NULL is None, bytes are `<binary>` (v2 contract)."""
    if value is None or isinstance(value, str):
        return value
    return "<binary>" if isinstance(value, bytes) else text_of(value)


def _text(column: TableColumn, value: Cell) -> Cell:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise _refused(f"incorrect string value for column '{column.name}'") from None
    elif not isinstance(value, str):
        value = text_of(value)
    limit = column.length if column.base_type in {"char", "varchar"} else None
    too_long = len(value) > limit if limit is not None else len(value.encode()) > _TEXT_BYTES.get(column.base_type, 0)
    if too_long:
        raise _refused(f"string '{_short(value)}' is too large for column '{column.name}'")
    return value


def _bytes(column: TableColumn, value: Cell) -> Cell:
    kept = value if isinstance(value, bytes) else text_of(value).encode()
    limit = column.length if column.length is not None else _BLOB_BYTES.get(column.base_type, 255)
    if len(kept) > limit:
        raise _refused(f"string is too large for column '{column.name}'")
    return kept


def _integer(column: TableColumn, value: Cell, *, is_update: bool) -> Cell:
    if isinstance(value, float):
        # MySQL rounds half away from zero.
        value = math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)
    if not isinstance(value, int):
        raise _refused(f"error: '{_short(text_of(value))}' is not a valid value for '{column.type}'")
    bits = _INTEGER_BITS[column.base_type]
    low, high = (0, 2**bits - 1) if "unsigned" in column.type else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= value <= high:
        if is_update:
            return low if value < low else high
        raise _refused(f"{value} out of range for {column.type}")
    return value


def _number(column: TableColumn, value: Cell) -> Cell:
    if isinstance(value, int | float):
        return value
    raise _refused(f"error: '{_short(text_of(value))}' is not a valid value for '{column.type}'")


def _json(column: TableColumn, value: Cell) -> Cell:
    try:
        kept = mysql_json(json.loads(text_of(value)))
    except (ValueError, RecursionError):
        raise _refused(f"Invalid JSON text in argument 1 for column '{column.name}'") from None
    # A bare number is kept as a number by the engine; it reads the same.
    return value if isinstance(value, int | float) else kept


def _moment(column: TableColumn, value: Cell) -> Cell:
    text = text_of(value)
    match = _MOMENT.fullmatch(text.strip())
    wrong = _refused(f"error: '{_short(text)}' is not a valid value for '{column.base_type}'")
    if match is None:
        raise wrong if _WITH_OFFSET.search(text) else _refused(f"Incorrect datetime value: '{_short(text)}'")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if match[7] and match[7] >= "5":
            moment += timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise wrong from None
    if column.base_type == "timestamp" and not FIRST_TIMESTAMP <= moment <= LAST_TIMESTAMP:
        raise _refused(f'value "{_short(text)}" is outside of timestamp range')
    return mysql_time(moment)[:10] if column.base_type == "date" else mysql_time(moment)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."


def _refused(message: str) -> SqlRefused:
    return SqlRefused(message, "constraint")
