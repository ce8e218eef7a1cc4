"""The 18 operations of DoltHub's API v2 that a review bot uses, in the contract's shapes."""

# ruff: noqa: ARG001 - every handler has the same signature, so that a table can hold them

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote

from sandbox.hub.bodies import json_object, optional_integer, positive_text, text_field
from sandbox.hub.exchange import Answer, Call, Refused, json_answer, problem, timestamp
from sandbox.hub.faults import Play
from sandbox.hub.operations import Operation
from sandbox.hub.shapes_v2 import branch_shape, comment_shape, operation_shape, ref_shape, summary_shape, whole_pull_shape
from sandbox.hub.state import Hub
from sandbox.values.pulls import Pull, User
from sandbox.values.records import Branch, DatabaseName, NameTaken, NoSuchBranch, NoSuchCommit, NoSuchDatabase, QueryResult
from sandbox.values.refusals import HubRefusal, Impossible, Invalid, NoSuch, NotAllowed, Taken

T = TypeVar("T")
Handler = Callable[[Call, Hub, Play], Answer]

BASE = "/api/v2/databases/{owner}/{database}"
ROUTES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/api/v2/user", {"GET": "getCurrentUser"}),
    (BASE, {"GET": "getDatabase"}),
    (BASE + "/branches", {"GET": "listBranches", "POST": "createBranch"}),
    (BASE + "/forks", {"GET": "listForks", "POST": "createFork"}),
    (BASE + "/sql", {"GET": "runSqlReadQuery", "POST": "runSqlReadQueryPost"}),
    (BASE + "/sql-writes", {"POST": "runSqlWriteQuery"}),
    (BASE + "/pulls", {"GET": "listPulls", "POST": "createPull"}),
    (BASE + "/pulls/{pull_number}", {"GET": "getPull", "PATCH": "updatePull"}),
    (BASE + "/pulls/{pull_number}/comments", {"GET": "listPullComments", "POST": "createPullComment"}),
    (BASE + "/pulls/{pull_number}/merge", {"POST": "mergePull"}),
    (BASE + "/operations", {"GET": "listOperations"}),
    # The id holds slashes; production is said to take it encoded, its migration page shows it raw. Both fit here.
    ("/api/v2/operations/{operation_id...}", {"GET": "getOperation"}),
)
NEEDS_TOKEN = frozenset(
    {
        "getCurrentUser",
        "createBranch",
        "createFork",
        "runSqlWriteQuery",
        "createPull",
        "updatePull",
        "createPullComment",
        "mergePull",
        "getOperation",
    }
)
DEFAULT_TIMEOUT_MS = 30_000
MAX_TIMEOUT_MS = 60_000
STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (NoSuch, 404),
    (NotAllowed, 403),
    (Taken, 409),
    (Invalid, 400),
    (Impossible, 422),
    (NoSuchDatabase, 404),
    (NoSuchBranch, 404),
    (NoSuchCommit, 404),
    (NameTaken, 409),
)


