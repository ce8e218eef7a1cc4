"""Answers to comments: receipts, refusals, hints. Each ends in its mark, and stands in our journal by it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.finding import Judgement, Level
from bot.model.ids import CommitHash
from bot.model.journal import closed_by
from bot.model.mark import NO_HEAD, Fact, Mark, MarkKind
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, Outcome, ParkReason

ANSWERS_AN_HOUR_MAX = 10
"""How often an account that only talks is answered below one pull within an hour."""
HOUR_S = 3600
REASONS_MAX = 5
"""Reasons named in one refusal, the weightiest first."""


def answer(
    snapshot: Snapshot,
    comment: Comment,
    *,
    commands: tuple[str, ...],
    outcome: Outcome,
    says: Md,
    facts: tuple[Fact, ...] = (),
    head: CommitHash | None = None,
    digest: str | None = None,
) -> Answer:
    """The answer to one comment. `head` is the head it speaks of (default: the pull's); the mark carries the evidence key.

    `facts` are what is so from now on because this answer says it; their commands are among `commands`.
    `digest`: what the mark carries instead; of a parked answer, why it is parked.
    """
    mark = Mark(
        kind=MarkKind.ANSWER,
        commands=commands,
        comment=comment.id,
        outcome=outcome.value,
        head=head or snapshot.head or NO_HEAD,
        digest=snapshot.evidence_key if digest is None else digest,
        n=len(snapshot.answers) + 1,
        facts=facts,
    )
    closes = tuple(each for each in closed_by(mark) if each != comment.id)
    return Answer(to=comment.id, outcome=outcome, body=md.lines(says, Md(mark.line)), closes=closes)


def refusal(
    snapshot: Snapshot,
    comment: Comment,
    *,
    line: str,
    reason: Md,
    remedy: Md | None = None,
    beside: bool = False,
    changed: bool = False,
) -> Md:
    """Why a command was not carried out, what to do instead, and that nothing was changed.

    On a merged pull, and where rows were written before it ended (`changed`), the last sentence is left out. `beside`:
    something else in the same comment was carried out, and changed something.
    """
    return md.lines(
        md.fill("**REFUSED** · {who}", who=md.code(comment.author)),
        md.fence((line,)) if line else None,
        reason,
        remedy or None,
        None if changed else _unchanged(snapshot, beside=beside),
    )


def cannot_tell(snapshot: Snapshot, judgement: Judgement) -> tuple[Md, Md]:
    """Why nothing is merged or stamped where what the merge would bring, or brought, cannot be told; and what helps."""
    told = judgement if judgement.at(Level.FORBID) or judgement.crashes else judgement.alone or judgement
    weighty = (*told.at(Level.FORBID), *judgement.at(Level.FAULT))
    reasons = [md.fill("{check}: the check failed with an error of the bot.", check=words.label(c)) for c in told.crashes]
    reasons += [md.fill("{check}: {says}", check=words.label(f), says=md.prose(f.says)) for f in weighty]
    remedies = [words.stopped(md.prose(remedy)) for remedy in dict.fromkeys(f.remedy for f in weighty) if remedy]
    if told.crashes:
        remedies = [md.own("The operator finds the error of the check in the log, and can fix it."), *remedies]
    what, ways = (
        (
            md.own("**NOT STAMPED**: what the merge of this pull brought to main is not known for certain."),
            md.own("A maintainer has to compare main before and after the merge."),
        )
        if snapshot.merged
        else (
            md.own("**CANNOT TELL**: what a merge would bring to main is not known for certain."),
            md.own("Until then nothing is merged or stamped here. `/reject` and `/close` work.")
            if snapshot.head is not None
            else md.own("Until then nothing is merged or stamped here. `/close` works."),
        )
    )
    return md.lines(what, md.bullets(reasons[:REASONS_MAX])), md.join([*remedies[:REASONS_MAX], ways], " ")


def hint(snapshot: Snapshot, comment: Comment, says: Iterable[Md]) -> Md:
    """Something that looked like a command and was not read as one."""
    return md.lines(md.fill("**HINT** · {who}", who=md.code(comment.author)), *says, _unchanged(snapshot))


def _unchanged(snapshot: Snapshot, *, beside: bool = False) -> Md | None:
    """On a merged pull this is left out: something did change, if not by this comment."""
    if snapshot.pull.state is PullState.MERGED:
        return None
    return md.own(words.NOTHING_ELSE_CHANGED) if beside else md.own(words.NOTHING_CHANGED)


_LET_IN = md.own(
    "An admin of this commons can let the bot's account write to main, or merge by hand what waits; it goes on from there."
)
_OUT_OF_THE_WAY = md.own(
    "An admin of this commons can close the pulls that come from `stampbot/` branches, or take the account's right to write."
)


def kept(snapshot: Snapshot, comment: Comment, why: str, *, hitch: ParkReason, begun: bool, until: datetime | None) -> Md:
    """A command that cannot go on now and is not given up: why, what happens next, and who could help.

    `begun`: some of it stands on main. `until`: when it is given up.
    """
    every, said = time.span(snapshot.policy.timing.park_s), md.code(why, 300)
    help_: Md | None = None
    match hitch:
        case ParkReason.WITHHELD:
            what = md.fill("DoltHub does not let the bot do this: {why}.", why=said)
            help_ = _LET_IN
        case ParkReason.OBSTRUCTED:
            what = md.fill("Another account is in the way of these rows: {why}.", why=said)
            help_ = _OUT_OF_THE_WAY
        case ParkReason.BUSY:
            what = md.fill("DoltHub has not done this for {long}: {why}.", long=every, why=said)
        case never:
            assert_never(never)
    end = md.fill(", until {when}", when=time.clock(until)) if until is not None else Md("")
    again = md.fill(
        "Your command is kept and tried again by itself, every {long}{end}. It need not be written again.", long=every, end=end
    )
    stands = (
        md.own("What was done so far remains, and the rest follows.")
        if begun
        else md.own("A later decision takes its place. Nothing was changed.")
        if hitch is not ParkReason.BUSY
        else md.own("Later decisions wait for its end.")
    )
    return md.lines(
        md.fill("**KEPT** · {who} · {subject}", who=md.code(comment.author), subject=words.subject(snapshot)),
        what,
        again,
        help_,
        stands,
    )
