"""Quirks of SQL writes and reads, and of lists."""

# ruff: noqa: ARG001 - every quirk has the same signature, so that a table can hold them

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Final

from sandbox.hub.exchange import Answer, Call
from sandbox.hub.faults import Params, Play
from sandbox.hub.operations import SERIALIZATION_FAILURE, Failure, JobPlan
from sandbox.hub.state import Hub
from sandbox.quirks.register import JOBS, LISTS, READS, WRITES, data_of, number_of, on_call, sql_error, word_of

# --- writes ---


@on_call(16, "several-statements", "two statements in one write report success and land nothing", *WRITES)
def several_statements(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(swallow=frozenset({"several"})))


@on_call(17, "commit-message", "the commit message is the SQL text with words in front", *WRITES, prefix="Run SQL query: ")
def commit_message(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(message_prefix=word_of(params, "prefix")))


@on_call(18, "no-op", "a write that changes nothing reports success in v2 (v1alpha1's 400 at the poll is always on)", *WRITES)
def no_op(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(swallow=frozenset({"nothing"})))


@on_call(19, "check-violated", "a violated CHECK reports success and writes nothing", *WRITES)
def check_violated(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(swallow=frozenset({"check"})))


@on_call(20, "serialization-failure", "another writer won; start again", *JOBS)
def serialization_failure(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(fail=Failure(status=409, title="Conflict", detail=SERIALIZATION_FAILURE)))


# --- reads ---


@on_call(23, "row-limit", "reads are cut after this many rows", *READS, rows=1)
def row_limit(params: Params, call: Call, hub: Hub) -> Play:
    return Play(row_limit=number_of(params, "rows"))


@on_call(
    24,
    "cell-forms",
    "booleans and times in another text form; v1alpha1 leaves NULLs out",
    *READS,
    booleans=("0/1", "true/false"),
    clocks=("sql", "z", "fraction"),
    drop_nulls=False,
)
def cell_forms(params: Params, call: Call, hub: Hub) -> Play:
    def cell(value: object, kind: str) -> object:
        kind = kind.upper()
        if not isinstance(value, str):
            return value
        if kind.startswith(("TINYINT(1)", "BOOL")) and params["booleans"] == "true/false":
            return {"0": "false", "1": "true"}.get(value, value)
        if kind.startswith(("DATETIME", "TIMESTAMP")) and params["clocks"] != "sql":
            try:
                at = datetime.fromisoformat(value.rstrip("Z")).replace(tzinfo=UTC)
            except ValueError:
                return value
            return at.strftime("%Y-%m-%dT%H:%M:%S" + ("Z" if params["clocks"] == "z" else ".000000Z"))
        return value

    def reshape(call: Call, answer: Answer) -> Answer:
        whole = answer.json() if answer.status == 200 else None
        if not isinstance(whole, dict):
            return answer
        if call.api == "v1":
            kinds = {c["columnName"]: c["columnType"] for c in whole.get("schema", [])}
            rows = [
                {k: cell(v, kinds.get(k, "")) for k, v in row.items() if v is not None or not params["drop_nulls"]}
                for row in whole.get("rows", [])
            ]
            return answer.with_json({**whole, "rows": rows})
        data = whole["data"]
        kinds_in_order = [c["type"] for c in data["columns"]]
        v2_rows = [[cell(v, kind) for v, kind in zip(row, kinds_in_order, strict=True)] for row in data["rows"]]
        return answer.with_json({**whole, "data": {**data, "rows": v2_rows}})

    return Play(reshape=(reshape,))


@on_call(
    None,
    "left-out-table",
    "a table whose primary key was made anew is left out of the summary of a diff, with a warning, and of its definitions",
    *READS,
    table="rigs",
    hashes=("answered", "refused"),
)
def left_out_table(params: Params, call: Call, hub: Hub) -> Play:
    """Dolt's answers to the table functions of a diff, where it takes the primary key for another one."""
    table = word_of(params, "table")
    text = _sql_of(call)
    if "DOLT_HASHOF_TABLE" in text and params["hashes"] == "refused":
        return Play(instead=sql_error(call, "query error: function: 'dolt_hashof_table' not found"))
    by_name = "dolt_diff_summary(" in text and f", '{table}')" in text
    if by_name:
        return Play(
            instead=sql_error(call, f"query error: failed to compute diff summary for table {table}: primary key set changed")
        )
    if not ("dolt_diff_summary(" in text or "dolt_schema_diff(" in text):
        return Play()

    def reshape(call: Call, answer: Answer) -> Answer:
        whole = answer.json() if answer.status == 200 else None
        if not isinstance(whole, dict):
            return answer
        data = whole if call.api == "v1" else whole["data"]
        rows = [row for row in data["rows"] if table not in (row.values() if isinstance(row, dict) else row)]
        changed: dict[str, object] = {**data, "rows": rows}
        if len(rows) < len(data["rows"]) and "dolt_diff_summary(" in text:
            says = "cannot render full diff between commits due to primary key set change"
            v1 = {"query_execution_status": "SuccessWithWarning", "query_execution_message": says}
            changed |= v1 if call.api == "v1" else {"warnings": [says]}
        return answer.with_json(changed if call.api == "v1" else {**whole, "data": changed})

    return Play(reshape=(reshape,))


