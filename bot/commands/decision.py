"""What decisions have in common: who asks, about which reviewed head, whether somebody holds the pull, and whether it is late.

Everything here that can say no says it before anything is done. Once a decision has begun to show on main (merged, or rows
landed), what can change is not judged again: see `begun`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from bot.commands import decision_rows
from bot.commands.authority import Allowed, Denied, conflict, free_validators, is_validator, may_decide, may_recheck, stake
from bot.commands.command import Catalog, CommandContext, Refuse, Wait, forbidden
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.finding import Verdict
from bot.model.ids import CommitHash, Handle
from bot.model.journal import Answered, Hold, Review
from bot.model.ledger import LedgerChange, Rig, Row
from bot.model.mark import SHOWN, Fact
from bot.model.news import news_since, shown_by
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Land, Step

REJECTION_RULE = "not_rejected_before"
NEWS_MAX = 5
"""Findings that are new and named in a refusal; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a decision stands on: the rig that decides, and the review it was made from."""

    rig: Rig
    review: Review


def ground(
    context: CommandContext, verb: str, *, own_work: bool = False, begun: bool = False, entitled: bool = False
) -> Ground | Refuse | Wait:
    """Check who asks, that nobody holds the pull, and which review is named. `own_work`: it may be about the asker's own work.

    `begun`: the deed already shows on main, so the comment's age is no longer asked about, nor what was said since.
    `entitled`: it shows that this very person's decision was found valid, so a right that was lost since is not missed.
    """
    snapshot, comment = context.snapshot, context.comment
    if (other := other_item(context)) is not None:
        return other
    allowed = may_decide(
        snapshot, comment.author, verb, context.parsed.text("as"), now_too=snapshot.written_after_merge(comment) and not begun
    )
    if not own_work and is_validator(snapshot, comment.author):
        # Said before the asker is made to choose among several rigs: whichever it is, the work stays their own.
        tie = conflict(snapshot, allowed.rig if isinstance(allowed, Allowed) else None, comment.author)
        if tie is not None:
            return Refuse(tie, md.join([_free_validators(snapshot), *_still_open(snapshot, verb)], " "))
    if not begun and is_validator(snapshot, comment.author):
        interest = stake(snapshot, allowed.rig if isinstance(allowed, Allowed) else None, comment.author)
        if interest is not None:
            return Refuse(interest, _free_validators(snapshot))
    if isinstance(allowed, Denied):
        if entitled:
            allowed = Allowed(_best_rig(context))
        elif is_validator(snapshot, comment.author):
            return Refuse(allowed.reason, allowed.remedy)
        else:
            return Refuse(allowed.reason, md.join([allowed.remedy, _what_else(context)], " "), denied=True)
    if verb in deciding(context.catalog) and (hold := held(context, begun=begun)) is not None:
        return hold
    review = _named_review(context)
    if isinstance(review, Refuse):
        return review
    if not begun and (late := _denied_before(context) or _late(context)) is not None:
        return late
    # Refused here so that nothing is waited for first. Command.decide refuses it in any case, also what has begun.
    if verb == "accept" and not snapshot.merged and (no := forbidden(context)) is not None:
        return no
    return Ground(rig=allowed.rig, review=review)


_PAST_HOLDS = md.own("A decision with `--yes` below this answer ends that hold.")


def ended_holds(context: CommandContext) -> tuple[Hold, ...]:
    """Holds that a decision with `--yes` ends: those of accounts that may not decide, shown when it was written."""
    if not (context.parsed.decides and context.parsed.has("yes")):
        return ()
    return tuple(h for h in context.snapshot.journal.holds_before(context.comment.created_at) if h.until is not None)


def held(context: CommandContext, *, begun: bool = False) -> Refuse | None:
    """The refusal while somebody holds the pull; it names who does, and how the hold is lifted.

    A hold that stood when the command was written counts whatever became of it, for that can never change: what was begun
    goes on. One that came later counts as long as the pull is open and nothing is begun.
    """
    snapshot, then = context.snapshot, context.snapshot.journal.holds_before(context.comment.created_at)
    now = snapshot.holds if snapshot.pull.state is PullState.OPEN and not begun else ()
    passed = ended_holds(context)
    now, then = (tuple(hold for hold in holds if hold not in passed) for holds in (now, then))
    if now:
        help_ = words.LIFT if any(hold.until is None for hold in now) else md.join([_PAST_HOLDS, words.LIFT], " ")
        return Refuse(md.fill("Nothing is decided here now: {held}.", held=words.held(now, context.comment.author)), help_)
    if then:
        lifted = not {hold.by for hold in then} & {hold.by for hold in snapshot.holds}
        told = md.fill("When this was written, {held}.", held=words.held(then, context.comment.author))
        return Refuse(told, md.own("The hold is lifted now: write the command again.") if lifted else words.LIFT)
    return None


def _denied_before(context: CommandContext) -> Refuse | None:
    """Whoever was told that they may not decide here, and may since: their unanswered words were not meant to be kept."""
    if not context.snapshot.journal.denied(context.comment.author, deciding(context.catalog)):
        return None
    return Refuse(
        md.own("An answer here said that you may not decide. You may now, but commands from before are not carried out."),
        _CONFIRM,
    )


def deciding(catalog: Catalog) -> tuple[str, ...]:
    """Names of the commands that decide."""
    return tuple(command.name for command in catalog.commands if command.decides)


def _what_else(context: CommandContext) -> Md:
    """What an account that may not decide can do all the same."""
    snapshot, user = context.snapshot, context.comment.author
    open_to = {"recheck": may_recheck(snapshot, user), "hold": bool(snapshot.rigs_of(user)), "status": True, "help": True}
    names = [md.code(f"/{name}") for name, may in open_to.items() if may]
    return md.fill("You can use {names}.", names=md.join(names, ", "))


def _best_rig(context: CommandContext) -> Rig:
    """The rig to name for an account that has the right to none any more."""
    snapshot, user = context.snapshot, context.comment.author
    bound = snapshot.rigs_of(user)
    chosen = next((rig for rig in bound if rig.handle == context.parsed.text("as")), None)
    return chosen or max(bound, key=lambda rig: rig.trust, default=Rig(Row((("handle", str(user)),))))


def _still_open(snapshot: Snapshot, verb: str) -> tuple[Md, ...]:
    """What one may do with own work all the same: no stamp arises from a close."""
    can_close = verb == "accept" and snapshot.pull.state is PullState.OPEN
    return (md.own("You may `/close` it yourself: no stamp arises from that."),) if can_close else ()


def _free_validators(snapshot: Snapshot) -> Md:
    free = free_validators(snapshot)
    if not free:
        return md.own("No other validator of this commons is free to decide it.")
    return md.fill("Free validators: {names}.", names=md.join([md.code(name) for name in free], ", "))


def other_item(context: CommandContext) -> Refuse | None:
    """The refusal if the line names an item that this pull is not about."""
    if context.parsed.wanted is None or context.parsed.wanted == context.snapshot.item_id:
        return None
    about = md.code(context.snapshot.item_id) if context.snapshot.item_id else md.own("no single item")
    return Refuse(md.fill("This pull is about {about}, not {typed}.", about=about, typed=md.code(context.parsed.wanted or "")))


def _named_review(context: CommandContext) -> Review | Refuse:
    """The review the comment is about: by `--at` among those before it, else the newest before it.

    A head without a number is the first review of that head: what came later may not have been read.
    """
    snapshot, prefix = context.snapshot, context.parsed.text("at")
    before = snapshot.reviews_before(context.comment)
    if not before:
        return Refuse(
            md.own("No review of this pull stood here when the comment was written, so it is not carried out."),
            md.own("Please read the review that stands here now, and confirm by writing the command again."),
        )
    if prefix is None:
        return before[-1]
    head, _, number = prefix.partition(".")
    fitting = [r for r in before if r.mark.head.startswith(head) and (not number or r.mark.n == int(number))]
    if len({r.mark.head for r in fitting}) == 1:
        return fitting[0]
    seen = md.join([md.code(words.pin(r.mark.head, r.mark.n)) for r in reversed(before)][:5], ", ")
    told = md.own("names no review") if not fitting else md.own("names reviews of more than one head")
    return Refuse(
        md.fill("{at} {told} of this pull.", at=md.code(f"--at {prefix}"), told=told),
        md.fill("Reviews before this comment, newest first: {seen}.", seen=seen),
    )


def unlike_review(context: CommandContext, review: Review, *, findings: bool = True) -> Refuse | None:
    """The refusal if something is new since the review that the decision is about.

    `findings`: also where a check finds something that was not shown; else only where other rows would be decided about.
    Of a merged pull no review follows, so the same command written after such a refusal is carried out. A review of a version
    that did not keep what it showed has no news.
    """
    snapshot, shown = context.snapshot, review.mark.shown
    if shown is None or snapshot.head != review.mark.head:
        return None
    news = news_since(shown, snapshot, context.judgement)
    # A rejection is shown, and asked about, by itself.
    told = tuple(f for f in news.findings if f.rule != REJECTION_RULE) if findings else ()
    if not (told or news.rows):
        return None
    sign = shown_by(snapshot, context.judgement).sign
    if snapshot.merged and snapshot.journal.was_told_news(context.comment, sign):
        return None
    what = [md.fill("{label}: {says}", label=md.prose(f.label or f.rule), says=md.prose(f.says)) for f in told[:NEWS_MAX]]
    if news.rows:
        what.insert(0, md.own("The rows, the item, the rig or its owner are not those that the review showed."))
    if len(told) > NEWS_MAX:
        what.append(md.fill("{n} more.", n=md.number(len(told) - NEWS_MAX)))
    named = words.pin(review.mark.head, review.mark.n)
    return Refuse(
        md.lines(md.fill("Something is new since review {n} ({pin}):", n=md.number(review.mark.n), pin=md.code(named)), *what),
        md.own("If it still holds, write the command again.")
        if snapshot.merged
        else md.own("A new review follows. Please decide again below it."),
        news=sign,
    )


def rejected_by_another(context: CommandContext) -> Answered | None:
    """The newest rejection in force that is of another account than the asker's."""
    snapshot, user = context.snapshot, context.comment.author
    standing = snapshot.rejections
    return next((each for each in standing if snapshot.journal.asker(each, "reject") != user), None)


