"""DoltHub's API v2 as values, without a socket: what is asked, and what a refusal means.

Paths, bodies and error codes: DoltHub API v2 contract.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.model.ids import Database, PullNo
from bot.model.pull import BranchRef

ANSWER_MAX_BYTES = 16 * 1024 * 1024
"""More than this is not read; DoltHub's own command line has the same cap."""
MESSAGE_MAX_CHARS = 200
FRONT_END_TIMED_OUT = "upstream request timeout"
"""All that the front end says when DoltHub takes too long (clients have seen it under 200, too)."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")

TOKEN_FIX = "create a new API token in DoltHub's settings and set STAMPBOT_HUB_TOKEN to it"  # noqa: S105 - words
_RIGHTS: Mapping[str, str] = {
    "createBranch": "write permission on the commons",
    "runSqlWriteQuery": "write permission on the commons",
    "createPull": "permission to open pull requests on the commons",
    "createPullComment": "permission to comment on the commons",
    "updatePull": "write permission on the commons",
    "mergePull": "write permission on the commons",
    "getOperation": "the right to see the operations of the commons",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `path` is absolute and percent-encoded; `operation` is the contract's operationId.

    `auth`: the token goes along. `public`: may be asked without it. `reads`: asking twice changes nothing.
    `until`: the moment, on the client's clock, after which it must not be sent any more; None: there is none.
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None
    auth: bool
    public: bool = False
    reads: bool
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


# --- asking -----------------------------------------------------------------------------------------------------------


def read(operation: str, path: str, *, auth: bool, page: str = "", public: bool = True) -> Ask:
    """A GET; `page` is the token of the page wanted, empty for the first."""
    query = (("page_token", page),) if page else ()
    return Ask(operation=operation, method="GET", path=path, query=query, auth=auth, public=public, reads=True)


def sql_read(db: Database, ref: str, query: str, *, auth: bool) -> Ask:
    """A SQL read. By POST: a GET fails beyond 4 to 8 KB of SQL, and may be answered from a stale cache."""
    body = {"ref": ref, "q": query}
    path = database_path(db) + "/sql"
    return Ask(operation="runSqlReadQueryPost", method="POST", path=path, body=body, auth=auth, public=True, reads=True)


def write(operation: str, method: str, path: str, body: Mapping[str, object], *, until: float | None = None) -> Ask:
    """A request that changes something: always with the token, never sent twice."""
    return Ask(operation=operation, method=method, path=path, body=body, auth=True, reads=False, until=until)


def database_path(db: Database) -> str:
    """Path of a database. Raises HubGone for a name DoltHub cannot have (a deleted fork's, a stranger's `..`)."""
    check_name(db)
    return f"/api/v2/databases/{db.owner}/{db.name}"


def check_name(db: Database) -> None:
    """Raises HubGone for a name no database can have: what it would make of a path is not to be found out."""
    if not (_NAME.fullmatch(db.owner) and _NAME.fullmatch(db.name)):
        raise HubGone(f"no database can be called {clean(str(db))}")


def pull_path(commons: Database, number: PullNo) -> str:
    """Path of a pull."""
    return f"{database_path(commons)}/pulls/{int(number)}"


def branch_ref(ref: BranchRef) -> dict[str, object]:
    """A branch as `createPull` wants it."""
    return {"database": {"owner": ref.database.owner, "name": ref.database.name}, "branch_name": ref.branch}


def encode(body: Mapping[str, object]) -> bytes:
    """A request's body. Lone surrogates, which no JSON reader has to take, become replacement characters."""
    return json.dumps(_without_surrogates(body), separators=(",", ":")).encode("ascii")


# --- what an answer means ---------------------------------------------------------------------------------------------


