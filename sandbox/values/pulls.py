"""Users, pulls and comments as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.values.records import DatabaseName

Right = Literal["write", "admin"]
PullState = Literal["open", "closed", "merged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    username: str
    token: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One pull request. `merged_as` is the merge commit on the target, None until merged."""

    db: DatabaseName
    number: int
    title: str
    description: str
    state: PullState
    creator: str
    from_db: DatabaseName
    from_branch: str
    to_branch: str
    created_at: datetime
    merged_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One top-level comment. `comment_id` is unique within its pull only (DoltHub API v2 contract, PullComment)."""

    comment_id: str
    author: str
    body: str
    created_at: datetime
    updated_at: datetime
