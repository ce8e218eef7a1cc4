"""A key of the policy file, declared where its value lives: as metadata of a dataclass field.

The JSON Schema of the file, its reader and the tables of the documents are all made from these declarations.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeVar

Shape = Mapping[str, Any]
"""A JSON Schema."""

T = TypeVar("T")
_METADATA: Final = "policy key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the file: what may stand there and what it means. `default` is its value in words."""

    name: str
    meaning: str
    shape: Shape
    read: Callable[[Any], Any]
    default: str
    merged: bool
    """Whether a table of one commons is merged with the general one key by key, rather than replacing it."""


def key(
    default: T,
    meaning: str,
    shape: Shape,
    *,
    name: str = "",
    read: Callable[[Any], T] | None = None,
    shown: str = "",
    merged: bool = False,
) -> T:
    """A dataclass field that the file may set.

    `meaning` describes the key in the schema, unless `shape` has a description of its own. `name`: the key, where it is not
    the name of the field. `read`: from the validated value of the file to that of the field. `shown`: the
    default in words, where it is no plain value.
    """
    declared = Key(
        name=name, meaning=meaning, shape=shape, read=read or _same, default=shown or _in_words(default), merged=merged
    )
    return field(default_factory=lambda: default, metadata={_METADATA: declared})


def keys_of(record: type[Any]) -> dict[str, Key]:
    """The keys of a dataclass, by the names of their fields."""
    return {each.name: _named(each.metadata[_METADATA], each.name) for each in fields(record) if _METADATA in each.metadata}


def properties_of(record: type[Any]) -> dict[str, Shape]:
    """The JSON Schema of each key of a dataclass, by the name of the key."""
    return {each.name: {"description": f"{each.meaning}.", **each.shape} for each in keys_of(record).values()}


def table_of(record: type[Any]) -> Shape:
    """The JSON Schema of a table that holds the keys of a dataclass and nothing else."""
    return {"type": "object", "additionalProperties": False, "properties": properties_of(record)}


def values_of(record: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass that a validated table sets, by name."""
    return {name: each.read(table[each.name]) for name, each in keys_of(record).items() if each.name in table}


def _named(declared: Key, field_name: str) -> Key:
    return declared if declared.name else replace(declared, name=field_name)


def _in_words(default: object) -> str:
    match default:
        case enum.Enum():
            return f'"{default.value}"'
        case int() | float():
            return f"{default:g}"
        case (int(), *_):
            return ", ".join(f"{each:g}" for each in default)
        case _:
            return "none"


def _same(value: Any) -> Any:
    return value
