"""What happens in the look-alike, as values: what webhooks report, and how branch heads moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.values.pulls import Pull
from sandbox.values.records import DatabaseName


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent:
    db: DatabaseName
    branch: str
    head: str
    prev: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullEvent:
    pull: Pull
    action: Literal["Opened", "Closed", "Merged"]
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEvent:
    db: DatabaseName
    branch: str
    action: Literal["Created branch", "Deleted branch"]


Event = PushEvent | PullEvent | BranchEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMove:
    """A branch head that moved: `prev` is None for a new branch, `head` None for a deleted one."""

    at: datetime
    branch: str
    prev: str | None
    head: str | None
