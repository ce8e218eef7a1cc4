"""Reads the facts that `bot/health` examines: of the settings, of Redis, and of each commons. Writes nothing that stays.

A fact that cannot be read is `Unread`; all others are read all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from bot.config.settings import CommonsSettings, Settings, SettingsError
from bot.converge.bot import Bot, Site
from bot.converge.reads import columns_at, main_head
from bot.dolthub import sql
from bot.dolthub.errors import HubError, HubRefused
from bot.health import CommonsFacts, Facts, Queue, Ratings, Redis, Unread, ratings_of
from bot.health.commons import doubled_at
from bot.health.redis import RedisAway, read_condition
from bot.log import stranger
from bot.model.finding import Level
from bot.model.ids import CommitHash, Commons, PullNo, User
from bot.model.ledger import Completion, Rig, RigLink, Row
from bot.model.pull import PullState, PullSummary
from bot.model.relations import Relations, account_node
from bot.queue.enqueue import JobQueue
from bot.store import PROBE, Store

PULLS_HEARD_MAX = 5
"""Newest open pulls whose comments are read for marks of a second bot."""

P = ParamSpec("P")
T = TypeVar("T")


def facts_of_problems(error: SettingsError) -> Facts:
    """Settings that cannot be used are the only facts."""
    return Facts(problems=tuple((each.name, each.says, each.fix) for each in error.problems))


def read_facts(
    settings: Settings, bot: Bot, only: tuple[Commons, ...] = (), *, progress: Callable[[str], None] = lambda _: None
) -> Facts:
    """All facts; `only`: of these commons. `progress` gets what is read next. Raises no HubError and no RedisError."""
    complaints = dict.fromkeys(said for each in settings.commons for said in bot.rules.complaints(each.policy.levels))
    progress("Redis")
    redis, queues, clock_silent_s = _of_redis(bot.store, bot.jobs)
    commons = []
    for each in settings.commons:
        if not only or each.commons in only:
            progress(str(each.commons))
            commons.append(read_commons(each, settings, bot.at(each.commons)))
    return Facts(
        policy_file=settings.config_path.name if settings.config_path is not None else "",
        complaints=tuple(complaints),
        github_token=bool(settings.github_token),
        redis=redis,
        queues=queues,
        clock_silent_s=clock_silent_s,
        host_checked=None if isinstance(redis, Unread) else bot.store.host_checks.passed_at(settings.hub_url) is not None,
        commons=tuple(commons),
    )


def _of_redis(store: Store, jobs: JobQueue) -> tuple[Redis | Unread, tuple[Queue, ...], float | None]:
    try:
        said = read_condition(store, jobs)
    except RedisAway as away:
        return Unread(stranger(away)), (), None
    condition = Redis(
        version=said.version,
        eviction=said.eviction,
        memory_max=said.memory_max,
        keeps=said.keeps,
        trouble=stranger(said.trouble),
    )
    queues = tuple(
        Queue(name=name, waiting=count, workers=said.workers.get(name, 0), process="prober" if name == PROBE else "worker")
        for name, count in said.waiting.items()
    )
    return condition, queues, said.clock_silent_s


# --- one commons ----------------------------------------------------------------------------------------------------


def read_commons(mine: CommonsSettings, settings: Settings, site: Site) -> CommonsFacts:
    """One commons, as far as it can be read."""
    hub = _try(lambda: site.hub)
    account = _try(lambda: site.account)
    first = CommonsFacts(
        commons=site.commons,
        policy=mine.policy,
        has_token=bool(mine.hub_token),
        webhook=mine.webhook_secret.reveal() or None,
        shared_with=_shared_with(mine, settings),
        there=hub if isinstance(hub, Unread) else _try(hub.database, site.commons),
        account=account,
        named_account=settings.account,
        stuck=tuple(
            (each.pull, stranger(each.trouble.says), each.alike)
            for each in site.store.pulls.stuck()
            if each.trouble is not None
        ),
        kept=tuple((each.pull, each.since, stranger(each.why)) for each in site.store.pulls.kept()),
        outages=tuple((each.of, stranger(each.says), each.since, each.failed) for each in site.store.outages.all()),
    )
    if isinstance(hub, Unread) or first.there is not True:
        return first
    main = _try(main_head, site)
    pulls = _try(hub.pulls, site.commons)
    reading = CommonsReader(site=site, main=main, pulls=pulls)
    bot = account if not isinstance(account, Unread) else None
    begun, lost = reading.unfinished()
    contact = site.store.contacts.get()
    return replace(
        first,
        may_write=_try(hub.may_write, site.commons) if bot is not None else None,
        skew=_skew(site),
        comments_readable=reading.comments_readable(),
        columns=reading.columns(),
        ratings=reading.ratings(),
        rigs=reading.rigs(bot),
        tied=reading.tied(),
        begun=begun,
        lost=lost,
        doubled=reading.doubled(bot),
        quarantined=tuple(sorted((each.pull, each.why) for each in site.store.pulls.quarantined().values())),
        ledger=_ledger(site),
        now=site.clock(),
        noted_since=contact.since,
        webhook_at=contact.webhook_at,
        pulled_at=max((each.created_at for each in pulls), default=None) if not isinstance(pulls, Unread) else None,
    )


def _shared_with(mine: CommonsSettings, settings: Settings) -> tuple[str, ...]:
    secret = mine.webhook_secret.reveal()
    others = [
        (settings.github_token.reveal(), "the GitHub token"),
        (settings.webhook_key.reveal(), "the webhook's key"),
        *((each.hub_token.reveal(), f"the token of {each.commons}") for each in settings.commons),
    ]
    return tuple(name for text, name in others if secret and text == secret)


def _skew(site: Site) -> timedelta | Unread | None:
    before = site.clock()
    said = _try(site.hub.time, site.commons)
    after = site.clock()
    if said is None or isinstance(said, Unread):
        return said
    # The header has whole seconds and the answer took time: a difference within both is no skew.
    if before - timedelta(seconds=1) <= said <= after:
        return timedelta()
    return said - (before if said < before else after)


def _ledger(site: Site) -> tuple[int, int] | None:
    kept = site.store.audits.get()
    return (kept.count(Level.FAULT), kept.count(Level.DOUBT)) if kept is not None else None


class CommonsReader:
    """Reads of one commons at one head of main. Where the head is unread, so is everything that is read at it."""

    def __init__(
        self,
        *,
        site: Site,
        main: CommitHash | Unread,
        pulls: tuple[PullSummary, ...] | Unread,
    ) -> None:
        self._site = site
        self._main = main
        self._pulls = pulls

    def columns(self) -> dict[str, tuple[str, ...]] | Unread:
        return self._main if isinstance(self._main, Unread) else _try(columns_at, self._site, self._main)

    def ratings(self) -> Ratings | Unread:
        rows = self._rows(lambda _: sql.latest_ratings())
        if isinstance(rows, Unread):
            return rows
        return ratings_of(row.text("valence") for row in rows)

    def rigs(self, bot: User | None) -> tuple[Rig, ...] | Unread:
        """Rigs of the policy's validators and of the bot's account, and all with enough trust."""
        policy = self._site.policy
        handles = [v.rig for v in policy.validators if v.rig is not None]
        owners = [*(v.user for v in policy.validators), *([bot] if bot is not None else [])]
        rows = self._rows(lambda there: sql.rigs_around(handles, owners, policy.min_trust, there=there.get("rigs", ())))
        return rows if isinstance(rows, Unread) else tuple(map(Rig, rows))

    def tied(self) -> tuple[tuple[str, str, tuple[str, ...]], ...] | Unread:
        """Accounts that may decide, each with another account it is tied to, and by what."""
        rigs, links = self._rows(lambda _: sql.all_rigs()), self._rows(lambda _: sql.all_rig_links())
        if isinstance(rigs, Unread) or isinstance(links, Unread):
            return next(each for each in (rigs, links) if isinstance(each, Unread))
        policy, known = self._site.policy, tuple(map(Rig, rigs))
        relations = Relations.of(known, map(RigLink, links), apart=policy.apart)
        deciding = {*(v.user for v in policy.validators), *(User(r.owner) for r in known if r.trust >= policy.min_trust)}
        owners = sorted({rig.owner for rig in known if rig.owner})
        found: list[tuple[str, str, tuple[str, ...]]] = []
        for user in sorted(filter(None, deciding)):
            start = account_node(user)
            near = relations.near([start])
            for other in owners:
                path = relations.path([start], account_node(other)) if account_node(other) in near - {start} else None
                if path is not None:
                    found.append((user, other, path[1]))
        return tuple(found)

    def unfinished(self) -> tuple[tuple[Completion, ...] | Unread, tuple[Completion, ...] | Unread]:
        """Completions whose decision is half done, and those of which no pull is known."""
        rows = self._rows(lambda _: sql.open_completions())
        if isinstance(rows, Unread):
            return rows, rows
        done = tuple(map(Completion, rows))
        stamps = self._rows(lambda _: sql.rows_by("stamps", "context_id", [each.id for each in done]))
        rigs = self._rows(lambda _: sql.rows_by("rigs", "handle", [c.completed_by for c in done if c.completed_by]))
        if isinstance(stamps, Unread):
            return stamps, stamps
        stamped = {row.text("context_id") for row in stamps}
        begun = tuple(each for each in done if each.stamp_id is not None or each.id in stamped)
        if isinstance(rigs, Unread) or isinstance(self._pulls, Unread):
            return begun, next(each for each in (rigs, self._pulls) if isinstance(each, Unread))
        owners = {row.text("handle"): row.text("dolthub_org") for row in rigs}
        merged = {pull.creator for pull in self._pulls if pull.state is PullState.MERGED}
        lost = tuple(c for c in done if c not in begun and owners.get(c.completed_by or "") not in merged)
        return begun, lost

    def comments_readable(self) -> bool | Unread | None:
        """Whether comments can be read, tried on the newest pull."""
        if not self._site.hub.comments_readable:
            return False
        if isinstance(self._pulls, Unread):
            return self._pulls
        for pull in self._pulls[:1]:
            said = _try(self._site.hub.comments, self._site.commons, pull.number)
            return said if isinstance(said, Unread) else True
        return None

    def doubled(self, bot: User | None) -> tuple[datetime, PullNo] | Unread | None:
        """The newest comment below the newest open pulls that another process with this token must have written."""
        found: list[tuple[datetime, PullNo]] = []
        if bot is None:
            return None
        if isinstance(self._pulls, Unread):
            return self._pulls
        for pull in [p for p in self._pulls if p.state is PullState.OPEN][:PULLS_HEARD_MAX]:
            said = _try(self._site.hub.comments, self._site.commons, pull.number)
            if isinstance(said, Unread):
                return said
            if (at := doubled_at(said, bot, self._site.policy.timing.about_to_s)) is not None:
                found.append((at, pull.number))
        return max(found, default=None)

    def _rows(self, make: Callable[[dict[str, tuple[str, ...]]], sql.Query]) -> tuple[Row, ...] | Unread:
        """Rows of a query made for the columns that are there; none where it names others."""
        there = self.columns()
        if isinstance(there, Unread) or isinstance(self._main, Unread):
            return next(each for each in (there, self._main) if isinstance(each, Unread))
        query = make(there)
        return _try(self._site.hub.rows, self._site.commons, self._main, query) if query.fits(there) else ()


def _try(read: Callable[P, T], *args: P.args, **more: P.kwargs) -> T | Unread:
    """What is read, or why it could not be."""
    try:
        return read(*args, **more)
    except HubError as error:
        return Unread(stranger(error), refused=isinstance(error, HubRefused))
