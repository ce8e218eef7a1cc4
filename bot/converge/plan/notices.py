"""Notices that nobody asked for."""

from __future__ import annotations

from bot.commands import grammar
from bot.commands.command import Catalog
from bot.commands.decision import STOPS
from bot.converge.plan.value import Plan, until_later
from bot.messages import md, notices, reviews
from bot.model.finding import Judgement, Verdict
from bot.model.ids import CommitHash, digest, stamp_id
from bot.model.kind import PullKind
from bot.model.mark import EDITED, NO_HEAD
from bot.model.snapshot import Merge, Snapshot
from bot.model.step import PostNotice

UNSTAMPED = "unstamped"
"""What a notice is about, as its mark says it: reviewed work that was merged, and that nobody has decided on."""


def due_notice(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """The notice that is due: about an edited comment, or about work that was merged."""
    edited = _edited(snapshot, commands)
    return edited if edited.steps else _unstamped(snapshot, judgement, commands)


def _edited(snapshot: Snapshot, commands: Catalog) -> Plan:
    """A comment that was answered, and edited into a command since: its author may wait for an answer that never comes."""
    told = {m.digest for m in snapshot.notices if m.outcome == notices.EDITED}
    for comment in snapshot.comments:
        answered = snapshot.answer_to(comment.id)
        if not comment.edited or answered is None or answered.comment.created_at >= comment.updated_at:
            continue
        of = digest("edited/1", comment.id)[:16]
        known = of in told or any(fact.command == EDITED for fact in answered.mark.facts)
        if not known and grammar.read(comment.body, commands).items:
            body = notices.edited(comment.author, of)
            return Plan(steps=(PostNotice(head=NO_HEAD, about=notices.EDITED, of=of, body=body),))
    return Plan()


def _unstamped(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """Reviewed work on main that waits for a decision nobody has given, or that was given and is there no more.

    Whoever edits or deletes a command between its merge and its stamp leaves this; so does a merge by hand. It is told once.
    """
    merge, done = snapshot.merge, snapshot.completion
    if merge is None or done is None or snapshot.kind is not PullKind.WORK or not _reviewed(snapshot, merge.head):
        return Plan()
    now = next((c for c in snapshot.on_main_now.completions if c.id == done.id), None)
    item = next((i for i in snapshot.on_main_now.items if i.id == done.wanted_id), None)
    waits_on_main = now is not None and now.stamp_id is None and item is not None and not item.terminal
    stamped = snapshot.stamps_on(done.id, stamp_id(snapshot.commons, done.id))
    if not waits_on_main or stamped or _spoken_of(snapshot, merge, commands):
        return Plan()
    if merge.at is not None and not snapshot.older_than(merge.at, snapshot.policy.timing.park_s):
        return until_later(merge.at, snapshot.policy.timing.park_s, md.own("somebody to decide on what was merged"))
    last = [Verdict.of_word(review.mark.outcome) for review in snapshot.reviews if review.mark.head == merge.head][-1]
    body = reviews.unstamped(snapshot, merge, UNSTAMPED, stampable=last not in STOPS and not judgement.forbids)
    return Plan(steps=(PostNotice(head=merge.head, about=UNSTAMPED, body=body),))


def _reviewed(snapshot: Snapshot, head: CommitHash) -> bool:
    return any(review.mark.head == head for review in snapshot.reviews)


def _spoken_of(snapshot: Snapshot, merge: Merge, commands: Catalog) -> bool:
    """Whether it was told, or a decision was answered since the merge: then those who care know."""
    if any(m.outcome == UNSTAMPED and m.head == merge.head for m in snapshot.notices):
        return True
    deciding = {command.name for command in commands.commands if command.decides}
    since = (a for a in snapshot.answers if merge.at is None or a.comment.created_at > merge.at)
    return any(deciding & set(answered.mark.commands) for answered in since)