def against_rejection(context: CommandContext, review: Review) -> Refuse | None:
    """The refusal to accept against another validator's rejection, until it was shown and `--yes` was written after that.

    A review shows it that was posted later and is named.
    """
    standing = rejected_by_another(context)
    if standing is None:
        return None
    since = review.comment.created_at > standing.comment.created_at
    shown = since or context.snapshot.journal.was_shown(context.comment, standing)
    if shown and context.parsed.has("yes"):
        return None
    asker = context.snapshot.journal.asker(standing, "reject")
    return Refuse(
        md.fill(
            "{who} rejected this work at {when}.",
            who=md.code(asker) if asker else md.own("A validator"),
            when=time.clock(standing.comment.created_at),
        ),
        md.own("Please read why in that comment. To accept all the same, write the command again with `--yes`."),
        facts=(Fact(command=SHOWN, by=context.comment.author, of=standing.comment.id),),
    )


def overruled(context: CommandContext) -> Md | None:
    """That a decision was taken against another validator's rejection, for its receipt."""
    standing = rejected_by_another(context)
    if standing is None:
        return None
    asker = context.snapshot.journal.asker(standing, "reject")
    return md.fill(
        "{user} accepted it although {who} had rejected it at {when}.",
        user=md.code(context.comment.author),
        who=md.code(asker) if asker else md.own("a validator"),
        when=time.clock(standing.comment.created_at),
    )


