"""Notices: what the bot says of itself below a pull, not of the pull. Each ends in its mark."""

from __future__ import annotations

from bot.model.mark import NO_HEAD, Mark, MarkKind
from bot.speech import md
from bot.speech.md import Md


def left_alone(number: int) -> Md:
    """The bot breaks at this pull and leaves it alone. `number`: the how many-th notice of the pull this is."""
    mark = Mark(kind=MarkKind.NOTICE, outcome="quarantined", head=NO_HEAD, digest="", n=number)
    return md.lines(
        md.own("**LEFT ALONE** · I broke at this pull again and again, so I do not look at it any more. That is my fault."),
        md.own("Nothing was decided here since my last comment. Commands below it are not carried out."),
        md.own(
            "A new commit or a new comment makes me try again. Whoever runs me sees why in the log and in the list of"
            " quarantined pulls."
        ),
        Md(mark.line),
    )
