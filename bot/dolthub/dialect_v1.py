"""DoltHub's older API v1alpha1 as values, without a socket: what is asked, what answers say, what a refusal means.

A DoltLab may have nothing else. Paths and bodies: DoltHub documentation, v1alpha1. What its documents misprint and clients
have seen otherwise (a colon inside names, `from_branch_name`, `creator` beside `author`) is read in both forms. It refuses
nearly everything with a 400, so what a refusal means is told from its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import (
    FRONT_END_TIMED_OUT,
    TOKEN_FIX,
    Request,
    Response,
    check_name,
    clean,
    document,
    names_missing_ref,
    retry_after,
    timed_out,
)
from bot.dolthub.wire import (
    Branch,
    Operation,
    OperationState,
    Reading,
    job_state,
    mapping,
    read_cell,
    read_moment,
    read_state,
    text_of,
)
from bot.model.ids import CommitHash, Database, PullNo, User, is_commit_hash
from bot.model.ledger import Row, read_time
from bot.model.pull import BranchRef, Pull, PullSummary

ROOT = "/api/v1alpha1"
QUERY_BYTES_MAX = 7_500
"""A longer question does not get through: a GET beyond 4 to 8 KB fails (DoltHub API v2 contract, of its own GET)."""
BRANCHES = "SELECT name, hash, latest_commit_date FROM dolt_branches ORDER BY name LIMIT 1000"


# --- asking -----------------------------------------------------------------------------------------------------------


def path(db: Database, *more: str) -> str:
    """Path of a database, or of something below it; each part of `more` is one segment, a branch with slashes too."""
    check_name(db)
    return "/".join((ROOT, db.owner, db.name, *(quote(part, safe="") for part in more)))


def read(operation: str, at: str, *, auth: bool, page: str = "", public: bool = True) -> Request:
    """A GET; `page` is the token of the page wanted, empty for the first."""
    query = (("pageToken", page),) if page else ()
    return Request(operation=operation, method="GET", path=at, query=query, auth=auth, public=public, reads=True)


def sql_read(db: Database, ref: str, query: str, *, auth: bool) -> Request:
    """A SQL read at a branch or commit. There is no POST for it, and with a token a ref has to be named.

    Raises HubStrange(too_large).
    """
    if (size := len(quote(query, safe=""))) > QUERY_BYTES_MAX:
        raise HubStrange(f"a question of {size} bytes: v1alpha1 takes {QUERY_BYTES_MAX} at most", too_large=True)
    return Request(
        operation="v1Read", method="GET", path=path(db, ref), query=(("q", query),), auth=auth, public=True, reads=True
    )


def poll(operation: str, at: str, name: str) -> Request:
    """Ask how a job is that was started."""
    return Request(operation=operation, method="GET", path=at, query=(("operationName", name),), auth=True, reads=True)


def new_pull(source: BranchRef, target: BranchRef, title: str, description: str) -> dict[str, object]:
    """The body of a new pull."""
    return {
        "title": title,
        "description": description,
        "fromBranchOwnerName": source.database.owner,
        "fromBranchRepoName": source.database.name,
        "fromBranchName": source.branch,
        "toBranchOwnerName": target.database.owner,
        "toBranchRepoName": target.database.name,
        "toBranchName": target.branch,
    }


# --- what an answer means ---------------------------------------------------------------------------------------------


def refusal(request: Request, response: Response) -> HubError | None:
    """The error an answer stands for, None if it is a yes. Texts: wl, internal/remote; DoltHub's own tests."""
    status = response.status
    if timed_out(response):
        return HubBusy(f"{request.operation}: the hub timed out ({FRONT_END_TIMED_OUT})", retry_after_s=retry_after(response))
    if 200 <= status < 300:
        return None
    seen = clean(response.body[:4096].decode("utf-8", "replace"))
    found = _words(response)
    says = f"{request.operation}: {status} {found or seen}"
    low = says.lower()
    if status in (408, 429) or status >= 500:
        return HubBusy(says, retry_after_s=retry_after(response))
    if status == 414:
        return HubStrange(f"{request.operation}: the question is too long for this host's v1alpha1", too_large=True)
    if 300 <= status < 400:
        return HubStrange(f"{request.operation}: {status}, a redirect; redirects are not followed, check the hub's address")
    if "invalid authorization" in low or status == 401:
        return HubRefused(f"{says}: the token is refused; {TOKEN_FIX}", status=401, code="UNAUTHENTICATED")
    if "not allowed to operate" in low or "permission denied" in low or status == 403:
        fix = "the account of STAMPBOT_HUB_TOKEN lacks the right, or the token's scopes leave it out"
        return HubRefused(f"{says}: {fix}", status=403, code="PERMISSION_DENIED")
    if not found:
        return HubStrange(f"{request.operation}: {status}, not an API answer: {seen}", unreadable=True)
    if "already exists" in low:
        return HubConflict(says, status=409, code="CONFLICT")
    if "serialization failure" in low:
        return HubBusy(says)
    if "no such pull" in low:
        return HubGone(says)
    if "no such repository" in low or names_missing_ref(low):
        return HubGone(says, passing=True)
    return HubRefused(says, status=status, code="V1ALPHA1")


