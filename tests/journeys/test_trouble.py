"""What trouble comes to: a hub that is down, slow, odd or refusing, odd comments, broken rows. Late, or told; never wrong."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis
import requests
from rq import Queue
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from bot.converge import quarantine
from bot.converge.bot import Bot
from bot.converge.converge import Report, converge
from bot.dolthub.client import Hub
from bot.model.ids import Commons, PullNo
from bot.model.policy import Landing
from bot.prober.jobs import ProbeJobs
from bot.store import LOOKS, PROBE, REVIEW, SWEEP
from bot.store.keys import pull_target, sweep_target
from bot.sweep.sweep import sweep
from bot.worker.jobs import PullJobs
from sandbox.seed import schema, wl_sql
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess, fresh_database
from tests.stores import jobs_of
from tests.world import BOT, World, people_and_items

ITEM = "w-com-001"
DDL = schema.creation()
DONE = wl_sql.completion_id(ITEM, "polecat-7")


# --- the worker's road ----------------------------------------------------------------------------------------------


class Worker:
    """A bot seen from its worker: jobs in, log lines out. It never really sleeps; what it would have slept is kept."""

    def __init__(self, world: World, **hub: Any) -> None:
        self._world = world
        self.slept: list[float] = []
        self.reports: list[Report] = []
        made = world.bot()
        options: dict[str, Any] = {"poll_s": (0.005, 0.05), "sleep": self.slept.append, **hub}
        client = Hub(world.sandbox.base_url, f"token-{BOT}", commons=[world.commons], **options)
        self.deps: Bot = replace(made, hubs={world.commons: client})
        self.duties = PullJobs(
            known=frozenset({world.commons}),
            store=self.deps.store,
            jobs=jobs_of(self.deps.store),
            look=self._look,
            sweep=lambda commons: sweep(self.deps.at(commons)),
            tell=lambda commons, number: quarantine.tell(number, self.deps.at(commons)),
            tell_stuck=lambda commons, number, debt: quarantine.tell_stuck(number, debt, self.deps.at(commons)),
        )
        self._prober = ProbeJobs(
            known=frozenset({world.commons}),
            store=self.deps.store,
            jobs=jobs_of(self.deps.store),
            looking=world.looking(self.deps),
        )

    def _look(self, commons: Commons, number: PullNo, extend: Callable[[], None]) -> None:
        self.reports.append(converge(number, self.deps.at(commons), extend=extend))

    def look(self, pull: PullNo) -> list[str]:
        """One job for a pull; what was logged about it, as `level: event: error`."""
        hint = self.deps.store.keys.dedup(REVIEW, pull_target(self._world.commons, pull))
        with capture_logs() as logs:
            self.duties.run(str(self._world.commons), pull, REVIEW, hint)
        return told(logs)

    def probe(self) -> None:
        """Do what stands in the queue of links."""
        for job in Queue(PROBE, connection=self._world.redis, serializer=JSONSerializer).jobs:
            self._prober.run_probe(*job.args)
            job.delete()

    def sweep(self) -> list[str]:
        """One sweep; what was logged about it."""
        hint = self.deps.store.keys.dedup(SWEEP, sweep_target(self._world.commons))
        with capture_logs() as logs:
            self.duties.run_sweep(str(self._world.commons), hint)
        return told(logs)


def told(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    loud = [line for line in logs if line["log_level"] in ("warning", "error", "critical")]
    return [f"{line['log_level']}: {line['event']}: {line.get('error', '')}" for line in loud]


def knocked(world: World) -> list[int]:
    """Pulls somebody has knocked at and nobody has looked at yet; the knocks are taken away."""
    jobs = []
    for name in LOOKS:
        queue = Queue(name, connection=world.redis, serializer=JSONSerializer)
        jobs += queue.job_ids
        for job in queue.jobs:
            job.delete()
    for hint in world.redis.scan_iter("stampbot:hint:*"):
        world.redis.delete(hint)
    numbers = []
    for pull in world.pulls():
        target = pull_target(world.commons, PullNo(pull["pull_number"]))
        numbers += [int(pull["pull_number"])] * sum(job.split("-")[1] == target for job in jobs)
    return sorted(numbers)


@contextmanager
def trouble(world: World, *plan: dict[str, Any]) -> Iterator[None]:
    """Faults that last as long as the block, for the bot's own calls to this commons."""
    world.db.play(*plan)
    try:
        yield
    finally:
        world.sandbox.admin("DELETE", "/faults", database=world.db.name)


