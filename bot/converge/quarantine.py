"""Pulls whose looks fail again and again: said below them once for each reason, and tried again.

Those that break the process that looks are left alone after some tries, and tried again when they change. A look is counted
before it begins, so one that kills its process counts as well as one that raises. What DoltHub or Redis answer is never a
pull's fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from bot.commands import decision_rows, grammar
from bot.converge.bot import Site
from bot.converge.observe import source_head
from bot.converge.outcome import Done
from bot.converge.perform import say
from bot.dolthub.errors import HubError
from bot.messages import notices
from bot.model.ids import CommitHash, PullNo, User, digest
from bot.model.journal import closed_by
from bot.model.mark import NO_HEAD, Mark, MarkKind, read_mark
from bot.model.policy import Comments
from bot.model.pull import Comment, Pull, PullState
from bot.store import REVIEW, Pending, Quarantine

__all__ = ["Quarantine", "open_commands", "stirs", "stirs_at", "tell", "tell_stuck"]

COMMAND_PATIENCE_S: Final = 600
"""Trouble that passes by itself, or meets all pulls alike, is said below a pull where a command has waited for so long."""


def tell_stuck(number: PullNo, debt: Pending, site: Site) -> bool:
    """Say below a pull why its looks fail, if something there is due; whether that stands there. Raises HubError and
    redis.RedisError.

    The notice bears the reason in its mark, so it is said once for each reason until a review or an answer of the bot follows.
    """
    bot, trouble, policy = site.account, debt.trouble, site.policy
    if bot is None or trouble is None or policy.comments is Comments.NONE:
        return False
    comments = site.hub.comments(site.commons, number)
    marks = [mark for c in comments if (mark := read_mark(c, bot)) is not None]
    if any(mark.outcome == notices.STUCK and mark.digest == trouble.reason for mark in _latest_notices(marks)):
        return True
    pull = _pull(number, site)
    waiting = open_commands(comments, bot, site) if marks or pull is None or pull.state is PullState.OPEN else ()
    waiting = tuple(c for c in waiting if c.author not in policy.ignored_users)
    latest = site.clock() - timedelta(seconds=COMMAND_PATIENCE_S)
    if trouble.passing:
        due = any(c.created_at <= latest for c in waiting)
    else:
        unasked = policy.comments is not Comments.DECISIONS and (debt.due or _review_is_due(pull, marks, bot, site))
        due = bool(waiting) or unasked
    if not due:
        return False
    body = notices.cannot_go_on(trouble.says, trouble.reason, times=debt.alike, commands=bool(waiting))
    said = say(body, f"notice {notices.STUCK} {trouble.reason}", comments, site, number=number)
    return said == Done()


def _latest_notices(marks: list[Mark]) -> list[Mark]:
    """The notices since the last review or answer of the bot: with that, the pull was looked at well."""
    spoken = [at for at, mark in enumerate(marks) if mark.kind is not MarkKind.NOTICE]
    return marks[spoken[-1] + 1 if spoken else 0 :]


def _pull(number: PullNo, site: Site) -> Pull | None:
    """The pull; None where it cannot be read, which may be just what is the matter."""
    try:
        return site.hub.pull(site.commons, number)
    except HubError:
        return None


def _review_is_due(pull: Pull | None, marks: list[Mark], bot: User, site: Site) -> bool:
    """Whether a pull has no review of its head, as far as that can be told."""
    reviews = [mark for mark in marks if mark.kind is MarkKind.REVIEW]
    if pull is None:
        return not reviews
    if pull.state is not PullState.OPEN or (pull.creator == bot and decision_rows.served_pull(pull.title) is not None):
        return False
    if not reviews:
        return True
    try:
        head = source_head(site.hub, pull)
    except HubError:
        return False
    return reviews[-1].head != (head or NO_HEAD)


def open_commands(comments: Iterable[Comment], bot: User | None, site: Site) -> tuple[Comment, ...]:
    """Comments with a command that has no answer of the bot: by what is said alone, so it may turn out otherwise."""
    said = tuple(comments)
    marks = [mark for c in said if (mark := read_mark(c, bot)) is not None]
    answered = {each for m in marks if m.kind is MarkKind.ANSWER and m.outcome != "parked" for each in closed_by(m)}
    others = [c for c in said if c.author != bot and c.id not in answered]
    readings = ((c, grammar.read(c.body, site.commands)) for c in others)
    return tuple(c for c, reading in readings if reading.items or reading.hints)


def tell(number: PullNo, site: Site) -> bool:
    """Say below the pull that it is left alone; False if that stands there already. Raises HubError and redis.RedisError."""
    bot = site.account
    if bot is None or site.policy.comments is Comments.NONE:
        return False
    comments = site.hub.comments(site.commons, number)
    marks = [mark for c in comments if (mark := read_mark(c, bot)) is not None]
    if any(mark.outcome == notices.LEFT_ALONE or mark.digest.startswith(notices.CRASH) for mark in _latest_notices(marks)):
        # The bot broke again before it could say anything else, or has said what comes now.
        return False
    told = sum(mark.kind is MarkKind.NOTICE for mark in marks)
    return say(notices.left_alone(told + 1), f"notice {told}", comments, site, number=number) == Done()


def stirs(stray: Quarantine, comments: tuple[Comment, ...] | None, site: Site) -> bool:
    """Whether people said something new below a pull that is left alone. If so it is tried again."""
    if comments is None:
        return False
    bot = site.account
    said = digest("sight/1", *(f"{c.id} {c.updated_at}" for c in comments if c.author != bot))[:16]
    return _differs(stray, "said", said, site)


def stirs_at(stray: Quarantine, head: CommitHash | None, site: Site) -> bool:
    """Whether the branch of a pull that is left alone has moved. If so it is tried again."""
    return _differs(stray, "head", head or "none", site)


def _differs(stray: Quarantine, what: str, now: str, site: Site) -> bool:
    """Compare with what was seen first after it was left alone, and write that down where nothing was."""
    owed = site.store.pulls
    fresh = owed.quarantined().get(stray.pull)
    if fresh is None:
        return False
    seen = dict(part.split("=", 1) for part in fresh.fingerprint.split() if "=" in part)
    if what not in seen:
        owed.note_quarantined(fresh, " ".join(f"{name}={value}" for name, value in {**seen, what: now}.items()))
        return False
    if seen[what] == now:
        return False
    owed.release(stray.pull)
    owed.add_pending(stray.pull, REVIEW)
    return True
