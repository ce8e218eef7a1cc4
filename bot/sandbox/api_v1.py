"""The part of DoltHub's v1alpha1 beside v2: write or merge branch into branch, its poll, and SQL reads."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sandbox.api_v2 import DEFAULT_TIMEOUT_MS, read
from bot.sandbox.bodies import json_object
from bot.sandbox.exchange import Answer, Call, Refused, json_answer, v1_error
from bot.sandbox.faults import Play
from bot.sandbox.operations import Operation
from bot.sandbox.pulls import User
from bot.sandbox.records import DatabaseName, NoSuchBranch, QueryResult
from bot.sandbox.state import Hub

BASE = "/api/v1alpha1/{owner}/{database}"
ROUTES: tuple[tuple[str, Mapping[str, str]], ...] = (
    (BASE + "/write", {"GET": "v1WritePoll"}),
    (BASE + "/write/{from_branch}/{to_branch}", {"POST": "v1Write"}),
    (BASE, {"GET": "v1Read"}),
    (BASE + "/{ref}", {"GET": "v1Read"}),
)
STATUS_WORDS: Mapping[str, str] = {
    "success": "Success",
    "error": "Error",
    "timeout": "Timeout",  # inferred from v2
    "row_limit": "RowLimit",
}
NO_OP = "Cannot return null for non-nullable field SqlWrite.toCommitId."


def authenticate(call: Call, hub: Hub) -> User | None:
    """The caller, None if anonymous. Raises Refused: only `token X` counts, and an empty token is refused too."""
    if call.authorization is None:
        return None
    scheme, _, token = call.authorization.strip().partition(" ")
    user = hub.user_of_token(token.strip()) if scheme.lower() == "token" else None
    if user is None:
        raise Refused(400, "invalid authorization")
    return user


def answer(call: Call, hub: Hub, play: Play) -> Answer:
    """Answer one routed and authenticated call; every refusal is a 400."""
    db = call.db
    if db is None or not hub.may_read(call.user.username if call.user else None, db):
        return v1_error(call, "no such repository")
    try:
        if call.operation == "v1Write":
            return _write(call, db, hub, play)
        if call.operation == "v1WritePoll":
            return _poll(call, hub)
        return _read(call, db, hub, play)
    except Refused as no:
        return v1_error(call, no.detail)
    except NoSuchBranch as no:
        return v1_error(call, f"branch not found: {no}")


def _write(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    if call.user is None or not hub.may_write(call.user.username, db):
        # The wording for a missing token or right is inferred.
        raise Refused(400, "invalid authorization" if call.user is None else "permission denied")
    from_branch, to_branch = call.parts["from_branch"], call.parts["to_branch"]
    query = call.query.get("q", "")
    if not query and call.body.strip():
        asked = json_object(call, known=None).get("query", "")
        query = asked if isinstance(asked, str) else ""
    hub.store.head(db, from_branch)
    if query:
        operation = hub.start_write(db, from_branch, to_branch, query, user=call.user.username, plan=play.job)
    else:
        hub.store.head(db, to_branch)
        operation = hub.start_branch_merge(db, from_branch, to_branch, user=call.user.username, plan=play.job)
    return json_answer(
        {
            "query_execution_status": "Success",
            "query_execution_message": (
                "Operation created. Poll the operation endpoint to see the execution status of this query."
            ),
            "repository_owner": db.owner,
            "repository_name": db.name,
            "to_branch_name": to_branch,
            "from_branch_name": from_branch,
            "query": query,
            "operation_name": operation.v1_name,
        }
    )


def _poll(call: Call, hub: Hub) -> Answer:
    operation = hub.operations.get_v1(call.query.get("operationName", ""))
    if operation is None or operation.db != call.db:
        raise Refused(400, "no such operation")
    if not operation.is_done:
        return json_answer({"done": False})
    if operation.nothing_changed:
        return json_answer(
            {
                "query_execution_status": "Error",
                "query_execution_message": NO_OP,
                "operation_name": operation.v1_name,
            },
            400,
        )
    return json_answer({"_id": operation.v1_name, "done": True, "res_details": _details(operation)})


def _details(operation: Operation) -> dict[str, object]:
    outcome = operation.outcome
    names = {"owner_name": operation.db.owner, "repository_name": operation.db.name}
    if outcome is None:
        text = operation.failure.detail if operation.failure else "failed"
        return {"query_execution_status": "Error", "query_execution_message": text, **names}
    return {
        "query_execution_status": "Success",
        "query_execution_message": "Query OK." if operation.query else "",
        **names,
        "from_commit_id": outcome.from_commit,
        "to_commit_id": outcome.to_commit,
    }


def _read(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    ref = call.parts.get("ref")
    if ref is None and call.user is not None:
        raise Refused(400, "Calls authenticated with a token must include a refName")
    query = call.query.get("q") or "SHOW TABLES;"
    limit = play.row_limit or hub.settings.row_limit
    result = read(hub, db, ref or "main", query, limit, DEFAULT_TIMEOUT_MS)
    return json_answer(
        {
            "query_execution_status": STATUS_WORDS[result.status],
            "query_execution_message": "" if result.status == "row_limit" else result.message,
            "repository_owner": db.owner,
            "repository_name": db.name,
            "commit_ref": ref or "",
            "sql_query": query,
            "schema": [{"columnName": c.name, "columnType": c.type.lower()} for c in result.columns],
            "rows": _rows(result),
        }
    )


def _rows(result: QueryResult) -> list[dict[str, str | None]]:
    """Rows as objects: two columns of one name collapse, as in production."""
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]
