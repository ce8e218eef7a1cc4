"""DoltHub's API v2 as values, without a socket: what is asked, and what a refusal means.

Paths, bodies and error codes: DoltHub API v2 contract.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import (
    FRONT_END_TIMED_OUT,
    TOKEN_FIX,
    Request,
    Response,
    check_name,
    clean,
    document,
    retry_after,
    timed_out,
)
from bot.model.ids import Database, PullNo
from bot.model.pull import BranchRef

_RIGHTS: Mapping[str, str] = {
    "createBranch": "write permission on the commons",
    "runSqlWriteQuery": "write permission on the commons",
    "createPull": "permission to open pull requests on the commons",
    "createPullComment": "permission to comment on the commons",
    "updatePull": "write permission on the commons",
    "mergePull": "write permission on the commons",
    "getOperation": "the right to see the operations of the commons",
}


# --- asking -----------------------------------------------------------------------------------------------------------


def read(operation: str, path: str, *, auth: bool, page: str = "", public: bool = True) -> Request:
    """A GET; `page` is the token of the page wanted, empty for the first."""
    query = (("page_token", page),) if page else ()
    return Request(operation=operation, method="GET", path=path, query=query, auth=auth, public=public, reads=True)


def sql_read(db: Database, ref: str, query: str, *, auth: bool) -> Request:
    """A SQL read. By POST: a GET fails beyond 4 to 8 KB of SQL, and may be answered from a stale cache."""
    body = {"ref": ref, "q": query}
    path = database_path(db) + "/sql"
    return Request(operation="runSqlReadQueryPost", method="POST", path=path, body=body, auth=auth, public=True, reads=True)


def write(operation: str, method: str, path: str, body: Mapping[str, object], *, until: float | None = None) -> Request:
    """A request that changes something: always with the token, never sent twice."""
    return Request(operation=operation, method=method, path=path, body=body, auth=True, reads=False, until=until)


def database_path(db: Database) -> str:
    """Path of a database. Raises HubGone for a name DoltHub cannot have (a deleted fork's, a stranger's `..`)."""
    check_name(db)
    return f"/api/v2/databases/{db.owner}/{db.name}"


def pull_path(commons: Database, number: PullNo) -> str:
    """Path of a pull."""
    return f"{database_path(commons)}/pulls/{int(number)}"


def branch_ref(ref: BranchRef) -> dict[str, object]:
    """A branch as `createPull` wants it."""
    return {"database": {"owner": ref.database.owner, "name": ref.database.name}, "branch_name": ref.branch}


# --- what an answer means ---------------------------------------------------------------------------------------------


def refusal(request: Request, response: Response) -> HubError | None:
    """The error an answer stands for, None if it is a yes (status 2xx)."""
    status = response.status
    if timed_out(response):
        return HubBusy(f"{request.operation}: DoltHub timed out ({FRONT_END_TIMED_OUT})", retry_after_s=retry_after(response))
    if 200 <= status < 300:
        return None
    body = clean(response.body[:4096].decode("utf-8", "replace"))
    code, detail = _problem(response)
    says = f"{request.operation}: {status} {code or ''} {detail or body}".replace("  ", " ").strip()
    if status in (408, 429) or status >= 500:
        return HubBusy(says, retry_after_s=retry_after(response))
    if 300 <= status < 400:
        return HubStrange(f"{request.operation}: {status}, a redirect; redirects are not followed, check the hub's address")
    if status == 401:
        return HubRefused(f"{says}: the token is refused; {TOKEN_FIX}", status=status, code="UNAUTHENTICATED")
    if status == 403:
        right = _RIGHTS.get(request.operation, "the right to read this database")
        fix = f"the account of STAMPBOT_HUB_TOKEN lacks {right}, or the token's scopes leave it out"
        return HubRefused(f"{says}: {fix}", status=status, code=code or "PERMISSION_DENIED")
    if status == 409:
        return HubConflict(says, status=status, code=code or "CONFLICT")
    if not code:
        return HubStrange(f"{request.operation}: {status}, not an API answer: {body}", unreadable=True)
    if status == 404:
        return HubGone(says, code=code, passing="no such repository" in detail.lower())
    return HubRefused(says, status=status, code=code)


def _problem(response: Response) -> tuple[str, str]:
    """Code and text of a problem document (RFC 9457), both empty if the body is none."""
    try:
        found = document(response)
    except HubStrange:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    code, detail = found.get("code"), found.get("detail") or found.get("title") or found.get("message")
    says = clean(detail) if isinstance(detail, str) else ""
    return clean(code, 40) if isinstance(code, str) and code else "UNKNOWN" if says else "", says
