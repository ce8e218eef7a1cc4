"""The one verb: bring a pull to where it should be.

Webhook, poll, clock and the command line all end here, and the normal road and the repair road are the same lines: observe,
judge, plan, perform, and again until nothing is due. It is safe to call at any time, any number of times, and to be killed
anywhere: what was done is seen by its fact on DoltHub, what was not is planned again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.commands import grammar
from bot.commands.authority import is_validator
from bot.converge.bot import Site
from bot.converge.observe import names_looked_at, observe
from bot.converge.outcome import Done, Ended, Moved, Refused
from bot.converge.parked import keep
from bot.converge.perform import deed_of, perform
from bot.converge.plan import Plan, plan
from bot.converge.plan.commands import refused
from bot.converge.stored import stored_judgement
from bot.dolthub.errors import HubBusy, HubGone, HubRefused
from bot.messages import md
from bot.messages.reviews import lines_to_type
from bot.model.evidence import Seen, look_again_after, look_again_at
from bot.model.finding import Judgement
from bot.model.ids import CommitHash, PullNo
from bot.model.mark import read_mark
from bot.model.pull import Comment, PullState
from bot.model.snapshot import Snapshot
from bot.model.step import Answer, Land, PostNotice, PostReview, Step
from bot.rulebook.judge import judge
from bot.store import DECIDE, RECHECK, REVIEW, CachedVerdict, Fingerprint, Listed, StoredJudgement
from bot.store.poll_state import MAIN

ROUNDS_MAX = 24
"""A pull with more to do than this is looked at again later: others wait too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one convergence saw and did. `stopped`: why it ended although something was still due; empty if nothing was."""

    snapshot: Snapshot
    judgement: Judgement
    steps_done: tuple[Step, ...]
    waiting: tuple[str, ...] = ()
    next_look_at: datetime | None = None
    stopped: str = ""


def converge(number: PullNo, site: Site, *, extend: Callable[[], None] = lambda: None) -> Report:
    """Do what is due for one pull. Raises HubError and redis.RedisError; whatever was begun is finished by the next call.

    `extend` is called before each step: it holds on to the caller's lease, and raises if that is lost.
    """
    done: list[Step] = []
    seen_again: tuple[Snapshot, Judgement, Plan] | None = None
    for _ in range(ROUNDS_MAX):
        snapshot, judgement, due = seen_again or look(number, site)
        seen_again = None
        if not due.steps:
            if _ask_forges(snapshot, due, site, extend):
                continue
            return _rest(snapshot, judgement, due, tuple(done), site)
        # Written down before it is begun: cut short, it is begun again by the next sweep.
        queue = DECIDE if any(deed_of(step) for step in due.steps) else REVIEW
        site.store.pulls.add_pending(number, queue, due=True)
        for step in due.steps:
            extend()
            try:
                ended = _carry_out(step, snapshot, site)
            except (HubBusy, HubRefused) as trouble:
                if keep(step, trouble, snapshot, site):
                    _let_rest(snapshot, str(trouble), site)
                raise
            if isinstance(ended, Moved):
                return _stop(snapshot, judgement, tuple(done), ended.why)
            if isinstance(ended, Refused):
                told = _tell(step, snapshot, ended, site)
                if isinstance(told, Moved):
                    return _stop(snapshot, judgement, tuple(done), told.why)
                break
            done.append(step)
            if ended.look_again:
                break
        else:
            if all(isinstance(step, Answer | PostReview | PostNotice) for step in due.steps):
                seen_again = _after_words(snapshot, site)
    return _stop(snapshot, judgement, tuple(done), "there is more to do than fits into one look")


def look(number: PullNo, site: Site) -> tuple[Snapshot, Judgement, Plan]:
    """Observe, judge, plan; do nothing."""
    snapshot = observe(number, site)
    judgement = judge(snapshot, site.rules)
    return snapshot, judgement, plan(snapshot, judgement, site.commands)


def _after_words(snapshot: Snapshot, site: Site) -> tuple[Snapshot, Judgement, Plan] | None:
    """A look after the bot only posted comments: these are read again, and nothing else. None: a whole look is needed.

    A comment changes nothing but the comments, so all else is as old as the look that led to it. Where something is still due,
    or another account wrote meanwhile, everything is read anew. What else moved since is found by the sweep, which compares it
    with what this look saw.
    """
    comments = site.hub.comments(snapshot.commons, snapshot.pull.number)
    others = tuple(comment for comment in comments if read_mark(comment, snapshot.bot) is None)
    if others != tuple(comment for comment in snapshot.comments if read_mark(comment, snapshot.bot) is None):
        return None
    heard = replace(snapshot, comments=comments)
    judgement = judge(heard, site.rules)
    due = plan(heard, judgement, site.commands)
    return None if due.steps else (heard, judgement, due)


def _carry_out(step: Step, snapshot: Snapshot, site: Site) -> Done | Moved | Refused:
    """A refusal of DoltHub's that belongs to a command's rows is an answer to its author; any other is trouble of ours."""
    try:
        return perform(step, snapshot, site)
    except HubRefused as no:
        passing = isinstance(no, HubGone) and no.passing
        if isinstance(step, Land) and no.status != 401 and not no.withheld and not passing:
            return Refused(f"DoltHub refused: {no}")
        raise


def _tell(step: Step, snapshot: Snapshot, why: Refused, site: Site) -> Ended:
    """Answer the command whose step was refused. What it did before stands, and the answer must not deny it.

    Moved: the answer could not be given now, so the step must not be tried again now either.
    """
    about = deed_of(step)
    comment = next((c for c in snapshot.comments if c.id == about), None)
    if comment is None:
        return Moved("what was refused belongs to no comment")
    reason = md.fill("This could not be carried out as asked: {why}.", why=md.code(why.why, 300))
    remedy = md.own("Look at the pull and at main, then write the command again, or ask a maintainer.")
    return perform(refused(snapshot, comment, site.commands, reason, remedy, changed=why.changed), snapshot, site)


def _stop(snapshot: Snapshot, judgement: Judgement, done: tuple[Step, ...], why: str) -> Report:
    return Report(snapshot=snapshot, judgement=judgement, steps_done=done, stopped=why)


def _rest(snapshot: Snapshot, judgement: Judgement, due: Plan, done: tuple[Step, ...], site: Site) -> Report:
    """Nothing is due: leave notes for others, ask the link checker for what is missing, remember the sight of it."""
    links = tuple((url, at) for url, at in _links_due(snapshot, due.probe_since) if not _of_forge(url, site))
    next_look = _next_look(snapshot, due)
    _put_on_board(snapshot, judgement, next_look, site)
    site.store.pulls.drop_kept(snapshot.pull.number)
    if links:
        urls, since = tuple(url for url, _ in links), max((at for _, at in links if at is not None), default=None)
        site.jobs.enqueue_probe(snapshot.commons, snapshot.pull.number, urls, since)
    _remember(snapshot, next_look, site)
    if site.store.notes.swept()[0] not in (None, snapshot.main_head):
        # Main has moved, whoever moved it: the next sweep need not wait to see which pulls that touches.
        site.store.poll_states.drop((MAIN,))
    if any(_ends_decision(step, snapshot, site) for step in done):
        site.store.poll_states.note_session(snapshot.pull.number)
    return Report(
        snapshot=snapshot,
        judgement=judgement,
        steps_done=done,
        waiting=tuple(str(w) for w in due.waits),
        next_look_at=next_look,
    )


def _ends_decision(step: Step, snapshot: Snapshot, site: Site) -> bool:
    """Whether a step answered a decision of a validator, carried out or refused. Nothing else begins a session."""
    comment = next((c for c in snapshot.comments if isinstance(step, Answer) and c.id == step.to), None)
    if comment is None or not is_validator(snapshot, comment.author):
        return False
    return any(parsed.decides for parsed in grammar.read(comment.body, site.commands).parsed)


def _ask_forges(snapshot: Snapshot, due: Plan, site: Site, extend: Callable[[], None]) -> bool:
    """Ask the forges about those links that are theirs, each once at a time; whether the pull looks new with what they say.

    It does not where the new sheet is as stale as the old one, as when DoltHub's clock is ahead of ours.
    """
    news = False
    for url, since in _links_due(snapshot, due.probe_since):
        key = _of_forge(url, site)
        if site.forges is None or not key:
            continue
        extend()
        with site.store.shared.asking.run(key, meanwhile=extend) as flight:
            last = site.store.shared.forge_probes.get(key) if flight.waited else None
            said = last
            if last is None or (since is not None and last.probed_at < since):
                said = site.forges.look(url, previous=last or snapshot.probe(url), urgent=due.probe_since is not None)
                if said is not None:
                    site.store.shared.forge_probes.put(replace(said, url=key))
        news = news or (said is not None and (since is None or said.probed_at >= since))
    return news


def _of_forge(url: str, site: Site) -> str:
    """The key of a link one of our forges is asked about; empty for those the link checker looks at."""
    return site.forges.key(url) if site.forges is not None else ""


def _next_look(snapshot: Snapshot, due: Plan) -> datetime | None:
    """When time alone may make something due; the link checker knocks by itself when it is done."""
    times = [due.look_at] if due.look_at is not None else []
    if due.waits and due.look_at is None:
        times.append(snapshot.taken_at + timedelta(seconds=snapshot.policy.timing.look_again_s))
    if snapshot.pull.state is PullState.OPEN:
        times.extend(hold.until for hold in snapshot.holds if hold.until is not None)
        times.extend(at for link in snapshot.links if (at := _again_at(snapshot, link.url)) is not None)
    return min(times, default=None)


def _again_at(snapshot: Snapshot, url: str) -> datetime | None:
    """When a link is worth another look although nobody asks: until dead is confirmed, and when its sheet is old."""
    probe = snapshot.probe(url)
    if probe is None:
        return None
    confirmed_at = None
    if probe.seen is Seen.DEAD:
        confirmed_at = look_again_at(probe.misses or (probe.probed_at,), snapshot.policy.timing.confirm_dead_s)
    return confirmed_at or look_again_after(probe, snapshot.policy.timing.look_again_s)


def _links_due(snapshot: Snapshot, since: datetime | None) -> tuple[tuple[str, datetime | None], ...]:
    """Links to be looked at now, each with the moment its sheet must not be older than (None: there is no sheet)."""
    found: list[tuple[str, datetime | None]] = []
    if snapshot.pull.state is not PullState.OPEN:
        return ()
    for url in dict.fromkeys(link.url for link in snapshot.links):
        probe, again = snapshot.probe(url), _again_at(snapshot, url)
        if probe is None:
            found.append((url, None))
        elif since is not None and probe.probed_at < since:
            found.append((url, since))
        elif again is not None and again <= snapshot.taken_at:
            found.append((url, again))
    return tuple(found)


def _remember(snapshot: Snapshot, next_look: datetime | None, site: Site) -> None:
    """Remember the sight of the pull, and when time alone makes something due: a sweep that sees it again passes by."""
    pull, store = snapshot.pull, site.store
    queue = DECIDE if snapshot.unanswered else RECHECK if snapshot.reviews else REVIEW
    store.pulls.put_fingerprint(pull.number, glance(snapshot), due_at=next_look, queue=queue)
    listed = Listed(number=pull.number, state=pull.state, creator=pull.creator, title=pull.title, source=pull.source)
    store.pulls.note_listed((listed,))
    store.pulls.end_pending(pull.number, since=snapshot.taken_at)


def _let_rest(snapshot: Snapshot, why: str, site: Site) -> None:
    """What is stuck is tried again after a while, or at once if somebody knocks or says something."""
    rest_s = snapshot.policy.timing.park_s
    _remember(snapshot, snapshot.taken_at + timedelta(seconds=rest_s), site)
    site.store.notes.park(snapshot.pull.number, ttl_s=rest_s)
    site.store.pulls.keep(snapshot.pull.number, why)
    site.store.pulls.end_pending(snapshot.pull.number, since=site.clock())


def glance(snapshot: Snapshot) -> Fingerprint:
    """What is cheap to see of a pull: a sweep that sees just this again need not look closer."""
    return seen(snapshot.pull.state, snapshot.head, snapshot.comments)


def seen(state: PullState, head: CommitHash | None, comments: tuple[Comment, ...]) -> Fingerprint:
    """The glance of these facts. Of a pull that is not open the head does not count: only its comments can matter."""
    return Fingerprint(
        state=state,
        head=head if state is PullState.OPEN else None,
        comments=len(comments),
        last_comment=comments[-1].id if comments else None,
        last_updated=max((c.updated_at for c in comments), default=None),
    )


def _put_on_board(snapshot: Snapshot, judgement: Judgement, next_look: datetime | None, site: Site) -> None:
    """Write down how the pull stands. If that is news about its item, rivals of it have something new to be told."""
    commons, number, board = snapshot.commons, snapshot.pull.number, site.store.pulls
    before = board.verdict(number)
    if snapshot.pull.state is PullState.OPEN:
        stored = stored_judgement(snapshot, judgement, next_look)
        board.put_verdict(_cached_verdict(snapshot, judgement, stored), stored)
        news = before is None or before.item != snapshot.item_id
    else:
        board.drop_verdict(number)
        news = before is not None
    if news:
        for rival in snapshot.rivals:
            site.jobs.enqueue(commons, rival.pull)


def _cached_verdict(snapshot: Snapshot, judgement: Judgement, stored: StoredJudgement) -> CachedVerdict:
    return CachedVerdict(
        pull=snapshot.pull.number,
        item=snapshot.item_id,
        rig=snapshot.worker,
        evidence=md.clean(snapshot.completion.evidence) if snapshot.completion else "",
        verdict=judgement.verdict,
        kind=snapshot.kind,
        title=md.clean(snapshot.pull.title),
        judged_at=snapshot.taken_at,
        opened_at=snapshot.pull.created_at,
        line=next(iter(lines_to_type(snapshot, judgement)), ""),
        names=names_looked_at(snapshot),
        item_title=stored.item_title,
        reason=stored.reason,
        free=stored.free,
    )
