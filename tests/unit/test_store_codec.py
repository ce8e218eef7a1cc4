"""Values in Redis: what is written is read back, and whatever else stands there is not there."""

from __future__ import annotations

import json
import typing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from bot.model.evidence import Probe
from bot.model.snapshot import Record
from bot.store import (
    LOOKS,
    CachedVerdict,
    Fingerprint,
    KeptAudit,
    Listed,
    Outage,
    Pending,
    PollState,
    Quarantine,
    StoredJudgement,
)
from bot.store.codec import decode, encode
from bot.store.soft import NOTHING, soft

KINDS: tuple[Any, ...] = (
    CachedVerdict, Fingerprint, KeptAudit, Listed, Outage, Pending, PollState, Probe, Quarantine, Record, StoredJudgement,
)  # fmt: skip

_text = st.text(st.characters(exclude_categories=()), max_size=40)
_times = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _text | _times.map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type: times with a zone, and texts with any character."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return st.sampled_from(arguments)
    if hint is Pending:
        return st.builds(Pending, **{**_fields(hint), "queue": st.sampled_from(LOOKS)})
    if hint is datetime:
        return _times
    if hint is str or getattr(hint, "__supertype__", None) is str:
        return _text
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if type(None) in arguments:
        return st.none() | st.one_of(*(_values(each) for each in arguments if each is not type(None)))
    if typing.get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        return st.lists(_values(arguments[0]), max_size=3).map(tuple)
    if typing.get_origin(hint) is tuple:
        return st.tuples(*(_values(each) for each in arguments))
    if typing.get_origin(hint) is frozenset:
        return st.frozensets(_values(arguments[0]), max_size=3)
    if hasattr(hint, "__dataclass_fields__"):
        return st.builds(hint, **_fields(hint))
    return st.from_type(hint)


def _fields(kind: Any) -> dict[str, st.SearchStrategy[Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name: _values(hints[field.name]) for field in fields(kind)}


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    return value.timestamp() if isinstance(value, datetime) else value.value


@given(st.data())
def test_every_value_reads_back_as_written_whatever_characters_are_in_its_texts(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    value = data.draw(_values(kind))
    read = decode(encode(value), kind)
    assert isinstance(read, kind)
    again = decode(encode(read), kind)
    assert again == read
    assert len(encode(read)) == len(encode(value))
    if json.dumps(value, default=_plain, ensure_ascii=False).isprintable():
        assert read == value


@given(
    st.sampled_from(KINDS),
    st.binary(max_size=200) | _json.map(json.dumps) | _json.map(lambda value: json.dumps(value).encode()),
)
def test_whatever_stands_in_redis_is_a_value_of_its_type_or_is_not_there(kind: Any, text: bytes | str) -> None:
    found = decode(text, kind)
    assert found is None or isinstance(found, kind)


@given(st.data())
def test_a_value_with_one_field_forged_is_a_value_of_its_type_or_is_not_there(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    plain = json.loads(encode(data.draw(_values(kind))))
    name = data.draw(st.sampled_from(sorted(plain)))
    forged = {**plain, name: data.draw(_json)}
    found = decode(json.dumps(forged), kind)
    assert found is None or isinstance(found, kind)


@pytest.mark.parametrize(
    "text", [None, 1, "", "null", "[]", "{", "[" * 100_000, b"\xff", "9" * 5000, "1e999", '"\ud800"', '"\\ud800"']
)
def test_what_does_not_decode_is_not_there(text: object) -> None:
    assert decode(text, Record) is None
    assert decode(text, int) is None


def test_a_lone_surrogate_is_written_as_a_replacement_character_wherever_it_stands() -> None:
    @dataclass(frozen=True, slots=True)
    class Note:
        text: str
        by: tuple[tuple[str, str], ...]

    note = Note("a\ud800", (("\udc00", "b\U0001f600"),))
    assert encode(note) == '{"text":"a\ufffd","by":[["\ufffd","b\U0001f600"]]}'.encode()


def test_an_unknown_field_is_passed_over_and_a_missing_one_has_its_default() -> None:
    assert decode('{"stamps": 3, "new": 1}', Record) == decode('{"stamps": 3, "mean_quality": null}', Record)


def test_what_is_soft_goes_on_without_redis_and_hides_no_other_trouble() -> None:
    class Part:
        @soft(NOTHING)
        def read(self, error: Exception) -> dict[str, int]:
            """Raises."""
            raise error

    assert Part().read(redis.ConnectionError()) == {}
    assert Part().read(redis.WatchError()) == {}
    assert Part.read.__doc__ == "Raises."
    with pytest.raises(KeyError):
        Part().read(KeyError("x"))
    with pytest.raises(TypeError):
        Part().read(redis.ConnectionError())["x"] = 1
