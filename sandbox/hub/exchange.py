"""One API request and its answer as values, and the two error bodies (v2 problem, v1alpha1 error)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from sandbox.values.pulls import User
from sandbox.values.records import DatabaseName

MAX_BODY_BYTES = 8 * 1024 * 1024
PROBLEM_TYPE = "https://dolthub.com/docs/products/dolthub/api/v2/models/#model-errorcode"

CODES: Mapping[int, str] = {
    400: "VALIDATION_FAILED",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    422: "UNPROCESSABLE",
    429: "RATE_LIMITED",
    500: "INTERNAL",
    503: "SERVICE_UNAVAILABLE",
}

Api = Literal["v2", "v1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `path` is as sent, still percent-encoded; `parts` are the decoded path parameters.

    `operation` is v2's operationId, or one of v1alpha1's such as `v1Write`; empty if no route fits.
    `v1_only`: the host is asked as one that has no API v2.
    """

    api: Api
    method: str
    path: str
    template: str
    operation: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    authorization: str | None
    content_type: str
    body: bytes
    origin: str
    request_id: str
    user: User | None = None
    v1_only: bool = False

    @property
    def db(self) -> DatabaseName | None:
        if "owner" in self.parts and "database" in self.parts:
            return DatabaseName(self.parts["owner"], self.parts["database"])
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()

    def json(self) -> object:
        return json.loads(self.body) if self.body else None

    def with_json(self, value: object) -> Answer:
        return replace(self, body=encode(value))


class Refused(Exception):
    """A request that is answered with an error. `status` is HTTP's, `detail` is shown."""

    def __init__(self, status: int, detail: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with `Z`; a fraction only where there is one, as Go writes it."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(status=status, body=encode(value), content_type="application/json")


def text_answer(status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> Answer:
    return Answer(status=status, body=text.encode("utf-8", "replace"), content_type=content_type)


def html_not_found() -> Answer:
    """What DoltHub's front end shows for a path the API does not have, such as an unencoded slash in a v1alpha1 ref."""
    page = "<!DOCTYPE html><html><head><title>404: This page could not be found</title></head><body><h1>404</h1></body></html>"
    return text_answer(404, page, "text/html; charset=utf-8")


def problem(call: Call, status: int, detail: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """RFC 9457 problem (DoltHub API v2 contract, Problem). `code` is the contract's for this status, or INTERNAL."""
    try:
        title = HTTPStatus(status).phrase.capitalize()
    except ValueError:
        title = "Error"
    value: dict[str, object] = {
        "type": PROBLEM_TYPE,
        "title": title,
        "status": status,
        "instance": call.path,
        "code": CODES.get(status, "INTERNAL"),
        "request_id": call.request_id,
    }
    if detail:
        value["detail"] = detail
    return Answer(status=status, body=encode(value), content_type="application/problem+json", headers=headers)


def v1_error(call: Call, message: str) -> Answer:
    """v1alpha1 answers 400 for nearly everything; writes and reads of SQL carry `query_execution_*`."""
    value: dict[str, object] = {
        "query_execution_status": "Error",
        "query_execution_message": message,
        "status": "Error",
        "message": message,
    }
    if call.db is not None:
        value |= {"repository_owner": call.db.owner, "repository_name": call.db.name}
    return json_answer(value, 400)


def error_answer(call: Call, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return problem(call, status, detail, headers) if call.api == "v2" else v1_error(call, detail)
