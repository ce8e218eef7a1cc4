"""What is due for one pull, as a value. Pure: snapshot and judgement in, steps out.

Commands are facts in the snapshot that have no answer yet. At most one thing is planned at a time, a command's steps or a
review: what follows from a decision is planned from the world as the decision left it.

The law, held by property tests: after the first k steps of a plan have happened, planning again yields the remaining steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands import errors, grammar
from bot.commands.authority import is_validator
from bot.commands.catalog import Catalog
from bot.commands.command import Asked, Follow, Refuse, Wait
from bot.commands.reading import Hint, Reading
from bot.model.finding import Judgement, Level, Verdict
from bot.model.ids import CommitHash
from bot.model.kind import PullKind
from bot.model.policy import Comments
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, Outcome, PostReview, Step
from bot.speech import answers, md, reviews, words
from bot.speech.md import Md


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps to take now, in order; and, if something is left, what it waits for.

    `probe_since`: evidence must be looked at again, at or after this moment, before a command can be decided.
    `look_at`: when time alone makes something due.
    """

    steps: tuple[Step, ...] = ()
    waits: tuple[Md, ...] = ()
    probe_since: datetime | None = None
    look_at: datetime | None = None


def plan(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """What is due now. The first review comes before any command: a decision needs a review to stand on."""
    if snapshot.bot is None or snapshot.policy.comments is Comments.NONE:
        return Plan()
    review = _review(snapshot, judgement, commands)
    if not snapshot.reviews and review.steps:
        return review
    answered = _commands(snapshot, judgement, commands)
    if answered.steps:
        return answered
    if review.steps:
        return Plan(steps=review.steps, waits=answered.waits, probe_since=answered.probe_since)
    soonest = min((at for at in (review.look_at, answered.look_at) if at is not None), default=None)
    return Plan(waits=(*answered.waits, *review.waits), probe_since=answered.probe_since, look_at=soonest)


# --- reviews --------------------------------------------------------------------------------------------------------


def _review(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """The review that is due, or what it waits for."""
    if snapshot.pull.state is not PullState.OPEN or snapshot.kind is PullKind.LANDING or snapshot.head is None:
        return Plan()
    if snapshot.policy.comments is Comments.DECISIONS and not _asked_to_speak(snapshot, commands):
        return Plan()
    digest = judgement.digest(snapshot.head)
    newest = snapshot.reviews[-1] if snapshot.reviews else None
    if newest is not None and newest.mark.digest == digest:
        return Plan()
    if snapshot.rejection is not None and snapshot.rejection.mark.head == snapshot.head:
        return Plan()  # a validator has spoken about this very head; the answer says all there is to say
    return _held_back(snapshot, judgement) or Plan(steps=(_post(snapshot, judgement, snapshot.head, digest),))


def _post(snapshot: Snapshot, judgement: Judgement, head: CommitHash, digest: str) -> PostReview:
    return PostReview(head=head, digest=digest, body=reviews.review(snapshot, judgement))


def _asked_to_speak(snapshot: Snapshot, commands: Catalog) -> bool:
    """On a commons that wants no unasked words: a command stands there, and no review for it to stand on."""
    if snapshot.reviews:
        return False
    return any(p.decides for c in snapshot.unanswered for p in grammar.read(c.body, commands).parsed)


def _held_back(snapshot: Snapshot, judgement: Judgement) -> Plan | None:
    """Why a review that would be new is not posted yet; each reason ends by itself."""
    timing = snapshot.policy.timing
    definite = bool(judgement.at(Level.FAULT) or judgement.at(Level.DOUBT))
    if snapshot.head_at is not None and not snapshot.older_than(snapshot.head_at, timing.quiet_head_s):
        return _until(snapshot.head_at, timing.quiet_head_s, md.own("the head to be quiet for a while"))
    seen_since = snapshot.first_look_at or snapshot.taken_at
    unprobed = any(snapshot.probe(link.url) is None for link in snapshot.links)
    if unprobed and not definite and not snapshot.older_than(seen_since, timing.no_sheet_s):
        return _until(seen_since, timing.no_sheet_s, md.own("the link checker"))
    if judgement.verdict is Verdict.CANNOT_TELL and not definite and not snapshot.older_than(seen_since, timing.unsure_hold_s):
        return _until(seen_since, timing.unsure_hold_s, md.own("a check that cannot tell yet"))
    last = snapshot.reviews[-1] if snapshot.reviews else None
    if last is not None and last.mark.head == snapshot.head:
        posted = last.comment.created_at
        if not snapshot.older_than(posted, timing.same_head_s):
            return _until(posted, timing.same_head_s, md.own("a decent time since the last review of this head"))
    return None


def _until(since: datetime, seconds: float, why: Md) -> Plan:
    return Plan(waits=(why,), look_at=since + timedelta(seconds=seconds))


# --- commands -------------------------------------------------------------------------------------------------------


def _commands(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """Steps for the oldest comment that asks for something and can be dealt with now."""
    if snapshot.pull.state is not PullState.OPEN and not snapshot.spoke:
        return Plan()  # old history: nobody here has heard of us
    waits: list[Md] = []
    since: datetime | None = None
    for comment in snapshot.unanswered:
        reading = grammar.read(comment.body, commands)
        if not (reading.items or reading.hints):
            continue
        found = _answer(snapshot, judgement, commands, comment, reading)
        if isinstance(found, Wait):
            waits.append(found.until)
            since = comment.created_at if since is None else max(since, comment.created_at)
            continue
        if found:
            return Plan(steps=found)
    return Plan(waits=tuple(waits), probe_since=since)


def _answer(
    snapshot: Snapshot, judgement: Judgement, commands: Catalog, comment: Comment, reading: Reading
) -> tuple[Step, ...] | Wait:
    """All steps one comment leads to, its one answer last. Empty: nothing to say to this."""
    if comment.edited:
        return _hint_about_edit(snapshot, comment) if reading.items else ()
    if not reading.items:
        hints = tuple(h for h in reading.hints if not h.kind.validators_only or is_validator(snapshot, comment.author))
        return _hint(snapshot, comment, hints) if hints else ()
    return _transaction(snapshot, judgement, commands, comment, reading)


def _hint(snapshot: Snapshot, comment: Comment, hints: tuple[Hint, ...]) -> tuple[Step, ...]:
    says = answers.hint(comment, [errors.say_hint(h) for h in hints])
    return (answers.answer(snapshot, comment, commands=(), outcome=Outcome.HINT, says=says),)


def _hint_about_edit(snapshot: Snapshot, comment: Comment) -> tuple[Step, ...]:
    told = md.own("This comment was edited after it was written, so no command in it is carried out. Write a new comment.")
    says = answers.hint(comment, (told,))
    return (answers.answer(snapshot, comment, commands=(), outcome=Outcome.HINT, says=says),)


def _transaction(
    snapshot: Snapshot, judgement: Judgement, commands: Catalog, comment: Comment, reading: Reading
) -> tuple[Step, ...] | Wait:
    """One comment is one transaction with at most one decision: wrong lines, or two decisions, stop the decision.

    Commands that decide nothing are carried out all the same.
    """
    pin = snapshot.reviews[-1].mark.head[: words.SHORT_HASH_CHARS] if snapshot.reviews else None
    problems: list[Md] = [errors.explain(m, pin) for m in reading.misread]
    if (two := errors.two_decisions(reading)) is not None:
        problems.append(two)
    steps: list[Step] = []
    said: list[Md] = []
    names: list[str] = []
    outcome = Outcome.DONE
    for parsed in reading.parsed:
        if parsed.decides and problems:
            continue
        command = commands.get(parsed.name)
        if command is None:
            continue
        asked = Asked(parsed=parsed, comment=comment, snapshot=snapshot, judgement=judgement, catalog=commands)
        match command.decide(asked):
            case Wait() as wait:
                return wait
            case Refuse(reason, remedy):
                said.append(answers.refusal(snapshot, comment, line=parsed.line, reason=reason, remedy=remedy))
                outcome = Outcome.REFUSED
            case Follow(steps=more, says=says, outcome=ended):
                steps.extend(more)
                said.append(says)
                outcome = ended if outcome is Outcome.DONE else outcome
            case never:
                assert_never(never)
        names.append(parsed.name)
    if problems:
        outcome = Outcome.REFUSED
        said.append(answers.refusal(snapshot, comment, line="", reason=md.lines(*problems)))
    names.extend(m.name for m in reading.misread if m.name)
    body = md.join(said, "\n\n---\n\n")
    answer = answers.answer(snapshot, comment, commands=tuple(dict.fromkeys(names)), outcome=outcome, says=body)
    return (*steps, answer)


def refused(snapshot: Snapshot, comment: Comment, names: tuple[str, ...], reason: Md, remedy: Md) -> Answer:
    """The answer for a decision that DoltHub, or the rows on main, refused while it was carried out."""
    says = answers.refusal(snapshot, comment, line="", reason=reason, remedy=remedy)
    return answers.answer(snapshot, comment, commands=names, outcome=Outcome.REFUSED, says=says)
