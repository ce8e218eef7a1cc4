"""A pull request on the commons, and the talk below it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.model.ids import CommentId, Database, PullNo, User


class PullState(enum.Enum):
    """What DoltHub says of a pull. A word we do not know is UNKNOWN, never CLOSED."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BranchRef:
    """A branch of some database: a fork's, or the commons' own."""

    database: Database
    branch: str

    def __str__(self) -> str:
        return f"{self.database}:{self.branch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSummary:
    """What the list of pulls says: no branches, no head (DoltHub API v2 contract, listPulls)."""

    number: PullNo
    title: str
    state: PullState
    creator: User
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One pull in full. Title and description are strangers' text and never trusted."""

    number: PullNo
    title: str
    description: str
    state: PullState
    creator: User
    source: BranchRef
    target: BranchRef
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One top-level comment. `id` is unique within its pull only (DoltHub API v2 contract, PullComment)."""

    id: CommentId
    author: User
    body: str
    created_at: datetime
    updated_at: datetime

    @property
    def edited(self) -> bool:
        """Whether the words may differ from those first written. An edited comment never runs as a command."""
        return self.updated_at != self.created_at
