"""Reading request bodies strictly: closed objects, non-empty strings, positive integers. Anything else is a 400."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from typing import NoReturn

from sandbox.hub.exchange import MAX_BODY_BYTES, Call, Refused

MAX_INTEGER_DIGITS = 18


def json_object(call: Call, *, known: Set[str] | None) -> dict[str, object]:
    """The body as an object with no key outside `known` (None: open). Raises Refused 400."""
    if call.content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(400, "the request body must be application/json")
    if len(call.body) > MAX_BODY_BYTES:
        raise Refused(400, "the request body is too large")
    try:
        value = json.loads(call.body, parse_constant=_no_constant)
        # A lone surrogate is valid JSON and no text: nothing behind this point could store or send it.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Refused(400, "the request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise Refused(400, "the request body must be an object")
    if known is not None and (unknown := sorted(set(value) - known)):
        raise Refused(400, f"unknown field: {unknown[0]}")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def text_field(body: Mapping[str, object], name: str) -> str:
    """A required, non-empty string. Raises Refused 400."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"{name} must be a non-empty string")
    return value


def optional_integer(body: Mapping[str, object], name: str) -> int | None:
    """An integer of 1 or more, None if absent. Raises Refused 400. JSON's 5.0 is an integer, true is not."""
    if name not in body:
        return None
    value = body[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 1:
        raise Refused(400, f"{name} must be a positive integer")
    return value


def positive_text(text: str | None, name: str) -> int | None:
    """A positive integer as a query parameter, None if absent. Raises Refused 400."""
    if text is None:
        return None
    if re.fullmatch("[1-9][0-9]*", text) is None:
        raise Refused(400, f"{name} must be a positive integer")
    return int(text[:MAX_INTEGER_DIGITS])