def headlines(world: World, pull: PullNo, kind: str) -> list[str]:
    return [body.split(" · ", 1)[0].strip("*") for body in world.said(pull, kind)]


# --- a hub in trouble -----------------------------------------------------------------------------------------------

OURS = {"user": BOT}
HUBS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("down", {"quirk": "cut", "match": OURS}, "warning", "DoltHub is busy or away, will look again"),
    ("silent", {"quirk": "latency", "ms": 1300, "match": OURS}, "warning", "DoltHub is busy or away, will look again"),
    ("overloaded", {"quirk": 5, "how": "503", "match": OURS}, "warning", "DoltHub is busy or away, will look again"),
    ("rate-limiting", {"quirk": 5, "how": "429", "retry_after": 7, "match": OURS}, "warning", "DoltHub is busy or away"),
    ("a-proxy-talking", {"quirk": 4, "how": "html", "match": OURS}, "error", "DoltHub"),
    ("refusing-the-token", {"quirk": 11}, "error", "DoltHub refused"),
    ("answering-SQL-with-errors", {"quirk": 3, "how": "error"}, "error", "DoltHub answered something unexpected"),
    ("timing-out-in-SQL", {"quirk": 3, "how": "timeout"}, "warning", "DoltHub is busy or away, will look again"),
    ("cutting-rows", {"quirk": 23, "rows": 1}, "error", "DoltHub answered something unexpected"),
)


@pytest.mark.parametrize(("fault", "level", "says"), [row[1:] for row in HUBS], ids=[row[0] for row in HUBS])
def test_a_hub_in_trouble_gets_no_verdict_and_one_clear_line_and_is_gone_on_with_by_itself(
    world: World, fault: dict[str, Any], level: str, says: str
) -> None:
    worker = Worker(world, timeout_s=(2, 1.0))
    assert worker.deps.at(world.commons).account == BOT
    pull = world.hand_in("pia", "polecat-7", ITEM)
    with trouble(world, fault):
        for lines in (worker.look(pull), worker.sweep()):
            assert len(lines) <= 1, lines
            assert all(line.startswith(f"{level}: ") and says in line for line in lines), lines
        worker.look(pull)
        assert worker.reports == []
        assert world.said(pull) == []
        assert worker.deps.store.at(world.commons).pulls.verdicts() == ()
    assert world.db.counts().get("createPullComment", 0) == 0
    knocked(world)
    worker.sweep()
    assert knocked(world) == [pull]
    assert worker.look(pull) == []
    worker.probe()
    assert worker.look(pull) == []
    assert headlines(world, pull, "review") == ["READY"]


def test_a_hub_that_asks_for_patience_gets_it(world: World) -> None:
    worker = Worker(world)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    with trouble(world, {"quirk": 5, "how": "429", "retry_after": 7, "times": 1, "match": {"operation": "getPull"}}):
        assert worker.look(pull) == []
    assert [pause for pause in worker.slept if pause >= 7] == [7.0]
    with trouble(world, {"quirk": 5, "how": "429", "retry_after": 60, "match": {"operation": "getPull"}}):
        before = world.db.counts()["getPull"]
        (line,) = worker.look(pull)
    assert "429" in line
    assert world.db.counts()["getPull"] == before + 1
    assert max(worker.slept) == 7.0


def test_a_refused_token_is_told_with_the_way_to_mend_it(world: World) -> None:
    worker = Worker(world)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    with trouble(world, {"quirk": 11}), capture_logs() as logs:
        worker.duties.run(str(world.commons), pull, REVIEW, worker.deps.store.keys.dedup(REVIEW, "0" * 16))
    (line,) = [log for log in logs if log["log_level"] == "error"]
    assert (line["status"], line["pull"]) == (401, pull)
    assert "STAMPBOT_HUB_TOKEN" in line["fix"]
    assert f"token-{BOT}" not in json.dumps(logs, default=str)


