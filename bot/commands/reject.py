"""`/reject why`: the work goes back; the claim is kept."""

from __future__ import annotations

from bot.commands import decision, decision_rows
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar import taken_back
from bot.commands.grammar.option import AS, AT, DRY_RUN, Flag, Option
from bot.commands.grammar.signature import Takes
from bot.messages import md, time, words
from bot.messages.md import Md
from bot.model.ids import stamp_id
from bot.model.kind import PullKind
from bot.model.mark import UNREJECT, Fact

OPTIONS = (AT, AS, Option(name="yes", reads=Flag(), says="yes, although an account that may not decide holds it"), DRY_RUN)


@command(name="reject", takes=Takes.REASON, options=OPTIONS, decides=True)
def reject(context: CommandContext) -> Decision:
    """Send the work back, with the reason; the claim is kept

    If the work is not on main yet, the answer is the verdict and no row is touched: it holds for this head and for the same
    evidence on any later head. If it is in review on main, its completion is removed and the item is claimed again.
    `/reject cancel` takes your own rejection back, as long as no row was touched.
    """
    snapshot = context.snapshot
    if taken_back.is_meant(context.parsed.reason):
        return _withdrawn(context)
    closed = decision.not_open(snapshot)
    if closed is not None:
        return closed
    if snapshot.kind is PullKind.LANDING:
        return Refuse(md.own("This is a pull of the bot's own; the decision is taken on the pull it serves."))
    ground = decision.ground(context, "reject", begun=snapshot.merged)
    if isinstance(ground, Refuse | Wait):
        return ground
    if snapshot.merged:
        return _reject_on_main(context, ground)
    gone = decision.moved(context, ground.review) or decision.unlike_review(context, ground.review, findings=False)
    if gone is not None:
        return gone
    return Follow(says=md.lines(_head(context, ground), _said(context), _ways_on(context)))


def _withdrawn(context: CommandContext) -> Decision:
    """`/reject cancel`: the asker's own rejection of this head or evidence stands no more."""
    snapshot, user = context.snapshot, context.comment.author
    no = decision.not_open(snapshot) or decision.other_item(context) or decision.too_old(context)
    if no is not None:
        return no
    standing = snapshot.rejections
    if snapshot.merged or all(snapshot.journal.asker(each, "reject") != user for each in standing):
        return Refuse(
            md.own("No rejection of yours stands here, so there is none to take back."),
            md.own("To reject the work, write why in other words."),
        )
    return Follow(
        says=md.lines(
            md.fill(
                "**REJECTION TAKEN BACK** · {subject} · by {user} at {when}",
                subject=words.subject(snapshot),
                user=md.code(user),
                when=time.clock(context.comment.created_at),
            ),
            md.own("The work can be decided again. A new review follows."),
        ),
        facts=(Fact(command=UNREJECT, by=user),),
    )


def _reject_on_main(context: CommandContext, ground: decision.Ground) -> Decision:
    snapshot, done = context.snapshot, context.snapshot.completion
    change = decision_rows.rejection(snapshot, context.comment)
    if snapshot.merge is None or done is None or change is None:
        return Refuse(md.own("What this pull brought to main cannot be read, so there is nothing here to take back."))
    if decision_rows.is_landed(snapshot, change):
        return Follow(says=md.lines(_head(context, ground), _said(context), _cleared(context)), begun=True)
    now = decision_rows.completion_now(snapshot, done)
    if now is None and not decision_rows.is_begun(snapshot, change):
        return Refuse(decision.earlier_decision(snapshot, "reject") or md.own("The completion is not on main any more."))
    stamps = snapshot.stamps_on(done.id, stamp_id(snapshot.commons, done.id))
    if stamps or (now is not None and now.stamp_id is not None):
        by = md.code(stamps[0].author if stamps else (now and now.validated_by) or "somebody")
        return Refuse(md.fill("This work is stamped already, by {by}; a stamp is not taken back here.", by=by))
    item = snapshot.item_on_head
    current = decision_rows.item_now(snapshot, item) if item is not None else None
    if current is None or current.terminal:
        status = md.code(current.status if current else "not on main")
        return Refuse(md.fill("The item is {status}; only work in review can be sent back.", status=status))
    return Follow(
        steps=decision.landing(context, change),
        says=md.lines(_head(context, ground), _said(context), _cleared(context)),
        begun=decision_rows.is_begun(snapshot, change),
    )


def _head(context: CommandContext, ground: decision.Ground) -> Md:
    return decision.headline(context, "REJECTED", ground.rig.handle)


def _said(context: CommandContext) -> Md:
    return md.fill("Why: {why}", why=md.code(context.parsed.reason, 1_000))


def _ways_on(context: CommandContext) -> Md:
    """The recovery steps that work: `wl done` on a branch that is already in review writes nothing (wl sdk.Done)."""
    snapshot = context.snapshot
    branch = md.code(snapshot.pull.source.branch, 100)
    if snapshot.kind is not PullKind.WORK:
        return md.fill("No row was touched and the pull stays open. Push a corrected commit to {branch}.", branch=branch)
    return md.fill(
        "No row on main was touched; the claim is kept and the pull stays open. To submit again: push a commit with new "
        "evidence to {branch}, or discard that branch, claim again and finish again. Running {done} again on the same branch "
        "writes nothing.",
        branch=branch,
        done=md.code("wl done"),
    )


def _cleared(context: CommandContext) -> Md:
    """What is gone from main, and how to go on: the branch brings the same rows from before they were taken back."""
    done = context.snapshot.completion
    return md.fill(
        "Completion {id} was removed from main and the item can be worked on again. The branch {branch} can no longer merge: "
        "start a new branch from the current main.",
        id=md.code(done.id if done is not None else "?"),
        branch=md.code(context.snapshot.pull.source.branch, 100),
    )
