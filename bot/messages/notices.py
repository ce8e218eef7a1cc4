"""Notices: comments of the bot about its own state below a pull. Each ends in its mark."""

from __future__ import annotations

from bot.messages import md
from bot.messages.md import Md
from bot.model.ids import User
from bot.model.mark import NO_HEAD, Mark, MarkKind

LEFT_ALONE = "quarantined"
STUCK = "stuck"
EDITED = "edited"
"""What a notice is about, as its mark says it."""
CRASH = "crash-"
"""Begins the reason in the mark where the bot itself broke."""


def cannot_go_on(why: str, reason: str, *, times: int, commands: bool) -> Md:
    """Every look at this pull fails for one reason. `reason` names it in the mark, `why` in words."""
    mark = Mark(kind=MarkKind.NOTICE, outcome=STUCK, head=NO_HEAD, digest=reason)
    tries = Md(str(times))
    head = "**CANNOT GO ON** · The bot looked at this pull and failed {tries} times in a row for one reason: {why}."
    again = "The bot tries again by itself, at least every ten minutes."
    if reason.startswith(CRASH):
        again = "The bot tries again by itself. After five failures in a row it waits for a new commit or a new comment here."
    return md.lines(
        md.fill(head, tries=tries, why=md.code(why, 300)),
        md.own("Commands below this pull wait for an answer.") if commands else md.own("The review of this pull waits."),
        md.join([md.own(again), md.own("A command need not be written again. What the bot did here so far remains.")], " "),
        md.own("The operator of the bot finds this in the log and in `stampbot doctor`."),
        Md(mark.line),
    )


def left_alone(number: int) -> Md:
    """The bot fails at this pull and does not look at it any more. `number`: counts the notices of the pull."""
    mark = Mark(kind=MarkKind.NOTICE, outcome=LEFT_ALONE, head=NO_HEAD, digest="", n=number)
    return md.lines(
        md.own(
            "**LEFT ALONE** · The bot failed at this pull again and again, and leaves it alone now. The error is the bot's."
        ),
        md.own("Nothing was decided here since the bot's last comment. Commands below it are not carried out."),
        md.own(
            "A new commit or a new comment makes the bot try again. The operator finds the reason in the log and in the list of"
            " quarantined pulls."
        ),
        Md(mark.line),
    )


def edited(author: User, of: str) -> Md:
    """A comment that was answered is edited into a command. `of` names the comment in the mark."""
    mark = Mark(kind=MarkKind.NOTICE, outcome=EDITED, head=NO_HEAD, digest=of)
    says = md.fill("{who}: edited comments are not read. To give a command, write a new comment.", who=md.code(author))
    return md.lines(says, Md(mark.line))