@pytest.mark.parametrize("after", [0, 1], ids=["of-the-work", "of-the-landing"])
def test_a_token_that_is_refused_at_a_merge_answers_nobody_and_goes_on_when_it_is_mended(world: World, after: int) -> None:
    worker = Worker(world)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    worker.look(pull)
    worker.probe()
    with trouble(world, {"quirk": 11, "after": after, "match": {"operation": "mergePull"}}):
        (line,) = worker.look(pull)
        assert line.startswith("error: look: DoltHub refused")
    assert (world.said(pull, "answer"), world.state(pull)) == ([], "merged" if after else "open")
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["ACCEPTED"], 1)


# --- one bad apple --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"quirk": "status", "status": 500, "match": {"operation": "listPullComments", "path": "*/pulls/1/*"}},
        {"quirk": 4, "how": "html", "match": {"operation": "listPullComments", "path": "*/pulls/1/*"}},
        {"quirk": "status", "status": 403, "match": {"operation": "listPullComments", "path": "*/pulls/1/*"}},
        {
            "quirk": "status",
            "status": 404,
            "detail": "no such pull",
            "match": {"operation": "listPullComments", "path": "*/1/*"},
        },
        {"quirk": 4, "how": "html", "match": {"operation": "listBranches", "database": "pia/*"}},
        {"quirk": "status", "status": 403, "match": {"operation": "listBranches", "database": "pia/*"}},
        {"quirk": "status", "status": 503, "match": {"operation": "listBranches", "database": "pia/*"}},
        {"quirk": 28, "how": "repeated", "match": {"operation": "listBranches", "database": "pia/*"}},
    ],
    ids=lambda fault: f"{fault['match']['operation']}-{fault.get('status') or fault.get('how')}",
)
def test_one_pull_that_cannot_be_read_keeps_no_other_from_being_found(world: World, fault: dict[str, Any]) -> None:
    bad = world.hand_in("pia", "polecat-7", "w-com-001")
    good = world.hand_in("otto", "brass-otter", "w-com-002")
    worker = Worker(world)
    world.settle(worker.deps)
    knocked(world)
    fork = world.fork_of("pia")
    match = {**fault["match"], **({"database": fork} if "database" in fault["match"] else {})}
    assert worker.sweep() == []
    assert (knocked(world), bad) == ([], 1)
    with trouble(world, {**fault, "match": match}):
        world.comment(good, "ana", "/help")
        assert worker.sweep() == []
        assert good in knocked(world)
    world.sandbox.admin("DELETE", "/faults", database=fork)


# --- merges that take their time ------------------------------------------------------------------------------------


def test_a_merge_that_outlasts_our_patience_and_then_succeeds_is_finished_once(either_world: World) -> None:
    world = either_world
    worker = Worker(world, operation_wait_s=0.1)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    worker.look(pull)
    worker.probe()
    world.db.play({"quirk": 34, "how": "slow", "ms": 700, "times": 1})
    (line,) = worker.look(pull)
    assert "unknown end" in line
    assert "still running" in line
    while world.state(pull) == "open":
        assert all("busy" in line or "moment ago" in line for line in worker.look(pull))
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps"), world.count("completions")) == (["ACCEPTED"], 1, 1)
    merges = [c for c in world.sandbox.admin("GET", "/log", database=world.db.name, ref="main") if len(c["parents"]) == 2]
    assert len(merges) == (2 if world.policy.landing is Landing.PULL else 1)


def test_a_landing_merge_that_outlasts_our_patience_is_finished_once(world: World) -> None:
    worker = Worker(world, operation_wait_s=0.1)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    worker.look(pull)
    worker.probe()
    world.db.play({"quirk": 34, "how": "slow", "ms": 700, "times": 1, "after": 1})
    (line,) = worker.look(pull)
    assert "still running" in line
    while world.count("stamps") == 0:
        assert all("busy" in line for line in worker.look(pull))
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps"), world.count("completions")) == (["ACCEPTED"], 1, 1)
    assert "open" not in {p["state"] for p in world.pulls()}


