"""Commits: who wrote which, when, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.model.ids import CommitHash


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit of a log, as it tells of itself.

    `committer` is the account whose token wrote it, where DoltHub's API made the commit, and whatever its author liked
    where it was made elsewhere and pushed: a hint, never a proof. `message` is a stranger's text, its middle cut out where
    it is long; of a write over the API it is the statement itself. Whether a commit is signed is not among what Dolt's SQL
    shows of it (Dolt docs, `dolt_log`).
    """

    id: CommitHash
    committer: str = ""
    made_at: datetime | None = None
    message: str = ""
    is_merge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A commit on main that wrote a row this pull changes too."""

    table: str
    key: str
    commit: Commit
