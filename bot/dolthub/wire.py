"""DoltHub's responses, read as values of the model.

Tolerant to growth (unknown fields, codes and states, states in any case), strict where a wrong reading would be believed
(hashes, times, comment ids): such an answer is a HubStrange.
"""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit

from bot.dolthub import sql
from bot.dolthub.errors import HubBusy, HubConflict, HubError, HubGone, HubRefused, HubStrange
from bot.dolthub.requests import Request, Response, changed_nothing, clean, document, names_missing_ref
from bot.model.history import Commit
from bot.model.ids import CommentId, CommitHash, Database, Handle, PullNo, User, is_commit_hash
from bot.model.ledger import Row, read_time
from bot.model.pull import BranchRef, Comment, Pull, PullState, PullSummary
from bot.model.snapshot import Record, Tally

OPERATIONS_PATH = "/api/v2/operations/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch and its head. `last_updated_at` is not read: it is the time of the head commit, which its author chooses."""

    name: str
    head: CommitHash


class Written(enum.Enum):
    """What DoltHub reports of a write. It proves nothing (a violated CHECK was seen to be a success): read it back."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"


class OperationState(enum.Enum):
    """The state of an operation. An unknown word is UNKNOWN, which counts as not finished."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


# The contract says queued, running, succeeded, failed; the other words are those of v1alpha1's jobs, seen in clients.
_STATES: Mapping[str, OperationState] = {
    "queued": OperationState.RUNNING,
    "pending": OperationState.RUNNING,
    "running": OperationState.RUNNING,
    "in_progress": OperationState.RUNNING,
    "succeeded": OperationState.SUCCEEDED,
    "success": OperationState.SUCCEEDED,
    "completed": OperationState.SUCCEEDED,
    "failed": OperationState.FAILED,
    "failure": OperationState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An asynchronous job of DoltHub. `status`, `code`, `detail` hold why it failed, as if it were an HTTP response.

    `commit`: what a SQL write made; empty for other jobs, and for a write that made none.
    """

    kind: str
    state: OperationState
    created_at: datetime | None = None
    commit: str = ""
    status: int = 0
    code: str = ""
    detail: str = ""

    @property
    def ended(self) -> bool:
        return self.state in (OperationState.SUCCEEDED, OperationState.FAILED)


def failure(request: Request, operation: Operation) -> HubError:
    """The error a failed operation stands for."""
    says = f"{request.operation} failed: {operation.detail or operation.code or 'no reason given'}"
    if "serialization failure" in operation.detail.lower():
        # Another writer won; the text itself asks to start again (DoltHub API v2 contract, error 1213).
        return HubBusy(says)
    if operation.status == 409:
        return HubConflict(says, status=409, code=operation.code)
    return HubRefused(says, status=operation.status, code=operation.code)


def written(request: Request, ended: Operation) -> Written:
    """What a SQL write that has ended did. Raises HubError for a failure, but not where there was nothing to change."""
    if ended.state is OperationState.SUCCEEDED:
        return Written.CHANGED if ended.commit else Written.UNCHANGED
    if changed_nothing(ended.detail):
        return Written.UNCHANGED
    raise failure(request, ended)


def read_one(response: Response) -> Mapping[str, object]:
    """The object in `data`. Raises HubStrange."""
    return mapping(_envelope(response).get("data"), "data")


def read_page(response: Response) -> tuple[tuple[Mapping[str, object], ...], str]:
    """The objects in `data`, and the token of the next page (empty: this was the last). Raises HubStrange."""
    envelope = _envelope(response)
    data, meta = envelope.get("data"), envelope.get("meta")
    if not isinstance(data, list):
        raise HubStrange(f"a list was expected, found {type(data).__name__}")
    token = meta.get("next_page_token") if isinstance(meta, dict) else None
    return tuple(mapping(item, "an item") for item in data), token if isinstance(token, str) else ""


def _envelope(response: Response) -> Mapping[str, object]:
    found = document(response)
    if not isinstance(found, dict) or "data" not in found:
        raise HubStrange(f"{response.status}, JSON without `data`", unreadable=True)
    return found


def read_date(response: Response) -> datetime | None:
    """When an answer was made, by its Date header (RFC 9110); None if it has none that can be read."""
    try:
        said = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError, IndexError):
        return None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


def read_user(data: Mapping[str, object]) -> User:
    return User(text_of(data, "username"))


def read_branch(data: Mapping[str, object]) -> Branch:
    head = text_of(data, "head_commit_sha")
    if not is_commit_hash(head):
        raise HubStrange(f"a branch with the head {clean(head, 60)!r}, which is no commit hash")
    return Branch(name=text_of(data, "name"), head=CommitHash(head))


def read_pull_summary(data: Mapping[str, object]) -> PullSummary:
    return PullSummary(
        number=number_of(data),
        title=text_of(data, "title", ""),
        state=read_state(data),
        creator=User(text_of(data, "creator")),
        created_at=read_moment(data, "created_at"),
    )


def read_pulls(
    items: Iterable[Mapping[str, object]],
    read: Callable[[Mapping[str, object]], PullSummary],
    number: Callable[[Mapping[str, object]], PullNo],
    unread: dict[PullNo, HubStrange] | None,
) -> Iterator[PullSummary]:
    """The pulls of a list. One that cannot be read is put into `unread` by its number. Raises HubStrange where it has none."""
    for item in items:
        try:
            yield read(item)
        except HubStrange as strange:
            if unread is None:
                raise
            unread[number(item)] = strange


def read_pull(data: Mapping[str, object]) -> Pull:
    """A pull. A source DoltHub leaves out (deleted fork) reads as the empty database, which is never found."""
    return Pull(
        number=number_of(data),
        title=text_of(data, "title", ""),
        description=text_of(data, "description", ""),
        state=read_state(data),
        creator=User(text_of(data, "creator")),
        source=_branch_ref(data.get("from_branch")),
        target=_branch_ref(data.get("to_branch")),
        created_at=read_moment(data, "created_at"),
    )


def read_comment(data: Mapping[str, object]) -> Comment:
    return Comment(
        id=read_comment_id(data),
        author=User(text_of(data, "author")),
        body=text_of(data, "body", ""),
        created_at=read_moment(data, "created_at"),
        updated_at=read_moment(data, "updated_at"),
    )


def read_comment_id(data: Mapping[str, object]) -> CommentId:
    found = data.get("comment_id")
    if isinstance(found, int) and not isinstance(found, bool):
        return CommentId(str(found))
    return CommentId(text_of(data, "comment_id"))


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of a SQL read: its rows, and the warnings of the engine as one line each."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()


def read_sql(response: Response) -> Reading:
    """The result of a SQL read. An error in the SQL is a 200 with another `status` (DoltHub API v2 contract, QueryResult).

    Raises HubBusy (timeout), HubGone (ref does not exist), HubStrange (SQL error, cut rows, an unknown shape).
    """
    data = read_one(response)
    status = str(data.get("status", "")).lower()
    says = clean(str(data.get("message") or ""))
    if status == "timeout":
        raise HubBusy(f"SQL read timed out: {says}")
    if status == "row_limit":
        raise HubStrange("SQL read cut at the row limit: its rows are incomplete")
    if status == "error" and "no such repository" in says.lower():
        raise HubGone(says, passing=True)
    if status == "error" and names_missing_ref(says):
        # A branch made a moment ago may lag behind (wl 9a4ad5a), so this too is believed only when repeated.
        raise HubGone(says, passing=True)
    if status == "error" and "serialization failure" in says.lower():
        raise HubBusy(says)
    if status != "success":
        raise HubStrange(f"SQL read answered {clean(status, 40) or 'without status'}: {says}")
    columns, rows = data.get("columns"), data.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise HubStrange("a SQL result without columns or rows")
    names = tuple(text_of(mapping(column, "a column"), "name") for column in columns)
    warnings = data.get("warnings")
    return Reading(
        rows=tuple(_row(names, row) for row in rows),
        warnings=tuple(clean(str(warning)) for warning in warnings) if isinstance(warnings, list) else (),
    )


def _row(names: tuple[str, ...], row: object) -> Row:
    if not isinstance(row, list) or len(row) != len(names):
        raise HubStrange("a SQL row that does not fit its columns")
    return Row(tuple(zip(names, map(read_cell, row), strict=True)))


def read_cell(value: object) -> str | None:
    """A cell as text. The contract promises text or null; numbers and booleans are taken as MySQL would write them."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    return json.dumps(value, ensure_ascii=False)


def read_columns(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Columns by table, from the rows of sql.columns().

    Dolt lists a revision that is read at as one more database, `NAME/REVISION`, beside the one it is of, whose columns are
    those of another commit (dolt, sqle/database_provider.go, AllDatabases). That DoltHub reads so is inferred; where it
    does, only the revision counts.
    """
    found: dict[str, dict[str, None]] = {}
    for row in _of_one_commit(rows):
        found.setdefault(row.text("table_name"), {}).setdefault(row.text("column_name"))
    return {table: tuple(names) for table, names in found.items()}


def read_defaults(rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """What a column fills itself with, by table and column, from the rows of sql.defaults()."""
    return {
        (row.text("table_name"), row.text("column_name")): row.text("column_default") for row in _of_one_commit(rows)
    }  # fmt: skip


def _of_one_commit(rows: Iterable[Row]) -> tuple[Row, ...]:
    read = tuple(rows)
    return tuple(row for row in read if "/" in row.text("table_schema")) or read


def read_commit(row: Row) -> Commit:
    """A commit, from a row of sql.ancestors() or sql.moves(): of a long message the middle is left out.

    Raises HubStrange if its hash is none.
    """
    found, begins = row.text("commit_hash"), row.text("begins")
    if not is_commit_hash(found):
        raise HubStrange("a commit hash was expected in the history, and something else was answered")
    whole = len(begins) < sql.MESSAGE_BEGIN_CHARS
    return Commit(
        id=CommitHash(found),
        committer=row.text("committer"),
        made_at=read_time(row.get("made_at")),
        message=begins if whole else f"{begins} … {row.text('ends')}",
        is_merge=row.get("merged_hash") is not None,
    )


FLOAT_DIGITS = 6
"""Decimals of a FLOAT that mean something: Dolt computes in 64 bits, and the average of 0.9 is 0.9000000059604645 there."""


def read_tally(row: Row) -> Tally:
    """One pair, from a row of sql.tallies_around()."""
    try:
        sure = float(row.text("confidence"))
    except ValueError:
        sure = math.nan
    return Tally(
        author=Handle(row.text("author")),
        subject=Handle(row.text("subject")),
        stamps=_count(row.text("stamps")),
        valences=_count(row.text("valences")),
        confidence=round(sure, FLOAT_DIGITS) if math.isfinite(sure) else None,
        last_at=read_time(row.get("last_at")),
    )


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def read_record(rows: Iterable[Row]) -> Record:
    """A worker's record, from the rows of sql.record_of(): words and missing qualities count as stamps, not in the mean."""
    stamps, rated, total = 0, 0, 0.0
    for row in rows:
        count = _count(row.text("stamps"))
        stamps += count
        try:
            quality = float(row.text("quality"))
        except ValueError:
            continue
        if math.isfinite(quality):
            rated, total = rated + count, total + count * quality
    return Record(stamps=stamps, mean_quality=total / rated if rated else None)


def read_operation(data: Mapping[str, object]) -> Operation:
    error, result = data.get("error"), data.get("result")
    found: Mapping[str, object] = error if isinstance(error, dict) else {}
    commit = result.get("commit_sha") if isinstance(result, dict) else None
    status, at = found.get("status"), data.get("created_at")
    return Operation(
        kind=str(data.get("type", "")).strip().lower(),
        state=job_state(data.get("status")),
        created_at=read_time(at) if isinstance(at, str) else None,
        commit=commit if isinstance(commit, str) else "",
        status=status if isinstance(status, int) else 422,
        code=clean(str(found.get("code") or "OPERATION_FAILED"), 40),
        detail=clean(str(found.get("detail") or found.get("title") or "")),
    )


def job_state(word: object) -> OperationState:
    """The state of a job, from any word that was seen."""
    known = str(word or "").strip().lower().replace(" ", "_").replace("-", "_")
    return _STATES.get(known, OperationState.UNKNOWN)


def read_operation_path(data: Mapping[str, object], origin: str) -> str:
    """Path at which to poll an accepted operation, always below the client's own origin, which may have a path itself.

    Raises HubStrange if there is none.

    The `href` is followed as sent (its id holds slashes, encoded or not) if it lies at `origin` below the operations'
    path; an `href` to anywhere else is not followed: the id is polled at the client's own origin instead.
    """
    href, found_id = data.get("href"), data.get("id")
    if isinstance(href, str) and (path := _own_operation(href, origin)):
        return path
    if isinstance(found_id, str) and _safe_id(found_id):
        return OPERATIONS_PATH + quote(found_id, safe="")
    raise HubStrange("an operation was accepted, but neither its id nor its address can be used")


def _own_operation(href: str, origin: str) -> str:
    try:
        there, own = urlsplit(href), urlsplit(origin)
        same = (there.scheme, there.hostname, there.port) == (own.scheme, own.hostname, own.port)
    except ValueError:
        return ""
    path = there.path.removeprefix(own.path.rstrip("/"))
    if not same or there.username is not None or there.query or there.fragment or not path.startswith(OPERATIONS_PATH):
        return ""
    return path if _safe_id(unquote(path.removeprefix(OPERATIONS_PATH))) and path.isascii() else ""


def _safe_id(operation_id: str) -> bool:
    """Whether an id can stand in a path without leaving the operations' own room."""
    segments = operation_id.split("/")
    return all(re.fullmatch(r"[A-Za-z0-9._~:@=+-]+", s) and s.strip(".") for s in segments) and len(operation_id) < 512


def mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise HubStrange(f"{what} is not an object")
    return value


def text_of(data: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = data.get(name)
    if isinstance(value, str) and (value or default is not None):
        return value
    if value in (None, "") and default is not None:
        return default
    raise HubStrange(f"`{name}` is missing or not text")


def number_of(data: Mapping[str, object]) -> PullNo:
    """The number of a pull. Raises HubStrange."""
    value = data.get("pull_number")
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return PullNo(value)
    if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,17}", value):
        return PullNo(int(value))
    raise HubStrange("`pull_number` is missing or not a number")


def read_state(data: Mapping[str, object]) -> PullState:
    word = str(data.get("state", "")).strip().lower()
    return next((s for s in PullState if s.value == word), PullState.UNKNOWN)


def read_moment(data: Mapping[str, object], name: str) -> datetime:
    found = read_time(text_of(data, name))
    if found is None:
        raise HubStrange(f"`{name}` is not a time")
    return found


def _branch_ref(value: object) -> BranchRef:
    ref = value if isinstance(value, dict) else {}
    db = ref.get("database")
    owner, name = (db.get("owner"), db.get("name")) if isinstance(db, dict) else (None, None)
    branch = ref.get("branch_name")
    known = owner if isinstance(owner, str) else "", name if isinstance(name, str) else ""
    return BranchRef(Database(*known), branch if isinstance(branch, str) else "")
