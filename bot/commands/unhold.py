"""`/unhold`: a hold is lifted."""

from __future__ import annotations

from bot.commands import authority, decision
from bot.commands.command import CommandContext, Decision, Follow, Refuse, command
from bot.commands.grammar.signature import Takes
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.mark import Fact


@command(name="unhold", takes=Takes.OPTIONAL, aliases=("remove-hold",), loosens=True)
def unhold(context: CommandContext) -> Decision:
    """Lift your hold; a validator without a stake in the work lifts any

    Only holds that stood when it was written. Nothing is decided by it: write the decision below the answer.
    """
    snapshot, user = context.snapshot, context.comment.author
    no = decision.not_open(snapshot) or decision.other_item(context) or decision.too_old(context)
    if no is not None:
        return no
    standing = tuple(hold for hold in snapshot.holds if hold.at < context.comment.created_at)
    if not standing:
        return Refuse(md.own("This pull is not held."))
    lifted = standing if authority.is_free(snapshot, user) else tuple(hold for hold in standing if hold.by == user)
    if not lifted:
        return Refuse(
            md.fill("The hold is not yours to lift: {held}.", held=words.held(standing)),
            md.join([words.LIFT, authority.who_can(snapshot)], " "),
        )
    left = tuple(hold for hold in snapshot.holds if hold not in lifted)
    return Follow(
        says=md.lines(
            md.fill(
                "**HOLD LIFTED** · {subject} · by {user} at {when}",
                subject=words.subject(snapshot),
                user=md.code(user),
                when=time.clock(context.comment.created_at),
            ),
            _why(context),
            md.fill("Lifted: the hold of {who}.", who=md.join([md.code(hold.by) for hold in lifted], ", ")),
            md.fill("Still: {held}.", held=words.held(left))
            if left
            else md.own("Decisions written from here on are carried out again."),
        ),
        facts=tuple(Fact(command="unhold", by=user, of=hold.by) for hold in lifted),
    )


def _why(context: CommandContext) -> Md | None:
    return md.fill("Why: {why}", why=md.code(context.parsed.reason, 1_000)) if context.parsed.reason else None