def _decided(context: CommandContext, answered: Answered) -> bool:
    """Whether an answer of ours carried a decision out. What anybody may ask for, or is refused, holds nobody up."""
    named = (context.catalog.get(name) for name in answered.mark.commands)
    return answered.mark.outcome == "done" and any(command is not None and command.decides for command in named)


def _late(context: CommandContext) -> Refuse | None:
    snapshot, comment = context.snapshot, context.comment
    later = any(
        c.created_at > comment.created_at and _decided(context, answered)
        for c in snapshot.comments
        if c.author != snapshot.bot and (answered := snapshot.answer_to(c.id)) is not None
    )
    if later:
        return Refuse(md.own("A later decision has been carried out since, so it is not carried out."), _CONFIRM)
    return too_old(context)


def too_old(context: CommandContext) -> Refuse | None:
    """The refusal for a command that was written long ago: a bot that was away, or is new here, carries out no history."""
    if not context.snapshot.older_than(context.comment.created_at, context.snapshot.policy.timing.confirm_old_s):
        return None
    return Refuse(md.own("This comment is more than a day old, so it is not carried out."), _CONFIRM)


_CONFIRM = md.own("Please confirm: write the command again if it still holds.")


def moved(context: CommandContext, review: Review) -> Refuse | None:
    """The refusal if the pull is not at the reviewed head any more; it tells what changed where that can be read."""
    snapshot = context.snapshot
    if snapshot.head == review.mark.head:
        return None
    if snapshot.head is None:
        return Refuse(
            md.own("The branch of this pull cannot be read any more, so what would be merged is not known."),
            md.own("The contributor can push the branch again, or open a new pull."),
        )
    rows = snapshot.since_last.rows if snapshot.since_last and snapshot.reviews[-1].mark.head == review.mark.head else ()
    reason = md.fill(
        "The pull moved from {old} to {new} since the review this is about.",
        old=words.short(review.mark.head),
        new=words.short(snapshot.head),
    )
    told = md.lines(reason, words.rows(rows, 8)) if rows else reason
    return Refuse(told, md.fill("Look again, then name the new head: {at}.", at=at(snapshot.head)))