@on_call(
    None,
    "lying-diff",
    "dolt_diff shows a table otherwise than its rows are: a row is missing, a cell is another one, or a row is made up",
    *READS,
    table="wanted",
    how=("missing", "altered", "made up"),
)
def lying_diff(params: Params, call: Call, hub: Hub) -> Play:
    table = word_of(params, "table")
    if not re.search(rf"FROM dolt_diff\('\w+', '\w+', '{table}'\) ORDER", _sql_of(call)):
        return Play()

    def reshape(call: Call, answer: Answer) -> Answer:
        whole = answer.json() if answer.status == 200 else None
        if not isinstance(whole, dict) or not whole["data"]["rows"]:
            return answer
        names = [column["name"] for column in whole["data"]["columns"]]
        first, *rest = whole["data"]["rows"]
        if params["how"] == "missing":
            rows = rest
        elif params["how"] == "altered":
            at = names.index("to_title") if "to_title" in names else names.index("to_evidence")
            rows = [[*first[:at], "otherwise", *first[at + 1 :]], *rest]
        else:
            keys = {names.index(side + key) for side in ("to_", "from_") for key in ("id", "handle") if side + key in names}
            rows = [first, *rest, ["made-up" if at in keys else cell for at, cell in enumerate(first)]]
        return answer.with_json({**whole, "data": {**whole["data"], "rows": rows}})

    return Play(reshape=(reshape,))


_QUESTIONS: Final = {
    "hashes": "DOLT_HASHOF_TABLE",
    "summary": "dolt_diff_summary(",
    "definitions": "dolt_schema_diff(",
    "rows of a diff": "FROM dolt_diff(",
    "history of rows": "FROM `dolt_diff_",
    "two commits": " AS OF ",
    "several at once": " AS part,",
    "heights": "commit_order",
    "counts": "dolt_diff_stat(",
}
"""What a host may not answer, and the words of SQL that ask for it."""


@on_call(None, "refused-question", "a function that this host does not know: a SQL error", *READS, what=tuple(_QUESTIONS))
def refused_question(params: Params, call: Call, hub: Hub) -> Play:
    words = _QUESTIONS[word_of(params, "what")]
    if words not in _sql_of(call):
        return Play()
    return Play(instead=sql_error(call, f"query error: {words.strip(' (`')} is not known here"))


def _sql_of(call: Call) -> str:
    """The SQL text that a read brings."""
    if call.method != "POST":
        return call.query.get("q", "")
    try:
        return str(json.loads(call.body).get("q", ""))
    except (ValueError, AttributeError):
        return ""


@on_call(25, "stale-branches", "the branch list shows the heads of some time ago", "listBranches", lag_ms=30_000)
def stale_branches(params: Params, call: Call, hub: Hub) -> Play:
    return Play(branch_lag_ms=number_of(params, "lag_ms"))


@on_call(
    28,
    "page-end",
    "how the end of a list is said: no token, an empty one, or the last one again",
    *LISTS,
    how=("absent", "empty", "repeated"),
)
def page_end(params: Params, call: Call, hub: Hub) -> Play:
    def reshape(call: Call, answer: Answer) -> Answer:
        found = data_of(answer)
        if found is None:
            return answer
        envelope = found[0]
        meta = envelope.get("meta")
        if not isinstance(meta, dict) or meta.get("next_page_token"):
            return answer
        if params["how"] == "absent":
            return answer.with_json({k: v for k, v in envelope.items() if k != "meta"})
        token = call.query.get("page_token", "") if params["how"] == "repeated" else ""
        return answer.with_json({**envelope, "meta": {"next_page_token": token}})

    return Play(reshape=(reshape,))


@on_call(29, "page-size", "pages of this size", *LISTS, size=1)
def page_size(params: Params, call: Call, hub: Hub) -> Play:
    return Play(page_size=number_of(params, "size"))