def test_a_merge_that_never_ends_is_started_once_and_claims_nothing(world: World) -> None:
    worker = Worker(world, operation_wait_s=0.05)
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    worker.look(pull)
    worker.probe()
    world.db.play({"quirk": 34, "how": "runs"})
    for _ in range(4):
        worker.look(pull)
    assert world.db.counts()["mergePull"] == 1
    assert (world.state(pull), world.count("stamps")) == ("open", 0)
    assert "ACCEPTED" not in headlines(world, pull, "answer")


@pytest.mark.parametrize(
    ("quirk", "more"),
    [(36, {}), (34, {"how": "fails"}), (20, {}), (35, {"how": "fails"})],
    ids=["says-success-and-merges-nothing", "fails-later", "another-writer-won", "wrong-error-while-another-runs"],
)
def test_a_merge_that_goes_wrong_once_is_never_called_done(world: World, quirk: int, more: dict[str, Any]) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    worker = Worker(world)
    worker.look(pull)
    worker.probe()
    world.db.play({"quirk": quirk, "times": 1, "match": {"operation": "mergePull"}, **more})
    worker.look(pull)
    assert "ACCEPTED" not in headlines(world, pull, "answer") or world.count("stamps") == 1
    for _ in range(3):
        worker.look(pull)
    if headlines(world, pull, "answer") == ["REFUSED"]:
        world.comment(pull, "ana", "/accept --quality 4")
    world.sandbox.admin("DELETE", "/faults", database=world.db.name)
    time.sleep(0.5)
    world.settle()
    assert (headlines(world, pull, "answer")[-1], world.state(pull), world.count("stamps")) == ("ACCEPTED", "merged", 1)


# --- writes that are not what they say ------------------------------------------------------------------------------


