"""DoltHub's API v2: its requests and what a refusal means, as values; and `V2`, its methods over a connection.

Paths, bodies and error codes: DoltHub API v2 contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.dolthub import wire
from bot.dolthub.connection import Connection, unknown_if_unreadable, with_warnings_logged
from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import (
    FRONT_END_TIMED_OUT,
    TOKEN_FIX,
    Request,
    Response,
    changed_nothing,
    check_name,
    clean,
    document,
    retry_after,
    timed_out,
    write_request,
)
from bot.dolthub.sql import Statement
from bot.dolthub.wire import Branch, Operation, OperationState, Reading, Written
from bot.model.ids import CommentId, CommitHash, Commons, Database, PullNo, User
from bot.model.pull import BranchRef, Comment, Pull, PullSummary

SCHEME = "Bearer"

_RIGHTS: Mapping[str, str] = {
    "createBranch": "write permission on the commons",
    "runSqlWriteQuery": "write permission on the commons",
    "createPull": "permission to open pull requests on the commons",
    "createPullComment": "permission to comment on the commons",
    "updatePull": "write permission on the commons",
    "mergePull": "write permission on the commons",
    "getOperation": "the right to see the operations of the commons",
}


# --- requests ---------------------------------------------------------------------------------------------------------


def read(operation: str, path: str, *, auth: bool, page: str = "", public: bool = True) -> Request:
    """A GET; `page` is the token of the page, empty for the first."""
    query = (("page_token", page),) if page else ()
    return Request(operation=operation, method="GET", path=path, query=query, auth=auth, public=public, reads=True)


def sql_read(db: Database, ref: str, query: str, *, auth: bool) -> Request:
    """A SQL read. By POST: a GET fails beyond 4 to 8 KB of SQL, and may be answered from a stale cache."""
    body = {"ref": ref, "q": query}
    path = database_path(db) + "/sql"
    return Request(operation="runSqlReadQueryPost", method="POST", path=path, body=body, auth=auth, public=True, reads=True)


def database_path(db: Database) -> str:
    """Path of a database. Raises HubGone for a name that no database can have (a deleted fork's, a stranger's `..`)."""
    check_name(db)
    return f"/api/v2/databases/{db.owner}/{db.name}"


def pull_path(commons: Database, number: PullNo) -> str:
    """Path of a pull."""
    return f"{database_path(commons)}/pulls/{int(number)}"


def branch_ref(ref: BranchRef) -> dict[str, object]:
    """A branch as `createPull` takes it."""
    return {"database": {"owner": ref.database.owner, "name": ref.database.name}, "branch_name": ref.branch}


# --- what a response means --------------------------------------------------------------------------------------------


def refusal(request: Request, response: Response) -> HubError | None:
    """The error that a response stands for, None for status 2xx."""
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
    """Code and text of a problem document (RFC 9457), both empty if the body is no such document."""
    try:
        found = document(response)
    except HubStrange:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    code, detail = found.get("code"), found.get("detail") or found.get("title") or found.get("message")
    says = clean(detail) if isinstance(detail, str) else ""
    return clean(code, 40) if isinstance(code, str) and code else "UNKNOWN" if says else "", says


# --- the API ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class V2:
    """The methods of API v2. `bot.dolthub.client.Hub` explains each of them."""

    connection: Connection
    comments_readable: ClassVar[bool] = True

    def me(self) -> User | None:
        if not self.connection.token:
            return None
        return wire.read_user(self._object(read("getCurrentUser", "/api/v2/user", auth=True, public=False)))

    def database(self, db: Database) -> bool:
        try:
            self._object(self._get_database(db))
        except HubGone:
            return False
        return True

    def time(self, db: Database) -> datetime | None:
        return self.connection.read(self._get_database(db), wire.read_date)

    def branches(self, db: Database) -> tuple[Branch, ...]:
        items = self._items("listBranches", database_path(db) + "/branches", auth=self.connection.has_token_for(db))
        return tuple(map(wire.read_branch, items))

    def pull(self, commons: Commons, number: PullNo) -> Pull:
        return wire.read_pull(self._object(read("getPull", pull_path(commons, number), auth=True)))

    def pulls(self, commons: Commons, unread: dict[PullNo, HubStrange] | None) -> tuple[PullSummary, ...]:
        items = self._items("listPulls", database_path(commons) + "/pulls", auth=True)
        return tuple(wire.read_pulls(items, wire.read_pull_summary, wire.number_of, unread))

    def comments(self, commons: Commons, number: PullNo) -> tuple[Comment, ...]:
        items = self._items("listPullComments", pull_path(commons, number) + "/comments", auth=True)
        found = {comment.id: comment for comment in map(wire.read_comment, items)}
        return tuple(sorted(found.values(), key=lambda c: (c.created_at, c.id)))

    def sql(self, db: Database, ref: str, text: str) -> Reading:
        request = sql_read(db, ref, text, auth=self.connection.has_token_for(db))
        return with_warnings_logged(self.connection.read(request, wire.read_sql), db, text)

    def merging(self, commons: Commons) -> bool:
        for page in self._pages("listOperations", database_path(commons) + "/operations", auth=True):
            operations = tuple(map(wire.read_operation, page))
            if any(o.kind == "merge" and o.state is OperationState.RUNNING for o in operations):
                return True
            if _newest_first(operations):
                # Jobs of one database run in turn: behind a whole page of newer ones nothing is still running.
                return False
        return False

    def create_branch(self, commons: Commons, name: str, at: CommitHash) -> None:
        body = {"name": name, "from": {"commit": at}}
        self.connection.write(write_request("createBranch", "POST", database_path(commons) + "/branches", body))

    def write(self, commons: Commons, branch: str, statement: Statement) -> Written:
        body = {"from_branch": branch, "to_branch": branch, "q": statement.text}
        request = write_request("runSqlWriteQuery", "POST", database_path(commons) + "/sql-writes", body)
        try:
            ended = self._run(request)
        except HubRefused as no:
            if no.status == 400 and changed_nothing(str(no)):
                return Written.UNCHANGED
            raise
        return wire.written(request, ended)

    def open_pull(self, commons: Commons, title: str, description: str, branch: str) -> PullNo:
        body = {
            "title": title,
            "description": description,
            "from_branch": branch_ref(BranchRef(commons, branch)),
            "to_branch": branch_ref(BranchRef(commons, "main")),
        }
        response = self.connection.write(write_request("createPull", "POST", database_path(commons) + "/pulls", body))
        with unknown_if_unreadable("createPull"):
            return wire.read_pull(wire.read_one(response)).number

    def comment(self, commons: Commons, number: PullNo, body: str, until: float | None) -> CommentId:
        path = pull_path(commons, number) + "/comments"
        response = self.connection.write(write_request("createPullComment", "POST", path, {"body": body}, until=until))
        with unknown_if_unreadable("createPullComment"):
            return wire.read_comment_id(wire.read_one(response))

    def merge(self, commons: Commons, number: PullNo, until: float | None) -> None:
        request = write_request("mergePull", "POST", pull_path(commons, number) + "/merge", {}, until=until)
        ended = self._run(request)
        if ended.state is not OperationState.SUCCEEDED:
            raise wire.failure(request, ended)

    def close(self, commons: Commons, number: PullNo) -> None:
        self.connection.write(write_request("updatePull", "PATCH", pull_path(commons, number), {"state": "closed"}))

    def _run(self, request: Request) -> Operation:
        """Start an operation and poll it to its end. Raises HubBusy(unknown_end) if that does not come in time."""
        started = self.connection.write(request)
        with unknown_if_unreadable(request.operation):
            path = wire.read_operation_path(wire.read_one(started), self.connection.origin)
        return self.connection.follow(request, read("getOperation", path, auth=True, public=False), _read_operation)

    def _get_database(self, db: Database) -> Request:
        return read("getDatabase", database_path(db), auth=self.connection.has_token_for(db))

    def _object(self, request: Request) -> Mapping[str, object]:
        return self.connection.read(request, wire.read_one)

    def _items(self, operation: str, path: str, *, auth: bool) -> Iterator[Mapping[str, object]]:
        return (item for page in self._pages(operation, path, auth=auth) for item in page)

    def _pages(self, operation: str, path: str, *, auth: bool) -> Iterator[tuple[Mapping[str, object], ...]]:
        return self.connection.pages(lambda token: read(operation, path, auth=auth, page=token), wire.read_page)


def _read_operation(response: Response) -> Operation:
    return wire.read_operation(wire.read_one(response))


def _newest_first(operations: tuple[Operation, ...]) -> bool:
    """Whether a page shows operations from new to old, which no contract promises."""
    times = [o.created_at for o in operations if o.created_at is not None]
    return len(times) == len(operations) and len(set(times)) > 1 and times == sorted(times, reverse=True)
