"""What the bot can do to the world: the closed union of steps.

Each step knows by which fact on DoltHub it is recognised as done; `perform` looks for that fact before it acts. Bodies do
not take part in comparing: they tell times and hashes that are only known later, while the step is the same step.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import assert_never

from bot.model.ids import CommentId, CommitHash
from bot.model.ledger import LedgerChange


class Outcome(enum.Enum):
    """How a command ended, as written in the mark of its answer."""

    DONE = "done"
    REFUSED = "refused"
    PARKED = "parked"
    """Kept, will be tried again: does not close the command."""
    HINT = "hint"


class ParkReason(enum.Enum):
    """Why a command is kept, as it stands in the mark of what its author is told."""

    WITHHELD = "withheld"
    """DoltHub says no, and not to what is asked but to whoever asks: protection, or a right."""
    BUSY = "busy"
    """DoltHub does not come to an end: a merge that runs on and on, an answer that never comes."""
    OBSTRUCTED = "obstructed"
    """Another account changes what the bot writes on the way to main, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReview:
    """Post a review. Done: the newest review of the bot has this digest, and this number or a later one."""

    head: CommitHash
    digest: str
    number: int
    body: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostNotice:
    """Post what no comment asked about. Done: a notice of the bot about this, for this head, stands there.

    `of`: what exactly it is about, [0-9a-z]; empty where `about` and the head say it all.
    """

    head: CommitHash
    about: str
    of: str = ""
    body: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePull:
    """Merge the pull at the head that was reviewed. Done: the pull's state is merged."""

    head: CommitHash
    comment: CommentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """Write the rows of a decision to main. Done: main holds every one of them. `title` is that of a landing pull."""

    change: LedgerChange
    title: str
    comment: CommentId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePull:
    """Close the pull unmerged. Done: the pull's state is closed."""

    comment: CommentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer a comment. Done: a comment of ours carries a mark that answers it. Always the last step of a command."""

    to: CommentId
    outcome: Outcome
    body: str = field(compare=False)
    closes: tuple[CommentId, ...] = field(default=(), compare=False)
    """Other comments that it closes, because their author took them back. They must not be carried out meanwhile."""


Step = PostReview | PostNotice | MergePull | Land | ClosePull | Answer


def step_line(step: Step) -> str:
    """One step as one line."""
    match step:
        case PostReview():
            return f"post a review of head {step.head[:8]}"
        case PostNotice():
            return f"post a notice: {step.about}"
        case MergePull():
            return f"merge the pull at {step.head[:8]}"
        case Land():
            rows = ", ".join(f"{w.table} {w.key}" for w in step.change.writes)
            return f"land on main: {rows}"
        case ClosePull():
            return "close the pull"
        case Answer():
            return f"answer comment {step.to}: {step.outcome.value}"
        case never:
            assert_never(never)
