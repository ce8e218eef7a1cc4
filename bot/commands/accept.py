"""`/accept`: merge, and stamp the work."""

from __future__ import annotations

from bot.commands import adopting, decision, decision_rows, stamping
from bot.commands.command import CommandContext, Decision, Follow, Refuse, Wait, command
from bot.commands.grammar.option import AS, AT, DRY_RUN, Flag, Fraction, OneOf, Option, SkillList, Text
from bot.commands.grammar.option import Rating as RatingReader
from bot.commands.grammar.signature import Takes
from bot.messages import md, words
from bot.messages.md import Md
from bot.model.finding import Level, Verdict
from bot.model.ids import Handle
from bot.model.kind import PullKind
from bot.model.ledger import LedgerChange, Row, canonical_cell, same_cell, write_time
from bot.model.pull import Comment
from bot.model.snapshot import Snapshot
from bot.model.step import MergePull

UNSTAMPED_KINDS = (PullKind.REGISTRATION, PullKind.POST, PullKind.EDIT, PullKind.LINK, PullKind.CLAIM)
"""Kinds that accepting merges without a stamp."""

OPTIONS = (
    Option(
        name="quality", short="q", reads=RatingReader(), usual=True, says="how good the work is; needed where work is stamped"
    ),
    Option(name="reliability", short="r", reads=RatingReader(), says="how far it can be relied on; as quality if not given"),
    Option(name="severity", short="s", reads=OneOf(("leaf", "branch", "root")), says="how much hangs on it; leaf if not given"),
    Option(name="skills", aliases=("skill", "tags"), reads=SkillList(), says="skills shown; the item's tags if not given"),
    Option(name="confidence", short="c", reads=Fraction(), says="how sure you are; 1 if not given"),
    Option(
        name="message", short="m", aliases=("msg", "note", "comment"), reads=Text(), below=True, says="a message to the worker"
    ),
    AT,
    AS,
    Option(name="yes", reads=Flag(), says="yes, although it is a claim without work, or another account rejected or holds it"),
    Option(name="adopt", reads=Flag(), says="take over the work alone: nothing is merged, and the pull is closed"),
    DRY_RUN,
)


@command(name="accept", takes=Takes.NOTHING, options=OPTIONS, decides=True, wants_fresh_probe=True)
def accept(context: CommandContext) -> Decision:
    """Merge this pull; work gets a stamp

    Merges the pull at the head that was reviewed, checks that main then holds exactly the reviewed rows, and writes the
    stamp. A registration, post, edit, link or claim is merged without a stamp. With `--adopt`, for work
    whose only fault is that it cannot be merged: the completion is written to main as it was reviewed, with its stamp, and the
    pull is closed.
    """
    snapshot = context.snapshot
    if snapshot.merged:
        return _accept_merged(context)
    if context.parsed.has("adopt"):
        return adopting.adopt(context)
    closed = decision.not_open(snapshot)
    if closed is not None:
        return closed
    ground = decision.ground(context, "accept")
    if isinstance(ground, Refuse | Wait):
        return ground
    gone = decision.moved(context, ground.review)
    if gone is not None:
        return gone
    refusal = _wrong_kind(context)
    if refusal is not None:
        return refusal
    if (rejected := decision.against_rejection(context, ground.review)) is not None:
        return rejected
    waits = decision.stale_evidence(context) or stamping.too_young(snapshot)
    if waits is not None:
        return waits
    faults = context.judgement.at(Level.FAULT)
    if faults:
        return stamping.blocked(context)
    overtaken = decision.stopped_before(ground, *decision.STOPS)
    if overtaken is not None:
        return overtaken
    if (news := decision.unlike_review(context, ground.review)) is not None:
        return news
    change = _change(context, ground.rig.handle)
    if (unwritable := stamping.unwritable(snapshot, change)) is not None:
        return unwritable
    merge = MergePull(head=ground.review.mark.head, comment=context.comment.id)
    return Follow(steps=(merge, *decision.landing(context, change)), says=_receipt(context, ground.rig.handle, change))


