"""Which pulls need a look: the poll for comments and heads, and the only road that is needed.

Webhooks only shorten the wait. DoltHub sends none for a comment or a new commit, and may lose those it sends (DoltHub docs,
webhooks), so everything a pull can need is found from here: open pulls, the newest ones whatever their state, pulls that a
landing of ours serves, and pulls behind unfinished completions on main.

Each thing is looked at as often as its own life asks: seconds after something happened there, a minute later if it is an open
pull, minutes later if it is anything else. What a sweep may spend is what the budget has to spare for reading comments, which
reviews never draw from. Where that is not enough, pulls whose review stands, pulls on which something just happened, and all
else take turns, and of each the one that was read longest ago comes first. Looks that are owed are written down, and handed
to the queues as these have room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from math import ceil, inf
from typing import TypeVar

from bot.commands import decision_rows
from bot.converge import quarantine
from bot.converge.bot import Site
from bot.converge.converge import seen
from bot.converge.landing import put_away
from bot.converge.observe import NOT_FOR_US
from bot.converge.reads import Reads, columns_at, main_head
from bot.converge.related.evidence import same_evidence
from bot.dolthub import diff, sql
from bot.dolthub.errors import HubError, HubGone, HubRefused, HubStrange
from bot.model.ids import CommitHash, Commons, Database, PullNo, User
from bot.model.ledger import Completion
from bot.model.mark import MarkKind, read_mark
from bot.model.pull import Comment, PullState
from bot.store import DECIDE, LOOKS, RECHECK, REVIEW, CachedVerdict, Fingerprint, Listed, PollState
from bot.store.poll_state import LIST, MAIN, NEXT, fork_thing, pull_thing

T = TypeVar("T")

NEWEST = 100
"""Pulls looked at whatever their state: a command may be written on a pull that is merged or closed already."""
DETAIL_READS_MAX = 20
"""Pulls tried to find the one behind an unfinished completion."""
SOONEST, LATEST = 1 / 4, 2.0
"""The shortest and the longest interval between two looks at a thing, in units of [timing] poll_s."""
CALM = 8.0
"""A thing that has been still for so long is looked at after an eighth of that time again."""
RARE = 5.0
"""Heads of forks, pulls that are not open, and pulls whose first look is owed are looked at so many times less often."""
LIST_SHARE = 0.05
"""The list of all pulls, which has neither heads nor comments, may cost this share of the budget."""
PULLS_PER_PAGE = 20
"""Of DoltHub's list (wl, on v1alpha1; v2's size is not documented)."""
NEXT_MAX = 20
"""New pulls found by number between two readings of the list."""
LEAST_SHARE = 0.25
"""What a sweep may spend of its interval's budget even if that has nothing to spare."""
AHEAD = {DECIDE: 500, REVIEW: 100, RECHECK: 25}
"""Jobs that may wait in each queue; further looks stay owed, and no flood of pulls grows a queue."""


Report = Callable[[PullNo, Exception], None]
"""Called with trouble that one pull has: the sweep goes on without it."""


def _unreported(_pull: PullNo, _trouble: Exception) -> None:
    """Trouble of one pull is told to the caller only where the caller wants to know."""


def sweep(site: Site, *, everything: bool = False, report: Report = _unreported) -> int:
    """Look at what is due, and knock at every pull that may need a look; returns at how many.

    `everything`: all of it is due, whatever it costs. Trouble with one pull is reported, and the sweep goes on. Raises HubError
    and redis.RedisError where the trouble is that of all pulls.
    """
    # Whether it was or not: the first one to notice holds everybody's tongue, and this is done every few seconds.
    site.store.shared.epoch.was_wiped(within_s=site.policy.timing.about_to_s)
    tour = SweepRun(commons=site.commons, site=site, at=site.clock().timestamp(), everything=everything, report=report)
    tour.pulses = site.store.poll_states.all()
    tour.owing = frozenset(debt.pull for debt in site.store.pulls.pending())
    tour.left = tour.allowance()
    pulls = _pulls(tour)
    unfinished = _main(tour, pulls)
    _look_round(tour, pulls, unfinished)
    site.store.poll_states.put(tour.changed)
    return _hand_over(site)


