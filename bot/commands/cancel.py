"""`/cancel`: what is in force of the account that writes it is taken back."""

from __future__ import annotations

from bot.commands import decision, taking_back
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar.signature import Takes
from bot.commands.taking_back import InForce
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.pull import PullState


@command(name="cancel", takes=Takes.WORDS, aliases=("takeback", "take-back", "retract"), loosens=True, takes_item=False)
def cancel(context: CommandContext) -> Decision:
    """Take back what is in force of yours here

    A command of yours that waits, your hold, or your rejection of work that is not on main yet. With several of them, name one:
    `/cancel accept`, `/cancel hold`, `/cancel reject`. What was carried out is not taken back by this.
    """
    snapshot, user = context.snapshot, context.comment.author
    if (old := decision.too_old(context)) is not None:
        return old
    if snapshot.pull.state is PullState.UNKNOWN:
        return Wait(md.own("DoltHub to say whether this pull is open."))
    mine = taking_back.in_force(snapshot, context.comment, context.catalog)
    named = tuple(_named(context, word) for word in context.parsed.words)
    chosen = tuple(each for each in mine if each.name in named) if named else mine
    if not chosen:
        return Refuse(_nothing(mine), _ways_back(context))
    if len({each.name for each in chosen}) > 1 and not named:
        lines = [md.code(f"/cancel {name}") for name in dict.fromkeys(each.name for each in chosen)]
        return Refuse(
            md.fill("More than one thing of yours is in force here: {what}.", what=_list(chosen)),
            md.fill("Write which one is meant: {lines}.", lines=md.join(lines, ", ")),
        )
    if snapshot.merging and any(each.comment is not None for each in chosen):
        return Wait(md.own("the merge that was begun to end."))
    return Follow(
        says=md.lines(
            md.fill(
                "**TAKEN BACK** · {subject} · by {user} at {when}",
                subject=words.subject(snapshot),
                user=md.code(user),
                when=time.clock(context.comment.created_at),
            ),
            md.fill("Not in force any more: {what}.", what=_list(chosen)),
            md.own("Nothing was changed on main."),
        ),
        facts=tuple(each.end(user) for each in chosen),
    )


def _named(context: CommandContext, word: str) -> str:
    """The command a word names, by whichever of its names."""
    one = context.catalog.get(word.lstrip("/"))
    return one.name if one is not None else word


def _list(things: tuple[InForce, ...]) -> Md:
    return md.join([each.told for each in things], ", ")


def _nothing(mine: tuple[InForce, ...]) -> Md:
    if mine:
        return md.fill("Nothing of that name is in force of yours here. In force: {what}.", what=_list(mine))
    return md.own("Nothing of yours is in force here, so nothing was taken back.")


def _ways_back(context: CommandContext) -> Md:
    """How a decision is undone that was carried out."""
    snapshot = context.snapshot
    done = decision.earlier_decision(snapshot, "accept", "close")
    if done is None or snapshot.pull.state is PullState.OPEN:
        return md.own("`/help` lists what you can do here.")
    return md.fill(
        "{done} What was carried out is not taken back here: an operator of the bot can undo a stamp with {line}.",
        done=done,
        line=md.code("stampbot revert STAMP"),
    )
