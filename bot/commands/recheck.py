"""`/recheck`: look again, now."""

from __future__ import annotations

from bot.commands import authority, check_names, decision
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar.signature import Takes
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.finding import Finding, Judgement, Level
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot

FINDINGS_MAX = 8


@command(
    name="recheck",
    takes=Takes.WORDS,
    aliases=("retest", "re-check", "refresh"),
    wants_fresh_probe=True,
    takes_item=False,
)
def recheck(context: CommandContext) -> Decision:
    """Look at this pull and its evidence again, now

    For who opened the pull, whose work it is, and validators; once a minute. Links are fetched anew. With the names of
    checks behind it, the answer tells of those only; all are run.
    """
    snapshot = context.snapshot
    if snapshot.pull.state is not PullState.OPEN:
        return Refuse(md.own("This pull is not open any more, so there is nothing left to check."))
    if not authority.may_recheck(snapshot, context.comment.author):
        return Refuse(
            md.own("Checks are run again for the user who opened the pull, for the contributor, and for validators."),
            md.own("They run automatically whenever the pull or its evidence changes."),
        )
    unknown = check_names.unknown(context.parsed.words, check_names.ran(context.judgement))
    if unknown is not None:
        return unknown
    if (seconds := _since_last(context)) is not None:
        return Refuse(
            md.fill("The checks were run {seconds} seconds before.", seconds=md.number(seconds)),
            md.fill("Once in {pause} seconds is the limit.", pause=md.number(snapshot.policy.timing.look_again_s)),
        )
    stale: Wait | None = decision.stale_evidence(context)
    return stale if stale is not None else Follow(says=_report(snapshot, context.judgement, _chosen(context)))


def _chosen(context: CommandContext) -> frozenset[str]:
    known = check_names.ran(context.judgement)
    return frozenset(name for word in context.parsed.words for name in check_names.matching(word, known))


def _since_last(context: CommandContext) -> int | None:
    """Seconds from our last answer to a recheck to this comment, if that is too short; told from comments' times alone."""
    snapshot, written = context.snapshot, context.comment.created_at
    for answered in reversed(snapshot.answers):
        ran = "recheck" in answered.mark.commands and answered.mark.outcome == "done"
        if ran and answered.mark.comment != context.comment.id and answered.comment.created_at <= written:
            seconds = (written - answered.comment.created_at).total_seconds()
            return int(seconds) if seconds < snapshot.policy.timing.look_again_s else None
    return None


def _report(snapshot: Snapshot, judgement: Judgement, chosen: frozenset[str]) -> Md:
    head = md.fill(
        "**CHECKED AGAIN** · {subject} · {verdict} at {when}",
        subject=words.subject(snapshot),
        verdict=words.verdict(judgement.verdict),
        when=time.clock(snapshot.taken_at),
    )
    weighty = [f for f in judgement.findings if f.level is not Level.NOTE and (not chosen or f.rule in chosen)]
    crashed = [c for c in judgement.crashes if not chosen or c.rule in chosen]
    told = [_told(finding) for finding in weighty]
    told += [
        md.fill("{rule} failed with an error of the bot, so nothing is merged or stamped.", rule=md.code(c.rule))
        for c in crashed
    ]
    if len(told) > FINDINGS_MAX:
        left = md.number(len(told) - FINDINGS_MAX)
        told = [*told[:FINDINGS_MAX], md.fill("and {n} more", n=left)]
    passed = [name for name in judgement.passed if not chosen or name in chosen]
    end = md.fill("{n} passed.", n=words.checks(len(passed)))
    waits = md.fill("Waiting for {whom}.", whom=md.prose(judgement.waiting_for)) if judgement.waiting_for else None
    return md.lines(head, md.bullets(told) if told else None, waits, end)


def _told(finding: Finding) -> Md:
    return md.fill(
        "{level} {rule}: {says}",
        level=md.own(_LEVEL_WORDS[finding.level]),
        rule=md.code(finding.rule),
        says=md.prose(finding.says),
    )


_LEVEL_WORDS = {
    Level.NOTE: "note",
    Level.DOUBT: "doubt",
    Level.UNSURE: "doubt",
    Level.FORBID: "cannot tell",
    Level.FAULT: "fault",
}
