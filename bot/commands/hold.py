"""`/hold`: nothing is decided until it is lifted; `/hold cancel` lifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.commands import authority, decision, unhold
from bot.commands.command import CommandContext, Decision, Follow, Refuse, command
from bot.commands.grammar import taken_back
from bot.commands.grammar.signature import Takes
from bot.messages import md, time, words
from bot.model.ids import User
from bot.model.journal import HOLD_S
from bot.model.kind import PullKind
from bot.model.mark import FOR_A_DAY, Fact
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot


def _lifted(snapshot: Snapshot, user: User) -> Refuse | None:
    """Else one account could keep a pull from every decision for good: what a validator lifted does not come back at once."""
    by = next(
        (
            fact.by
            for answered in reversed(snapshot.answers)
            for fact in answered.mark.facts
            if fact.command == "unhold" and fact.of == user and fact.by != user and answered.mark.head == snapshot.head
        ),
        None,
    )
    if by is None and not authority.is_validator(snapshot, user) and _had_its_day(snapshot, user):
        return Refuse(
            md.own("Your hold of this head has had its day, so it is not placed again."),
            md.own("Write what still speaks against it in a plain comment: the validator who decides will read it."),
        )
    if by is None or authority.is_free(snapshot, user):
        return None
    return Refuse(
        md.fill("Your hold was lifted by {by}, on this very head.", by=md.code(by)),
        md.own("Write what still speaks against it in a plain comment: the validator who decides will read it."),
    )


def _had_its_day(snapshot: Snapshot, user: User) -> bool:
    """Whether a hold of this account on this head ended by itself."""
    placed = [a for a in snapshot.answers if a.mark.head == snapshot.head and a.mark.by("hold") == user]
    ends = (a.comment.created_at + timedelta(seconds=HOLD_S) for a in placed)
    return any(end <= snapshot.taken_at for end in ends)


def _own(context: CommandContext) -> bool:
    """Whether a hold of the asker stood when the command was written."""
    return any(hold.by == context.comment.author for hold in context.snapshot.holds if hold.at < context.comment.created_at)


def _lifts(context: CommandContext) -> bool:
    """Whether `/hold` with these words lifts a hold. What says more than that is the reason of a hold.

    `off` alone lifts only a hold of the asker that stands: to hold off is also to wait.
    """
    reason = context.parsed.reason
    return taken_back.is_meant(reason) or (reason.strip().casefold() == "off" and _own(context))


@command(name="hold", takes=Takes.OPTIONAL, aliases=("stop", "wait", "pause"), stops=True, takes_item=False)
def hold(context: CommandContext) -> Decision:
    """Let nothing be decided here until you lift it

    For an account with a rig on main. While a pull is held, `/accept`, `/reject` and `/close` are refused. A hold needs no
    reason, and it is placed whatever the form of the line. It stays, whatever is pushed, until the account that placed it
    writes `/unhold` or `/hold cancel`, or a validator without a stake in the work does; then it is not placed again on the
    same head. A hold of an account that may not decide ends after a day, or with a validator's decision that has `--yes`.
    """
    if _lifts(context):
        return unhold.unhold.decide(replace(context, parsed=replace(context.parsed, reason="")))
    snapshot, user = context.snapshot, context.comment.author
    if snapshot.kind is PullKind.LANDING:
        return Refuse(md.own("This is a pull of the bot's own; hold the pull it serves."))
    no = decision.not_open(snapshot) or decision.too_old(context)
    if no is not None:
        return no
    if not snapshot.rigs_of(user):
        return Refuse(
            md.fill("A hold needs a rig, and no rig on main belongs to the account {user}.", user=md.code(user)),
            md.own("Write what speaks against it in a plain comment: the validator who decides will read it."),
        )
    lifted = _lifted(snapshot, user)
    if lifted is not None:
        return lifted
    said = (
        md.fill("Why: {why}", why=md.code(context.parsed.reason, 1_000))
        if context.parsed.reason
        else md.own("No reason was given. Please write it in a plain comment: validators need it to go on.")
    )
    merged, for_a_day = snapshot.pull.state is PullState.MERGED, not authority.is_validator(snapshot, user)
    means = (
        md.own("This pull is merged already: commands written from here on decide nothing more.")
        if merged
        else md.own("Nothing is decided on this pull while it is held, whatever is pushed.")
    )
    return Follow(
        says=md.lines(
            md.fill(
                "**HELD** · {subject} · by {user} at {when}",
                subject=words.subject(snapshot),
                user=md.code(user),
                when=time.clock(context.comment.created_at),
            ),
            said,
            md.join([means, *((words.FOR_A_DAY,) if for_a_day else ()), words.LIFT], " "),
        ),
        facts=(Fact(command="hold", by=user, of=FOR_A_DAY if for_a_day else ""),),
    )