def _accept_merged(context: CommandContext) -> Decision:
    """On a merged pull nothing is judged again that can change; what is checked is that main holds what was reviewed."""
    snapshot = context.snapshot
    done, merge = snapshot.completion, snapshot.merge
    if merge is None:
        if not snapshot.older_than(context.comment.created_at, snapshot.policy.timing.fresh_probe_s):
            return Wait(md.own("the merge to show on main."))
        return Refuse(
            md.own("This pull is merged, but not from a head that was reviewed here, so what came to main is not known."),
            md.own("A maintainer can compare the rows on main and stamp by hand."),
        )
    ground = decision.ground(context, "accept", begun=_begun(snapshot, context.comment))
    if isinstance(ground, Refuse | Wait):
        return ground
    refusal = (
        _not_as_reviewed(context, ground)
        or _wrong_kind(context)
        or _stopped_then(snapshot, ground)
        or _news_since(context, ground)
        or (None if _stamp_begun(snapshot, context.comment) else decision.against_rejection(context, ground.review))
    )
    if refusal is not None:
        return refusal
    if done is None:
        earlier = decision.earlier_decision(snapshot, "accept")
        return Refuse(earlier) if earlier else Follow(says=_receipt(context, ground.rig.handle, None), begun=True)
    change = _change(context, ground.rig.handle)
    if change is None:
        return Refuse(md.own("The item of this work cannot be read on main."))
    if (unwritable := stamping.unwritable(snapshot, change)) is not None:
        return unwritable
    if not decision_rows.stands(snapshot, change):
        taken = stamping.already_stamped(snapshot, done, change)
        if taken is not None:
            return taken
    return Follow(steps=decision.landing(context, change), says=_receipt(context, ground.rig.handle, change), begun=True)


def _begun(snapshot: Snapshot, comment: Comment) -> bool:
    """Whether this very command merged the pull, for all that can be told, or its stamp has begun to land.

    A merge by hand long after a command was written, or before, is no deed of that command: it may be old, or its author
    may have lost the right.
    """
    merge = snapshot.merge
    if _stamp_begun(snapshot, comment):
        return True
    if merge is None or merge.at is None:
        return True
    old = (merge.at - comment.created_at).total_seconds() > snapshot.policy.timing.confirm_old_s
    return not (old or snapshot.written_after_merge(comment))


def _stamp_begun(snapshot: Snapshot, comment: Comment) -> bool:
    """Whether the first row of this very decision is on main."""
    done = snapshot.completion
    now = decision_rows.completion_now(snapshot, done) if done is not None else None
    decided_at = write_time(decision_rows.decided_at(snapshot, comment))
    return now is not None and same_cell("validated_at", now.row.get("validated_at"), decided_at)


def _wrong_kind(context: CommandContext) -> Refuse | None:
    snapshot, parsed = context.snapshot, context.parsed
    match snapshot.kind:
        case PullKind.WORK if (unrated := stamping.unrated(context)) is not None:
            return unrated
        case PullKind.WORK if snapshot.completion is None or snapshot.item_on_head is None:
            return Refuse(md.own("This pull submits no single completion of a known item, so there is nothing to stamp."))
        case PullKind.WORK:
            return None
        case PullKind.CLAIM if not parsed.has("yes"):
            return Refuse(
                md.own("This pull only claims an item; there is no work in it yet."),
                md.own("Wait for the evidence, or merge the claim alone with `--yes`."),
            )
        case kind if kind in UNSTAMPED_KINDS:
            return None
        case PullKind.LANDING:
            return Refuse(md.own("This is a pull of the bot's own; the decision is taken on the pull it serves."))
        case _:
            return Refuse(
                md.fill("This pull is {what}, which the bot does not merge.", what=md.escape(snapshot.form.value)),
                md.own("A maintainer can merge it by hand, or it can be split into pulls of one kind each."),
            )


def _stopped_then(snapshot: Snapshot, ground: decision.Ground) -> Refuse | None:
    """Past the merge the review that was named counts; and the last one of that head, if it said that it cannot be told."""
    last = next((r for r in reversed(snapshot.reviews) if r.mark.head == ground.review.mark.head), ground.review)
    said, since = (Verdict.of_word(review.mark.outcome) for review in (ground.review, last))
    if said not in decision.STOPS and since is not Verdict.CANNOT_TELL:
        return None
    verdict = said if said in decision.STOPS else since
    return Refuse(
        md.fill(
            "The review of the head that was merged said {verdict}, so no stamp is written.",
            verdict=Md(verdict.value if verdict is not None else ""),
        ),
        md.own("A maintainer can look at the rows on main and decide by hand."),
    )