def clean(text: str, limit: int = MESSAGE_MAX_CHARS) -> str:
    """Server text as one line for logs and errors: no control or format characters, at most `limit` characters."""
    shown = "".join(" " if unicodedata.category(c).startswith(("C", "Z")) else c for c in text[: limit * 4])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def refusal(ask: Ask, answer: Answer) -> HubError | None:
    """The error an answer stands for, None if it is a yes (status 2xx)."""
    status = answer.status
    if timed_out(answer):
        return HubBusy(f"{ask.operation}: DoltHub timed out ({FRONT_END_TIMED_OUT})", retry_after_s=retry_after(answer))
    if 200 <= status < 300:
        return None
    body = clean(answer.body[:4096].decode("utf-8", "replace"))
    code, detail = _problem(answer)
    says = f"{ask.operation}: {status} {code or ''} {detail or body}".replace("  ", " ").strip()
    if status in (408, 429) or status >= 500:
        return HubBusy(says, retry_after_s=retry_after(answer))
    if 300 <= status < 400:
        return HubStrange(f"{ask.operation}: {status}, a redirect; redirects are not followed, check the hub's address")
    if status == 401:
        return HubRefused(f"{says}: the token is refused; {TOKEN_FIX}", status=status, code="UNAUTHENTICATED")
    if status == 403:
        right = _RIGHTS.get(ask.operation, "the right to read this database")
        fix = f"the account of STAMPBOT_HUB_TOKEN lacks {right}, or the token's scopes leave it out"
        return HubRefused(f"{says}: {fix}", status=status, code=code or "PERMISSION_DENIED")
    if status == 409:
        return HubConflict(says, status=status, code=code or "CONFLICT")
    if not code:
        return HubStrange(f"{ask.operation}: {status}, not an API answer: {body}", unreadable=True)
    if status == 404:
        return HubGone(says, code=code, passing="no such repository" in detail.lower())
    return HubRefused(says, status=status, code=code)


def timed_out(answer: Answer) -> bool:
    """Whether the front end answered in DoltHub's place, under any status: its text stands alone, and no JSON begins so.

    Rows and comments hold whatever strangers write, this text too: in an answer of the API it means nothing.
    """
    return answer.body[:64].lstrip().lower().startswith(FRONT_END_TIMED_OUT.encode())


def _problem(answer: Answer) -> tuple[str, str]:
    """Code and text of a problem document (RFC 9457), both empty if the body is none."""
    try:
        found = document(answer)
    except HubStrange:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    code, detail = found.get("code"), found.get("detail") or found.get("title") or found.get("message")
    says = clean(detail) if isinstance(detail, str) else ""
    return clean(code, 40) if isinstance(code, str) and code else "UNKNOWN" if says else "", says


def retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) else None


def changed_nothing(text: str) -> bool:
    """Whether a refused or failed write only says that it had nothing to change.

    INFERRED for v2, whose form of a no-op is not documented: v1alpha1's poll names `SqlWrite.toCommitId` (wl
    internal/remote), v2's imports say `did not modify`, Dolt itself says `nothing to commit`.
    """
    lowered = text.lower()
    signs = ("sqlwrite.tocommitid", "nothing to commit", "no changes", "did not modify")
    return any(sign in lowered for sign in signs)


def names_missing_ref(text: str) -> bool:
    """Whether a SQL error is about the branch or commit that was asked for. INFERRED: only `branch not found` was seen."""
    return (
        re.search(r"\b(branch|ref|commit|database)\b[^.;]{0,80}\bnot found\b|no such (branch|ref|commit)", text, re.I)
        is not None
    )


def document(answer: Answer) -> object:
    """The body as JSON. Raises HubStrange if it is none, or too large."""
    if len(answer.body) > ANSWER_MAX_BYTES:
        raise HubStrange(f"an answer of more than {ANSWER_MAX_BYTES} bytes", too_large=True)
    try:
        found: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        seen = clean(answer.body[:4096].decode("utf-8", "replace"))
        raise HubStrange(f"{answer.status}, not JSON: {seen or '(empty)'}", unreadable=True) from None
    # A lone surrogate is no character: it would break whatever encodes the text later.
    return _without_surrogates(found) if _ESCAPED_SURROGATE.search(answer.body) else found


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value
