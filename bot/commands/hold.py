"""`/hold why`: nothing is decided until it is lifted."""

from __future__ import annotations

from bot.commands import authority, decision
from bot.commands.command import Asked, Decision, Follow, Refuse, Takes, command
from bot.model.ids import User
from bot.model.kind import PullKind
from bot.model.mark import Fact
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot
from bot.speech import md, words


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
    if by is None or authority.is_free(snapshot, user):
        return None
    return Refuse(
        md.fill("Your hold was lifted by {by}, on this very head.", by=md.code(by)),
        md.own("Write what still speaks against it in a plain comment: whoever decides will read it."),
    )


@command(name="hold", takes=Takes.REASON)
def hold(asked: Asked) -> Decision:
    """Let nothing be decided here until you lift it

    For whoever has a rig on main. While somebody holds a pull, `/accept`, `/reject` and `/close` are refused. A hold stays,
    whatever is pushed, until whoever placed it writes `/unhold`, or a validator without a stake in the work does; then it is
    not placed again on the same head.
    """
    snapshot, user = asked.snapshot, asked.comment.author
    if snapshot.kind is PullKind.LANDING:
        return Refuse(md.own("This is a pull of the bot's own; hold the pull it serves."))
    no = decision.not_open(snapshot) or decision.other_item(asked) or decision.too_old(asked)
    if no is not None:
        return no
    if not snapshot.rigs_of(user):
        return Refuse(
            md.fill("Who holds a pull has a rig, and no rig on main belongs to the account {user}.", user=md.code(user)),
            md.own("Write what speaks against it in a plain comment: whoever decides will read it."),
        )
    lifted = _lifted(snapshot, user)
    if lifted is not None:
        return lifted
    said = md.fill("Why: {why}", why=md.code(asked.parsed.reason, 1_000))
    merged = snapshot.pull.state is PullState.MERGED
    means = (
        md.own("This pull is merged already: nothing more is decided on it by words written from here on.")
        if merged
        else md.own("Nothing is decided on this pull while it is held, whatever is pushed.")
    )
    return Follow(
        says=md.lines(
            md.fill(
                "**HELD** · {subject} · by {user} at {when}",
                subject=words.subject(snapshot),
                user=md.code(user),
                when=words.clock(asked.comment.created_at),
            ),
            said,
            md.join([means, words.LIFT], " "),
        ),
        facts=(Fact(command="hold", by=user),),
    )
