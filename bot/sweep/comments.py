"""What people wrote below pulls since they were looked at last."""

from __future__ import annotations

from collections.abc import Iterable

from bot.converge import quarantine
from bot.converge.bot import Site
from bot.converge.converge import seen
from bot.dolthub.errors import HubError
from bot.model.ids import PullNo, User
from bot.model.mark import read_mark
from bot.model.pull import Comment, PullState
from bot.store import DECIDE, RECHECK, REVIEW, Fingerprint, Listed
from bot.sweep.run import SweepRun


def read_comments(number: PullNo, site: Site) -> tuple[Comment, ...] | None:
    """What was said below a pull, None if it cannot be read now."""
    try:
        return site.hub.comments(site.commons, number)
    except HubError:
        return None


def has_new_comments(run: SweepRun, pull: Listed, glance: Fingerprint | None, comments: tuple[Comment, ...] | None) -> bool:
    """Owe a look if what is said below a pull is not what was seen last; whether it is not.

    A pull that is not open needs one only for a command.
    """
    if comments is None:
        # One that cannot be read is looked at by itself, so that the trouble is told with its number.
        run.add_pending(pull.number, REVIEW)
        return False
    if glance is not None and seen(glance.state, glance.head, comments) == glance:
        return False
    bot = run.site.account
    if asks(comments, bot, run.site):
        run.add_pending(pull.number, DECIDE)
    elif pull.state is PullState.OPEN:
        reviewed_before = glance is None and any(read_mark(c, bot) for c in comments)
        run.add_pending(pull.number, RECHECK if reviewed_before else REVIEW)
    return glance is not None and pull.number not in run.owing


def asks(comments: Iterable[Comment], bot: User | None, site: Site) -> bool:
    """Whether a comment holds a command that has no answer of ours: by what is said alone, so it may turn out otherwise."""
    return bool(quarantine.open_commands(comments, bot, site))


def note_turned(run: SweepRun, pulls: list[Listed]) -> None:
    """Owe a look at every pull that was closed, merged or opened again since it was seen last, whatever was said."""
    glances = run.site.store.pulls.fingerprints(p.number for p in pulls)
    for pull in pulls:
        glance = glances.get(pull.number)
        if glance is not None and glance.state is not pull.state:
            run.add_pending(pull.number, REVIEW)
