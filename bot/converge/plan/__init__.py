"""What is due for one pull, as a value. Pure: snapshot and judgement in, steps out.

Commands are facts in the snapshot that have no answer yet. At most one thing is planned at a time, a command's steps or a
review: what follows from a decision is planned from the world as the decision left it.

The law, held by property tests: after the first k steps of a plan have happened, planning again yields the remaining steps.

Import `plan` and `Plan` from here; answers to commands that were refused or parked from `plan.commands`.
"""

from __future__ import annotations

from bot.commands.command import Catalog
from bot.converge.plan.commands import due_commands
from bot.converge.plan.notices import due_notice
from bot.converge.plan.reviews import due_review
from bot.converge.plan.value import Plan
from bot.model.finding import Judgement
from bot.model.policy import Comments
from bot.model.snapshot import Snapshot

__all__ = ["Plan", "plan"]


def plan(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """What is due now. The first review comes before any command: a decision needs a review to stand on."""
    if snapshot.bot is None or snapshot.policy.comments is Comments.NONE:
        return Plan()
    review = due_review(snapshot, judgement, commands)
    if not snapshot.reviews and review.steps:
        return review
    answered = due_commands(snapshot, judgement, commands)
    if answered.steps:
        return answered
    if review.steps:
        return Plan(steps=review.steps, waits=answered.waits, probe_since=answered.probe_since)
    notice = due_notice(snapshot, judgement, commands) if snapshot.comments_readable and not answered.waits else Plan()
    if notice.steps:
        return notice
    soonest = min((at for at in (review.look_at, answered.look_at, notice.look_at) if at is not None), default=None)
    return Plan(waits=(*answered.waits, *review.waits), probe_since=answered.probe_since, look_at=soonest)