def _news_since(context: CommandContext, ground: decision.Ground) -> Refuse | None:
    """What is new since the review, unless rows of this very decision are on main.

    Whichever account merged the pull: between the bot's last look at an open pull and its merge something can come as well.
    """
    return None if _stamp_begun(context.snapshot, context.comment) else decision.unlike_review(context, ground.review)


def _not_as_reviewed(context: CommandContext, ground: decision.Ground) -> Refuse | None:
    """The race no one can close beforehand: somebody pushed between review and merge (DoltHub's merge names no head)."""
    snapshot, merge = context.snapshot, context.snapshot.merge
    if merge is None:
        return None
    if merge.head == ground.review.mark.head and effects(snapshot, reviewed=True) == effects(snapshot, reviewed=False):
        return None
    what = (
        md.fill("head {head}", head=words.short(merge.head))
        if merge.head != ground.review.mark.head
        else md.own("rows that differ from it")
    )
    return Refuse(
        md.lines(
            md.fill(
                "**NOT STAMPED.** {item}: head {head} was reviewed, but the merge {merge} brought {what} to main.",
                item=words.subject(snapshot),
                head=words.short(ground.review.mark.head),
                merge=words.short(merge.commit),
                what=what,
            ),
            words.rows(snapshot.changes.rows, 8),
        ),
        md.own("A maintainer has to compare these rows with the review, and revert the merge or stamp by hand."),
    )


def effects(snapshot: Snapshot, *, reviewed: bool) -> frozenset[tuple[str, str, str, str, str]]:
    """What a set of changes does, cell by cell: (table, key, kind, column, new value in one form).

    Of a row that was reviewed, only the columns it had then: a column that main was given since fills itself with its
    default, and nothing on the branch can have written it.
    """
    changes = snapshot.reviewed if reviewed else snapshot.changes
    had = {(c.table, c.key): (c.after or c.before or Row(())).columns for c in snapshot.reviewed.rows}
    cells = {
        (c.table, c.key, c.kind.value, column, canonical_cell(column, c.new(column)))
        for c in changes.rows
        for column in c.changed
        if column in had.get((c.table, c.key), c.changed)
    }
    odd = {(table, "", "schema", "", "") for table in changes.schema} | {(t, "", "unread", "", "") for t, _ in changes.unread}
    untold = {(table, "", "untold", "", why) for table, why in changes.untold}
    return frozenset(cells | odd | untold)


def _change(context: CommandContext, author: Handle) -> LedgerChange | None:
    if context.snapshot.kind is not PullKind.WORK:
        return None
    return decision_rows.acceptance(context.snapshot, context.comment, author, stamping.rating(context))


def _receipt(context: CommandContext, author: Handle, change: LedgerChange | None) -> Md:
    snapshot = context.snapshot
    head = decision.headline(context, "ACCEPTED", author)
    merge = snapshot.merge
    merged = (
        md.fill("Merged {head} as {commit}", head=words.short(merge.head), commit=words.short(merge.commit))
        if merge is not None
        else md.own("Merged")
    )
    done = snapshot.completion
    if change is None or done is None:
        return md.lines(
            head, md.fill("{merged}. No stamp: {what} is no work.", merged=merged, what=md.escape(snapshot.form.value))
        )
    end = md.fill(
        "{merged}; item completed; rows on main match what was reviewed, cell by cell ({n} compared).",
        merged=merged,
        n=md.number(len(effects(snapshot, reviewed=True))),
    )
    branch = md.code(snapshot.pull.source.branch, 100)
    next_ = md.fill(
        "For the worker: discard the branch {branch}. The board of `wl` shows the item as in review while it exists.",
        branch=branch,
    )
    return md.lines(head, stamping.told(context, done, end), decision.overruled(context), next_)
