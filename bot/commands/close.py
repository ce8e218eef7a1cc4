"""`/close why`: an end without a stamp."""

from __future__ import annotations

from dataclasses import replace

from bot.commands import decision, decision_rows
from bot.commands.command import Asked, Decision, Follow, Refuse, Takes, Wait, command
from bot.commands.grammar.option import AS, AT, DRY_RUN, Flag, Option
from bot.messages import md
from bot.messages.md import Md
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
def close(asked: Asked) -> Decision:
    """End this pull without a stamp

    Work that holds: with `--yes` the completion is recorded and the item completed, without a stamp; with `--pull-only` just
    the pull is closed. Anything else is closed as a pull and no row is touched. Own work may be closed: no stamp arises.
    """
    snapshot = asked.snapshot
    if snapshot.kind is PullKind.LANDING:
        return Refuse(md.own("This is a pull of the bot's own; the decision is taken on the pull it serves."))
    if snapshot.pull.state is PullState.UNKNOWN:
        return Wait(md.own("DoltHub to say whether this pull is open."))
    change = decision_rows.adoption(snapshot, asked.comment) if asked.parsed.has("yes") and not snapshot.merged else None
    begun = change is not None and decision_rows.is_begun(snapshot, change)
    shown = begun or snapshot.pull.state is not PullState.OPEN
    ours = begun and decision_rows.note("close", snapshot, asked.comment) in (each.note for each in snapshot.landed)
    ground = decision.ground(asked, "close", own_work=True, begun=shown, entitled=ours)
    if isinstance(ground, Refuse):
        # It may have been this command, whose author has lost the right since: the answer must not deny it.
        told = _BY_WHOM if snapshot.pull.state is PullState.CLOSED else None
        return replace(ground, reason=md.lines(ground.reason, told), changed=begun or told is not None)
    if isinstance(ground, Wait):
        return ground
    if snapshot.merged:
        return _close_merged(asked, ground)
    if snapshot.pull.state is PullState.CLOSED:
        return _close_closed(asked, ground, adopted=begun)
    if begun and change is not None:
        return _with_item(asked, ground, change)
    # A pull whose branch is gone has nothing to be looked at again, and may be cleared away.
    gone = decision.moved(asked, ground.review) if snapshot.head is not None else None
    if gone is not None:
        return gone
    judgement = asked.judgement
    sound = snapshot.kind is PullKind.WORK and not (judgement.at(Level.FAULT) or judgement.forbids)
    if sound and not (asked.parsed.has("yes") or asked.parsed.has("pull-only")):
        return Refuse(
            md.own("This work holds, so closing could mean two things."),
            md.own("`/close --yes why` completes the item without a stamp; `/close --pull-only why` leaves the item open."),
        )
    if not sound or change is None or asked.parsed.has("pull-only"):
        return Follow(steps=(ClosePull(comment=asked.comment.id),), says=_pull_only(asked, ground))
    return _with_item(asked, ground, change)


_BY_WHOM = md.own("The pull is closed, and stays so; DoltHub does not tell by whom.")
"""A close that touches no row leaves no fact that says whose it was, unlike a merge or a row."""


def _with_item(asked: Asked, ground: decision.Ground, change: LedgerChange) -> Follow:
    steps = (*decision.landing(asked, change), ClosePull(comment=asked.comment.id))
    return Follow(steps=steps, says=_item_too(asked, ground), begun=decision_rows.is_begun(asked.snapshot, change))


def _close_closed(asked: Asked, ground: decision.Ground, *, adopted: bool) -> Decision:
    """A closed pull: either this very command closed it and was not answered yet, or somebody else did.

    A decision that was known when the comment was written does not forbid it: the pull may have been opened again since.
    """
    meanwhile = decision.earlier_decision(asked.snapshot, "close", "accept", since=asked.comment.created_at)
    if meanwhile is not None:
        return Refuse(meanwhile)
    said = _item_too(asked, ground) if adopted else _pull_only(asked, ground)
    return Follow(says=md.lines(said, decision.earlier_decision(asked.snapshot, "close", "accept")), begun=True)


def _close_merged(asked: Asked, ground: decision.Ground) -> Decision:
    snapshot, done, item = asked.snapshot, asked.snapshot.completion, asked.snapshot.item_on_head
    if snapshot.kind is not PullKind.WORK or done is None or item is None:
        return Refuse(md.own("This pull is merged; there is nothing left to close."))
    change = decision_rows.completion_without_stamp(snapshot, asked.comment)
    now = decision_rows.completion_now(snapshot, done)
    if now is None or now.stamp_id is not None or change is None:
        return Refuse(decision.earlier_decision(snapshot, "accept", "reject") or md.own("This work is decided already."))
    earlier = decision.earlier_decision(snapshot, "close")
    if earlier is not None:
        return Refuse(earlier)
    return Follow(
        steps=decision.landing(asked, change), says=_item_too(asked, ground), begun=decision_rows.is_landed(snapshot, change)
    )


def _item_too(asked: Asked, ground: decision.Ground) -> Md:
    return md.lines(
        decision.headline(asked, "CLOSED, ITEM COMPLETED WITHOUT A STAMP", ground.rig.handle),
        md.fill("Why: {why}", why=md.code(asked.parsed.reason, 1_000)),
        _on_main(asked.snapshot),
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


def _pull_only(asked: Asked, ground: decision.Ground) -> Md:
    return md.lines(
        decision.headline(asked, "PULL CLOSED, NO ROW TOUCHED", ground.rig.handle),
        md.fill("Why: {why}", why=md.code(asked.parsed.reason, 1_000)),
        _item_stays(asked.snapshot),
    )


def _item_stays(snapshot: Snapshot) -> Md | None:
    item = snapshot.item
    if item is None or snapshot.kind not in (PullKind.WORK, PullKind.CLAIM):
        return None
    status = md.code(item.status)
    return md.fill("Item {item} stays {status} on main, for another pull to bring.", item=md.code(item.id), status=status)