class Beaten(requests.Session):
    """A session on which somebody else is always a moment faster: each SQL write is made by them first."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        if url.endswith("/sql-writes"):
            body = json.loads(more["data"])
            self._world.db.push(body["to_branch"], body["q"])
        return super().request(method, url, *args, **more)


@pytest.mark.parametrize(
    ("either_world", "silent"),
    [
        pytest.param(Landing.PULL, True, id="landing-pull-success"),
        pytest.param(Landing.DIRECT, False, id="landing-direct-an-error"),
        pytest.param(Landing.PULL, False, id="landing-pull-an-error", marks=pytest.mark.slow),
        pytest.param(Landing.DIRECT, True, id="landing-direct-success", marks=pytest.mark.slow),
    ],
    indirect=["either_world"],
)
def test_a_write_that_had_nothing_left_to_do_is_read_back_and_the_decision_goes_on(either_world: World, silent: bool) -> None:
    world = either_world
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    if silent:
        world.db.play({"quirk": 18})
    world.settle(world.bot(Beaten(world)))
    assert (headlines(world, pull, "answer"), world.count("stamps"), world.count("completions")) == (["ACCEPTED"], 1, 1)


def world_with_tables(sandbox: SandboxProcess, server: RedisProcess, ddl: tuple[str, ...]) -> World:
    """A world whose tables are not those the bot was made for."""
    assert ddl != DDL
    client = redis.Redis.from_url(server.url)
    client.flushall()
    db = fresh_database(sandbox, statements=(*ddl, *people_and_items()))
    return World(sandbox=sandbox, db=db, redis=client, evidence=str(sandbox.ready["evidence_url"]))


@pytest.fixture
def stern_world(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> Iterator[World]:
    """A world whose stamps may hold no message: a CHECK the bot has never heard of."""
    clause = "CHECK (NOT (author = subject))"
    stern = tuple(text.replace(clause, f"{clause},\n  CHECK (message IS NULL)") for text in DDL)
    made = world_with_tables(world_sandbox, world_redis, stern)
    yield made
    made.close()


@pytest.fixture
def loose_world(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> Iterator[World]:
    """A world whose tables take any text in any column, at any length."""
    loose = tuple(re.sub(r"VARCHAR\(\d+\)|\b(TEXT|JSON|TIMESTAMP)\b|(TINY)?INT(\(1\))?\b", "LONGTEXT", t) for t in DDL)
    keys = tuple(re.sub(r"(`(?:key|handle|id|chain_id|rig_a|rig_b)`) LONGTEXT", r"\1 VARCHAR(700)", t) for t in loose)
    made = world_with_tables(world_sandbox, world_redis, keys)
    yield made
    made.close()


@pytest.mark.parametrize("silent", [True, False], ids=["success", "an-error"])
def test_a_violated_check_is_a_refusal_even_where_it_says_success(stern_world: World, silent: bool) -> None:
    world = stern_world
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    if silent:
        world.db.play({"quirk": 19})
    world.comment(pull, "ana", "/accept --quality 4 --message well")
    world.settle()
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["REFUSED"], 0)
    assert "Nothing was changed" not in world.said(pull, "answer")[0]
    done = world.row("completions", id=DONE)
    assert done is not None
    assert (done["stamp_id"], done["validated_by"]) == (None, None)
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["REFUSED", "ACCEPTED"], 1)


# --- lists that lag -------------------------------------------------------------------------------------------------


def test_a_landing_branch_that_no_list_shows_yet_is_found_all_the_same(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.db.play({"quirk": 25})
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert (headlines(world, pull, "answer"), world.count("stamps")) == (["ACCEPTED"], 1)
    assert len(world.pulls()) == 2


def test_a_head_that_moved_while_the_list_of_branches_lags_is_not_merged(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    fork = world.fork_of("pia")
    reviewed = world.db.head(f"wl/polecat-7/{ITEM}", database=fork)
    world.push("pia", f"wl/polecat-7/{ITEM}", f"UPDATE completions SET evidence = '{world.evidence}/gone' WHERE id = '{DONE}'")
    worker = Worker(world)
    world.comment(pull, "ana", f"/accept --at {reviewed[:7]} --quality 4")
    world.db.play({"quirk": 25, "lag_ms": 600, "match": {"database": fork}})
    worker.look(pull)
    worker.probe()
    for _ in range(3):
        worker.look(pull)
    assert (world.state(pull), world.count("stamps")) == ("open", 0)
    world.sandbox.admin("DELETE", "/faults", database=fork)
    world.settle()
    assert (world.state(pull), headlines(world, pull, "answer")) == ("open", ["REFUSED"])
    assert "moved from" in world.said(pull, "answer")[0]


# --- odd comments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("either_world", "how"),
    [
        pytest.param(Landing.PULL, "shuffled", id="landing-pull-shuffled"),
        pytest.param(Landing.DIRECT, "reversed", id="landing-direct-reversed"),
        pytest.param(Landing.PULL, "reversed", id="landing-pull-reversed", marks=pytest.mark.slow),
        pytest.param(Landing.DIRECT, "shuffled", id="landing-direct-shuffled", marks=pytest.mark.slow),
    ],
    indirect=["either_world"],
)
def test_the_order_in_which_comments_are_listed_means_nothing(either_world: World, how: str) -> None:
    world = either_world
    world.db.play({"quirk": 41, "how": how})
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    world.comment(pull, "ana", "/recheck")
    world.settle()
    world.comment(pull, "ana", "/accept --quality 4")
    world.comment(pull, "bo", "/accept --quality 2")
    world.settle()
    world.sandbox.admin("DELETE", "/faults", database=world.db.name)
    assert (headlines(world, pull, "review"), headlines(world, pull, "answer")[1:]) == (["READY"], ["ACCEPTED", "REFUSED"])
    stamp = world.row("stamps", subject="polecat-7")
    assert stamp is not None
    assert stamp["author"] == "ana-town"


def test_a_comment_that_is_not_listed_yet_is_not_said_twice(world: World) -> None:
    world.policy = replace(world.policy, timing=replace(world.policy.timing, about_to_s=60))
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    worker = Worker(world)
    worker.look(pull)
    worker.probe()
    with trouble(world, {"quirk": 41, "how": "lagging", "after": 3}):
        for _ in range(4):
            worker.look(pull)
    world.settle()
    assert (headlines(world, pull, "answer"), len(world.said(pull, "review")), world.count("stamps")) == (["ACCEPTED"], 1, 1)


def test_a_refused_merge_is_not_tried_again_and_again_while_the_answer_is_not_listed_yet(world: World) -> None:
    world.policy = replace(world.policy, timing=replace(world.policy.timing, about_to_s=60))
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    worker = Worker(world)
    worker.look(pull)
    worker.probe()
    with trouble(
        world,
        {"quirk": 41, "how": "lagging", "after": 2},
        {"quirk": "status", "status": 422, "detail": "no", "match": {"operation": "mergePull"}},
    ):
        worker.look(pull)
    assert headlines(world, pull, "answer") == ["REFUSED"]
    assert world.db.counts()["mergePull"] == 1


def test_an_edited_command_is_not_carried_out_and_an_edited_answer_changes_nothing_on_main(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", ITEM)
    world.settle()
    said = world.comment(pull, "ana", "looks good")
    edit(world, pull, said, "/accept --quality 5")
    world.settle()
    assert (headlines(world, pull, "answer"), world.state(pull)) == (["HINT"], "open")
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert headlines(world, pull, "answer") == ["HINT", "ACCEPTED"]
    before = world.db.head()
    ours = [c for c in world.db.api("GET", f"/pulls/{pull}/comments").json()["data"] if c["author"] == BOT]
    edit(world, pull, max(ours, key=lambda c: c["created_at"])["comment_id"], "never mind")
    world.settle()
    assert (world.db.head(), world.count("stamps")) == (before, 1)


def edit(world: World, pull: PullNo, comment: str, body: str) -> None:
    changed = {"database": world.db.name, "number": pull, "comment_id": comment, "body": body}
    world.sandbox.admin("PATCH", "/comments", changed)


# --- broken rows ----------------------------------------------------------------------------------------------------


def grown(table: str, column: str, key: str, piece: str = "long ") -> tuple[str, str]:
    """Statements after which a cell holds 200 kB."""
    return (
        f"UPDATE {table} SET {column} = '{piece * (40_000 // len(piece))}' WHERE id = '{key}'",
        f"UPDATE {table} SET {column} = CONCAT({', '.join([column] * 5)}) WHERE id = '{key}'",
    )


BROKEN_ON_MAIN: tuple[tuple[str, ...], ...] = (
    ("a trust level that is no number", "UPDATE rigs SET trust_level = 'lots' WHERE handle = 'polecat-7'"),
    (
        "a parent that is itself, without trust",
        "UPDATE rigs SET trust_level = NULL, parent_rig = 'polecat-7' WHERE handle = 'polecat-7'",
    ),
    ("a rig without owner", "UPDATE rigs SET dolthub_org = NULL WHERE handle = 'polecat-7'"),
    ("a rig with an odd owner", "UPDATE rigs SET dolthub_org = '\t' WHERE handle = 'polecat-7'"),
    ("tags that are no JSON", f"UPDATE wanted SET tags = 'go, fast' WHERE id = '{ITEM}'"),
    ("tags of anything", f"UPDATE wanted SET tags = '[1, null, [\"x\"], {{}}]' WHERE id = '{ITEM}'"),
    ("deep tags", f"UPDATE wanted SET tags = '{'[' * 3000}{']' * 3000}' WHERE id = '{ITEM}'"),
    ("a status nobody knows", f"UPDATE wanted SET status = 'banana', created_at = 'yesterday' WHERE id = '{ITEM}'"),
    ("no status and no poster", f"UPDATE wanted SET status = NULL, posted_by = NULL WHERE id = '{ITEM}'"),
    ("long texts", *grown("wanted", "title", ITEM), *grown("wanted", "description", ITEM)),
    (
        "odd rows around it",
        "INSERT INTO stamps (id, author, subject, valence, context_id) VALUES"
        " ('s-1', 'bo-hollow', 'polecat-7', '{\"quality\": \"fine\"}', NULL), ('s-2', '', 'polecat-7', '[[1e999]]', ''),"
        " ('', 'bo-hollow', 'polecat-7', 'null', '')",
        "INSERT INTO completions (id, wanted_id, completed_by) VALUES ('', NULL, NULL), ('c-2', '', '')",
        "INSERT INTO rig_links (id, rig_a, rig_b, status) VALUES ('', 'polecat-7', '', 'active')",
        "DELETE FROM _meta",
    ),
)


@pytest.mark.parametrize("statements", [row[1:] for row in BROKEN_ON_MAIN], ids=[row[0] for row in BROKEN_ON_MAIN])
def test_a_broken_row_on_main_is_judged_and_never_crashes(loose_world: World, statements: tuple[str, ...]) -> None:
    world = loose_world
    world.db.push("main", *statements)
    world.push("pia", f"wl/polecat-7/{ITEM}", *work_by_hand(world))
    judged(world, world.open_pull("pia", f"wl/polecat-7/{ITEM}", "work"))


def work_by_hand(world: World) -> tuple[str, ...]:
    """A submission whatever the item's status is."""
    return (
        f"UPDATE wanted SET status = 'in_review', claimed_by = 'polecat-7', updated_at = NOW() WHERE id = '{ITEM}'",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
        f" ('{DONE}', '{ITEM}', 'polecat-7', '{world.evidence}/ok', NOW())",
    )


