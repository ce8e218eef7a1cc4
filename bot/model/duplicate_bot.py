"""Signs that another bot works on this commons by mistake: two with one token, or one with another account.

What either of them does happens once all the same, for ids are derived and rows are guarded. But every word comes twice, and
which of two policies decides is luck. So a decision that has not begun waits while a sign is fresh.

Who could make such a sign counts for how far it reaches. Our own account writes in our name alone, so two reviews of ours with
one number, or two answers of ours to one comment, written at about the same time, are certain: they stop decisions on the whole
commons. A mark below a comment of somebody else's can be pasted by anybody with an account, and no endpoint tells who may write
to the commons (DoltHub API v2 contract). So it stops decisions on that pull alone, and only the first `MARKS_MAX` of an account
below a pull count: who pastes them holds a pull up for at most so many times `other_bot_s` with one account, is told by name
all the while, and not at all once the operator puts the account into `ignored_users`. (Nothing in a mark could prove more:
our rules are public, so whatever we can compute of a pull, a stranger can, too; and our own marks can be copied.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model.ids import User
from bot.model.mark import Mark, MarkKind, read_mark
from bot.model.policy import Policy
from bot.model.pull import Comment

MARKS_MAX = 3
DECIDED_ELSEWHERE = "decide-"
"""How the ids begin of what validators decide on the command line: those answers are written by them, and are no bot's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A sign of another bot: by which account, when, and whether nobody else can have made it."""

    account: User
    at: datetime
    certain: bool

    def fresh(self, now: datetime, other_bot_s: float) -> bool:
        """Whether decisions still wait for it."""
        return now - self.at <= timedelta(seconds=other_bot_s)


def another_at_work(
    comments: Iterable[Comment], bot: User | None, *, remembered: Sign | None, policy: Policy, now: datetime
) -> Sign | None:
    """The sign that decisions wait for: a fresh one below this pull, else the certain one remembered of the whole commons."""
    timing = policy.timing
    here = (
        sign_of_another(comments, bot, ignored=policy.ignored_users, together_s=timing.about_to_s) if bot is not None else None
    )
    return next((s for s in (here, remembered) if s is not None and s.fresh(now, timing.other_bot_s)), None)


def sign_of_another(
    comments: Iterable[Comment], bot: User, *, ignored: Collection[User] = (), together_s: float
) -> Sign | None:
    """The newest sign below one pull, a certain one before others. `together_s`: how far apart two at once can be."""
    said = sorted(comments, key=lambda c: (c.created_at, c.id))
    ours = [(c, mark) for c in said if (mark := read_mark(c, bot)) is not None]
    doubled = max(_doubled(ours, together_s), default=None)
    if doubled is not None:
        return Sign(account=bot, at=doubled, certain=True)
    last = ours[-1][0].created_at if ours else None
    foreign: dict[User, list[Comment]] = {}
    for comment in said:
        if comment.author != bot and comment.author not in ignored and _is_a_bots(comment):
            foreign.setdefault(comment.author, []).append(comment)
    counted = (c for by_one in foreign.values() for c in by_one[:MARKS_MAX] if last is None or c.created_at > last)
    newest = max(counted, key=lambda c: c.created_at, default=None)
    return Sign(account=newest.author, at=newest.created_at, certain=False) if newest is not None else None


def _doubled(ours: Iterable[tuple[Comment, Mark]], together_s: float) -> Iterator[datetime]:
    """Times of words that stand there twice, the second soon after the first.

    Long after it, it is no sign: the numbers begin anew where somebody has edited or deleted comments of ours.
    """
    before: dict[tuple[object, ...], datetime] = {}
    for comment, mark in ours:
        if mark.outcome == "parked":
            continue
        about = (mark.kind, mark.n) if mark.kind is MarkKind.REVIEW else (mark.kind, mark.comment)
        first = before.get(about)
        if first is not None and comment.created_at - first <= timedelta(seconds=together_s):
            yield comment.created_at
        before[about] = comment.created_at


def _is_a_bots(comment: Comment) -> bool:
    mark = read_mark(comment, comment.author)
    return mark is not None and not (mark.comment or "").startswith(DECIDED_ELSEWHERE)
