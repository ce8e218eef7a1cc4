"""Marks: the last, visible line of each comment of ours. The bot's journal is made of nothing else.

    `stampbot/1 <kind> <about> <outcome> <head:32> <digest> <n>`

A mark counts only if the comment's author is the account of our token, the comment is unedited, and the mark is its last
line: text of strangers that we quote cannot speak as us, and an edited comment of ours says nothing any more.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from bot.model.ids import CommentId, CommitHash, User
from bot.model.pull import Comment

NO_HEAD = CommitHash("0" * 32)
"""Stands in a mark where no head was known."""


class MarkKind(enum.Enum):
    """What a comment of ours is."""

    REVIEW = "review"
    ANSWER = "answer"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark, read.

    `outcome`: the verdict's word for a review; done, refused, parked or hint for an answer.
    `commands` and `comment`: for an answer, what it answers ("reject" and the comment's id); empty for a review.
    `digest`: of a review, its digest; of an answer, the evidence key it speaks of. `n` counts reviews of this pull.
    """

    kind: MarkKind
    outcome: str
    head: CommitHash
    digest: str
    n: int = 0
    commands: tuple[str, ...] = ()
    comment: CommentId | None = None

    @property
    def line(self) -> str:
        """The line as it stands in a comment."""
        about = f"{'+'.join(self.commands) or '-'}:{quote(self.comment, safe='')}" if self.comment else "-"
        return f"`stampbot/1 {self.kind.value} {about} {self.outcome} {self.head} {self.digest or '-'} {self.n}`"


_LINE = re.compile(
    r"`stampbot/1 (?P<kind>review|answer|notice) (?P<about>[A-Za-z0-9+%:._~-]+) (?P<outcome>[A-Za-z-]+)"
    r" (?P<head>[0-9a-v]{32}) (?P<digest>[0-9a-z-]+) (?P<n>[0-9]{1,6})`"
)


def read_mark(comment: Comment, bot: User | None) -> Mark | None:
    """The mark of a comment of ours, None for everybody else's words and for anything that only looks like a mark."""
    if bot is None or comment.author != bot or comment.edited:
        return None
    match = _LINE.fullmatch(comment.body.rstrip().rpartition("\n")[2])
    if match is None:
        return None
    names, _, about = match["about"].rpartition(":")
    return Mark(
        kind=MarkKind(match["kind"]),
        outcome=match["outcome"],
        head=CommitHash(match["head"]),
        digest="" if match["digest"] == "-" else match["digest"],
        n=int(match["n"]),
        commands=tuple(n for n in names.split("+") if n and n != "-"),
        comment=CommentId(unquote(about)) if names else None,
    )
