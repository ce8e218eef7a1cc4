"""Which pulls need a look: the poll for comments and heads, and the only road that is needed.

Webhooks only shorten the wait. DoltHub sends none for a comment or a new commit, and may lose those it sends (DoltHub docs,
webhooks), so everything a pull can need is found from here: open pulls, the newest ones whatever their state, pulls that a
landing of ours serves, and pulls behind unfinished completions on main.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.commands import ledger
from bot.converge import seen
from bot.deps import Deps
from bot.hub import diff, sql
from bot.hub.errors import HubError, HubGone, HubRefused, HubStrange
from bot.model.ids import CommitHash, Commons, Database, PullNo
from bot.model.ledger import Completion
from bot.model.mark import MarkKind, read_mark
from bot.model.pull import BranchRef, Comment, PullState, PullSummary
from bot.observe import NOT_FOR_US
from bot.reads import Reads, columns_at, main_head
from bot.scratch import Glance

NEWEST = 100
"""Pulls looked at whatever their state: a command may be written on a pull that is merged or closed already."""
DETAIL_READS_MAX = 20
"""Pulls tried to find the one behind an unfinished completion."""


def sweep(commons: Commons, deps: Deps) -> int:
    """Knock at every pull that may need a look; returns how many. Raises HubError and redis.RedisError."""
    hub = deps.hub(commons)
    # Whether it was or not: the first one to notice holds everybody's tongue, and this is done every few seconds.
    deps.scratch.paper.lost(within_s=deps.policy(commons).timing.about_to_s)
    pulls = hub.pulls(commons)
    main = main_head(hub, commons)
    by_number = {p.number: p for p in pulls}
    landings = [p for p in pulls if _is_landing(p, commons, deps)]
    ours = {p.number for p in landings}
    urgent = _served(landings, commons, deps) | _behind_unfinished(pulls, main, commons, deps)
    urgent |= _touched_by_main(main, commons, deps)
    watched = [p for p in pulls if p.state is PullState.OPEN or p in pulls[:NEWEST] or p.number in urgent]
    watched = [p for p in watched if p.number not in ours]
    deps.scratch.board.keep_only(commons, (p.number for p in watched if p.state is PullState.OPEN))
    knocked = 0
    for number in _moved(watched, urgent & by_number.keys(), commons, deps):
        knocked += deps.scratch.knocks.knock(commons, number)
    return knocked


def _moved(watched: list[PullSummary], urgent: set[PullNo], commons: Commons, deps: Deps) -> list[PullNo]:
    """Pulls that do not look as remembered, in order of number. A pull that is not open and still remembered is passed by."""
    glances = deps.scratch.notes.glances(commons, (p.number for p in watched))
    maybe: list[PullSummary] = []
    found: list[PullNo] = []
    for pull in watched:
        remembered = glances.get(pull.number)
        if pull.number in urgent or remembered is None or remembered.state is not pull.state:
            found.append(pull.number)
        elif pull.state is PullState.OPEN:
            maybe.append(pull)
    found.extend(n for n, glance in _glances_now(maybe, glances, commons, deps).items() if glance != glances[n])
    return sorted(found)


def _glances_now(
    pulls: list[PullSummary], remembered: Mapping[PullNo, Glance], commons: Commons, deps: Deps
) -> dict[PullNo, Glance | None]:
    """What open pulls look like now: one read of comments each, and one list of branches per fork, side by side.

    A fork that cannot be read hides its heads and nothing else: whoever owns it must not be able to stop the sweep. Nor must
    one pull that cannot be read: None, so that it is looked at by itself, and the trouble told with its number.
    """
    sources = dict(zip(pulls, deps.readers.map(lambda p: _source(p.number, commons, deps), pulls), strict=True))
    forks = list(dict.fromkeys(source.database for source in sources.values() if source is not None))
    heads = dict(zip(forks, deps.readers.map(lambda fork: _heads(fork, commons, deps), forks), strict=True))
    comments = dict(zip(pulls, deps.readers.map(lambda p: _comments(p.number, commons, deps), pulls), strict=True))
    found: dict[PullNo, Glance | None] = {}
    for pull in pulls:
        source, said = sources[pull], comments[pull]
        if source is None or said is None:
            found[pull.number] = None
            continue
        branches = heads[source.database]
        head = branches.get(source.branch) if branches is not None else remembered[pull.number].head
        found[pull.number] = seen(pull.state, head, said)
    return found


def _source(number: PullNo, commons: Commons, deps: Deps) -> BranchRef | None:
    """Where a pull comes from, None if it cannot be read now."""
    try:
        return deps.source(commons, number)
    except HubError:
        return None


def _comments(number: PullNo, commons: Commons, deps: Deps) -> tuple[Comment, ...] | None:
    """What was said below a pull, None if it cannot be read now."""
    try:
        return deps.hub(commons).comments(commons, number)
    except HubError:
        return None


def _heads(fork: Database, commons: Commons, deps: Deps) -> dict[str, CommitHash] | None:
    """Heads of a fork by branch; none of them if the fork is gone or private, None if it cannot be read now."""
    try:
        return {b.name: b.head for b in deps.hub(commons).branches(fork)}
    except HubRefused as no:
        return {} if no.status in NOT_FOR_US else None
    except HubError:
        return None


# --- what is urgent -------------------------------------------------------------------------------------------------


def _is_landing(pull: PullSummary, commons: Commons, deps: Deps) -> bool:
    return pull.creator == deps.account(commons) and ledger.served_pull(pull.title) is not None


def _served(landings: list[PullSummary], commons: Commons, deps: Deps) -> set[PullNo]:
    """Pulls whose decision has a landing pull still open. If that decision was answered, the landing pull is closed.

    So it is where the decision is none any more: nobody goes on with a command that was deleted or edited.
    """
    found: set[PullNo] = set()
    hub, bot = deps.hub(commons), deps.account(commons)
    for landing in landings:
        served = ledger.served_pull(landing.title)
        if landing.state is not PullState.OPEN or served is None:
            continue
        try:
            comments = hub.comments(commons, served)
        except HubGone:
            continue
        marks = [m for c in comments if (m := read_mark(c, bot)) is not None]
        stands = any(ledger.serves_comment(landing.title, c.id) and not c.edited for c in comments)
        told = any(
            m.kind is MarkKind.ANSWER and m.outcome in ("done", "refused") and m.comment is not None
            and ledger.serves_comment(landing.title, m.comment)
            for m in marks
        )  # fmt: skip
        if told or not stands:
            hub.close(commons, landing.number)
        elif not deps.scratch.notes.rests(commons, served):
            found.add(served)
    return found


def _behind_unfinished(pulls: tuple[PullSummary, ...], main: CommitHash, commons: Commons, deps: Deps) -> set[PullNo]:
    """Pulls that may have brought the completions which main shows as begun and not finished, by who made them."""
    hub = deps.hub(commons)
    reads = Reads(hub=hub, commons=commons, columns={main: columns_at(hub, commons, main)}, pool=deps.readers)
    unfinished = [Completion(r) for r in reads.read(main, sql.open_completions()).result()]
    if not unfinished:
        return set()
    rigs = reads.read(main, sql.rows_by("rigs", "handle", [c.completed_by for c in unfinished if c.completed_by]))
    owners = {r.text("dolthub_org") for r in rigs.result() if r.text("dolthub_org")}
    candidates = [p.number for p in pulls if p.creator in owners and p.state is PullState.MERGED]
    remembered = deps.scratch.notes.glances(commons, candidates[:DETAIL_READS_MAX])
    return {n for n in candidates[:DETAIL_READS_MAX] if n not in remembered or _spoke_since(n, remembered[n], commons, deps)}


def _spoke_since(number: PullNo, remembered: Glance, commons: Commons, deps: Deps) -> bool:
    try:
        comments = deps.hub(commons).comments(commons, number)
    except HubError:
        return True
    return seen(remembered.state, None, comments) != remembered


def _touched_by_main(main: CommitHash, commons: Commons, deps: Deps) -> set[PullNo]:
    """Open pulls whose item or rig main has changed since the last sweep: their review may not hold any more."""
    last = deps.swept.get(commons)
    if last == main:
        return set()
    standings = deps.scratch.board.all(commons)
    if last is None:
        deps.swept[commons] = main
        return {s.pull for s in standings}
    try:
        changes = diff.read_changes(deps.hub(commons), commons, last, main, pool=deps.readers)
    except (HubRefused, HubStrange):
        # Main was set back, and its last head is known no more: who knows what that changed.
        deps.swept[commons] = main
        return {s.pull for s in standings}
    items = {c.key for c in changes.of("wanted")} | {
        c.new("wanted_id") or c.old("wanted_id") for c in changes.of("completions")
    }
    rigs = {c.key for c in changes.of("rigs")} | {c.new("subject") for c in changes.of("stamps")}
    deps.swept[commons] = main
    return {s.pull for s in standings if s.item in items or (s.rig is not None and s.rig in rigs)}
