"""One step, one effect: look whether it is done, act, read back.

What an arm finds is one of three things: the step is done; it cannot be done, and here is why (`Refused`); or the world is
not what the plan was made from (`Moved`), so that the plan ends here and the next look plans anew.
"""

from __future__ import annotations

from typing import assert_never

from bot.converge.bot import Site
from bot.converge.landing import branch_head, land
from bot.converge.observe import source_head
from bot.converge.outcome import Done, Ended, Moved, Refused
from bot.converge.reads import main_head
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy, HubRefused, HubStrange, HubUnsettled
from bot.model.ids import CommentId, CommitHash, PullNo, User, fold, is_commit_hash
from bot.model.journal import closed_by
from bot.model.mark import Mark, MarkKind, read_mark
from bot.model.pull import Comment, Pull, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, ClosePull, Land, MergePull, Outcome, ParkReason, PostNotice, PostReview, Step
from bot.store.notes import answer_deed

ECHOES_MAX = 2
"""How often the same words are said where they do not seem to be heard."""
WIPED = "Redis was wiped a moment ago: what was said just before may not be listed yet"
"""Why nothing is said or done for a while: it holds for every pull, so whoever tells of it does so once."""


def perform(step: Step, snapshot: Snapshot, site: Site) -> Ended:
    """Bring one step about. Raises HubBusy and HubStrange (nothing is known to have failed: look again later)."""
    match step:
        case PostReview():
            return _post_review(step, snapshot, site)
        case PostNotice():
            return _post_notice(step, snapshot, site)
        case MergePull():
            return _merge(step, snapshot, site)
        case Land():
            return _land(step, snapshot, site)
        case ClosePull():
            return _close(step, snapshot, site)
        case Answer():
            return _answer(step, snapshot, site)
        case never:
            assert_never(never)


def _post_review(step: PostReview, snapshot: Snapshot, site: Site) -> Ended:
    comments = _comments(snapshot, site)
    reviews = [m for m in _marks(comments, snapshot) if m.kind is MarkKind.REVIEW]
    if reviews and reviews[-1].digest == step.digest and reviews[-1].n >= step.number:
        return Done()
    # Named by its number alone: a list that lags may hide the review before this one too, and then this number was used.
    return _say(step.body, f"review {len(reviews)}", comments, snapshot, site)


def _post_notice(step: PostNotice, snapshot: Snapshot, site: Site) -> Ended:
    comments = _comments(snapshot, site)
    told = {(m.head, m.outcome, m.digest) for m in _marks(comments, snapshot) if m.kind is MarkKind.NOTICE}
    if (step.head, step.about, step.of) in told:
        return Done()
    return _say(step.body, f"notice {step.about} {step.of} {step.head}", comments, snapshot, site)


def _answer(step: Answer, snapshot: Snapshot, site: Site) -> Ended:
    comments = _comments(snapshot, site)
    if _is_answered(step.to, comments, snapshot):
        return Done()
    if any(_is_answered(closed, comments, snapshot) for closed in step.closes):
        return Moved("what was to be taken back was answered meanwhile")
    denies = snapshot.pull.state is PullState.OPEN and (step.outcome is not Outcome.DONE or bool(step.closes))
    also = tuple(map(answer_deed, step.closes))
    number = snapshot.pull.number
    return say(step.body, answer_deed(step.to), comments, site, number=number, denies=denies, also=also)


_ANSWERED = "the command was answered a moment ago and the answer is not listed yet"


def _is_answered(comment: CommentId, comments: tuple[Comment, ...], snapshot: Snapshot) -> bool:
    """Whether an answer closed the comment; a parked one does not."""
    marks = _marks(comments, snapshot)
    answers = (m for m in marks if m.kind is MarkKind.ANSWER and m.outcome != Outcome.PARKED.value)
    return any(comment in closed_by(m) for m in answers)


def _overtaken(comment: CommentId, snapshot: Snapshot, site: Site) -> Moved | None:
    """Why nothing is done for a command now: it is answered, or may be and only the list does not show it, or is none any more.

    A command is answered as refused, or carried out, never both: so whoever slept since the plan was made looks again, and
    whoever cannot know what was said a moment ago waits, as for saying it.
    """
    number, store = snapshot.pull.number, site.store
    if store.shared.epoch.was_wiped(within_s=snapshot.policy.timing.about_to_s):
        return Moved(WIPED)
    if store.notes.answer_intended(number, comment):
        return Moved(_ANSWERED)
    comments = _comments(snapshot, site)
    if _is_answered(comment, comments, snapshot):
        return Moved("the command was answered meanwhile")
    if not any(c.id == comment and not c.edited for c in comments):
        return Moved("the command was edited or deleted meanwhile")
    return None


