"""Values as JSON texts in Redis: one pair of functions for all of them.

What another version wrote, or a stranger forged, is not there: `decode` returns None and raises nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def encode(value: object) -> bytes:
    """A value of frozen dataclasses, enums, times, tuples and plain types as JSON; equal values give equal texts.

    UTF-8 has no form for a lone surrogate, which strangers can write: each becomes U+FFFD.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_clean(msgspec.to_builtins(value, order="deterministic")))


def decode(text: object, kind: type[T]) -> T | None:
    """The value of type `kind` that `encode` wrote. None for anything else, as for the answer of Redis that nothing is there.

    The types of all fields are checked. A field that is unknown is passed over, and one that is missing has its default.
    """
    if not isinstance(text, bytes | str):
        return None
    wanted: Any = kind
    try:
        found: T = _decoder(wanted).decode(text)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return found


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _clean(value: Any) -> Any:
    """Plain values, their texts without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value
