"""`/status`: how the pull stands, what stands against a decision, and who can decide."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands import authority, check_names, decision, grammar
from bot.commands.command import CommandContext, Decision, Follow, command
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.finding import Judgement, Level
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot

FINDINGS_MAX = 5
COMMANDS_MAX = 3


@command(name="status", aliases=("info",), takes_item=False)
def status(context: CommandContext) -> Decision:
    """Show the state of this pull, and who can decide it

    For anybody: the verdict, what stands against a decision, holds, overrides and rejections in force, commands that wait for
    something, and who is free to decide.
    """
    snapshot = context.snapshot
    head = md.fill(
        "**STATUS** · {subject} · {state} at {when}",
        subject=words.subject(snapshot),
        state=_state(snapshot, context.judgement),
        when=time.clock(snapshot.taken_at),
    )
    return Follow(says=md.lines(head, md.bullets(_lines(context))))


def _state(snapshot: Snapshot, judgement: Judgement) -> Md:
    if snapshot.pull.state is PullState.OPEN:
        return words.verdict(judgement.verdict)
    return md.fill("**{state}**", state=Md(snapshot.pull.state.value.upper()))


def _lines(context: CommandContext) -> Iterator[Md]:
    snapshot, judgement = context.snapshot, context.judgement
    yield _where(snapshot)
    if snapshot.pull.state is PullState.OPEN:
        yield from _against(judgement)
        if judgement.waiting_for:
            yield md.fill("Waiting for {whom}.", whom=md.prose(judgement.waiting_for))
    else:
        yield decision.earlier_decision(snapshot, *decision.deciding(context.catalog)) or md.own("Not decided here.")
    yield from words.standing(snapshot)
    yield from _waiting(context)
    if snapshot.pull.state in (PullState.OPEN, PullState.MERGED):
        yield authority.who_can(snapshot)
        yield from authority.barred(snapshot)


def _where(snapshot: Snapshot) -> Md:
    if not snapshot.reviews:
        return md.own("Not reviewed yet.")
    last = snapshot.reviews[-1].mark
    told = md.fill("Review #{n} is about head {head}", n=md.number(last.n), head=words.short(last.head))
    if snapshot.head is None:
        return md.fill("{told}; the branch cannot be read any more.", told=told)
    if snapshot.head != last.head:
        return md.fill("{told}; the pull is at {now} now.", told=told, now=words.short(snapshot.head))
    return md.fill("{told}, where the pull is now.", told=told)


def _against(judgement: Judgement) -> Iterator[Md]:
    for crash in judgement.crashes[:FINDINGS_MAX]:
        yield md.fill("{check}: failed with an error of the bot. {last}", check=md.code(crash.rule), last=words.FORBIDS)
    for finding in judgement.at(Level.FORBID)[:FINDINGS_MAX]:
        told = md.prose(finding.says)
        yield md.fill("{check}: {says} {last}", check=md.code(finding.rule), says=told, last=words.FORBIDS)
    faults = judgement.at(Level.FAULT)
    for fault in faults[:FINDINGS_MAX]:
        last = words.OVERRIDABLE if fault in judgement.overridable else words.FINAL
        yield md.fill("{check}: {says} {last}", check=md.code(fault.rule), says=md.prose(fault.says), last=last)
    if len(faults) > FINDINGS_MAX:
        yield md.fill("and {n} more faults", n=md.number(len(faults) - FINDINGS_MAX))
    if judgement.passed:
        names = check_names.listed(judgement.passed)
        yield md.fill("{n} passed: {names}.", n=words.checks(len(judgement.passed)), names=names)


def _waiting(context: CommandContext) -> Iterator[Md]:
    """Decisions without an answer: they wait for something, or behind another."""
    decisions = decision.deciding(context.catalog)
    waiting = [
        (comment, parsed)
        for comment in context.snapshot.unanswered
        if comment.id != context.comment.id
        and not comment.edited
        and not context.snapshot.journal.denied(comment.author, decisions)
        for parsed in grammar.read(comment.body, context.catalog).parsed
        if parsed.decides
    ]
    for comment, parsed in waiting[:COMMANDS_MAX]:
        yield md.fill(
            "{name} by {user} at {when} has no answer yet.",
            name=md.code(f"/{parsed.name}"),
            user=md.code(comment.author),
            when=time.clock(comment.created_at),
        )