@dataclass(slots=True, kw_only=True)
class SweepRun:
    """One sweep under way."""

    commons: Commons
    site: Site
    at: float
    """Its time, in seconds since 1970."""
    everything: bool
    report: Report
    pulses: Mapping[str, PollState] = field(default_factory=dict)
    changed: dict[str, PollState] = field(default_factory=dict)
    owing: frozenset[PullNo] = frozenset()
    """Pulls a look was owed of before: that they moved is known, and quickens them no more."""
    left: float = inf
    """Requests it may still spend."""

    @property
    def poll_s(self) -> float:
        return self.site.policy.timing.poll_s

    @property
    def per_minute(self) -> float:
        """The part of the budget that this commons may plan with."""
        return self.site.hub.per_minute or inf

    def allowance(self) -> float:
        """What the budget can spare, and a least share of it."""
        spare = self.site.hub.available()
        if spare is None or self.everything:
            return inf
        return max(spare, LEAST_SHARE * max(1.0, SOONEST * self.poll_s) * self.per_minute / 60)

    def overdue(self, thing: str, rare: float = 1.0) -> float:
        """How many of its intervals a thing has not been looked at; 1 or more is due."""
        pulse = self.pulses.get(thing, PollState())
        if self.everything or not pulse.checked_at:
            return inf
        return self.over(pulse.checked_at, rare * self.interval_s(thing))

    def over(self, looked_at: float, wait_s: float) -> float:
        # A clock that was set back makes nothing wait.
        return (self.at - looked_at) / wait_s if wait_s > 0 and looked_at <= self.at else inf

    def interval_s(self, thing: str) -> float:
        """After how many seconds a thing is looked at again, if it is no rare one."""
        return interval_s(self.at - self.pulses.get(thing, PollState()).changed_at, self.poll_s)

    def longest_unread_first(self, things: Sequence[PullNo | Database]) -> list[PullNo | Database]:
        """In the order of when each was looked at last, those never looked at in front."""
        return sorted(things, key=lambda each: self.pulses.get(_thing(each), PollState()).checked_at)

    def note_check(self, thing: str, *, moved: bool = False) -> None:
        """A thing was looked at now."""
        self.changed[thing] = PollState(self.at, self.at if moved else self.pulses.get(thing, PollState()).changed_at)

    def add_pending(self, pull: PullNo, queue: str) -> None:
        self.site.store.pulls.add_pending(pull, queue)


def interval_s(still_s: float, poll_s: float) -> float:
    """After how many seconds a thing is looked at again that has not moved for `still_s` seconds."""
    return min(max(still_s / CALM, SOONEST * poll_s), LATEST * poll_s)


# --- the pulls there are --------------------------------------------------------------------------------------------


def _pulls(tour: SweepRun) -> dict[PullNo, Listed]:
    """All pulls, newest first: as listed now, or as they were, with those that came since."""
    commons, site = tour.commons, tour.site
    known = dict(site.store.pulls.listed())
    pages = ceil(max(1, len(known)) / PULLS_PER_PAGE)
    looked_at = tour.pulses.get(LIST, PollState()).checked_at
    wait_s = max(tour.poll_s, pages * 60 / (LIST_SHARE * tour.per_minute))
    if not known or tour.everything or tour.over(looked_at, wait_s) >= 1:
        tour.left -= pages
        tour.note_check(LIST)
        unread: dict[PullNo, HubStrange] = {}
        found = {p.number: p for p in site.hub.pulls(commons, unread=unread)}
        for number, strange in unread.items():
            _look_closer(number, strange, tour)
        old = {n: known[n].source for n in found if n in known}
        known = {
            n: Listed(number=n, state=p.state, creator=p.creator, title=p.title, source=old.get(n)) for n, p in found.items()
        } | {n: known[n] for n in unread if n in known}
        site.store.pulls.note_listed(known.values())
        site.store.pulls.keep_open((n for n, p in known.items() if p.state is PullState.OPEN))
        for number in _served([p for p in known.values() if _is_landing(p, site)], tour):
            tour.add_pending(number, DECIDE)
    elif tour.over(tour.pulses.get(NEXT, PollState()).checked_at, tour.poll_s) >= 1:
        known |= _came_since(max(known), tour)
    return dict(sorted(known.items(), reverse=True))


def _came_since(newest: PullNo, tour: SweepRun) -> dict[PullNo, Listed]:
    """Pulls numbered on from the newest that is known: cheaper than the list, which is read all the same, if less often."""
    commons, site = tour.commons, tour.site
    tour.note_check(NEXT)
    found: dict[PullNo, Listed] = {}
    for number in map(PullNo, range(newest + 1, newest + 1 + NEXT_MAX)):
        tour.left -= 1
        try:
            pull = site.hub.pull(commons, number)
        except HubRefused as no:
            if no.status == 401:
                raise
            break
        except HubStrange as strange:
            _look_closer(number, strange, tour)
            continue
        found[pull.number] = Listed(
            number=pull.number, state=pull.state, creator=pull.creator, title=pull.title, source=pull.source
        )
    site.store.pulls.note_listed(found.values())
    return found