def _words(response: Response) -> str:
    """What a refusal says, empty if it is no answer of the API."""
    try:
        found = document(response)
    except HubStrange:
        return ""
    if not isinstance(found, dict):
        return ""
    return clean(str(found.get("message") or found.get("query_execution_message") or found.get("status") or ""))


def read_body(response: Response) -> Mapping[str, object]:
    """The answer as an object, a colon at the end of its names taken off. Raises HubStrange, HubRefused for an `Error`."""
    found = {name.removesuffix(":"): value for name, value in mapping(document(response), "an answer").items()}
    if str(found.get("status", "")).lower() == "error":
        raise HubRefused(clean(str(found.get("message") or "Error")), status=400, code="V1ALPHA1")
    return found


def read_list(response: Response, name: str) -> tuple[tuple[Mapping[str, object], ...], str]:
    """The objects in `name`, and the token of the next page (empty: this was the last). Raises HubStrange."""
    body = read_body(response)
    items, token = body.get(name), body.get("next_page_token")
    if not isinstance(items, list):
        raise HubStrange(f"a list of {name} was expected, found {type(items).__name__}")
    shown = ({k.removesuffix(":"): v for k, v in mapping(item, "an item").items()} for item in items)
    return tuple(shown), token if isinstance(token, str) else ""


def read_user(response: Response) -> User:
    """The account of the token. INFERRED: that there is `GET /user` is documented (DoltHub, migration), its shape is not."""
    body = read_body(response)
    inner = body.get("user")
    places = (inner, body) if isinstance(inner, dict) else (body,)
    names = (place.get(key) for place in places for key in ("username", "user_name", "name"))
    found = next((name for name in names if isinstance(name, str) and name), None)
    if found is None:
        raise HubStrange("the answer about our own account names none")
    return User(found)


def read_pull_summary(data: Mapping[str, object]) -> PullSummary:
    return PullSummary(
        number=number_of(data),
        title=text_of(data, "title", ""),
        state=read_state(data),
        creator=_creator(data),
        created_at=read_moment(data, "created_at"),
    )


def read_pull(response: Response) -> Pull:
    """A pull. A source that is left out (deleted fork) reads as the empty database, which is never found."""
    data = read_body(response)
    return Pull(
        number=number_of(data),
        title=text_of(data, "title", ""),
        description=text_of(data, "description", ""),
        state=read_state(data),
        creator=_creator(data),
        source=_branch_ref(data, "from"),
        target=_branch_ref(data, "to"),
        created_at=read_moment(data, "created_at"),
    )


def read_number(response: Response) -> PullNo:
    """The number of a pull just opened."""
    return number_of(read_body(response))


def number_of(data: Mapping[str, object]) -> PullNo:
    value = data.get("pull_id") or data.get("_id")
    # As an `_id` it comes as a path that ends in the number (wl, internal/remote).
    match = re.search(r"(?:^|/)([1-9][0-9]{0,17})$", str(value)) if isinstance(value, str | int) else None
    if match is None:
        raise HubStrange("`pull_id` is missing or not a number")
    return PullNo(int(match[1]))


def _creator(data: Mapping[str, object]) -> User:
    found = data.get("creator") or data.get("author")
    if not isinstance(found, str):
        raise HubStrange("a pull without `creator` or `author`")
    return User(found)


