"""Steps for one comment with commands: the answer, and what comes before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands import grammar, rehearsal, taking_back
from bot.commands.authority import Allowed, is_validator, may_decide
from bot.commands.command import Catalog, CommandContext, Decision, Follow, Refuse, Wait
from bot.commands.decision import deciding, ended_holds
from bot.commands.grammar import errors
from bot.commands.grammar.reading import Parsed, Reading
from bot.converge.plan.value import Plan
from bot.messages import answers, md, words
from bot.messages.md import Md
from bot.model.finding import Judgement
from bot.model.mark import CANCEL, DENIED, EDITED, NEWS, SAME, Fact
from bot.model.policy import Decisions
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, ClosePull, Land, MergePull, Outcome, ParkReason, Step

SAME_S = 1
"""Equal comments of one account that are no further apart are one: a button pressed twice."""


def due_commands(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """Steps for one comment: the oldest whose deed has begun, else the oldest that asks for something and can be dealt with.

    While a decision waits, later decisions wait behind it: the first valid one wins, not the one that needs least.
    """
    if snapshot.pull.state is not PullState.OPEN and not snapshot.has_commented:
        return Plan()  # old history: nobody here has heard of us
    waits: list[Md] = []
    since: datetime | None = None
    first: _Found | None = None
    kept: _Found | None = None
    undecided = False
    later: datetime | None = None
    for comment in _taking_back_first(snapshot, commands):
        reading = grammar.read(comment.body, commands)
        if not (reading.items or reading.hints):
            continue
        if snapshot.policy.decisions is Decisions.WATCH:
            reading = reading.as_rehearsal()
        if (patience := _talked_enough(snapshot, comment, reading, commands)) is not None:
            later = min(later or patience, patience)
            continue
        found = _answer(snapshot, judgement, commands, comment, reading)
        match found:
            case Wait(until):
                waits.append(until)
                since = comment.created_at if since is None else max(since, comment.created_at)
                undecided |= _decides(reading)
            case _Found() if snapshot.journal.parked(comment.id):
                # It is stuck. It is tried again, but whoever asks for something else meanwhile is heard first. A decision that
                # shows on main already keeps its place before others, and so does one whose merge may be under way.
                kept = kept or found
                undecided |= found.begun or ParkReason.BUSY.value in snapshot.journal.parked(comment.id)
            case _Found(begun=True):
                return Plan(steps=found.steps)
            case _Found():
                first = first or (None if undecided and _decides(reading) else found)
            case None:
                pass
            case never:
                assert_never(never)
    next_ = first or kept
    return Plan(steps=next_.steps) if next_ is not None else Plan(waits=tuple(waits), probe_since=since, look_at=later)


def _taking_back_first(snapshot: Snapshot, commands: Catalog) -> tuple[Comment, ...]:
    """Comments without an answer, oldest first; those that take a command back before all others, lest it is carried out."""
    back = {c.id for c in snapshot.unanswered if any(p.name == CANCEL for p in grammar.read(c.body, commands).parsed)}
    return tuple(sorted(snapshot.unanswered, key=lambda c: c.id not in back))


def _talked_enough(snapshot: Snapshot, comment: Comment, reading: Reading, commands: Catalog) -> datetime | None:
    """When the next word to an account is due that was answered often in the last hour; None: now.

    Else two bots could answer each other for ever, and a stranger's hundred questions would stand before a decision. Decisions
    of accounts that are entitled to them, and holds that change something, are never kept waiting.
    """
    if _is_deed(snapshot, comment, reading, commands):
        return None
    user, since = comment.author, snapshot.taken_at - timedelta(seconds=answers.HOUR_S)
    authors = {c.id: c.author for c in snapshot.comments}
    # The author of a deleted comment is not known: it counts for everybody, else deleting would escape the count.
    told = ((a.comment.created_at, a.mark.comment) for a in snapshot.answers)
    heard = [at for at, to in told if to is not None and authors.get(to, user) == user]
    recent = [at for at in heard if at > since]
    if len(recent) < answers.ANSWERS_AN_HOUR_MAX:
        return None
    return recent[-answers.ANSWERS_AN_HOUR_MAX] + timedelta(seconds=answers.HOUR_S)


def _is_deed(snapshot: Snapshot, comment: Comment, reading: Reading, commands: Catalog) -> bool:
    """Whether a comment may do something, as far as it shows: a decision by an account that is entitled, or a hold."""
    user = comment.author
    validator, own = is_validator(snapshot, user), any(hold.by == user for hold in snapshot.holds)
    for parsed in reading.parsed:
        may = validator or isinstance(may_decide(snapshot, user, parsed.name, parsed.text("as")), Allowed)
        if parsed.decides and may:
            return True
        if parsed.name == CANCEL and taking_back.in_force(snapshot, comment, commands):
            return True
        if parsed.name == "hold" and not own and snapshot.rigs_of(user):
            return True
        if parsed.name in ("hold", "unhold") and snapshot.holds and (own or validator):
            return True
    return False


def _decides(reading: Reading) -> bool:
    """Whether a comment holds a decision that could be carried out."""
    return any(parsed.decides for parsed in reading.parsed)


@dataclass(frozen=True, slots=True)
class _Found:
    """All steps one comment leads to, its one answer last. `begun`: some of them have been taken."""

    steps: tuple[Step, ...]
    begun: bool = False


def _answer(
    snapshot: Snapshot, judgement: Judgement, commands: Catalog, comment: Comment, reading: Reading
) -> _Found | Wait | None:
    """What one comment leads to. None: nothing to say to this.

    While a merge of ours may be under way no decision is answered: it may be the one that comes about.
    """
    found = _as_it_stands(snapshot, judgement, commands, comment, reading)
    deeds = isinstance(found, _Found) and any(isinstance(step, MergePull | Land | ClosePull) for step in found.steps)
    if snapshot.merging and found is not None and not deeds and _decides(reading):
        return Wait(md.own("the merge that was begun to end."))
    return found


def _as_it_stands(
    snapshot: Snapshot, judgement: Judgement, commands: Catalog, comment: Comment, reading: Reading
) -> _Found | Wait | None:
    """What one comment leads to, if what the snapshot shows of the pull is all there is."""
    if comment.edited:
        # A stop is the one command that does no harm whoever changed the words.
        held = _stop_alone(snapshot, judgement, commands, comment, reading)
        return held or (_hint(snapshot, comment, (_EDITED,), edited=True) if reading.items else None)
    if not reading.items:
        hints = [h for h in reading.hints if not h.kind.validators_only or is_validator(snapshot, comment.author)]
        return _hint(snapshot, comment, tuple(errors.say_hint(h, _pin(snapshot)) for h in hints)) if hints else None
    return _transaction(snapshot, judgement, commands, comment, reading)


def _stop_alone(
    snapshot: Snapshot, judgement: Judgement, commands: Catalog, comment: Comment, reading: Reading
) -> _Found | Wait | None:
    """The hold that an edited comment asks for; None if it asks for none. Nothing else in it is carried out."""
    for parsed in reading.parsed:
        command = commands.get(parsed.name)
        if command is None or not command.stops:
            continue
        context = CommandContext(parsed=parsed, comment=comment, snapshot=snapshot, judgement=judgement, catalog=commands)
        one = command.decide(context)
        if isinstance(one, Follow) and {fact.command for fact in one.facts} == {"hold"}:
            return _transaction(snapshot, judgement, commands, comment, Reading(items=(parsed,)))
    return None


def _same(snapshot: Snapshot, comment: Comment) -> tuple[Fact, ...]:
    """Comments of the same words that the account wrote within a second of this one: one answer is for all of them."""
    return tuple(
        Fact(command=SAME, by=comment.author, of=other.id)
        for other in snapshot.unanswered
        if other.id != comment.id
        and (other.author, other.body.strip(), other.edited) == (comment.author, comment.body.strip(), comment.edited)
        and abs(other.created_at - comment.created_at) <= timedelta(seconds=SAME_S)
    )


def _pin(snapshot: Snapshot) -> str | None:
    """The newest review as it is typed, for lines that are offered for copying."""
    newest = snapshot.reviews[-1].mark if snapshot.reviews else None
    return words.pin(newest.head, newest.n) if newest is not None else None


_EDITED = md.own("This comment was edited after it was written, so no command in it is carried out. Write a new comment.")


def _hint(snapshot: Snapshot, comment: Comment, told: tuple[Md, ...], *, edited: bool = False) -> _Found:
    says, facts = answers.hint(snapshot, comment, told), _same(snapshot, comment)
    if edited:
        facts = (*facts, Fact(command=EDITED, by=comment.author))
    names = tuple(dict.fromkeys(fact.command for fact in facts))
    return _Found((answers.answer(snapshot, comment, commands=names, outcome=Outcome.HINT, says=says, facts=facts),))


def _transaction(
    snapshot: Snapshot, judgement: Judgement, commands: Catalog, comment: Comment, reading: Reading
) -> _Found | Wait | None:
    """One comment is one transaction with at most one decision: wrong lines, or two decisions, stop the decision.

    So they stop what takes a safeguard away. Other commands are carried out all the same, and do not stop it: a decision that
    was followed is what the answer's mark tells of, and one that has begun waits for none of them.
    """
    pin = _pin(snapshot)
    problems: list[Md] = [errors.explain(m, pin) for m in reading.misread]
    if (two := errors.two_decisions(reading)) is not None:
        problems.append(two)
    decided: list[tuple[Parsed, Decision]] = []
    for parsed in reading.parsed:
        command = commands.get(parsed.name)
        if command is None or (parsed.decides and problems):
            continue
        context = CommandContext(parsed=parsed, comment=comment, snapshot=snapshot, judgement=judgement, catalog=commands)
        one = command.decide(context)
        if problems and (command.loosens or _loosens(one, commands)):
            problems.append(errors.not_alone(parsed))
            continue
        decided.append((parsed, rehearsal.rehearse(context, one) if parsed.rehearsed else one))
    begun = any(isinstance(one, Follow) and one.begun for _, one in decided)
    if not begun and any(fact.command == "hold" for _, one in decided if isinstance(one, Follow) for fact in one.facts):
        decided = [(parsed, _held_here(parsed, one)) for parsed, one in decided]
    denials = [p.decides and isinstance(one, Refuse) and one.denied for p, one in decided]
    if denials and all(denials) and not problems and snapshot.journal.denied(comment.author, deciding(commands)):
        return None  # told before, and told once is enough
    waits = [one for _, one in decided if isinstance(one, Wait)]
    if waits and not begun:
        return waits[0]
    changes = any(isinstance(one, Follow) and one.changes for _, one in decided)
    steps: list[Step] = []
    said: list[Md] = []
    facts: list[Fact] = []
    outcomes: list[Outcome] = []
    followed: Outcome | None = None
    for parsed, one in decided:
        match one:
            case Wait():
                said.append(md.fill("{name} was left out.", name=md.code(f"/{parsed.name}")))
            case Refuse(reason, remedy, denied, changed, news, shown):
                line, beside = parsed.line, changes
                refusal = answers.refusal(
                    snapshot, comment, line=line, reason=reason, remedy=remedy, beside=beside, changed=changed
                )
                said.append(refusal)
                outcomes.append(Outcome.REFUSED)
                if denied and parsed.decides:
                    facts.append(Fact(command=parsed.name, by=comment.author, of=DENIED))
                facts.extend(shown if not parsed.rehearsed else ())
                if news and not parsed.rehearsed:
                    facts.append(Fact(command=NEWS, by=comment.author, of=news))
            case Follow(steps=more, says=says, outcome=ended, facts=new):
                steps.extend(more)
                said.append(says)
                facts.extend(new)
                outcomes.append(ended)
                followed = ended if parsed.decides else followed
                if parsed.decides and ended is Outcome.DONE:
                    facts.append(Fact(command=parsed.name, by=comment.author))
                    context = CommandContext(
                        parsed=parsed, comment=comment, snapshot=snapshot, judgement=judgement, catalog=commands
                    )
                    facts.extend(Fact(command="unhold", by=comment.author, of=hold.by) for hold in ended_holds(context))
            case never:
                assert_never(never)
    if problems:
        outcomes.append(Outcome.REFUSED)
        said.append(answers.refusal(snapshot, comment, line="", reason=md.lines(*problems), beside=changes))
    facts.extend(_same(snapshot, comment))
    outcome = followed or next((o for o in outcomes if o is not Outcome.DONE), Outcome.DONE)
    names = (
        *(rehearsal.WORD if parsed.rehearsed else parsed.name for parsed, _ in decided),
        *(m.name for m in reading.misread if m.name),
        *(fact.command for fact in facts),
    )
    body = md.join(said, "\n\n---\n\n")
    answer = answers.answer(
        snapshot, comment, commands=tuple(dict.fromkeys(names)), outcome=outcome, says=body, facts=tuple(dict.fromkeys(facts))
    )
    return _Found((*steps, answer), begun)


def _loosens(one: Decision, commands: Catalog) -> bool:
    """Whether what a command comes to takes a safeguard away, whatever the command is called: `/hold cancel` lifts a hold."""
    made = (commands.get(fact.command) for fact in one.facts) if isinstance(one, Follow) else ()
    return any(command is not None and command.loosens for command in made)


def _held_here(parsed: Parsed, one: Decision) -> Decision:
    """What becomes of a command whose own comment places a hold: nothing is decided or lifted, and it waits for nothing."""
    if parsed.decides and isinstance(one, Follow | Wait):
        return Refuse(md.own("The same comment holds this pull, so nothing is decided by it."), words.LIFT)
    if isinstance(one, Follow) and any(fact.command == "unhold" for fact in one.facts):
        return Refuse(md.own("The same comment holds this pull, so nothing is lifted by it."), words.LIFT)
    if isinstance(one, Wait):
        return Refuse(md.own("The hold beside it does not wait for this."), md.own("Write it in a comment of its own."))
    return one


def refused(
    snapshot: Snapshot, comment: Comment, commands: Catalog, reason: Md, remedy: Md, *, changed: bool = False
) -> Answer:
    """The answer for a decision that DoltHub, or the rows on main, refused while it was carried out."""
    says = answers.refusal(snapshot, comment, line="", reason=reason, remedy=remedy, changed=changed)
    return answers.answer(snapshot, comment, commands=_decisions_in(comment, commands), outcome=Outcome.REFUSED, says=says)


def kept(snapshot: Snapshot, comment: Comment, step: Step, commands: Catalog, *, hitch: ParkReason, why: str) -> Answer:
    """What is said, once for each reason, about a command that cannot go on and is tried again. It does not close it."""
    # Rows come to main before a pull is closed; of a landing that is under way, whether any did is for main to tell.
    begun = snapshot.merged or isinstance(step, ClosePull)
    limit = comment.created_at + timedelta(seconds=snapshot.policy.timing.confirm_old_s)
    says = answers.kept(snapshot, comment, why, hitch=hitch, begun=begun, until=None if begun else limit)
    named = _decisions_in(comment, commands)
    return answers.answer(snapshot, comment, commands=named, outcome=Outcome.PARKED, says=says, digest=hitch.value)


def _decisions_in(comment: Comment, commands: Catalog) -> tuple[str, ...]:
    return tuple(parsed.name for parsed in grammar.read(comment.body, commands).parsed if parsed.decides)