def _look_closer(number: PullNo, trouble: Exception, tour: SweepRun) -> None:
    """Owe a pull a look where the sweep has trouble with it: what is wrong with one pull is found out by a look at it alone."""
    tour.add_pending(number, REVIEW)
    tour.report(number, trouble)


def _is_landing(pull: Listed, site: Site) -> bool:
    return pull.creator == site.account and decision_rows.served_pull(pull.title) is not None


def _served(landings: list[Listed], tour: SweepRun) -> set[PullNo]:
    """Pulls whose decision has a landing pull still open. If that decision was answered, the landing pull is closed.

    So it is where the decision is none any more: nobody goes on with a command that was deleted or edited.
    """
    found: set[PullNo] = set()
    commons, site = tour.commons, tour.site
    hub, bot = site.hub, site.account
    for landing in landings:
        served = decision_rows.served_pull(landing.title)
        if landing.state is not PullState.OPEN or served is None:
            continue
        try:
            comments = hub.comments(commons, served)
        except HubGone:
            continue
        except HubError as trouble:
            tour.report(served, trouble)
            found.add(served)
            continue
        marks = [m for c in comments if (m := read_mark(c, bot)) is not None]
        stands = any(decision_rows.serves_comment(landing.title, c.id) and not c.edited for c in comments)
        told = any(
            m.kind is MarkKind.ANSWER and m.outcome in ("done", "refused") and m.comment is not None
            and decision_rows.serves_comment(landing.title, m.comment)
            for m in marks
        )  # fmt: skip
        if told or not stands:
            _put_away(landing, tour)
        elif not site.store.notes.is_parked(served):
            found.add(served)
    return found


def _put_away(landing: Listed, tour: SweepRun) -> None:
    """Close a landing pull, where DoltHub lets the bot do so: a landing pull that stays open changes nothing on main."""
    try:
        put_away(tour.site, landing.number)
    except HubError as trouble:
        # Trouble that is not of this pull alone meets the next request as well.
        tour.report(landing.number, trouble)


# --- main -----------------------------------------------------------------------------------------------------------


def _main(tour: SweepRun, pulls: Mapping[PullNo, Listed]) -> frozenset[PullNo]:
    """Owe a look at every pull that main touches, if it moved; the merged pulls that may be behind what is unfinished there."""
    site = tour.site
    last, unfinished = site.store.notes.swept()
    if last is not None and tour.overdue(MAIN) < 1:
        return unfinished
    tour.left -= 1
    main = main_head(site)
    tour.note_check(MAIN, moved=main != last)
    if main == last and LIST not in tour.changed:
        return unfinished
    unfinished = frozenset(_behind_unfinished(pulls, main, site))
    for number in _touched(last, main, site):
        tour.add_pending(number, RECHECK)
    site.store.notes.note_swept(main, unfinished)
    return unfinished


def _behind_unfinished(pulls: Mapping[PullNo, Listed], main: CommitHash, site: Site) -> list[PullNo]:
    """Pulls that may have brought the completions which main shows as begun and not finished, by who made them."""
    reads = Reads(site=site, columns={main: columns_at(site, main)})
    unfinished = [Completion(r) for r in reads.read(main, sql.open_completions()).result()]
    if not unfinished:
        return []
    rigs = reads.read(main, sql.rows_by("rigs", "handle", [c.completed_by for c in unfinished if c.completed_by]))
    owners = {r.text("dolthub_org") for r in rigs.result() if r.text("dolthub_org")}
    return [n for n, p in pulls.items() if p.creator in owners and p.state is PullState.MERGED][:DETAIL_READS_MAX]


