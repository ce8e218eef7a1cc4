"""A world to tell stories in: the look-alike as its own process, real Redis, and the bot, with verbs for what people do.

    def test_an_accepted_work_gets_one_stamp(world: World) -> None:
        pull = world.hand_in("pia", "polecat-7", "w-com-001")
        world.settle()
        world.comment(pull, "ana", "/accept --quality 4")
        world.settle()

Every world has a commons of its own; nothing in it waits longer than it must. `world.bot(session)` makes another bot on the
same commons, which is how a process that died is replaced, or how one with a kill switch is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
import requests
from rq import Queue
from rq.serializers import JSONSerializer

from bot.commands import catalog as commands
from bot.converge.bot import Bot
from bot.converge.converge import Report, converge
from bot.converge.observe import observe
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy
from bot.evidence import FetchPolicy, networks
from bot.model.ids import Commons, PullNo
from bot.model.policy import Landing, Policy, Timing
from bot.model.snapshot import Snapshot
from bot.prober.hosts import Hosts, Soft404Baselines
from bot.prober.jobs import ProbeJobs
from bot.prober.link_checker import LinkChecker, Politeness
from bot.rulebook import catalog as rules
from bot.store import PROBE
from bot.sweep.sweep import sweep
from sandbox.seed import schema, wl_sql
from tests.patience import STATE_WAIT_S
from tests.redis_process import RedisProcess, private_redis
from tests.sandbox_process import FreshDatabase, SandboxProcess, fresh_database
from tests.stores import a_store, jobs_of

BOT = "bot"
AT_ONCE = Timing(
    quiet_head_s=0,
    unsure_hold_s=0,
    confirm_dead_s=(0.05, 0.05),
    no_sheet_s=30,
    fresh_probe_s=30,
    about_to_s=0.4,
    same_head_s=0,
    look_again_s=0.05,
    park_s=30,
    poll_s=0,
)
"""Waits of a world in which nobody is patient."""
ROUNDS_MAX = 30
WAIT_S = 0.1
"""Between two rounds in which nothing was done: what is waited for is a matter of tenths of a second."""

RIGS = (
    ("ana-town", "ana", 3),
    ("bo-hollow", "bo", 3),
    ("polecat-7", "pia", 1),
    ("brass-otter", "otto", 1),
    ("slick-fox", "mallory", 1),
    ("pia-validates", "pia", 3),
)
ITEMS = ("w-com-001", "w-com-002", "w-com-003")


def people_and_items() -> tuple[str, ...]:
    """Rows every world begins with: six rigs (ana and bo may validate; so may pia's second), three open items of ana's."""
    rigs = ", ".join(f"('{handle}', '{handle}', '{owner}', {trust}, '2026-01-01 00:00:00')" for handle, owner, trust in RIGS)
    items = ", ".join(
        f"('{item}', 'Mend the {item} relay', 'relay', 'bug', 2, '[\"go\"]', 'ana-town', 'open', 'small',"
        " '2026-01-02 00:00:00', '2026-01-02 00:00:00')"
        for item in ITEMS
    )
    return (
        f"INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES {rigs}",
        "INSERT INTO wanted (id, title, project, type, priority, tags, posted_by, status, effort_level, created_at,"
        f" updated_at) VALUES {items}",
    )


@dataclass(slots=True)
class World:
    """One commons, one Redis, and as many bots as the story needs."""

    sandbox: SandboxProcess
    db: FreshDatabase
    redis: redis.Redis
    evidence: str
    policy: Policy = field(default_factory=lambda: Policy(timing=AT_ONCE))
    account: str = BOT
    """The bot's own account; its token is `token-ACCOUNT`."""
    asked: list[str] = field(default_factory=list)
    """Operation ids of the bots' requests, in order."""
    _bots: list[Bot] = field(default_factory=list)
    _default: Bot | None = None

    # --- what people do ---------------------------------------------------------------------------------------------

    def fork_of(self, user: str) -> str:
        """The user's fork of the commons, made if missing."""
        name = f"{user}/{self.db.name.partition('/')[2]}"
        return name if name in self.db.made else self.db.fork(user)

    def push(self, user: str, branch: str, *statements: str) -> str:
        """Statements on a branch of the user's fork, one commit each; the new head."""
        return self.db.push(branch, *statements, user=user, database=self.fork_of(user))

    def hand_in(self, user: str, rig: str, item: str, *, path: str = "/ok", evidence: str | None = None) -> PullNo:
        """Claim and finish an item on a branch of the user's fork, and open the pull."""
        shown = evidence if evidence is not None else self.evidence + path
        branch = f"wl/{rig}/{item}"
        self.push(user, branch, *wl_sql.claim(item, rig), *wl_sql.done(item, rig, shown))
        return self.open_pull(user, branch, f"[wl] {item}")

    def open_pull(self, user: str, branch: str, title: str) -> PullNo:
        """A pull from a branch of the user's fork."""
        return PullNo(self.db.open_pull(title, creator=user, from_database=self.fork_of(user), from_branch=branch))

    def synchronise(self, user: str, branch: str) -> None:
        """Merge main of the commons into a branch of the user's fork."""
        fork = self.fork_of(user)
        body = {"database": fork, "title": "synchronise", "creator": user, "from_database": self.db.name, "from_branch": "main"}
        number = self.sandbox.admin("POST", "/pulls", {**body, "to_branch": branch})["number"]
        self.sandbox.admin("POST", "/merges", {"database": fork, "number": number, "user": user})

    def comment(self, pull: PullNo, author: str, body: str) -> str:
        """Say something below a pull; the comment's id."""
        return self.db.comment(pull, author, body)

    def merge_by_hand(self, pull: PullNo, user: str = "ana") -> None:
        """Press the merge button of the page."""
        answer = self.db.api("POST", f"/pulls/{pull}/merge", user=user, json={})
        assert answer.status_code == 202, answer.text
        assert self.sandbox.wait_for(answer, user=user)["status"] == "succeeded"

    # --- the bot ----------------------------------------------------------------------------------------------------

    @property
    def commons(self) -> Commons:
        return Commons.parse(self.db.name)

    def bot(self, session: requests.Session | None = None, *, clock: Callable[[], datetime] | None = None) -> Bot:
        """A bot on this commons, fresh as after a start."""
        hub = Hub(
            self.sandbox.base_url,
            f"token-{self.account}",
            commons=[self.commons],
            session=session,
            poll_s=(0.005, 0.05),
            operation_wait_s=10,
            on_request=self.asked.append,
        )
        now = clock or (lambda: datetime.now(UTC))
        made = Bot(
            hubs={self.commons: hub},
            policies={self.commons: self.policy},
            store=a_store(self.redis, now=now),
            jobs=jobs_of(a_store(self.redis, now=now)),
            clock=now,
            rules=rules.find(),
            commands=commands.find(),
            readers=ThreadPoolExecutor(8),
        )
        self._bots.append(made)
        return made

    @property
    def deps(self) -> Bot:
        """The bot of stories in which nothing goes wrong."""
        if self._default is None:
            self._default = self.bot()
        return self._default

    def wipe(self) -> None:
        """Redis loses everything, and the bot of stories in which nothing goes wrong is started anew: it would notice."""
        self.redis.flushall()
        self._default = None

    def observe(self, pull: PullNo, deps: Bot | None = None) -> Snapshot:
        return observe(pull, (deps or self.deps).at(self.commons))

    def converge(self, pull: PullNo, deps: Bot | None = None) -> Report:
        """One look. Where a busy machine sent a noted deed too late, the bot looks again, as its worker does."""
        end = time.monotonic() + STATE_WAIT_S
        while True:
            try:
                return converge(pull, (deps or self.deps).at(self.commons))
            except HubBusy as busy:
                if "it was not sent, for it came too late" not in str(busy) or time.monotonic() > end:
                    raise
                time.sleep(self.policy.timing.about_to_s)

    def review(self, pull: PullNo) -> None:
        """Have one pull reviewed, the short way: without a sweep."""
        self.converge(pull)
        self.answer_knocks_at_the_prober()
        self.converge(pull)

    def settle(self, deps: Bot | None = None) -> None:
        """Sweep, look and probe until nothing is left to do. Raises AssertionError if that never comes."""
        bot = deps or self.deps
        for _ in range(ROUNDS_MAX):
            sweep(bot.at(self.commons))
            busy, waits = False, True
            for pull in self.pulls():
                report = self.converge(PullNo(pull["pull_number"]), bot)
                busy |= bool(report.steps_done) or bool(report.stopped)
                waits &= not report.steps_done
            busy |= self.answer_knocks_at_the_prober(bot)
            if not busy:
                return
            if waits:
                time.sleep(WAIT_S)
        raise AssertionError("the world does not come to rest")

    def probe(self, snapshot: Snapshot, deps: Bot | None = None) -> bool:
        """Have the links of one pull looked at now, whoever asked; whether there are any."""
        bot = deps or self.deps
        self.looking(bot).look_at([link.url for link in snapshot.links])
        return bool(snapshot.links)

    def looking(self, bot: Bot) -> LinkChecker:
        """How the prober looks: in a hurry; the evidence pages of this machine are allowed."""
        return LinkChecker(
            store=bot.store,
            hosts=Hosts(bot.store.redis, bot.store.keys, bot.store.now),
            baselines=Soft404Baselines(bot.store.redis, bot.store.keys, bot.store.now),
            policy=FetchPolicy(allow=networks(("127.0.0.0/8",))),
            now=bot.clock,
            controls=(self.sandbox.base_url,),
            politeness=Politeness(pace_s=0, retry_s=()),
        )

    def answer_knocks_at_the_prober(self, deps: Bot | None = None) -> bool:
        """Do what stands in the prober's queue; whether there was anything."""
        bot = deps or self.deps
        duties = ProbeJobs(known=frozenset({self.commons}), store=bot.store, jobs=jobs_of(bot.store), looking=self.looking(bot))
        jobs = Queue(PROBE, connection=self.redis, serializer=JSONSerializer).jobs
        for job in jobs:
            duties.run_probe(*job.args)
            job.delete()
        return bool(jobs)

    # --- what can be seen -------------------------------------------------------------------------------------------

    def pulls(self) -> list[dict[str, Any]]:
        """All pulls as the API lists them."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self.db.api("GET", "/pulls", params={"page_token": token}).json()
            found.extend(page["data"])
            token = page.get("meta", {}).get("next_page_token", "")
            if not token:
                return found

    def state(self, pull: PullNo) -> str:
        return str(self.db.api("GET", f"/pulls/{pull}").json()["data"]["state"])

    def said(self, pull: PullNo, kind: str = "") -> list[str]:
        """Bodies of the bot's comments below a pull, oldest first; `kind`: only `review` or `answer`."""
        comments = self.db.api("GET", f"/pulls/{pull}/comments").json()["data"]
        ours = sorted((c["created_at"], c["body"]) for c in comments if c["author"] == self.account)
        return [body for _, body in ours if f"`stampbot/1 {kind}" in body.splitlines()[-1]]

    def row(self, table: str, **key: str) -> dict[str, str | None] | None:
        """One row on main, None if there is none."""
        ((column, value),) = key.items()
        answer = self.db.api("POST", "/sql", json={"ref": "main", "q": f"SELECT * FROM {table} WHERE {column} = '{value}'"})
        data = answer.json()["data"]
        rows = [dict(zip([c["name"] for c in data["columns"]], r, strict=True)) for r in data["rows"]]
        assert len(rows) <= 1, rows
        return rows[0] if rows else None

    def count(self, table: str, where: str = "1 = 1") -> int:
        return int(self.db.sql(f"SELECT COUNT(*) FROM {table} WHERE {where}")[0][0] or 0)

    def close(self) -> None:
        for bot in self._bots:
            bot.readers.shutdown(wait=False)
        self.db.clean()


@pytest.fixture(scope="session")
def world_sandbox() -> Iterator[SandboxProcess]:
    """One look-alike with evidence pages for all worlds of this test process."""
    with SandboxProcess.start("--operation-ms", "5", "--evidence-port", "0") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def world_redis() -> Iterator[RedisProcess]:
    """One Redis for all worlds of this test process; every world empties it."""
    with private_redis() as server:
        yield server


@pytest.fixture
def world(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> Iterator[World]:
    """A world of its own, landing by pull."""
    made = make_world(world_sandbox, world_redis)
    yield made
    made.close()


@pytest.fixture(params=[Landing.PULL, Landing.DIRECT], ids=lambda landing: f"landing-{landing.value}")
def either_world(request: pytest.FixtureRequest, world_sandbox: SandboxProcess, world_redis: RedisProcess) -> Iterator[World]:
    """A world for each way of landing."""
    made = make_world(world_sandbox, world_redis, landing=request.param)
    yield made
    made.close()


def make_world(sandbox: SandboxProcess, server: RedisProcess, **policy: Any) -> World:
    """A fresh commons on a running look-alike, and an emptied Redis."""
    client = redis.Redis.from_url(server.url)
    client.flushall()
    for user in ("otto", "bo"):
        sandbox.add_user(user)
    db = fresh_database(sandbox, statements=(*schema.creation(), *people_and_items()))
    sandbox.admin("POST", "/grants", {"username": "bo", "database": db.name})
    return World(
        sandbox=sandbox,
        db=db,
        redis=client,
        evidence=str(sandbox.ready["evidence_url"]),
        policy=replace(Policy(timing=AT_ONCE), **policy),
    )
