"""The values and refusals of the sandbox's databases, free of the engine: everybody may import them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

QueryStatus = Literal["success", "error", "timeout", "row_limit"]
RefusalKind = Literal["syntax", "several", "check", "unsupported", "constraint"]
ConflictKind = Literal["data", "schema", "constraint"]
ChangeKind = Literal["added", "modified", "removed"]


@dataclass(frozen=True, slots=True, order=True)
class DatabaseName:
    """`owner/name`, as DoltHub writes it."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeWays:
    """What a merge does that not every Dolt host does.

    fast_forward: a branch that the source descends from moves to the source's head, without a merge commit.
    null_documents: NULL in JSON columns becomes JSON `null` in the rows that the merge puts together from both sides, and, in a
    table that has other columns than at the merge base, in each row that the source changed (seen on Dolt 2.3.1).
    """

    fast_forward: bool = False
    null_documents: bool = False


USUAL_MERGE = MergeWays()


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch; `head` is a commit hash of 32 characters of `0-9a-v`, `committed_at` the head's date in UTC."""

    name: str
    head: str
    committed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A result column; `type` is MySQL-like text (`VARCHAR(64)`), `source_table` is empty for expressions."""

    name: str
    type: str
    is_primary_key: bool
    source_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """An answer to a read: every cell is text or None; `message` is filled unless the status is `success`."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str | None, ...], ...]
    status: QueryStatus
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit; `parents` in order: what was merged into comes first, what was merged in comes second."""

    hash: str
    parents: tuple[str, ...]
    author: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row of a diff; `before` is None for an added row, `after` for a removed one; cells as in `QueryResult`."""

    kind: ChangeKind
    key: tuple[str | None, ...]
    before: dict[str, str | None] | None
    after: dict[str, str | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """What changed in one table between two commits; `schema_changed` covers created, altered and dropped tables."""

    table: str
    schema_changed: bool
    rows: tuple[RowChange, ...]


class DoltliteMissing(ImportError):
    """doltlite is not installed, or `sqlite3` in this interpreter is not doltlite; `str()` is what to do."""


class DoltMissing(Exception):
    """There is no dolt program, or it does not start; `str()` is what to do."""


class StoreError(Exception):
    """Something a caller of the store may expect; `str()` is one sentence for people."""


class NoSuchDatabase(StoreError):
    """The database does not exist (or no more)."""


class NoSuchBranch(StoreError):
    """The branch does not exist in this database."""


class NoSuchCommit(StoreError):
    """The commit is not known in this database."""


class NameTaken(StoreError):
    """A database or branch of that name exists, or the name is not allowed."""


class NothingChanged(StoreError):
    """A statement or merge that leaves everything as it was: no commit was made."""


class SqlRefused(StoreError):
    """A write that was not made; the message begins with `query error: `.

    `kind`: `syntax` (bad SQL, unknown table, column or function), `several` (more than one statement), `check` (a CHECK
    is violated), `constraint` (key, NOT NULL, type or length), `unsupported` (valid in Dolt, not translated here).
    """

    def __init__(self, message: str, kind: RefusalKind) -> None:
        super().__init__(message if message.startswith("query error") else f"query error: {message}")
        self.kind: RefusalKind = kind


class MergeConflict(StoreError):
    """A merge that needs people; nothing was changed. `tables` are the tables in question, sorted.

    `kind`: `data` (one cell changed on both sides), `schema`, or `constraint` (the merged rows break a CHECK or key).
    """

    def __init__(self, message: str, tables: tuple[str, ...], kind: ConflictKind) -> None:
        super().__init__(message)
        self.tables = tables
        self.kind: ConflictKind = kind