def landing(context: CommandContext, change: LedgerChange | None) -> tuple[Step, ...]:
    """The step that brings a decision's rows to main; none if there are none, or if main holds them all, or held them."""
    snapshot, comment = context.snapshot, context.comment
    if change is None or decision_rows.is_landed(snapshot, change) or decision_rows.stands(snapshot, change):
        return ()
    title = decision_rows.landing_title(context.parsed.name, snapshot, comment)
    return (Land(change=change, title=title, comment=comment.id),)


def way(snapshot: Snapshot) -> Md:
    """How the rows of a decision came to main that did not merge its pull: a word to look for on DoltHub."""
    if snapshot.landing is not None:
        return md.fill("by {pull}", pull=words.pull(snapshot, snapshot.landing))
    if snapshot.landed:
        return md.fill("in commits up to {commit}", commit=words.short(snapshot.landed[0].commit))
    return md.own("in commits of the bot")


def headline(context: CommandContext, what: LiteralString, rig: Handle) -> Md:
    """The first line of a receipt: what was decided, about what, by whom, when."""
    return md.fill(
        "**{what}** · {subject} · by {user} (rig {rig}) at {when}",
        what=md.own(what),
        subject=words.subject(context.snapshot),
        user=md.code(context.comment.author),
        rig=md.code(rig),
        when=time.clock(decision_rows.decided_at(context.snapshot, context.comment)),
    )


def at(head: CommitHash) -> Md:
    """The option that pins a command to a head, ready to type."""
    return md.code(f"--at {head[: words.SHORT_HASH_CHARS]}")


STOPS = (Verdict.BLOCKED, Verdict.CANNOT_TELL, Verdict.BY_HAND)
"""Verdicts on which the bot merges and stamps nothing."""


def stopped_before(ground: Ground, *verdicts: Verdict) -> Refuse | None:
    """The refusal to merge on a review that gave one of these verdicts, although the verdict is another one now.

    It would end without a stamp: past the merge, that review is what counts.
    """
    said = Verdict.of_word(ground.review.mark.outcome)
    if said not in verdicts:
        return None
    return Refuse(
        md.fill("The review this is about said {verdict}, and that is not so any more.", verdict=Md(said.value)),
        md.own("A new review follows; please write the command again below it."),
    )


def not_open(snapshot: Snapshot) -> Refuse | Wait | None:
    """Why a pull that is neither open nor merged takes no decision."""
    match snapshot.pull.state:
        case PullState.OPEN | PullState.MERGED:
            return None
        case PullState.CLOSED:
            earlier = earlier_decision(snapshot, "accept", "close")
            closed = md.own("This pull is closed.")
            told = md.join([closed, earlier], " ") if earlier is not None else closed
            return Refuse(told, md.own("Reopen it, or open a new one, to decide on it."))
        case PullState.UNKNOWN:
            return Wait(md.own("DoltHub to say whether this pull is open."))


def stale_evidence(context: CommandContext) -> Wait | None:
    """Wait for the evidence to be looked at once more after the comment, but not for ever: what cannot be told never blocks."""
    snapshot, since = context.snapshot, context.comment.created_at
    if snapshot.older_than(since, snapshot.policy.timing.fresh_probe_s):
        return None
    fresh = all((p := snapshot.probe(link.url)) is not None and p.probed_at >= since for link in snapshot.links)
    return None if fresh else Wait(md.own("the evidence to be looked at once more."))


def earlier_decision(snapshot: Snapshot, *commands: str, since: datetime | None = None) -> Md | None:
    """Who decided this pull before, and when, from our own answers, at or after `since` if given; None if nobody did."""
    for answered in reversed(snapshot.answers):
        if since is not None and answered.comment.created_at < since:
            return None
        if answered.mark.outcome == "done" and set(commands) & set(answered.mark.commands):
            verb = Md("".join(sorted(set(commands) & set(answered.mark.commands))[0]))
            asker = snapshot.journal.asker(answered, verb)
            who = md.fill(" by {user}", user=md.code(asker)) if asker else md.own("")
            return md.fill(
                "Decided already: {verb}{who} at {when}.",
                verb=md.code(verb),
                who=who,
                when=time.clock(answered.comment.created_at),
            )
    return None
