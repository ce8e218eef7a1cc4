"""Pulls that break whoever looks at them: left alone after some tries, told to the humans once, tried again when they change.

A look is counted before it begins, so one that kills its process counts as well as one that raises. What DoltHub or Redis
answer is never a pull's fault.
"""

from __future__ import annotations

from bot.deps import Deps
from bot.model.ids import CommitHash, Commons, PullNo, digest
from bot.model.mark import MarkKind, read_mark
from bot.model.pull import Comment
from bot.scratch import REVIEW, Quarantine
from bot.speech import notices

__all__ = ["Quarantine", "stirs", "stirs_at", "tell"]


def tell(commons: Commons, number: PullNo, deps: Deps) -> bool:
    """Say below the pull that it is left alone; False if that stands there already. Raises HubError and redis.RedisError."""
    hub, bot = deps.hub(commons), deps.account(commons)
    if bot is None:
        return False
    marks = [mark for c in hub.comments(commons, number) if (mark := read_mark(c, bot)) is not None]
    if marks and marks[-1].kind is MarkKind.NOTICE:
        # It broke again before we could say anything else.
        return False
    told = sum(mark.kind is MarkKind.NOTICE for mark in marks)
    about_to_s = deps.policy(commons).timing.about_to_s
    if not deps.scratch.notes.note_about_to(commons, number, f"notice {told}", ttl_s=about_to_s):
        return False
    hub.comment(commons, number, notices.left_alone(told + 1))
    return True


def stirs(stray: Quarantine, comments: tuple[Comment, ...] | None, deps: Deps, commons: Commons) -> bool:
    """Whether people said something new below a pull that is left alone. If so it is tried again."""
    if comments is None:
        return False
    bot = deps.account(commons)
    said = digest("sight/1", *(f"{c.id} {c.updated_at}" for c in comments if c.author != bot))[:16]
    return _differs(stray, "said", said, deps, commons)


def stirs_at(stray: Quarantine, head: CommitHash | None, deps: Deps, commons: Commons) -> bool:
    """Whether the branch of a pull that is left alone has moved. If so it is tried again."""
    return _differs(stray, "head", head or "none", deps, commons)


def _differs(stray: Quarantine, what: str, now: str, deps: Deps, commons: Commons) -> bool:
    """Compare with what was seen first after it was left alone, and write that down where nothing was."""
    owed = deps.scratch.owed
    fresh = owed.quarantined(commons).get(stray.pull)
    if fresh is None:
        return False
    seen = dict(part.split("=", 1) for part in fresh.sight.split() if "=" in part)
    if what not in seen:
        owed.note_sight(commons, fresh, " ".join(f"{name}={value}" for name, value in {**seen, what: now}.items()))
        return False
    if seen[what] == now:
        return False
    owed.release(commons, stray.pull)
    owed.owe(commons, stray.pull, REVIEW)
    return True
