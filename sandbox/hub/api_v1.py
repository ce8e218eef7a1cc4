"""DoltHub's v1alpha1: SQL reads and writes, branches, pulls, jobs, and comments that can be posted and not read.

Shapes: DoltHub documentation, v1alpha1 (with the misprints that production does not repeat), and answers seen in production.
"""

# ruff: noqa: ARG001 - every handler has the same signature, so that a table can hold them

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sandbox.hub.api_v2 import DEFAULT_TIMEOUT_MS, next_page, offset_of, read
from sandbox.hub.bodies import json_object, text_field
from sandbox.hub.exchange import Answer, Call, Refused, json_answer, timestamp, v1_error
from sandbox.hub.faults import Play
from sandbox.hub.operations import Operation
from sandbox.hub.state import Hub
from sandbox.values.pulls import Pull, User
from sandbox.values.records import DatabaseName, NameTaken, NoSuchBranch, NoSuchCommit, QueryResult
from sandbox.values.refusals import HubRefusal

ROOT = "/api/v1alpha1"
BASE = ROOT + "/{owner}/{database}"
ROUTES: tuple[tuple[str, Mapping[str, str]], ...] = (
    (ROOT + "/user", {"GET": "v1User"}),
    (ROOT + "/users/{username}/operations", {"GET": "v1Operations"}),
    (BASE + "/write", {"GET": "v1WritePoll"}),
    (BASE + "/write/{from_branch}/{to_branch}", {"POST": "v1Write"}),
    (BASE + "/branches", {"GET": "v1Branches", "POST": "v1CreateBranch"}),
    (BASE + "/pulls", {"GET": "v1Pulls", "POST": "v1CreatePull"}),
    (BASE + "/pulls/{pull_number}", {"GET": "v1Pull", "PATCH": "v1UpdatePull"}),
    # Nothing reads comments (DoltHub documentation, v1alpha1, by absence).
    (BASE + "/pulls/{pull_number}/comments", {"POST": "v1Comment"}),
    (BASE + "/pulls/{pull_number}/merge", {"POST": "v1Merge", "GET": "v1MergePoll"}),
    (BASE + "/jobs", {"GET": "v1Jobs"}),
    (BASE, {"GET": "v1Read"}),
    (BASE + "/{ref}", {"GET": "v1Read"}),
)
STATUS_WORDS: Mapping[str, str] = {
    "success": "Success",
    "error": "Error",
    "timeout": "Timeout",  # inferred from v2
    "row_limit": "RowLimit",
}
JOB_WORDS: Mapping[str, str] = {"queued": "Pending", "running": "Running", "succeeded": "Succeeded", "failed": "Failed"}
POLL_WORDS: Mapping[str, str] = {"queued": "Pending", "running": "In Progress", "succeeded": "Completed"}
NO_OP = "Cannot return null for non-nullable field SqlWrite.toCommitId."
OF_PULLS = {"owner": "database_owner", "name": "database_name"}
OF_COMMENTS = {"owner": "repository_owner", "name": "repository_name"}
Handler = Callable[[Call, DatabaseName, Hub, Play], Answer]


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
    try:
        if call.operation in OF_USERS:
            return OF_USERS[call.operation](call, hub)
        db = call.db
        if db is None or not hub.may_read(call.user.username if call.user else None, db):
            raise Refused(400, "no such repository")
        return HANDLERS[call.operation](call, db, hub, play)
    except Refused as no:
        return v1_error(call, no.detail)
    except (NoSuchBranch, NoSuchCommit) as no:
        return v1_error(call, f"branch not found: {no}")
    except NameTaken as no:
        return v1_error(call, f"already exists: {no}")
    except HubRefusal as no:
        return v1_error(call, str(no))


def _named(db: DatabaseName, keys: Mapping[str, str] = OF_PULLS) -> dict[str, object]:
    return {keys["owner"]: db.owner, keys["name"]: db.name}


# --- who asks ---


def _known(call: Call) -> User:
    if call.user is None:
        raise Refused(400, "invalid authorization")
    return call.user


def _writer(call: Call, db: DatabaseName, hub: Hub) -> User:
    user = _known(call)
    if not hub.may_write(user.username, db):
        # The wording for a missing right is inferred.
        raise Refused(400, "permission denied")
    return user