def _branch_ref(data: Mapping[str, object], side: str) -> BranchRef:
    def word(*names: str) -> str:
        return next((v for name in names if isinstance(v := data.get(f"{side}_branch{name}"), str)), "")

    return BranchRef(Database(word("_owner"), word("_database")), word("", "_name"))


def read_sql(response: Response) -> Reading:
    """The answer of a SQL read. Rows are objects, of which two columns of one name are one, and NULL may be a key left out.

    Raises HubBusy (timeout), HubGone (ref does not exist), HubStrange (SQL error, cut rows, a shape we do not know).
    """
    data = mapping(document(response), "an answer")
    status = str(data.get("query_execution_status", "")).lower()
    says = clean(str(data.get("query_execution_message") or ""))
    if status == "timeout":
        raise HubBusy(f"SQL read timed out: {says}")
    if status == "rowlimit":
        raise HubStrange("SQL read cut at the row limit: its rows are incomplete")
    if status == "error" and ("no such repository" in says.lower() or names_missing_ref(says)):
        raise HubGone(says, passing=True)
    if status == "error" and "serialization failure" in says.lower():
        raise HubBusy(says)
    if status not in ("success", "successwithwarning"):
        raise HubStrange(f"SQL read answered {clean(status, 40) or 'without status'}: {says}")
    rows, schema = data.get("rows"), data.get("schema")
    if not isinstance(rows, list):
        raise HubStrange("a SQL result without rows")
    known = [text_of(mapping(c, "a column"), "columnName") for c in schema] if isinstance(schema, list) else []
    found = [mapping(row, "a row") for row in rows]
    names = known or list(dict.fromkeys(name for row in found for name in row))
    # Of a warning v1alpha1 has the status alone, and the message where it fills that.
    warning = (says or "a warning without words",) if status == "successwithwarning" else ()
    return Reading(
        rows=tuple(Row(tuple((name, read_cell(row.get(name))) for name in names)) for row in found), warnings=warning
    )


def read_branches(rows: Iterable[Row]) -> tuple[Branch, ...]:
    """Branches with their heads, which v1alpha1's own list does not tell, from the rows of `BRANCHES`.

    The table lags behind a branch that the API has just made (wl commit 9a4ad5a), as v2's list does.
    """
    return tuple(
        Branch(name=row.text("name"), head=CommitHash(row.text("hash")), at=read_time(row.get("latest_commit_date")))
        for row in rows
        if is_commit_hash(row.text("hash"))
    )


# --- jobs -------------------------------------------------------------------------------------------------------------


def read_job_name(response: Response) -> str:
    """The name of a job just started. Raises HubStrange if there is none: it counts as not started (wl)."""
    return text_of(read_body(response), "operation_name")


def read_write(response: Response) -> Operation:
    """How a SQL write is: flat or in `res_details`; all is missing while it runs."""
    body = read_body(response)
    if body.get("done") is not True:
        return Operation(kind="sql_write", state=OperationState.RUNNING)
    inner = body.get("res_details")
    found: Mapping[str, object] = inner if isinstance(inner, dict) else body
    status = str(found.get("query_execution_status", "")).lower()
    good = status in ("success", "successwithwarning")
    return Operation(
        kind="sql_write",
        state=OperationState.SUCCEEDED if good else OperationState.FAILED,
        commit=str(found.get("to_commit_id") or ""),
        status=400,
        code="V1ALPHA1",
        detail=clean(str(found.get("query_execution_message") or "")),
    )


def read_merge(response: Response) -> Operation:
    """How a merge is, by `job_status`, or by `done` as one client reads it (Kilo-Org/cloud)."""
    body = read_body(response)
    word = body.get("job_status")
    if word is None:
        state = OperationState.SUCCEEDED if body.get("done") is True else OperationState.RUNNING
    else:
        state = job_state(word)
    return Operation(kind="merge", state=state, detail=clean(str(body.get("error") or "")))


def read_job(data: Mapping[str, object]) -> tuple[str, Operation]:
    """One job of the list, by its name."""
    at = data.get("created_at")
    return str(data.get("job_id") or ""), Operation(
        kind=str(data.get("job_type") or "").strip().lower(),
        state=job_state(data.get("status")),
        created_at=read_time(at) if isinstance(at, str) else None,
        status=422,
        code="V1ALPHA1",
        detail=clean(str(data.get("error") or "")),
    )