def park(answer: Answer, hitch: ParkReason, snapshot: Snapshot, site: Site) -> Ended:
    """Tell that a command is kept. Done: a comment of ours says so, for this reason."""
    comments = _comments(snapshot, site)
    told = [m for m in _marks(comments, snapshot) if m.comment == answer.to and m.outcome == answer.outcome.value]
    if any(m.digest == hitch.value for m in told):
        return Done()
    return _say(answer.body, f"kept {answer.to} {hitch.value}", comments, snapshot, site)


def _comments(snapshot: Snapshot, site: Site) -> tuple[Comment, ...]:
    """The comments as they stand now, oldest first."""
    return site.hub.comments(snapshot.commons, snapshot.pull.number)


def _marks(comments: tuple[Comment, ...], snapshot: Snapshot) -> list[Mark]:
    """Marks of our comments, oldest first."""
    return [m for m in (read_mark(c, snapshot.bot) for c in comments) if m is not None]


def _say(body: str, deed: str, comments: tuple[Comment, ...], snapshot: Snapshot, site: Site) -> Ended:
    return say(body, deed, comments, site, number=snapshot.pull.number)


def say(
    body: str,
    deed: str,
    comments: tuple[Comment, ...],
    site: Site,
    *,
    number: PullNo,
    denies: bool = False,
    also: tuple[str, ...] = (),
) -> Ended:
    """Post a comment that is not there yet. A young note about the same deed means: posted, but not listed yet.

    Such notes protect for `about_to_s`. So nothing is sent later than that after its note, and nothing is said for as long
    after Redis lost them. `denies`: the words say that nothing was done, so they wait for a merge that was begun just now.
    `also`: other deeds that the same comment does.
    """
    notes, about_to_s = site.store.notes, site.policy.timing.about_to_s
    _stop_echo(body, comments, site.account, number)
    if site.store.shared.epoch.was_wiped(within_s=about_to_s):
        return Moved(WIPED)
    until = site.hub.until(about_to_s)
    noted: list[str] = []

    def drop() -> None:
        for each in noted:
            notes.drop_intent(number, each)

    for each in (deed, *also):
        if not notes.record_intent(number, each, ttl_s=about_to_s):
            drop()
            return Moved("a comment was posted a moment ago and is not listed yet")
        noted.append(each)
    # Asked after our note is written, as whoever merges asks for our note after theirs: one of the two sees the other.
    if denies and notes.merge_intended(number):
        drop()
        return Moved("a merge was started a moment ago")
    try:
        site.hub.comment(site.commons, number, body, until=until)
    except HubRefused:
        drop()
        raise
    except HubBusy as later:
        if not later.unknown_end:
            drop()
        raise
    return Done()


def _stop_echo(body: str, comments: tuple[Comment, ...], bot: User | None, number: PullNo) -> None:
    """Raises HubStrange where these words stand already, more than once, and do not count as ours: they never would.

    That is a token whose account is spelled otherwise in comments, or a hub that shows each comment as edited. Whoever edits a
    comment of ours by hand gets it once more, not for ever.
    """
    mark = body.rstrip().rpartition("\n")[2]
    lost = [c for c in comments if c.body.rstrip().endswith(mark) and read_mark(c, bot) is None]
    if sum(fold(c.author) == fold(bot or "") for c in lost) >= ECHOES_MAX:
        raise HubStrange(f"comments of ours below pull {number} do not count as ours; nothing more is said there")