def judged(world: World, pull: PullNo) -> None:
    """The pull gets a review that no rule broke on, and a decision gets an answer."""
    worker = Worker(world)
    see_to(worker, pull)
    assert worker.reports[-1].judgement.crashes == ()
    reviews = world.said(pull, "review")
    assert 1 <= len(reviews) <= 2, reviews
    assert max(map(len, reviews)) < 20_000
    world.comment(pull, "ana", "/accept --quality 4")
    see_to(worker, pull)
    (answer,) = world.said(pull, "answer")
    assert len(answer) < 20_000
    accepted = answer.startswith("**ACCEPTED**")
    stamps = world.count("stamps", f"context_id = '{DONE}'")
    assert (world.state(pull), stamps) == (("merged", 1) if accepted else ("open", 0)), answer


def see_to(worker: Worker, pull: PullNo) -> None:
    """A look, the links, another look; nothing goes wrong."""
    assert worker.look(pull) == []
    worker.probe()
    assert worker.look(pull) == []


BROKEN_IN_PULL: tuple[tuple[str, ...], ...] = (
    ("no item and no rig", f"UPDATE completions SET wanted_id = NULL, completed_by = NULL WHERE id = '{DONE}'"),
    ("an empty id", f"UPDATE completions SET id = '' WHERE id = '{DONE}'"),
    ("an id with a quote", f"UPDATE completions SET id = 'c-''; DROP TABLE wanted; -- ' WHERE id = '{DONE}'"),
    ("a long id", f"UPDATE completions SET id = '{'long' * 170}' WHERE id = '{DONE}'"),
    (
        "no evidence, and a time that is none",
        f"UPDATE completions SET evidence = NULL, completed_at = 'soon' WHERE id = '{DONE}'",
    ),
    ("long evidence", *grown("completions", "evidence", DONE)),
    ("a hundred links", f"UPDATE completions SET evidence = '{'http://127.0.0.1:1/x ' * 100}' WHERE id = '{DONE}'"),
    (
        "a long link",
        *grown("completions", "evidence", DONE, "x"),
        f"UPDATE completions SET evidence = CONCAT('http://127.0.0.1:1/', evidence) WHERE id = '{DONE}'",
    ),
    ("a status nobody knows", f"UPDATE wanted SET status = 'banana', tags = 'go, fast' WHERE id = '{ITEM}'"),
    ("no status and no claimer", f"UPDATE wanted SET status = NULL, claimed_by = NULL WHERE id = '{ITEM}'"),
    ("another key for the item", f"UPDATE wanted SET id = 'w-\u202e\u200b' WHERE id = '{ITEM}'"),
    (
        "rows without keys",
        "INSERT INTO rigs (handle, dolthub_org, trust_level) VALUES ('', NULL, 'x')",
        "INSERT INTO stamps (id, author, subject, valence) VALUES ('', 'a', 'b', 'c')",
    ),
    ("a column and a table of their own", "ALTER TABLE wanted ADD COLUMN mood TEXT", "CREATE TABLE n (id INT PRIMARY KEY)"),
    ("no table", "DROP TABLE completions"),
)


@pytest.mark.parametrize("statements", [row[1:] for row in BROKEN_IN_PULL], ids=[row[0] for row in BROKEN_IN_PULL])
def test_a_broken_row_in_a_pull_is_a_finding_and_never_crashes(loose_world: World, statements: tuple[str, ...]) -> None:
    world = loose_world
    world.push("pia", f"wl/polecat-7/{ITEM}", *work_by_hand(world), *statements)
    judged(world, world.open_pull("pia", f"wl/polecat-7/{ITEM}", "work"))