def _touched(last: CommitHash | None, main: CommitHash, site: Site) -> set[PullNo]:
    """Open pulls whose item, rigs or evidence main has changed since: their review may not hold any more."""
    if last == main:
        return set()
    standings = site.store.pulls.verdicts()
    try:
        changes = diff.read_changes(site.hub, site.commons, last, main, pool=site.readers) if last is not None else None
    except (HubRefused, HubStrange):
        changes = None
    if changes is None or changes.unread or changes.schema or changes.untold:
        # Main was set back, or changed as a whole: who knows what that means.
        return {s.pull for s in standings}
    done = changes.of("completions")
    items = {c.key for c in changes.of("wanted")} | {c.new("wanted_id") or c.old("wanted_id") for c in done}
    rigs = {c.key for c in changes.of("rigs")} | {c.new("subject") for c in changes.of("stamps")}
    rigs |= {end for c in changes.of("rig_links") for side in ("rig_a", "rig_b") for end in (c.new(side), c.old(side)) if end}
    # A rig that was registered or given away is looked at by its handle and by its owner's account.
    names = {c.key for c in changes.of("rigs")}
    names |= {name for c in changes.of("rigs") for name in (c.new("dolthub_org"), c.old("dolthub_org")) if name}
    handed_in = [text for c in done for text in (c.new("evidence"), c.old("evidence")) if text]

    def touches(one: CachedVerdict) -> bool:
        if one.item in items or (one.rig is not None and one.rig in rigs) or not names.isdisjoint(one.names):
            return True
        return any(same_evidence(one.evidence, text, site) for text in handed_in)

    return {s.pull for s in standings if touches(s)}


# --- comments and heads ---------------------------------------------------------------------------------------------


def _look_round(tour: SweepRun, pulls: Mapping[PullNo, Listed], unfinished: frozenset[PullNo]) -> None:
    """Read what was said below pulls and the heads of forks, as far as they are due, and owe looks where something moved."""
    site = tour.site
    newest = set(list(pulls)[:NEWEST])
    watched = [
        p
        for n, p in pulls.items()
        if (p.state is PullState.OPEN or n in newest or n in unfinished) and not _is_landing(p, site)
    ]
    strays = site.store.pulls.quarantined()
    if LIST in tour.changed:
        _owe_turned(tour, watched)
    forks: dict[Database, list[Listed]] = {}
    for pull in watched:
        if pull.state is PullState.OPEN and pull.source is not None:
            forks.setdefault(pull.source.database, []).append(pull)
    chosen = _chosen(tour, watched, forks, unfinished)
    said = [each for each in chosen if not isinstance(each, Database)]
    at_forks = [each for each in chosen if isinstance(each, Database)]
    glances = site.store.pulls.fingerprints((*said, *(p.number for fork in at_forks for p in forks[fork])))
    comments = site.readers.map(lambda number: _comments(number, site), said)
    heads = site.readers.map(lambda fork: _heads(fork, site), at_forks)
    for number, found in zip(said, comments, strict=True):
        stray = strays.get(number)
        try:
            moved = (
                quarantine.stirs(stray, found, site)
                if stray is not None
                else _spoken(tour, pulls[number], glances.get(number), found)
            )
        except Exception as trouble:
            # Words below one pull that break their reader. Where Redis is the trouble, the next line raises it again.
            _look_closer(number, trouble, tour)
            moved = False
        tour.note_check(pull_thing(number), moved=moved)
    for fork, branches in zip(at_forks, heads, strict=True):
        moved = branches is not None and bool(sum(_pushed(tour, p, branches, glances, strays) for p in forks[fork]))
        tour.note_check(fork_thing(fork), moved=moved)


def _chosen(
    tour: SweepRun, watched: Iterable[Listed], forks: Iterable[Database], unfinished: frozenset[PullNo]
) -> tuple[PullNo | Database, ...]:
    """What is due and paid for by what the sweep may still spend."""
    pulls = tour.site.store.pulls
    first_look_owed = tour.owing - pulls.fingerprints(tour.owing).keys()
    due: list[PullNo] = []
    # Of those that were never read, the oldest pulls come first.
    for pull in sorted(watched, key=lambda p: p.number):
        at_rest = pull.state is not PullState.OPEN and pull.number not in unfinished
        if tour.overdue(pull_thing(pull.number), RARE if at_rest or pull.number in first_look_owed else 1.0) >= 1:
            due.append(pull.number)
    # A glance is remembered when all that was due was done: from then on a review stands below the pull.
    reviewed = pulls.fingerprints(due)
    standing = [number for number in due if number in reviewed]
    lively = [number for number in standing if tour.interval_s(pull_thing(number)) < LATEST * tour.poll_s]
    rest: list[PullNo | Database] = [n for n in due if n not in reviewed]
    rest += [fork for fork in forks if tour.overdue(fork_thing(fork), RARE) >= 1]
    queues = (standing, lively, rest)
    return in_turn([tour.longest_unread_first(each) for each in queues], max(1, int(tour.left)) if tour.left < inf else None)


