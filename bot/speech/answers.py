"""Answers to comments: receipts, refusals, hints. Each ends in its mark, and stands in our journal by it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.model.ids import CommitHash
from bot.model.mark import NO_HEAD, Fact, Mark, MarkKind
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, Outcome
from bot.speech import md, words
from bot.speech.md import Md


def answer(
    snapshot: Snapshot,
    comment: Comment,
    *,
    commands: tuple[str, ...],
    outcome: Outcome,
    says: Md,
    facts: tuple[Fact, ...] = (),
    head: CommitHash | None = None,
) -> Answer:
    """The answer to one comment. `head` is the head it speaks of (default: the pull's); the mark carries the evidence key.

    `facts` are what is so from now on because this answer says it; their commands are among `commands`.
    """
    mark = Mark(
        kind=MarkKind.ANSWER,
        commands=commands,
        comment=comment.id,
        outcome=outcome.value,
        head=head or snapshot.head or NO_HEAD,
        digest=snapshot.evidence_key,
        n=len(snapshot.answers) + 1,
        facts=facts,
    )
    return Answer(to=comment.id, outcome=outcome, body=md.lines(says, Md(mark.line)))


def refusal(
    snapshot: Snapshot, comment: Comment, *, line: str, reason: Md, remedy: Md | None = None, beside: bool = False
) -> Md:
    """Why a command was not carried out, what to do instead, and that nothing was changed.

    On a merged pull the last sentence is left out: something did change, if not by this command. `beside`: something else in
    the same comment was carried out, and changed something.
    """
    return md.lines(
        md.fill("**REFUSED** · {who}", who=md.code(comment.author)),
        md.fence((line,)) if line else None,
        reason,
        remedy or None,
        _unchanged(snapshot, beside=beside),
    )


def hint(snapshot: Snapshot, comment: Comment, says: Iterable[Md]) -> Md:
    """Something that looked like a command and was not read as one."""
    return md.lines(md.fill("**HINT** · {who}", who=md.code(comment.author)), *says, _unchanged(snapshot))


def _unchanged(snapshot: Snapshot, *, beside: bool = False) -> Md | None:
    """On a merged pull this is left out: something did change, if not by this comment."""
    if snapshot.pull.state is PullState.MERGED:
        return None
    return md.own(words.NOTHING_ELSE_CHANGED) if beside else md.own(words.NOTHING_CHANGED)
