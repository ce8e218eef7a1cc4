"""What the bot's own comments below a pull say: its marks, each read once, and what follows from all of them together.

A command leaves a fact in the mark of its answer (`hold=ana`). What holds now is a fold over these facts, oldest first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from bot.model.ids import CommentId, CommitHash, User
from bot.model.mark import CANCEL, DENIED, FOR_A_DAY, NEWS, SAME, SHOWN, UNREJECT, Mark, MarkKind, read_mark
from bot.model.pull import Comment

HOLD_S = 86_400
"""How long a hold lasts of an account that may not decide."""
PARKED = "parked"
"""Outcome of an answer that does not close its comment: the command is tried again."""


@dataclass(frozen=True, slots=True)
class Review:
    """A review of the bot: the comment and its mark."""

    comment: Comment
    mark: Mark


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the bot: the comment and its mark."""

    comment: Comment
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An account's request that nothing is decided here. It stays, whatever is pushed, until it is lifted.

    `head` is where the pull stood when the hold was placed. It is shown and never compared: else the author of the pull could
    push the hold away. `until`: when it ends by itself; None for a hold of an account that may decide.
    """

    by: User
    head: CommitHash
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A validator's decision that a fault of this check does not stand against this head."""

    rule: str
    by: User
    at: datetime


@dataclass(frozen=True)
class Journal:
    """The comments below one pull, oldest first, and the account of the bot. No slots: marks are read once."""

    comments: tuple[Comment, ...]
    bot: User | None

    @cached_property
    def reviews(self) -> tuple[Review, ...]:
        """Reviews of the bot, oldest first."""
        return tuple(Review(c, m) for c, m in self._marked if m.kind is MarkKind.REVIEW)

    @cached_property
    def answers(self) -> tuple[Answered, ...]:
        """Answers of the bot, oldest first."""
        return tuple(Answered(c, m) for c, m in self._marked if m.kind is MarkKind.ANSWER)

    @cached_property
    def notices(self) -> tuple[Mark, ...]:
        """Marks of the bot's notices, oldest first."""
        return tuple(m for _, m in self._marked if m.kind is MarkKind.NOTICE)

    @cached_property
    def authors(self) -> dict[CommentId, User]:
        """Who wrote each comment."""
        return {comment.id: comment.author for comment in self.comments}

    def answer_to(self, comment: CommentId) -> Answered | None:
        """The answer that closed a comment. A parked one does not close it."""
        return self._closing.get(comment)

    def parked(self, comment: CommentId) -> tuple[str, ...]:
        """Why a comment's command could not go on when it was tried, as its author was answered; empty if it went on so far."""
        return tuple(a.mark.digest for a in self.answers if a.mark.comment == comment and a.mark.outcome == PARKED)

    def asker(self, answered: Answered, command: str) -> User | None:
        """Who asked for a command that was followed: by the mark, else by the comment, which its author may have deleted."""
        by = answered.mark.by(command)
        return by or (self.authors.get(answered.mark.comment) if answered.mark.comment is not None else None)

    def rejections(self, head: CommitHash | None, evidence_keys: Collection[str]) -> Iterator[Answered]:
        """The rejections in force, newest first: answers to `/reject` about this head or evidence that were not taken back."""
        taken_back: set[User | None] = set()
        for a in reversed(self.answers):
            if not (a.mark.head == head or a.mark.digest in evidence_keys):
                continue
            withdrawn = {fact.by for fact in a.mark.facts if fact.command == UNREJECT}
            taken_back |= withdrawn
            rejects = "reject" in a.mark.commands and a.mark.outcome == "done" and not withdrawn
            if rejects and self.asker(a, "reject") not in taken_back:
                yield a

    def was_shown(self, comment: Comment, rejection: Answered) -> bool:
        """Whether the author of a comment had been shown a rejection of another account when it was written."""
        before = (a for a in self.answers if a.comment.created_at < comment.created_at)
        shown = (SHOWN, comment.author, rejection.comment.id)
        return any((f.command, f.by, f.of) == shown for a in before for f in a.mark.facts)

    def holds_at(self, moment: datetime) -> tuple[Hold, ...]:
        """Holds in force at a moment by all answers that stand here, oldest first, one of each account."""
        return tuple(hold for hold in holds(self.answers) if hold.until is None or moment < hold.until)

    def holds_before(self, moment: datetime) -> tuple[Hold, ...]:
        """Holds that were in force at a moment. Nothing that comes later changes them."""
        before = holds(a for a in self.answers if a.comment.created_at < moment)
        return tuple(hold for hold in before if hold.until is None or moment < hold.until)

    def overrides(self, head: CommitHash | None) -> tuple[Override, ...]:
        """Overrides of this very head, the last one of each check. A new commit drops them, and nothing else does: what the
        head holds is in its hash, the evidence as written too.
        """
        found = {
            fact.of: Override(rule=fact.of, by=fact.by, at=a.comment.created_at)
            for a in self.answers
            if a.mark.head == head
            for fact in a.mark.facts
            if fact.command == "override"
        }
        return tuple(found.values())

    def news_told(self, since: datetime) -> bool:
        """Whether a decision was refused after a moment because something was new."""
        return any(f.command == NEWS for a in self.answers if a.comment.created_at > since for f in a.mark.facts)

    def was_told_news(self, comment: Comment, sign: str) -> bool:
        """Whether the author of a comment had been told of exactly this news when it was written."""
        before = (a for a in self.answers if a.comment.created_at < comment.created_at)
        return any(f.command == NEWS and (f.by, f.of) == (comment.author, sign) for a in before for f in a.mark.facts)

    def denied(self, user: User, decisions: Iterable[str]) -> bool:
        """Whether the bot's last answer to a decision of this account (one of these commands) is that it may not decide."""
        named = set(decisions)
        for a in reversed(self.answers):
            if any(fact.by == user and fact.of == DENIED and fact.command in named for fact in a.mark.facts):
                return True
            if named & set(a.mark.commands) and a.mark.comment is not None and self.authors.get(a.mark.comment) == user:
                return False
        return False

    @cached_property
    def _marked(self) -> tuple[tuple[Comment, Mark], ...]:
        pairs = ((c, read_mark(c, self.bot)) for c in self.comments)
        return tuple((c, m) for c, m in pairs if m is not None)

    @cached_property
    def _closing(self) -> dict[CommentId, Answered]:
        # The first one that closed a comment is its answer.
        found: dict[CommentId, Answered] = {}
        for a in self.answers:
            if a.mark.outcome != PARKED:
                for comment in closed_by(a.mark):
                    found.setdefault(comment, a)
        return found


def closed_by(mark: Mark) -> tuple[CommentId, ...]:
    """The comments that an answer closes: the one it answers, those whose commands it takes back, and the same ones."""
    taken_back = (CommentId(fact.of) for fact in mark.facts if fact.command in (CANCEL, SAME))
    return (*((mark.comment,) if mark.comment is not None else ()), *taken_back)


def holds(answers: Iterable[Answered]) -> tuple[Hold, ...]:
    """The holds that stand after these answers."""
    standing: dict[str, Hold] = {}
    for answered in answers:
        for fact in answered.mark.facts:
            if fact.command == "hold":
                at = answered.comment.created_at
                until = at + timedelta(seconds=HOLD_S) if fact.of == FOR_A_DAY else None
                standing[fact.by] = Hold(by=fact.by, head=answered.mark.head, at=at, until=until)
            elif fact.command == "unhold":
                standing.pop(fact.of, None)
    return tuple(standing.values())