def _merge(step: MergePull, snapshot: Snapshot, site: Site) -> Ended:
    """Merge at the reviewed head. DoltHub takes no expected head: it is compared as late as can be, and again afterwards."""
    commons, number, notes = snapshot.commons, snapshot.pull.number, site.store.notes
    hub, about_to_s = site.hub, snapshot.policy.timing.about_to_s
    with site.store.landing(number):
        pull = hub.pull(commons, number)
        if pull.state is PullState.MERGED:
            return Done(look_again=True)
        if pull.state is not PullState.OPEN:
            return Moved(f"the pull is {pull.state.value}")
        if hub.merging(commons):
            raise HubUnsettled("another merge is running on this commons")
        # From here on every moment counts, so all are asked side by side: whether it is still wanted, and where both heads are.
        until = hub.until(about_to_s)
        overtaken = site.readers.submit(_overtaken, step.comment, snapshot, site)
        main = site.readers.submit(main_head, site)
        stands = _stands_at(hub, pull, step.head)
        if (moved := overtaken.result()) is not None:
            return moved
        # What a merge brings hangs on both heads: from another main it may be compared with another common ancestor.
        if main.result() != snapshot.main_head:
            return Moved("main moved since the pull was judged")
        if not stands:
            return Moved("the head moved")
        if not notes.intend_merge(number, ttl_s=about_to_s):
            return Moved("a merge was started a moment ago")
        if notes.answer_intended(number, step.comment):
            notes.drop_merge(number)
            return Moved(_ANSWERED)
        return _merge_now(snapshot, site, until)


def _merge_now(snapshot: Snapshot, site: Site, until: float) -> Ended:
    """Send the request, follow it to its end, and read back. Raises HubRefused only where the answer is not about the pull."""
    hub, commons, number = site.hub, snapshot.commons, snapshot.pull.number
    try:
        hub.merge(commons, number, until=until)
    except HubBusy as later:
        if not later.unknown_end:
            site.store.notes.drop_merge(number)
        raise
    except HubRefused as no:
        site.store.notes.drop_merge(number)
        if no.status == 401:
            raise  # the token is no good: trouble of ours, not an answer for a validator
        if (state := hub.pull(commons, number).state) is PullState.MERGED:
            return Done(look_again=True)
        if no.withheld:
            raise
        # Whoever came in between is told by the next look, which knows what they did, not by DoltHub's few words.
        if state is not PullState.OPEN:
            return Moved(f"the pull is {state.value}")
        if main_head(site) != snapshot.main_head:
            return Moved("main moved while the pull was to be merged")
        if hub.merging(commons):
            return Moved("another merge is running on this commons")
        return Refused(f"DoltHub does not merge this pull: {no}")
    if hub.pull(commons, number).state is not PullState.MERGED:
        raise HubUnsettled("the merge ended well but does not show yet", unknown_end=True)
    site.store.notes.drop_merge(number)
    return Done(look_again=True)


def _stands_at(hub: Hub, pull: Pull, head: CommitHash) -> bool:
    """Whether the source branch stands at `head`: by the list of branches, which may lag, and by the branch itself."""
    source = pull.source
    if source_head(hub, pull) != head:
        return False
    # A branch that is named like a commit cannot be asked: the name would be read as the commit (DoltHub API v2 contract).
    return is_commit_hash(source.branch) or branch_head(hub, source.database, source.branch) == head


def _land(step: Land, snapshot: Snapshot, site: Site) -> Ended:
    with site.store.landing(snapshot.pull.number) as lease:
        ended = _overtaken(step.comment, snapshot, site) or land(step, snapshot, site, lease)
    # Which way the rows came is for the receipt to tell; of a merged pull it tells the merge.
    return Done(look_again=True) if ended == Done() and not snapshot.merged else ended


def _close(step: ClosePull, snapshot: Snapshot, site: Site) -> Ended:
    commons, number = snapshot.commons, snapshot.pull.number
    hub = site.hub
    match hub.pull(commons, number).state:
        case PullState.CLOSED:
            return Done()
        case PullState.OPEN:
            if (overtaken := _overtaken(step.comment, snapshot, site)) is not None:
                return overtaken
            hub.close(commons, number)
        case state:
            return Moved(f"the pull is {state.value}")
    if hub.pull(commons, number).state is not PullState.CLOSED:
        raise HubUnsettled("the pull was closed but does not show it yet")
    return Done()


def deed_of(step: Step) -> CommentId | None:
    """The comment whose command a step carries out."""
    match step:
        case MergePull(comment=comment) | Land(comment=comment) | ClosePull(comment=comment):
            return comment
        case Answer(to=comment):
            return comment
        case PostReview() | PostNotice():
            return None
        case never:
            assert_never(never)
