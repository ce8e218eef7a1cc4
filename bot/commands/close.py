"""`/close why`: an end without a stamp."""

from __future__ import annotations

from dataclasses import replace

from bot.commands import decision, decision_rows
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar.option import AS, AT, DRY_RUN, Flag, Option
from bot.commands.grammar.signature import Takes
from bot.messages import md
from bot.messages.md import Md
from bot.model.adoption import given_to
from bot.model.finding import Level
from bot.model.kind import PullKind
from bot.model.ledger import LedgerChange
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot
from bot.model.step import ClosePull

OPTIONS = (
    AT,
    AS,
    Option(name="yes", reads=Flag(), says="complete the item with this work, without a stamp"),
    Option(name="pull-only", reads=Flag(), says="close the pull and leave the item as it is"),
    DRY_RUN,
)


@command(name="close", takes=Takes.REASON, options=OPTIONS, decides=True)
def close(context: CommandContext) -> Decision:
    """End this pull without a stamp

    Work that holds: with `--yes` the completion is recorded and the item completed, without a stamp; with `--pull-only` just
    the pull is closed. Anything else is closed as a pull and no row is touched. Own work may be closed: no stamp arises.
    """
    snapshot = context.snapshot
    if snapshot.kind is PullKind.LANDING:
        return Refuse(md.own("This is a pull of the bot's own; the decision is taken on the pull it serves."))
    if snapshot.pull.state is PullState.UNKNOWN:
        return Wait(md.own("DoltHub to say whether this pull is open."))
    change = decision_rows.adoption(snapshot, context.comment) if context.parsed.has("yes") and not snapshot.merged else None
    begun = change is not None and decision_rows.is_begun(snapshot, change)
    shown = begun or snapshot.pull.state is not PullState.OPEN
    ours = begun and decision_rows.note("close", snapshot, context.comment) in (each.note for each in snapshot.landed)
    ground = decision.ground(context, "close", own_work=True, begun=shown, entitled=ours)
    if isinstance(ground, Refuse):
        # It may have been this command, whose author has lost the right since: the answer must not deny it.
        told = _BY_WHOM if snapshot.pull.state is PullState.CLOSED else None
        return replace(ground, reason=md.lines(ground.reason, told), changed=begun or told is not None)
    if isinstance(ground, Wait):
        return ground
    if snapshot.merged:
        return _close_merged(context, ground)
    if snapshot.pull.state is PullState.CLOSED:
        return _close_closed(context, ground, adopted=begun)
    if begun and change is not None:
        return _with_item(context, ground, change)
    # A pull whose branch is gone has nothing to be looked at again, and may be cleared away.
    gone = (
        decision.moved(context, ground.review) or decision.unlike_review(context, ground.review, findings=False)
        if snapshot.head is not None
        else None
    )
    if gone is not None:
        return gone
    judgement = context.judgement
    sound = snapshot.kind is PullKind.WORK and not (judgement.at(Level.FAULT) or judgement.forbids)
    if sound and not (context.parsed.has("yes") or context.parsed.has("pull-only")):
        return Refuse(
            md.own("This work holds, so closing could mean two things."),
            md.own("`/close --yes why` completes the item without a stamp; `/close --pull-only why` leaves the item open."),
        )
    if sound and context.parsed.has("yes") and (rig := given_to(snapshot)) is not None:
        return Refuse(
            md.fill("Main gives this item to rig {rig}, so it is not completed with this work.", rig=md.code(rig)),
            md.own("`/close --pull-only why` closes the pull and leaves the item as it is."),
        )
    if not sound or change is None or context.parsed.has("pull-only"):
        return Follow(steps=(ClosePull(comment=context.comment.id),), says=_pull_only(context, ground))
    return _with_item(context, ground, change)


_BY_WHOM = md.own("The pull is closed, and stays so; DoltHub does not report by whom.")
"""A close that touches no row leaves no fact that says whose it was, unlike a merge or a row."""


def _with_item(context: CommandContext, ground: decision.Ground, change: LedgerChange) -> Follow:
    steps = (*decision.landing(context, change), ClosePull(comment=context.comment.id))
    return Follow(steps=steps, says=_item_too(context, ground), begun=decision_rows.is_begun(context.snapshot, change))


def _close_closed(context: CommandContext, ground: decision.Ground, *, adopted: bool) -> Decision:
    """A closed pull: either this very command closed it and was not answered yet, or somebody else did.

    A decision that was known when the comment was written does not forbid it: the pull may have been opened again since.
    """
    meanwhile = decision.earlier_decision(context.snapshot, "close", "accept", since=context.comment.created_at)
    if meanwhile is not None:
        return Refuse(meanwhile)
    said = _item_too(context, ground) if adopted else _pull_only(context, ground)
    return Follow(says=md.lines(said, decision.earlier_decision(context.snapshot, "close", "accept")), begun=True)


def _close_merged(context: CommandContext, ground: decision.Ground) -> Decision:
    snapshot, done, item = context.snapshot, context.snapshot.completion, context.snapshot.item_on_head
    if snapshot.kind is not PullKind.WORK or done is None or item is None:
        return Refuse(md.own("This pull is merged; there is nothing left to close."))
    change = decision_rows.completion_without_stamp(snapshot, context.comment)
    now = decision_rows.completion_now(snapshot, done)
    if now is None or now.stamp_id is not None or change is None:
        return Refuse(decision.earlier_decision(snapshot, "accept", "reject") or md.own("This work is decided already."))
    earlier = decision.earlier_decision(snapshot, "close")
    if earlier is not None:
        return Refuse(earlier)
    return Follow(
        steps=decision.landing(context, change),
        says=_item_too(context, ground),
        begun=decision_rows.is_landed(snapshot, change),
    )


def _item_too(context: CommandContext, ground: decision.Ground) -> Md:
    return md.lines(
        decision.headline(context, "CLOSED, ITEM COMPLETED WITHOUT A STAMP", ground.rig.handle),
        md.fill("Why: {why}", why=md.code(context.parsed.reason, 1_000)),
        _on_main(context.snapshot),
    )


def _on_main(snapshot: Snapshot) -> Md | None:
    """The rows that stand on main now, and what that means for the branch."""
    done = snapshot.completion
    if done is None:
        return None
    rows = md.fill(
        "Main holds completion {id} by {rig} without a stamp, and item {item} is completed.",
        id=md.code(done.id),
        rig=md.code(done.completed_by),
        item=md.code(done.wanted_id),
    )
    if snapshot.merged:
        return rows
    branch = md.code(snapshot.pull.source.branch, 100)
    return md.fill(
        "{rows} That came to main {way}. Nothing of this pull was merged and it is closed: start the next work from the "
        "current main, not from {branch}.",
        rows=rows,
        way=decision.way(snapshot),
        branch=branch,
    )


def _pull_only(context: CommandContext, ground: decision.Ground) -> Md:
    return md.lines(
        decision.headline(context, "PULL CLOSED, NO ROW TOUCHED", ground.rig.handle),
        md.fill("Why: {why}", why=md.code(context.parsed.reason, 1_000)),
        _item_stays(context.snapshot),
    )


def _item_stays(snapshot: Snapshot) -> Md | None:
    item = snapshot.item
    if item is None or snapshot.kind not in (PullKind.WORK, PullKind.CLAIM):
        return None
    status = md.code(item.status)
    return md.fill("Item {item} stays {status} on main, for another pull to bring.", item=md.code(item.id), status=status)
