"""DoltHub's older API v1alpha1: its requests and responses as values; and `V1`, its methods over a connection.

A DoltLab may have only this API. Paths and bodies: DoltHub documentation, v1alpha1. Where clients have seen something else than
the documents show (a colon inside names, `from_branch_name`, `creator` beside `author`), both forms are read. Nearly every
refusal has status 400, so its text decides what it means.

Such a host shows no comments to a program. The bot keeps the marks of its own comments in a `Journal` instead: enough not to
post the same twice while the journal lasts, and never enough to decide by. Comments of other accounts are not seen.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol
from urllib.parse import quote

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
    names_missing_ref,
    retry_after,
    timed_out,
    write_request,
)
from bot.dolthub.sql import Statement
from bot.dolthub.wire import (
    Branch,
    Operation,
    OperationState,
    Reading,
    Written,
    failure,
    job_state,
    mapping,
    read_cell,
    read_moment,
    read_state,
    text_of,
)
from bot.model.ids import CommentId, CommitHash, Commons, Database, PullNo, User, is_commit_hash
from bot.model.ledger import Row, read_time
from bot.model.pull import BranchRef, Comment, Pull, PullSummary

SCHEME = "token"
ROOT = "/api/v1alpha1"
QUERY_BYTES_MAX = 7_500
"""A longer query fails: a GET does beyond 4 to 8 KB (DoltHub API v2 contract, of its own GET)."""
BRANCHES = "SELECT name, hash, latest_commit_date FROM dolt_branches ORDER BY name LIMIT 1000"
POSTED_MAX = 2
"""How often the same comment is sent while it is unknown whether it arrived."""


# --- requests ---------------------------------------------------------------------------------------------------------


def path(db: Database, *more: str) -> str:
    """Path of a database, or of something below it; each part of `more` is one segment, a branch with slashes too."""
    check_name(db)
    return "/".join((ROOT, db.owner, db.name, *(quote(part, safe="") for part in more)))


def read(operation: str, at: str, *, auth: bool, page: str = "", public: bool = True) -> Request:
    """A GET; `page` is the token of the page, empty for the first."""
    query = (("pageToken", page),) if page else ()
    return Request(operation=operation, method="GET", path=at, query=query, auth=auth, public=public, reads=True)


def sql_read(db: Database, ref: str, query: str, *, auth: bool) -> Request:
    """A SQL read at a branch or commit. There is no POST for it, and with a token the ref is required.

    Raises HubStrange(too_large).
    """
    if (size := len(quote(query, safe=""))) > QUERY_BYTES_MAX:
        raise HubStrange(f"a query of {size} bytes: v1alpha1 takes {QUERY_BYTES_MAX} at most", too_large=True)
    return Request(
        operation="v1Read", method="GET", path=path(db, ref), query=(("q", query),), auth=auth, public=True, reads=True
    )


def poll(operation: str, at: str, name: str) -> Request:
    """A GET of the state of a job."""
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


# --- what a response means --------------------------------------------------------------------------------------------


def refusal(request: Request, response: Response) -> HubError | None:
    """The error that a response stands for, None for status 2xx. Texts: wl, internal/remote; DoltHub's own tests."""
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
    """The text of a refusal, empty if the response is not of the API."""
    try:
        found = document(response)
    except HubStrange:
        return ""
    if not isinstance(found, dict):
        return ""
    return clean(str(found.get("message") or found.get("query_execution_message") or found.get("status") or ""))