def in_turn(queues: Sequence[Sequence[T]], most: int | None) -> tuple[T, ...]:
    """The first of each queue, then the second of each, `most` in all: no queue waits for another to be empty."""
    turns = (each for row in zip_longest(*queues) for each in row if each is not None)
    return tuple(islice(dict.fromkeys(turns), most))


def _owe_turned(tour: SweepRun, pulls: list[Listed]) -> None:
    """Owe a look at every pull that was closed, merged or opened again since it was seen last, whatever was said."""
    glances = tour.site.store.pulls.fingerprints(p.number for p in pulls)
    for pull in pulls:
        glance = glances.get(pull.number)
        if glance is not None and glance.state is not pull.state:
            tour.add_pending(pull.number, REVIEW)


def _spoken(tour: SweepRun, pull: Listed, glance: Fingerprint | None, comments: tuple[Comment, ...] | None) -> bool:
    """Owe a look if what is said below a pull is not what was seen last; whether it is not.

    A pull that is not open needs one only for a command.
    """
    if comments is None:
        # One that cannot be read is looked at by itself, so that the trouble is told with its number.
        tour.add_pending(pull.number, REVIEW)
        return False
    if glance is not None and seen(glance.state, glance.head, comments) == glance:
        return False
    bot = tour.site.account
    if asks(comments, bot, tour.site):
        tour.add_pending(pull.number, DECIDE)
    elif pull.state is PullState.OPEN:
        reviewed_before = glance is None and any(read_mark(c, bot) for c in comments)
        tour.add_pending(pull.number, RECHECK if reviewed_before else REVIEW)
    return glance is not None and pull.number not in tour.owing


def asks(comments: Iterable[Comment], bot: User | None, site: Site) -> bool:
    """Whether a comment holds a command that has no answer of ours: by what is said alone, so it may turn out otherwise."""
    return bool(quarantine.open_commands(comments, bot, site))


def _pushed(
    tour: SweepRun,
    pull: Listed,
    branches: Mapping[str, CommitHash],
    glances: Mapping[PullNo, Fingerprint],
    strays: Mapping[PullNo, quarantine.Quarantine],
) -> bool:
    """Owe a look if the branch of a pull stands elsewhere than was seen last; whether it does."""
    if pull.source is None:
        return False
    head = branches.get(pull.source.branch)
    if (stray := strays.get(pull.number)) is not None:
        return quarantine.stirs_at(stray, head, tour.site)
    glance = glances.get(pull.number)
    if glance is None or glance.head == head:
        return False
    tour.add_pending(pull.number, REVIEW)
    if pull.number in tour.owing:
        return False
    tour.note_check(pull_thing(pull.number), moved=True)
    return True


def _comments(number: PullNo, site: Site) -> tuple[Comment, ...] | None:
    """What was said below a pull, None if it cannot be read now."""
    try:
        return site.hub.comments(site.commons, number)
    except HubError:
        return None


def _heads(fork: Database, site: Site) -> dict[str, CommitHash] | None:
    """Heads of a fork by branch; none of them if the fork is gone or private, None if it cannot be read now.

    A fork that cannot be read hides its heads and nothing else: whoever owns it must not be able to stop the sweep.
    """
    try:
        return {b.name: b.head for b in site.hub.branches(fork)}
    except HubRefused as no:
        return {} if no.status in NOT_FOR_US else None
    except HubError:
        return None


def _thing(each: PullNo | Database) -> str:
    return fork_thing(each) if isinstance(each, Database) else pull_thing(each)


# --- to the queues --------------------------------------------------------------------------------------------------


def _hand_over(site: Site) -> int:
    """Knock at the pulls that a look is owed of, as far as the queues have room; how many knocks made a job."""
    pulls = site.store.pulls
    for queue in LOOKS:
        timely = pulls.due(queue)
        for number in timely:
            pulls.add_pending(number, queue)
        pulls.drop_due(queue, timely)
    waiting = site.jobs.waiting()
    room = {queue: AHEAD[queue] - waiting[queue] for queue in LOOKS}
    strays, now, knocked = pulls.quarantined(), site.clock(), 0
    first_s = SOONEST * site.policy.timing.poll_s
    for queue in LOOKS:
        ripe = [d for d in pulls.pending() if d.queue == queue and d.is_due(now, first_s) and d.pull not in strays]
        # The oldest stand in the queue already, so nobody has to be asked about the others.
        for debt in ripe[: AHEAD[queue]]:
            if room[queue] > 0 and site.jobs.enqueue(site.commons, debt.pull, queue=queue):
                room[queue] -= 1
                knocked += 1
    return knocked
