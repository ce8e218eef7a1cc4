"""The only place where parts meet: settings in, a bot out. Also the only place that knows what time it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import redis

from bot.commands import catalog as commands
from bot.config.settings import HUB_URL, Secret, Settings
from bot.converge.bot import Bot
from bot.converge.reads import Readers
from bot.dolthub.budget.rate_limiter import RateLimiter
from bot.dolthub.budget.shared import SharedBudget
from bot.dolthub.client import Api, Hub
from bot.evidence import FetchPolicy, Network
from bot.evidence.forge.look import Forges, make_forges
from bot.model.ids import Database
from bot.prober.hosts import Hosts, Soft404Baselines
from bot.prober.link_checker import LinkChecker, Politeness
from bot.queue.enqueue import JobQueue
from bot.rulebook import catalog as rules
from bot.store import AtomicText, Keys, Store, make_patient_redis, make_redis

READERS_PER_LANE = 6
"""Reads that a look has under way side by side, at most."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def store(settings: Settings, *, patient: bool) -> Store:
    """Scratch paper. `patient` is for workers; doors answer at once and take the impatient kind."""
    client = (make_patient_redis if patient else make_redis)(settings.redis_url.reveal())
    return _store(client, now)


def _store(client: redis.Redis, clock: Callable[[], datetime]) -> Store:
    """The store, which enqueues the pulls that waited for a lease."""
    return Store(client, now=clock, enqueue=JobQueue(client, Keys()).enqueue)


def forges(settings: Settings, *, clock: Callable[[], datetime] = now) -> Forges:
    """The forges that are asked about links of theirs. They hold the GitHub token: never for the prober."""
    return make_forges(settings.forges, settings.registries, github_token=settings.github_token.reveal(), now=clock)


def fetch_policy(settings: Settings, *, allow: tuple[Network, ...] = ()) -> FetchPolicy:
    """What the prober may reach; `allow`: networks beside those of the settings."""
    policy = FetchPolicy(
        allow=(*settings.evidence_allow, *allow),
        deny=settings.evidence_deny,
        deny_hosts=settings.evidence_deny_hosts,
        ports=settings.evidence_ports,
    )
    contact = settings.evidence_contact
    return replace(policy, user_agent=policy.user_agent.replace(")", f"; +{contact})")) if contact else policy


def looking(settings: Settings, paper: Store, *, clock: Callable[[], datetime] = now) -> LinkChecker:
    """How the prober looks at links."""
    return LinkChecker(
        store=paper,
        hosts=Hosts(paper.redis, paper.keys, paper.now),
        baselines=Soft404Baselines(paper.redis, paper.keys, paper.now),
        policy=fetch_policy(settings),
        now=clock,
        controls=settings.controls,
        politeness=Politeness(pace_s=settings.evidence_pace_s),
    )


def hub_api(settings: Settings) -> Api | None:
    """Which API the hub has, None if it has to be asked. DoltHub has v2, and no trouble of a day is a reason to doubt it."""
    if settings.hub_api != "auto":
        return Api(settings.hub_api)
    return Api.V2 if settings.hub_url == HUB_URL else None


def _limiter(settings: Settings, token: Secret, cell: AtomicText) -> RateLimiter:
    """The one budget of the account of a token, for all its commons and processes."""
    return RateLimiter(SharedBudget(cell, settings.requests_per_minute(token)), commons=len(settings.sharing(token)))


def plain_hub(settings: Settings, db: Database) -> Hub:
    """A client for one database, with the general token and without the shared budget."""
    own = settings.of(db)
    token = own.hub_token.reveal() if own is not None else ""
    return Hub(settings.hub_url, token, api=hub_api(settings), account=settings.account, commons=[db])


def for_worker(
    settings: Settings,
    *,
    patient: bool = True,
    clock: Callable[[], datetime] = now,
    on_request: Callable[[str], None] | None = None,
) -> Bot:
    """Everything that converging needs, for all commons of this bot. `patient`: wait for a Redis that restarts."""
    client = (make_patient_redis if patient else make_redis)(settings.redis_url.reveal())
    # Impatient for every caller: no request to DoltHub waits for a Redis that is away.
    budgets = make_redis(settings.redis_url.reveal())
    keys = Keys()
    limiters = {
        each.hub_token: _limiter(settings, each.hub_token, AtomicText(budgets, keys.budget(each.hub_token.reveal())))
        for each in settings.commons
    }
    return Bot(
        hubs={
            each.commons: Hub(
                settings.hub_url,
                each.hub_token.reveal(),
                api=hub_api(settings),
                account=settings.account,
                commons=[each.commons],
                limiter=limiters[each.hub_token],
                on_request=on_request,
            )
            for each in settings.commons
        },
        policies={each.commons: each.policy for each in settings.commons},
        store=_store(client, clock),
        jobs=JobQueue(Store(client, now=clock).redis, Store(client, now=clock).keys),
        clock=clock,
        rules=rules.find(),
        commands=commands.find(),
        readers=Readers(READERS_PER_LANE * settings.lanes),
        forges=forges(settings, clock=clock),
    )