def _user(call: Call, hub: Hub) -> Answer:
    """That there is such an endpoint is documented, its shape is not: inferred from v2's."""
    user = _known(call)
    return json_answer({"status": "Success", "username": user.username, "display_name": ""})


def _operations(call: Call, hub: Hub) -> Answer:
    """A user's own operations, shown to that user alone. The shape of an operation is cut down to what is documented."""
    if _known(call).username != call.parts["username"]:
        raise Refused(400, "Error getting the operations list.")
    return json_answer({"status": "Success", "operations": [], "next_page_token": ""})


# --- SQL ---


def _write(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    user = _writer(call, db, hub)
    from_branch, to_branch = call.parts["from_branch"], call.parts["to_branch"]
    query = call.query.get("q", "")
    if not query and call.body.strip():
        asked = json_object(call, known=None).get("query", "")
        query = asked if isinstance(asked, str) else ""
    hub.store.head(db, from_branch)
    if query:
        operation = hub.start_write(db, from_branch, to_branch, query, user=user.username, plan=play.job)
    else:
        hub.store.head(db, to_branch)
        operation = hub.start_branch_merge(db, from_branch, to_branch, user=user.username, plan=play.job)
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


def _poll(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    operation = hub.operations.get_v1(call.query.get("operationName", ""))
    if operation is None or operation.db != db:
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


# --- branches ---


def _branches(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    """Names only: v1alpha1 shows no heads."""
    names = [{"branch_name": branch.name} for branch in hub.store.branches(db)]
    return json_answer({"status": "Success", **_named(db), "branches": names})


def _create_branch(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    body = json_object(call, known=None)
    kind, start, name = (text_field(body, key) for key in ("revisionType", "revisionName", "newBranchName"))
    _writer(call, db, hub)
    if kind not in {"branch", "ref", "commit"}:
        raise Refused(400, "revisionType must be branch, ref or commit")
    if hub.head_or_none(db, name) is not None:
        raise Refused(400, f"branch {name} already exists")
    commit = start if kind == "commit" else None
    hub.create_branch(db, name, branch=None if commit else start, commit=commit)
    shown = {"new_branch_name": name, "revision_type": kind, "revision_name": start}
    return json_answer({"status": "Success", **_named(db), **shown})


# --- pulls ---


def _pull_of(call: Call, db: DatabaseName, hub: Hub) -> Pull:
    number = call.parts["pull_number"]
    if not number.isascii() or not number.isdigit():
        raise Refused(400, "no such pull")
    return hub.pull(db, int(number[:18]))


def _paged(call: Call, hub: Hub, play: Play, items: Sequence[object]) -> tuple[Sequence[object], str]:
    size = play.page_size or hub.settings.page_size
    start = offset_of(call.query.get("pageToken", ""), call.operation)
    return items[start : start + size], next_page(start + size, len(items), call.operation)


def _pulls(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    shown = [
        {
            "pull_id": str(pull.number),
            "title": pull.title,
            "description": pull.description,
            "state": pull.state.capitalize(),
            "created_at": timestamp(pull.created_at),
            "creator": pull.creator,
        }
        for pull in hub.pulls(db)
    ]
    page, token = _paged(call, hub, play, shown)
    return json_answer({"status": "Success", **_named(db), "pulls": list(page), "next_page_token": token})


def _pull(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    pull = _pull_of(call, db, hub)
    return json_answer(
        {
            "status": "Success",
            **_named(db),
            "pull_id": str(pull.number),
            "title": pull.title,
            "description": pull.description,
            "state": pull.state.capitalize(),
            "from_branch_owner": pull.from_db.owner,
            "from_branch_database": pull.from_db.name,
            "from_branch": pull.from_branch,
            "to_branch_owner": pull.db.owner,
            "to_branch_database": pull.db.name,
            "to_branch": pull.to_branch,
            "created_at": timestamp(pull.created_at),
            "author": pull.creator,
        }
    )


def _create_pull(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    body = json_object(call, known=None)
    user = _known(call)
    source = DatabaseName(text_field(body, "fromBranchOwnerName"), text_field(body, "fromBranchRepoName"))
    branch, target = text_field(body, "fromBranchName"), text_field(body, "toBranchName")
    title, description = text_field(body, "title"), str(body.get("description", ""))
    if not hub.may_read(user.username, source):
        raise Refused(400, "no such repository")
    number = hub.open_pull(
        db,
        title=title,
        description=description,
        creator=user.username,
        from_db=source,
        from_branch=branch,
        to_branch=target,
    )
    shown = {
        "title": title,
        "description": description,
        "from_owner_name": source.owner,
        "from_repository_name": source.name,
        "from_branch_name": branch,
        "to_owner_name": db.owner,
        "to_repository_name": db.name,
        "to_branch_name": target,
        "pull_id": str(number),
    }
    return json_answer({"status": "Success", **shown})


def _update_pull(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    """Closes, or edits words; nothing opens a pull again here."""
    pull, body = _pull_of(call, db, hub), json_object(call, known=None)
    user = _known(call)
    if user.username != pull.creator:
        _writer(call, db, hub)
    if "state" in body and body["state"] != "closed":
        raise Refused(400, "state must be closed")
    new = hub.update_pull(
        db,
        pull.number,
        user=user.username,
        title=text_field(body, "title") if "title" in body else None,
        description=text_field(body, "description") if "description" in body else None,
        state="closed" if "state" in body else None,
    )
    shown = {"pull_id": str(new.number), "title": new.title, "description": new.description, "state": new.state}
    return json_answer({"status": "Success", **_named(db), **shown})


def _comment(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    """The answer has no id, and `repository_` where pulls have `database_`."""
    pull, text = _pull_of(call, db, hub), text_field(json_object(call, known=None), "comment")
    hub.comment(db, pull.number, _known(call).username, text)
    return json_answer({"status": "Success", **_named(db, OF_COMMENTS), "pull_id": str(pull.number), "comment": text})


# --- merging, a job ---


def _merge(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    pull, user = _pull_of(call, db, hub), _writer(call, db, hub)
    hub.refuse_unmergeable(pull)
    if hub.settings.conflicts_at_start:
        hub.refuse_conflicting(pull)
    operation = hub.start_merge(pull, user=user.username, plan=play.job)
    shown = {"operation_name": job_name(operation), "user_operation_name": operation.v1_name}
    return json_answer({"status": "Success", **_named(db), "pull_id": str(pull.number), **shown})


def _merge_poll(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    """How a failed merge shows here is not documented; that a poll can be a 400 is."""
    asked = call.query.get("operationName", "")
    operation = next((op for op in hub.operations.of(db) if asked in (job_name(op), op.v1_name)), None)
    if operation is None or operation.status == "failed":
        raise Refused(400, "Error polling an operation status.")
    return json_answer(
        {
            "status": "Success",
            "operation_name": asked,
            "job_created": True,
            **_named(db),
            "pull_id": call.parts["pull_number"],
            "job_status": POLL_WORDS[operation.status],
        }
    )


def job_name(operation: Operation) -> str:
    """v1alpha1's name of a job: as opaque as v2's, and as full of slashes."""
    return operation.id.replace("owners/", "repositoryOwners/", 1).replace("/repos/", "/repositories/", 1)


def _jobs(call: Call, db: DatabaseName, hub: Hub, play: Play) -> Answer:
    shown = [
        {
            "job_id": job_name(operation),
            "creator": operation.creator,
            "description": "Merge pull request" if operation.kind == "merge" else operation.kind,
            "job_type": {"merge": "Merge", "sql_write": "SqlWrite", "fork": "Fork"}[operation.kind],
            "status": JOB_WORDS[operation.status],
            "created_at": timestamp(operation.created_at),
            "error": operation.failure.detail if operation.failure else "",
        }
        for operation in hub.operations.of(db)
    ]
    page, token = _paged(call, hub, play, shown)
    return json_answer({"status": "Success", **_named(db), "jobs": list(page), "next_page_token": token})


OF_USERS: Mapping[str, Callable[[Call, Hub], Answer]] = {"v1User": _user, "v1Operations": _operations}
HANDLERS: Mapping[str, Handler] = {
    "v1Write": _write,
    "v1WritePoll": _poll,
    "v1Read": _read,
    "v1Branches": _branches,
    "v1CreateBranch": _create_branch,
    "v1Pulls": _pulls,
    "v1Pull": _pull,
    "v1CreatePull": _create_pull,
    "v1UpdatePull": _update_pull,
    "v1Comment": _comment,
    "v1Merge": _merge,
    "v1MergePoll": _merge_poll,
    "v1Jobs": _jobs,
}
