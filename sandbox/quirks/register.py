"""The register of quirks, and what their functions share."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.hub.exchange import Answer, Call, json_answer
from sandbox.hub.faults import DeliveryPlan, Params, Play, Quirk
from sandbox.hub.state import Hub

CallQuirk = Callable[[Params, Call, Hub], Play]
EventQuirk = Callable[[Params], DeliveryPlan]

READS = ("runSqlReadQuery", "runSqlReadQueryPost", "v1Read")
WRITES = ("runSqlWriteQuery", "v1Write")
JOBS = (*WRITES, "mergePull", "v1Merge", "createFork")
MERGES = ("mergePull", "v1Merge")
LISTS = ("listBranches", "listPulls", "listOperations", "v1Pulls", "v1Jobs")
PULLS = ("listPulls", "getPull", "createPull", "updatePull")

QUIRKS: list[Quirk] = []


def on_call(number: int | None, name: str, says: str, *operations: str, **params: object) -> Callable[[CallQuirk], CallQuirk]:
    """Register a quirk of calls; it is played at `operations` (none: at every one)."""

    def register(function: CallQuirk) -> CallQuirk:
        QUIRKS.append(Quirk(number=number, name=name, says=says, operations=operations, params=params, on_call=function))
        return function

    return register


def on_event(number: int | None, name: str, says: str, **params: object) -> Callable[[EventQuirk], EventQuirk]:
    """Register a quirk of webhook events."""

    def register(function: EventQuirk) -> EventQuirk:
        QUIRKS.append(Quirk(number=number, name=name, says=says, operations=(), params=params, on_event=function))
        return function

    return register


def word_of(params: Params, name: str) -> str:
    return str(params[name])


def number_of(params: Params, name: str) -> int:
    value = params[name]
    return value if isinstance(value, int) else 0


def data_of(answer: Answer) -> tuple[dict[str, object], object] | None:
    """The envelope and its data, None if this is no success."""
    if answer.status >= 300 or answer.content_type != "application/json":
        return None
    envelope = answer.json()
    return (envelope, envelope["data"]) if isinstance(envelope, dict) and "data" in envelope else None


def sql_error(call: Call, message: str, status: str = "error") -> Answer:
    """A read that ends badly: a 200 with such a status."""
    if call.api == "v2":
        return json_answer({"data": {"columns": [], "rows": [], "status": status, "message": message, "warnings": []}})
    word = {"error": "Error", "timeout": "Timeout", "not_workspace": "NotWorkspace"}[status]
    return json_answer({"query_execution_status": word, "query_execution_message": message, "rows": [], "schema": []})


def each(change: Callable[[dict[str, object]], dict[str, object]]) -> Play:
    """Change every resource of a v2 success."""

    def reshape(_call: Call, answer: Answer) -> Answer:
        found = data_of(answer)
        if found is None:
            return answer
        envelope, data = found
        if isinstance(data, list):
            return answer.with_json({**envelope, "data": [change(d) if isinstance(d, dict) else d for d in data]})
        return answer.with_json({**envelope, "data": change(data)}) if isinstance(data, dict) else answer

    return Play(reshape=(reshape,))
