"""Holds requests and answers against the API contract `v2.yaml`, and webhook bodies against `webhooks.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml
from jsonschema import Draft202012Validator, FormatChecker

HERE = Path(__file__).parent
INT_BITS = {"int32": 31, "int64": 63}

formats = FormatChecker(formats=("email", "date-time"))


@formats.checks("uri")
def is_uri(value: object) -> bool:
    if not isinstance(value, str) or value == "about:blank":
        return True
    parts = urlsplit(value)
    return bool(parts.scheme and parts.netloc) and re.fullmatch(r"[!-~]+", value) is not None


@formats.checks("uri-reference")
def is_uri_reference(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[!-~]*", value) is not None


@formats.checks("int32")
def is_int32(value: object) -> bool:
    return not isinstance(value, int) or abs(value) < 2 ** INT_BITS["int32"]


@formats.checks("int64")
def is_int64(value: object) -> bool:
    return not isinstance(value, int) or abs(value) < 2 ** INT_BITS["int64"]


@cache
def contract() -> dict[str, Any]:
    # The C loader is ten times as fast, where it is built in.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load((HERE / "v2.yaml").read_text("utf-8"), Loader=loader)
    return document


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """operationId -> (method in capitals, path template, operation object)."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in contract()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": contract()["components"]}
    return Draft202012Validator(schema, format_checker=formats)


def operation_at(method: str, path: str) -> str | None:
    """The operationId of a request, by the path as sent; None if the contract has none."""
    for operation_id, (verb, template, _) in operations().items():
        pattern = re.sub(r"\\\{operation_id\\\}", ".+", re.escape(template))
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", pattern)
        if verb == method and re.fullmatch(pattern, path):
            return operation_id
    return None


def request_is_valid(operation_id: str, body: object) -> bool:
    """Whether the contract takes this body at this operation."""
    reference = operations()[operation_id][2]["requestBody"]["$ref"].rpartition("/")[2]
    schema = contract()["components"]["requestBodies"][reference]["content"]["application/json"]["schema"]
    return bool(_validator(schema["$ref"].rpartition("/")[2]).is_valid(body))


def check_answer(operation_id: str, answer: requests.Response) -> None:
    """Asserts that status, content type, headers and body are what the contract says for this operation."""
    listed = operations()[operation_id][2]["responses"]
    assert str(answer.status_code) in listed, (operation_id, answer.status_code, answer.text)
    said = contract()["components"]["responses"][listed[str(answer.status_code)]["$ref"].rpartition("/")[2]]
    content_type = answer.headers["Content-Type"]
    assert content_type in said["content"], (operation_id, content_type)
    for header in said["headers"]:
        assert answer.headers.get(header), (operation_id, answer.status_code, header)
    schema = said["content"][content_type]["schema"]["$ref"].rpartition("/")[2]
    problems = [f"{error.json_path}: {error.message}" for error in _validator(schema).iter_errors(answer.json())]
    assert problems == [], (operation_id, answer.text)
    if content_type == "application/problem+json":
        body = answer.json()
        assert body["status"] == answer.status_code
        assert body["request_id"] == answer.headers["x-request-id"]


@cache
def webhook_schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / "webhooks.json").read_text("utf-8"))
    return document


def webhook_problems(kind: str, body: Mapping[str, object]) -> list[str]:
    """What is wrong with a webhook body; `kind` is a name under `$defs`, `push_documented` say."""
    schema = {"$ref": f"#/$defs/{kind}", "$defs": webhook_schema()["$defs"]}
    return [f"{e.json_path}: {e.message}" for e in Draft202012Validator(schema).iter_errors(body)]
