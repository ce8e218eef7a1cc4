"""When a review is due, and what it waits for."""

from __future__ import annotations

from datetime import timedelta

from bot.commands import grammar
from bot.commands.command import Catalog
from bot.commands.decision import STOPS
from bot.commands.grammar.reading import Misread, Parsed
from bot.converge.plan.value import Plan, until_later
from bot.messages import md, reviews
from bot.model.finding import Judgement, Level, Verdict
from bot.model.ids import CommitHash
from bot.model.journal import Review
from bot.model.kind import PullKind
from bot.model.mark import NEWS, NO_HEAD
from bot.model.news import news_since
from bot.model.policy import Comments
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot
from bot.model.step import PostReview


def due_review(snapshot: Snapshot, judgement: Judgement, commands: Catalog) -> Plan:
    """The review that is due, or what it waits for."""
    if snapshot.pull.state is not PullState.OPEN or snapshot.kind is PullKind.LANDING:
        return Plan()
    if snapshot.policy.comments is Comments.DECISIONS and not _asked_to_speak(snapshot, commands):
        return Plan()
    # Where the branch is gone there is no head; the contributor and whoever wants to close the pull are told so all the same.
    head = snapshot.head or NO_HEAD
    digest = judgement.digest(head)
    newest = snapshot.reviews[-1] if snapshot.reviews else None
    # A link that the bot cannot judge for a while makes no review new; that it was judged at last does.
    same = newest is not None and newest.mark.digest in (digest, judgement.settled.digest(head))
    if newest is not None and same and not _has_news(snapshot, judgement, newest):
        return Plan()
    told_news = newest is not None and snapshot.journal.news_told(newest.comment.created_at)
    if snapshot.rejection is not None and snapshot.rejection.mark.head == head and not told_news:
        return Plan()  # a validator has decided about this very head, and the answer holds all there is to say
    if snapshot.holds and newest is not None and newest.mark.head == head and not _asked_for_newer(snapshot, judgement, newest):
        return Plan()  # nothing is decided meanwhile, and what placed the hold was answered: a review follows once it is lifted
    if (enough := _said_enough(snapshot)) is not None and not (
        _asked_to_speak(snapshot, commands) or _asked_for_newer(snapshot, judgement, snapshot.reviews[-1])
    ):
        return enough
    return _held_back(snapshot, judgement) or Plan(steps=(_post(snapshot, judgement, head, digest),))


def _has_news(snapshot: Snapshot, judgement: Judgement, newest: Review) -> bool:
    """Whether the rows, the item or the rig are not those of the newest review, or a validator was told of any news."""
    if newest.mark.shown is None:
        return False
    news = news_since(newest.mark.shown, snapshot, judgement)
    return news.rows or (bool(news.findings) and snapshot.journal.news_told(newest.comment.created_at))


def _said_enough(snapshot: Snapshot) -> Plan | None:
    """A pull that keeps changing is not reviewed without end: then only somebody who wants to decide hears more that day."""
    today = snapshot.reviews_since(snapshot.taken_at - timedelta(seconds=reviews.DAY_S))
    if len(today) < reviews.REVIEWS_A_DAY_MAX:
        return None
    return until_later(today[0].comment.created_at, reviews.DAY_S, md.own("a day with fewer reviews"))


def _post(snapshot: Snapshot, judgement: Judgement, head: CommitHash, digest: str) -> PostReview:
    body = reviews.review(snapshot, judgement)
    return PostReview(head=head, digest=digest, number=len(snapshot.reviews) + 1, body=body)


def _asked_to_speak(snapshot: Snapshot, commands: Catalog) -> bool:
    """On a commons that wants no unasked words: somebody wanted to decide since the last review, so a new one is wanted."""
    last = snapshot.reviews[-1].comment.created_at if snapshot.reviews else None
    silent = {snapshot.bot, *snapshot.policy.ignored_users}
    asked = (c for c in snapshot.comments if c.author not in silent and (last is None or c.created_at > last))
    return any(_wants_to_decide(item) for c in asked for item in grammar.read(c.body, commands).items)


def _wants_to_decide(item: Parsed | Misread) -> bool:
    return item.decides or (isinstance(item, Parsed) and item.rehearsed)


def _held_back(snapshot: Snapshot, judgement: Judgement) -> Plan | None:
    """Why a review that would be new is not posted yet; each reason ends by itself."""
    timing = snapshot.policy.timing
    if judgement.forbids:
        return None  # what cannot be told is told at once: accepting is refused from now on
    definite = bool(judgement.at(Level.FAULT) or judgement.at(Level.DOUBT))
    new_head = snapshot.head is not None and snapshot.head_reviewed_at is None
    if new_head and timing.quiet_head_s and not snapshot.older_than(snapshot.head_quiet_since, timing.quiet_head_s):
        return until_later(snapshot.head_quiet_since, timing.quiet_head_s, md.own("the head to be quiet for a while"))
    seen_since = snapshot.first_look_at or snapshot.taken_at
    unprobed = any(snapshot.probe(link.url) is None for link in snapshot.links)
    if unprobed and not judgement.at(Level.FAULT) and not snapshot.older_than(seen_since, timing.no_sheet_s):
        return until_later(seen_since, timing.no_sheet_s, md.own("the link checker"))
    unsure = bool(judgement.at(Level.UNSURE)) and not definite and not unprobed
    if unsure and not snapshot.older_than(seen_since, timing.unsure_hold_s):
        return until_later(seen_since, timing.unsure_hold_s, md.own("the next look at a link that could not be judged"))
    last = snapshot.reviews[-1] if snapshot.reviews else None
    same_head = last is not None and last.mark.head == (snapshot.head or NO_HEAD)
    if (
        last is not None
        and same_head
        and not (_asked_for_newer(snapshot, judgement, last) or _set_free(snapshot, judgement, last))
    ):
        posted = last.comment.created_at
        if not snapshot.older_than(posted, timing.same_head_s):
            return until_later(posted, timing.same_head_s, md.own("a decent time since the last review of this head"))
    return None


def _set_free(snapshot: Snapshot, judgement: Judgement, last: Review) -> bool:
    """Whether what the last review blocked, or could not tell, stands no more: the worker waits for the word.

    Once for each head in `same_head_s`, so that a fault that comes and goes is not told each time.
    """
    if Verdict.of_word(last.mark.outcome) not in STOPS or judgement.verdict in STOPS:
        return False
    since = snapshot.taken_at - timedelta(seconds=snapshot.policy.timing.same_head_s)
    return [r.mark.head for r in snapshot.reviews_since(since)].count(last.mark.head) <= 1


def _asked_for_newer(snapshot: Snapshot, judgement: Judgement, last: Review) -> bool:
    """Whether a validator needs the new review now: they overrode what the last one said, were told of news since, or wanted to
    accept on one that said BLOCKED or CANNOT TELL and is not true any more.
    """
    since = [a for a in snapshot.answers if a.comment.created_at > last.comment.created_at]
    if any(fact.command in ("override", NEWS) for a in since for fact in a.mark.facts):
        return True
    if Verdict.of_word(last.mark.outcome) not in STOPS or judgement.verdict in STOPS:
        return False
    return any("accept" in a.mark.commands for a in since)
