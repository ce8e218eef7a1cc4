"""`/accept --adopt`: the work comes to main without the pull that brings it.

For a pull whose only fault is the merge itself, such as a conflict with main: the completion is written as it was reviewed,
the item completed and the stamp set, all as one decision; then the pull is closed. What is judged is the work alone, as if it
were submitted on main as it is today. A pull that brings more than its work, or work on an item that main gives to another
rig, is never adopted.
"""

from __future__ import annotations

from dataclasses import replace

from bot.commands import decision, decision_rows, stamping
from bot.commands.authority import is_theirs
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait
from bot.messages import md, reviews, words
from bot.messages.md import Md
from bot.model.adoption import given_to, is_adoptable, work_alone
from bot.model.finding import Level, Verdict
from bot.model.ids import Handle
from bot.model.kind import PullKind
from bot.model.ledger import LedgerChange, RowChange
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot
from bot.model.step import ClosePull


def adopt(context: CommandContext) -> Decision:
    """What `/accept --adopt` on a pull that is not merged comes to."""
    if context.snapshot.kind is PullKind.LANDING:
        return Refuse(md.own("This is a pull of the bot's own; the decision is taken on the pull it serves."))
    work = work_alone(context.snapshot)
    if work is None:
        return Refuse(
            md.own("This pull submits no single completion of an item that main has, so there is no work to take over."),
            md.own("It can be split into pulls of one item each."),
        )
    alone = replace(context, snapshot=work, judgement=context.judgement.alone or context.judgement)
    begun = _begun(alone)
    if begun is not None:
        return _follow(context, alone, *begun, begun=True)
    return _on_main_already(work) or decision.not_open(context.snapshot) or _first_time(context, alone)


def _first_time(context: CommandContext, alone: CommandContext) -> Decision:
    work = alone.snapshot
    ground = decision.ground(alone, "accept")
    if isinstance(ground, Refuse | Wait):
        return ground
    gone = decision.moved(alone, ground.review) or stamping.unrated(alone)
    if gone is not None:
        return gone
    barred = _not_adoptable(context)
    if barred is not None:
        return barred
    waits = decision.stale_evidence(alone) or stamping.too_young(work)
    if waits is not None:
        return waits
    if alone.judgement.at(Level.FAULT):
        blocked = stamping.blocked(alone)
        return replace(blocked, reason=md.lines(_ONLY_THE_MERGE, blocked.reason))
    overtaken = decision.stopped_before(ground, Verdict.CANNOT_TELL)
    if overtaken is not None:
        return overtaken
    if (news := decision.unlike_review(context, ground.review)) is not None:
        return news
    author = ground.rig.handle
    change = decision_rows.stamped_adoption(work, context.comment, author, stamping.rating(context))
    if change is None:
        return Refuse(md.own("The item of this work cannot be read on main."))
    return stamping.unwritable(work, change) or _follow(context, alone, author, change)


_ONLY_THE_MERGE = md.own("`--adopt` takes work over only where nothing but the merge stands against it.")


def _not_adoptable(context: CommandContext) -> Refuse | None:
    """Why the rows of the pull are not for an adoption, whatever else is so."""
    snapshot, rig = context.snapshot, given_to(context.snapshot)
    if rig is not None:
        return Refuse(
            md.fill("Main gives item {item} to rig {rig}.", item=md.code(snapshot.item_id or ""), rig=md.code(rig)),
            md.own("`/close` ends this pull. The owner of that rig can give up a claim: `wl unclaim`."),
        )
    if is_adoptable(snapshot):
        return None
    return Refuse(
        md.lines(
            _ONLY_THE_MERGE,
            md.fill("This pull brings more than its work: {rows}.", rows=reviews.changed_rows(snapshot)),
        ),
        md.own("The contributor can open a pull with the work alone. `/close` ends this one."),
    )


def _follow(
    context: CommandContext, alone: CommandContext, author: Handle, change: LedgerChange, *, begun: bool = False
) -> Follow:
    is_open = context.snapshot.pull.state is not PullState.CLOSED
    close = (ClosePull(comment=context.comment.id),) if is_open else ()
    steps = (*decision.landing(alone, change), *close)
    return Follow(steps=steps, says=_receipt(context, alone, author, change), begun=begun)


def _begun(alone: CommandContext) -> tuple[Handle, LedgerChange] | None:
    """The rig and the rows of this very command, where main shows that it was found valid and has begun to land.

    The completion names who validated it and when, so nobody else's rows, and no other command, pass for it.
    """
    work, comment = alone.snapshot, alone.comment
    done = work.completion
    now = decision_rows.completion_now(work, done) if done is not None else None
    author = now.validated_by if now is not None else None
    if author is None or alone.parsed.rating("quality") is None or not is_theirs(work, author, comment.author):
        return None
    change = decision_rows.stamped_adoption(work, comment, author, stamping.rating(alone))
    if change is None or not (decision_rows.is_begun(work, change) or decision_rows.stands(work, change)):
        return None
    return author, change


def _on_main_already(work: Snapshot) -> Refuse | None:
    done = work.completion
    now = decision_rows.completion_now(work, done) if done is not None else None
    if done is None or now is None:
        return stamping.stamped_already(work, done) if done is not None else None
    return stamping.stamped_already(work, done) or Refuse(
        md.fill("Main holds the completion {id} already.", id=md.code(done.id)),
        md.own("A maintainer can stamp it there, or this pull can be closed."),
    )


def _receipt(context: CommandContext, alone: CommandContext, author: Handle, change: LedgerChange) -> Md:
    done = alone.snapshot.completion
    assert done is not None
    head = decision.headline(alone, "ACCEPTED, ADOPTED", author)
    landed = md.fill(
        "Nothing of this pull was merged: {rows} came to main {way}, as reviewed at {head}, {n} cells read back; "
        "item completed; pull closed.",
        way=decision.way(context.snapshot),
        rows=md.join([md.fill("{table} {key}", table=md.code(w.table), key=md.code(w.key)) for w in change.writes], ", "),
        head=words.short(context.snapshot.head) if context.snapshot.head is not None else md.own("its head"),
        n=md.number(sum(len(w.cells.cells) for w in change.writes)),
    )
    return md.lines(head, stamping.told(alone, done, landed), _left(context, change), _ways_on(context))


def _left(context: CommandContext, change: LedgerChange) -> Md | None:
    """What the pull brought besides, and took with it."""
    taken = {(w.table, w.key) for w in change.writes}
    left: tuple[RowChange, ...] = tuple(c for c in context.snapshot.changes.rows if (c.table, c.key) not in taken)
    return md.lines(md.own("Not taken over:"), words.rows(left, 8)) if left else None


def _ways_on(context: CommandContext) -> Md:
    return md.fill(
        "Branch {branch} cannot be merged any more: start the next work from the current main.",
        branch=md.code(context.snapshot.pull.source.branch, 100),
    )