def read_body(response: Response) -> Mapping[str, object]:
    """The body as an object, names without a colon at their end. Raises HubStrange, and HubRefused for an `Error`."""
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
        raise HubStrange("the response about the token's account names none")
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
    """The answer of a SQL read. Rows are objects, so two columns of one name are one; the key of a NULL may be missing.

    Raises HubBusy (timeout), HubGone (ref does not exist), HubStrange (SQL error, cut rows, an unknown shape).
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
    # For a warning v1alpha1 has the status, and sometimes a message.
    warning = (says or "a warning without words",) if status == "successwithwarning" else ()
    return Reading(
        rows=tuple(Row(tuple((name, read_cell(row.get(name))) for name in names)) for row in found), warnings=warning
    )


def read_branches(rows: Iterable[Row]) -> tuple[Branch, ...]:
    """Branches with their heads, which v1alpha1's own list does not have, from the rows of `BRANCHES`.

    The table lags behind a branch that the API has just made (wl commit 9a4ad5a), as v2's list does.
    """
    return tuple(
        Branch(name=row.text("name"), head=CommitHash(row.text("hash"))) for row in rows if is_commit_hash(row.text("hash"))
    )


# --- jobs -------------------------------------------------------------------------------------------------------------


def read_job_name(response: Response) -> str:
    """The name of a job just started. Raises HubStrange if there is none: it counts as not started (wl)."""
    return text_of(read_body(response), "operation_name")


def read_write(response: Response) -> Operation:
    """The state of a SQL write. Its fields are flat or in `res_details`; while it runs they are missing."""
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
    """The state of a merge, from `job_status`, or from `done` as one client reads it (Kilo-Org/cloud)."""
    body = read_body(response)
    word = body.get("job_status")
    if word is None:
        state = OperationState.SUCCEEDED if body.get("done") is True else OperationState.RUNNING
    else:
        state = job_state(word)
    return Operation(kind="merge", state=state, detail=clean(str(body.get("error") or "")))


def read_job(data: Mapping[str, object]) -> tuple[str, Operation]:
    """One job of the list, and its name."""
    at = data.get("created_at")
    return str(data.get("job_id") or ""), Operation(
        kind=str(data.get("job_type") or "").strip().lower(),
        state=job_state(data.get("status")),
        created_at=read_time(at) if isinstance(at, str) else None,
        status=422,
        code="V1ALPHA1",
        detail=clean(str(data.get("error") or "")),
    )


# --- the API ----------------------------------------------------------------------------------------------------------


class Journal(Protocol):
    """Where the marks of the bot's own comments are kept for a host that does not show them."""

    def list(self, number: PullNo, by: User, /) -> tuple[Comment, ...]:
        """What the bot posted on a pull, oldest first: comments by `by` that hold only the mark."""

    def add(self, number: PullNo, body: str) -> CommentId:
        """The bot posted this comment; its mark is its last line."""

    def sent(self, number: PullNo, mark: str) -> int:
        """The bot is about to post this; returns how often that was so, this time included."""