def authenticate(call: Call, hub: Hub) -> User | None:
    """The caller, None if anonymous. Raises Refused 401: only `Bearer` with a known token counts in v2."""
    if call.authorization is None:
        if call.operation in NEEDS_TOKEN:
            raise Refused(401, "no credentials")
        return None
    scheme, _, token = call.authorization.strip().partition(" ")
    user = hub.user_of_token(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise Refused(401, "invalid credentials")
    return user


def answer(call: Call, hub: Hub, play: Play) -> Answer:
    """Answer one routed and authenticated call; every refusal becomes a problem."""
    try:
        if call.db is not None and not hub.may_read(call.user.username if call.user else None, call.db):
            raise NoSuch("no such repository")
        return HANDLERS[call.operation](call, hub, play)
    except Refused as no:
        return problem(call, no.status, no.detail, no.headers)
    except tuple(kind for kind, _ in STATUS_OF) as no:
        status = next(code for kind, code in STATUS_OF if isinstance(no, kind))
        return problem(call, status, str(no))
    except HubRefusal as no:
        return problem(call, 400, str(no))


# --- what every handler needs ---


def _db(call: Call) -> DatabaseName:
    if call.db is None:
        raise Refused(404, "no such repository")
    return call.db


def _user(call: Call) -> User:
    if call.user is None:
        raise Refused(401, "no credentials")
    return call.user


def _writer(call: Call, hub: Hub) -> User:
    user = _user(call)
    if not hub.may_write(user.username, _db(call)):
        raise NotAllowed("you do not have write permission for this repository")
    return user


def _pull(call: Call, hub: Hub) -> Pull:
    number = call.parts["pull_number"]
    if re.fullmatch("[1-9][0-9]*", number) is None:
        raise Refused(400, "pull_number must be a positive integer")
    if len(number) > 18:
        raise NoSuch("no such pull")
    return hub.pull(_db(call), int(number))


def _page(call: Call, hub: Hub, play: Play, items: Sequence[T], show: Callable[[T], object]) -> Answer:
    """One page and, unless it is the last, an opaque token for the next."""
    size = play.page_size or hub.settings.page_size
    start = offset_of(call.query.get("page_token", ""), call.operation)
    meta = {"next_page_token": next_page(start + size, len(items), call.operation)}
    return json_answer({"data": [show(item) for item in items[start : start + size]], "meta": meta})


def next_page(offset: int, items: int, operation: str) -> str:
    """The opaque token of the page that begins at `offset`; empty if no item is left."""
    return base64.urlsafe_b64encode(f"{operation}:{offset}".encode()).decode() if offset < items else ""


def offset_of(token: str, operation: str) -> int:
    """Where the page of a token begins, 0 without one. Raises Refused for a token of another list, or of no list."""
    if not token:
        return 0
    try:
        made_for, _, offset = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        made_for, offset = "", ""
    if made_for != operation or re.fullmatch("[1-9][0-9]{0,9}", offset) is None:
        raise Refused(400, "invalid page_token")
    return int(offset)


def _accepted(call: Call, operation: Operation) -> Answer:
    href = f"{call.origin}/api/v2/operations/{quote(operation.id, safe='')}"
    return json_answer({"data": {"id": operation.id, "href": href}}, 202)


# --- user, databases, branches, forks ---


def get_current_user(call: Call, hub: Hub, play: Play) -> Answer:
    user = _user(call)
    empty = dict.fromkeys(("display_name", "bio", "location", "website_url", "profile_pic_url"), "")
    email = {"address": user.email, "is_primary": True, "is_verified": True}
    return json_answer({"data": {"username": user.username, **empty, "email_addresses": [email]}})


def get_database(call: Call, hub: Hub, play: Play) -> Answer:
    db = _db(call)
    root = hub.store.root_of(db)
    parent = hub.store.parent(db)
    network = [other for other in hub.databases() if hub.store.root_of(other) == root]
    branches = hub.store.branches(db)
    shown: dict[str, object] = {
        **ref_shape(db),
        "visibility": "private" if hub.is_private(db) else "public",
        "fork_network_count": len(network) - 1,
        "star_count": 0,
        "size_bytes": hub.size_bytes(db),
        "last_write_at": timestamp(max(branch.committed_at for branch in branches)),
    }
    if parent is not None:
        shown |= {"parent": ref_shape(parent), "network_root": ref_shape(root)}
    return json_answer({"data": shown})


def list_branches(call: Call, hub: Hub, play: Play) -> Answer:
    db = _db(call)
    branches: Sequence[Branch] = hub.store.branches(db)
    if play.branch_lag_ms is not None:
        then = hub.heads_before(db, timedelta(milliseconds=play.branch_lag_ms))
        now = {branch.name: branch.committed_at for branch in branches}
        branches = [Branch(name=name, head=head, committed_at=now.get(name, hub.clock())) for name, head in then.items()]
    return _page(call, hub, play, branches, branch_shape)


def create_branch(call: Call, hub: Hub, play: Play) -> Answer:
    body = json_object(call, known={"name", "from"})
    name, start = text_field(body, "name"), body.get("from")
    if not isinstance(start, dict) or set(start) not in ({"branch"}, {"commit"}):
        raise Refused(400, "from must hold exactly one of branch, commit")
    _writer(call, hub)
    branch = text_field(start, "branch") if "branch" in start else None
    commit = text_field(start, "commit") if "commit" in start else None
    if hub.head_or_none(_db(call), name) is not None:
        raise Taken("branch already exists")
    hub.create_branch(_db(call), name, branch=branch, commit=commit)
    made = next(b for b in hub.store.branches(_db(call)) if b.name == name)
    return json_answer({"data": branch_shape(made)}, 201)


def list_forks(call: Call, hub: Hub, play: Play) -> Answer:
    seen = call.user.username if call.user else None
    return json_answer({"data": [ref_shape(fork) for fork in hub.forks(_db(call)) if hub.may_read(seen, fork)]})


def create_fork(call: Call, hub: Hub, play: Play) -> Answer:
    owner = text_field(json_object(call, known={"owner"}), "owner")
    user = _user(call)
    if owner != user.username:
        raise NotAllowed("you cannot create a fork for that owner")
    if hub.store.exists(DatabaseName(owner, _db(call).name)):
        raise Impossible("fork already exists")
    return _accepted(call, hub.start_fork(_db(call), owner, user=user.username, plan=play.job))


# --- SQL ---


def run_sql_read_query(call: Call, hub: Hub, play: Play) -> Answer:
    ref, q = call.query.get("ref", ""), call.query.get("q", "")
    if not ref or not q:
        raise Refused(400, f"{'q' if ref else 'ref'} is required")
    limit = positive_text(call.query.get("limit"), "limit")
    timeout_ms = positive_text(call.query.get("timeout_ms"), "timeout_ms")
    return _read(call, hub, play, ref, q, limit, timeout_ms)


def run_sql_read_query_post(call: Call, hub: Hub, play: Play) -> Answer:
    body = json_object(call, known={"ref", "q", "limit", "timeout_ms"})
    limit, timeout_ms = optional_integer(body, "limit"), optional_integer(body, "timeout_ms")
    return _read(call, hub, play, text_field(body, "ref"), text_field(body, "q"), limit, timeout_ms)


def _read(call: Call, hub: Hub, play: Play, ref: str, q: str, limit: int | None, timeout_ms: int | None) -> Answer:
    # The cap's height is not documented; the default as the cap is the strictest reading, so clients must page.
    cap = play.row_limit or hub.settings.row_limit
    result = read(hub, _db(call), ref, q, min(limit or cap, cap), min(timeout_ms or DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS))
    shown: dict[str, object] = {
        "columns": [
            {"name": c.name, "type": c.type, "is_primary_key": c.is_primary_key, "source_table": c.source_table}
            for c in result.columns
        ],
        "rows": [list(row) for row in result.rows],
        "status": result.status,
    }
    if result.status != "success":
        shown["message"] = result.message or result.status
    return json_answer({"data": {**shown, "warnings": []}})


def read(hub: Hub, db: DatabaseName, ref: str, q: str, limit: int, timeout_ms: int) -> QueryResult:
    """A read that never raises for a ref that is not there: production answers 200 with `branch not found`."""
    try:
        return hub.store.read(db, ref, q, limit=limit, timeout_ms=timeout_ms)
    except (NoSuchBranch, NoSuchCommit):
        return QueryResult(columns=(), rows=(), status="error", message=f"query error: branch not found: {ref}")


def run_sql_write_query(call: Call, hub: Hub, play: Play) -> Answer:
    body = json_object(call, known={"from_branch", "to_branch", "q"})
    from_branch, to_branch, q = (text_field(body, name) for name in ("from_branch", "to_branch", "q"))
    user = _writer(call, hub)
    hub.store.head(_db(call), from_branch)
    return _accepted(call, hub.start_write(_db(call), from_branch, to_branch, q, user=user.username, plan=play.job))


# --- pulls and comments ---


def list_pulls(call: Call, hub: Hub, play: Play) -> Answer:
    return _page(call, hub, play, hub.pulls(_db(call)), summary_shape)


def create_pull(call: Call, hub: Hub, play: Play) -> Answer:
    body = json_object(call, known=None)
    title = text_field(body, "title")
    description = body.get("description", "")
    if not isinstance(description, str):
        raise Refused(400, "description must be a string")
    from_db, from_branch = _branch_ref(body, "from_branch")
    to_db, to_branch = _branch_ref(body, "to_branch")
    user = _user(call)
    if to_db != _db(call):
        raise Refused(400, "to_branch.database must be the database of the path")
    if not hub.may_read(user.username, from_db):
        raise NoSuch("no such repository")
    number = hub.open_pull(
        to_db,
        title=title,
        description=description,
        creator=user.username,
        from_db=from_db,
        from_branch=from_branch,
        to_branch=to_branch,
    )
    return json_answer({"data": whole_pull_shape(hub.pull(to_db, number))}, 201)


def _branch_ref(body: Mapping[str, object], name: str) -> tuple[DatabaseName, str]:
    ref = body.get(name)
    database = ref.get("database") if isinstance(ref, dict) else None
    if not isinstance(ref, dict) or not isinstance(database, dict):
        raise Refused(400, f"{name} must hold database and branch_name")
    return DatabaseName(text_field(database, "owner"), text_field(database, "name")), text_field(ref, "branch_name")


def get_pull(call: Call, hub: Hub, play: Play) -> Answer:
    return json_answer({"data": whole_pull_shape(_pull(call, hub))})


def update_pull(call: Call, hub: Hub, play: Play) -> Answer:
    pull = _pull(call, hub)
    body = json_object(call, known={"title", "description", "state"})
    if not body:
        raise Refused(400, "at least one of title, description, state is required")
    title = text_field(body, "title") if "title" in body else None
    description, state = body.get("description"), body.get("state")
    if "description" in body and not isinstance(description, str):
        raise Refused(400, "description must be a string")
    if "state" in body and state not in ("open", "closed"):
        raise Refused(400, "state must be open or closed")
    user = _user(call)
    if user.username != pull.creator:
        _writer(call, hub)
    new = hub.update_pull(
        pull.db,
        pull.number,
        user=user.username,
        title=title,
        description=description if isinstance(description, str) else None,
        state="open" if state == "open" else "closed" if state == "closed" else None,
    )
    return json_answer({"data": whole_pull_shape(new)})


def list_pull_comments(call: Call, hub: Hub, play: Play) -> Answer:
    pull = _pull(call, hub)
    return json_answer({"data": [comment_shape(c) for c in hub.comments(pull.db, pull.number)], "meta": {}})


def create_pull_comment(call: Call, hub: Hub, play: Play) -> Answer:
    pull = _pull(call, hub)
    text = text_field(json_object(call, known={"body"}), "body")
    comment_id = hub.comment(pull.db, pull.number, _user(call).username, text)
    made = next(c for c in hub.comments(pull.db, pull.number) if c.comment_id == comment_id)
    return json_answer({"data": comment_shape(made)}, 201)


def merge_pull(call: Call, hub: Hub, play: Play) -> Answer:
    pull = _pull(call, hub)
    json_object(call, known=set())
    user = _writer(call, hub)
    hub.refuse_unmergeable(pull)
    if hub.settings.conflicts_at_start:
        hub.refuse_conflicting(pull)
    return _accepted(call, hub.start_merge(pull, user=user.username, plan=play.job))


# --- operations ---


def list_operations(call: Call, hub: Hub, play: Play) -> Answer:
    return _page(call, hub, play, hub.operations.of(_db(call)), operation_shape)


def get_operation(call: Call, hub: Hub, play: Play) -> Answer:
    operation = hub.operations.get(call.parts["operation_id"])
    if operation is None or not hub.may_read(_user(call).username, operation.db):
        raise NoSuch("no such operation")
    return json_answer({"data": operation_shape(operation)})


HANDLERS: Mapping[str, Handler] = {
    "getCurrentUser": get_current_user,
    "getDatabase": get_database,
    "listBranches": list_branches,
    "createBranch": create_branch,
    "listForks": list_forks,
    "createFork": create_fork,
    "runSqlReadQuery": run_sql_read_query,
    "runSqlReadQueryPost": run_sql_read_query_post,
    "runSqlWriteQuery": run_sql_write_query,
    "listPulls": list_pulls,
    "createPull": create_pull,
    "getPull": get_pull,
    "updatePull": update_pull,
    "listPullComments": list_pull_comments,
    "createPullComment": create_pull_comment,
    "mergePull": merge_pull,
    "listOperations": list_operations,
    "getOperation": get_operation,
}