@dataclass(slots=True)
class V1:
    """The methods of v1alpha1. `bot.dolthub.client.Hub` explains each; `comments` knows the bot's own marks only.

    `named_account`: the account of the token by the operator's word. `token_account`: the proved one, asked once.
    """

    connection: Connection
    named_account: User | None
    journal: Journal
    token_account: User | None = None
    comments_readable: ClassVar[bool] = False

    def me(self) -> User | None:
        """The account of the token: by `GET /user`; or, where there is none, the named account, if the token proves to be its.

        The proof is that the operations of a user are shown to that user alone (DoltHub documentation, operations).
        """
        if not self.connection.token:
            return None
        if self.token_account is None:
            self.token_account = self._ask_account()
        return self.token_account

    def _ask_account(self) -> User:
        try:
            return self.connection.read(read("v1User", f"{ROOT}/user", auth=True, public=False), read_user)
        except (HubStrange, HubRefused) as no:
            if isinstance(no, HubRefused) and no.status == 401:
                raise
            if self.named_account is None:
                fix = "set STAMPBOT_ACCOUNT to the name of the token's account"
                raise HubStrange(f"this host does not show whose the token is; {fix} ({no})") from no
        request = read("v1Operations", f"{ROOT}/users/{self.named_account}/operations", auth=True, public=False)
        try:
            self.connection.read(request, read_body)
        except HubRefused as no:
            says = f"the token does not prove to be that of {self.named_account}, whom STAMPBOT_ACCOUNT names ({no})"
            raise HubRefused(says, status=401, code="UNAUTHENTICATED") from no
        return self.named_account

    def database(self, db: Database) -> bool:
        try:
            self.connection.read(self._list_branches(db), read_body)
        except HubGone:
            return False
        return True

    def time(self, db: Database) -> datetime | None:
        return self.connection.read(self._list_branches(db), wire.read_date)

    def branches(self, db: Database) -> tuple[Branch, ...]:
        """By a query on main: v1alpha1's own list has names only."""
        return read_branches(self.sql(db, "main", BRANCHES).rows)

    def pull(self, commons: Commons, number: PullNo) -> Pull:
        return self.connection.read(read("v1Pull", path(commons, "pulls", str(int(number))), auth=True), read_pull)

    def pulls(self, commons: Commons, unread: dict[PullNo, HubStrange] | None) -> tuple[PullSummary, ...]:
        items = self._items("v1Pulls", commons, "pulls")
        return tuple(wire.read_pulls(items, read_pull_summary, number_of, unread))

    def comments(self, _commons: Commons, number: PullNo) -> tuple[Comment, ...]:
        """The bot's own, from the journal. Raises what the journal raises: that it cannot be read is not "nothing posted"."""
        me = self.me()
        return self.journal.list(number, me) if me is not None else ()

    def sql(self, db: Database, ref: str, text: str) -> Reading:
        """Raises HubStrange(too_large) for a query that no URL can hold; a caller that joined several sends them one by one."""
        request = sql_read(db, ref, text, auth=self.connection.has_token_for(db))
        return with_warnings_logged(self.connection.read(request, read_sql), db, text)

    def merging(self, commons: Commons) -> bool:
        jobs = (read_job(item)[1] for item in self._items("v1Jobs", commons, "jobs"))
        return any(job.kind == "merge" and job.state is OperationState.RUNNING for job in jobs)

    def create_branch(self, commons: Commons, name: str, at: CommitHash) -> None:
        body = {"revisionType": "commit", "revisionName": at, "newBranchName": name}
        self.connection.write(write_request("v1CreateBranch", "POST", path(commons, "branches"), body))

    def write(self, commons: Commons, branch: str, statement: Statement) -> Written:
        request = write_request("v1Write", "POST", path(commons, "write", branch, branch), {"query": statement.text})
        try:
            job = self._start(request)
            ended = self.connection.follow(request, poll("v1WritePoll", path(commons, "write"), job), read_write)
        except HubRefused as no:
            if changed_nothing(str(no)):
                return Written.UNCHANGED
            raise
        return wire.written(request, ended)

    def open_pull(self, commons: Commons, title: str, description: str, branch: str) -> PullNo:
        body = new_pull(BranchRef(commons, branch), BranchRef(commons, "main"), title, description)
        response = self.connection.write(write_request("v1CreatePull", "POST", path(commons, "pulls"), body))
        with unknown_if_unreadable("v1CreatePull"):
            return read_number(response)

    def comment(self, commons: Commons, number: PullNo, body: str, until: float | None) -> CommentId:
        """Post a comment, and keep its mark in the journal. The response has no id, so it is the journal's."""
        mark = body.rstrip().rpartition("\n")[2]
        times = self.journal.sent(number, mark)
        try:
            at = path(commons, "pulls", str(int(number)), "comments")
            self.connection.write(write_request("v1Comment", "POST", at, {"comment": body}, until=until))
        except HubBusy as later:
            if not later.unknown_end or times < POSTED_MAX:
                raise
        return self.journal.add(number, body)

    def merge(self, commons: Commons, number: PullNo, until: float | None) -> None:
        at = path(commons, "pulls", str(int(number)), "merge")
        request = write_request("v1Merge", "POST", at, {}, until=until)
        job = self._start(request)
        try:
            ended = self.connection.follow(request, poll("v1MergePoll", at, job), read_merge)
        except HubBusy as later:
            # How the poll shows a failed merge is not documented; the list of jobs does show it.
            failed = self._failed(commons, job)
            if failed is None:
                raise later
            ended = failed
        if ended.state is not OperationState.SUCCEEDED:
            raise failure(request, ended)

    def close(self, commons: Commons, number: PullNo) -> None:
        at = path(commons, "pulls", str(int(number)))
        self.connection.write(write_request("v1UpdatePull", "PATCH", at, {"state": "closed"}))

    def _start(self, request: Request) -> str:
        """Start a job and return its name."""
        response = self.connection.write(request)
        with unknown_if_unreadable(request.operation):
            return read_job_name(response)

    def _failed(self, commons: Commons, name: str) -> Operation | None:
        """The job of this name, if the list of jobs shows that it failed."""
        try:
            jobs = dict(map(read_job, self._items("v1Jobs", commons, "jobs")))
        except HubError:
            return None
        job = jobs.get(name)
        return job if job is not None and job.state is OperationState.FAILED else None

    def _list_branches(self, db: Database) -> Request:
        return read("v1Branches", path(db, "branches"), auth=self.connection.has_token_for(db))

    def _items(self, operation: str, db: Database, what: str) -> Iterator[Mapping[str, object]]:
        """All items of a list, over all its pages."""
        at, auth = path(db, what), self.connection.has_token_for(db)
        pages = self.connection.pages(
            lambda token: read(operation, at, auth=auth, page=token), functools.partial(read_list, name=what)
        )
        return (item for page in pages for item in page)
