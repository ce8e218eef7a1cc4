"""The bot as an operator runs it: web, worker, prober and clock, each a process of its own, with nothing but settings."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from bot.config.settings import child_environment
from bot.demo.processes import Processes
from bot.model.ids import PullNo
from bot.prober.environment import prober_environment
from bot.processes.child import Child
from bot.queue.enqueue import LIMITED_WAITING_MAX
from bot.store import REVIEW, Keys
from bot.sweep.schedule import AHEAD
from bot.web.webhook import limited_max
from tests.patience import BUSY_FACTOR, STATE_WAIT_S, ends_within
from tests.patience import until as wait_until
from tests.redis_process import RedisProcess, private_redis
from tests.sandbox_process import SandboxProcess
from tests.stores import a_store, jobs_of
from tests.world import BOT, World, make_world

HOST = "127.0.0.1"
SECRET = "a-secret-of-this-test-alone"
PATIENCE_S = STATE_WAIT_S
"""Longer than a sweep is hinted at whose lane died at the job: Redis may end it in just that moment."""
POLICY = """\
requests_per_minute = 100000
[timing]
poll_s = 1
quiet_head_s = 0
no_sheet_s = 30
fresh_probe_s = 30
about_to_s = 1
same_head_s = 0
"""


class Town:
    """A world, and the bot's processes in it."""

    def __init__(self, world: World, server: RedisProcess, folder: Path, *, budget: int = 100_000) -> None:
        self.world = world
        self.server = server
        self.lines: list[str] = []
        self._processes = Processes(lambda name, line: self.lines.append(f"{name}: {line}"))
        self.web_url = f"http://{HOST}:{free_port()}"
        policy = folder / "stampbot.toml"
        policy.write_text(POLICY.replace("100000", str(budget)), "utf-8")
        self._environment = child_environment(
            STAMPBOT_COMMONS=str(world.commons),
            STAMPBOT_HUB_URL=world.sandbox.base_url,
            STAMPBOT_HUB_TOKEN=f"token-{BOT}",
            STAMPBOT_ACCOUNT=BOT,
            STAMPBOT_WEBHOOK_SECRET=SECRET,
            STAMPBOT_EVIDENCE_ALLOW=f"{HOST}/32",
            STAMPBOT_EVIDENCE_PACE="0",
            STAMPBOT_CONFIG=str(policy),
            STAMPBOT_LOG="console",
            REDIS_URL=server.url,
            PORT=self.web_url.rpartition(":")[2],
            PYTHONUNBUFFERED="1",
        )

    def start(self, *names: str) -> None:
        """Start processes that stay, and wait until they are ready."""
        children = [self._processes.start(name, self._command(name), self._environment_of(name)) for name in names]
        for child in children:
            if child.name == "web":
                self._processes.await_ready(child, lambda: answers(f"{self.web_url}/readyz"))
            else:
                self._processes.await_ready(child, child.ready.is_set)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """A clock runs as long as the block."""
        child = Child("clock", self._command("clock"), self._environment, lambda name, line: self.lines.append(line))
        try:
            assert child.ready.wait(PATIENCE_S)
            yield
        finally:
            child.signal(signal.SIGTERM)
            assert child.wait(PATIENCE_S)

    def _command(self, name: str) -> list[str]:
        options = ["--host", HOST] if name == "web" else []
        return [sys.executable, "-m", "bot", name, "--until-eof", *options]

    def _environment_of(self, name: str) -> Mapping[str, str]:
        return prober_environment(self._environment) if name == "prober" else self._environment

    def hook_up(self) -> None:
        """Have the look-alike send the webhooks of this commons to our door."""
        hook = {"database": self.world.db.name, "url": f"{self.web_url}/hooks/dolthub/{SECRET}"}
        self.world.sandbox.admin("POST", "/webhooks", hook)

    def delivered(self) -> list[tuple[str, int | None]]:
        """What was rung at our door about pulls, and the door's answers; waits until all of it is delivered."""
        attempts: list[dict[str, Any]] = self.world.sandbox.admin("GET", "/deliveries", wait="1")["attempts"]
        mine = [a for a in attempts if a["url"].startswith(self.web_url) and "pullID" in a["payload"]]
        return [(str(a["payload"]["action"]), a["status"]) for a in mine]

    def end(self) -> None:
        self._processes.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(holds: Callable[[], object], town: Town) -> float:
    """Wait until something holds; seconds it took."""
    began = time.monotonic()
    wait_until(holds, told=lambda: "\n".join(town.lines))
    return time.monotonic() - began


@pytest.fixture(scope="module")
def town(world_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Web, worker and prober run; no clock does, so that no sweep hides a webhook that was not heard."""
    with private_redis() as server:
        made = Town(make_world(world_sandbox, server), server, tmp_path_factory.mktemp("town"))
        try:
            made.start("web", "worker", "prober")
            made.hook_up()
            yield made
        finally:
            made.end()
            made.world.close()


@contextmanager
def frozen(server: RedisProcess) -> Iterator[None]:
    with redis.Redis.from_url(server.url) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_webhook_alone_leads_to_a_review_within_seconds(town: Town) -> None:
    world = town.world
    # A worker begins with a sweep.
    until(lambda: sweeps(world), town)
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    waited_s = until(lambda: world.said(pull, "review"), town)
    assert waited_s < 3.0 * BUSY_FACTOR
    assert world.said(pull)[0].startswith("**READY** · `w-com-001`")
    assert ("Opened", 202) in town.delivered()
    assert sweeps(world) == 1


def sweeps(world: World) -> int:
    """How often the bot has asked for the list of pulls here."""
    return world.sandbox.counts(database=world.db.name, user=BOT).get("listPulls", 0)


def test_what_no_webhook_told_is_found_by_the_clock_and_decided_to_the_end(town: Town) -> None:
    world = town.world
    world.db.play({"quirk": 48, "how": "never"})
    pull = world.hand_in("otto", "brass-otter", "w-com-002")
    time.sleep(0.3)
    assert world.said(pull) == []
    with town.clock():
        until(lambda: world.said(pull, "review"), town)
        world.comment(pull, "ana", "/accept --quality 4")
        until(lambda: world.said(pull, "answer"), town)
    item = world.row("wanted", id="w-com-002")
    assert item is not None
    assert (world.state(pull), item["status"], world.count("stamps", "subject = 'brass-otter'")) == ("merged", "completed", 1)
    assert (len(world.said(pull, "review")), len(world.said(pull, "answer"))) == (1, 1)
    world.sandbox.admin("DELETE", "/faults", database=world.db.name)


@contextmanager
def away(server: RedisProcess) -> Iterator[None]:
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextmanager
def full(server: RedisProcess) -> Iterator[None]:
    """No room for another key (`maxmemory`, and nothing may be thrown out)."""
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            client.config_set("maxmemory", "0")


@contextmanager
def without_disk(server: RedisProcess) -> Iterator[None]:
    """It is told to save, cannot, and so takes no writes."""
    with redis.Redis.from_url(server.url) as client:
        # A folder where its file goes: newer servers refuse to change `dir`, and no mode keeps root from writing.
        in_the_way = Path(client.config_get("dir")["dir"], client.config_get("dbfilename")["dbfilename"])
        in_the_way.mkdir()
        client.config_set("save", "900 1")
        client.bgsave()
        while client.info("persistence")["rdb_last_bgsave_status"] != "err":
            time.sleep(0.01)
        try:
            yield
        finally:
            client.config_set("save", "")
            in_the_way.rmdir()


@contextmanager
def locked(server: RedisProcess) -> Iterator[None]:
    """Somebody else has it stop all clients, for a time."""
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("CLIENT", "PAUSE", "4000", "ALL")
        yield
        client.ping()


@pytest.mark.parametrize(
    "trouble",
    [frozen, away, full, *(pytest.param(each, marks=pytest.mark.slow) for each in (without_disk, locked))],
    ids=lambda trouble: str(trouble.__name__),
)
def test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull(
    town: Town, trouble: Callable[[RedisProcess], AbstractContextManager[None]]
) -> None:
    world = town.world
    branch = f"wl/slick-fox/{trouble.__name__}"
    world.push("mallory", branch, *claim_by_hand("w-com-003"))
    town.delivered()
    town.world.sandbox.admin("DELETE", "/deliveries")
    with trouble(town.server), ends_within(5.0):
        pull = world.open_pull("mallory", branch, "mine")
        heard = town.delivered()
    assert heard == [("Opened", 503)]
    with town.clock():
        until(lambda: world.said(pull, "review"), town)
    assert town.lines.count("Traceback (most recent call last):") == 0
    close(world, pull)


def ring(town: Town, body: bytes | dict[str, Any], secret: str = SECRET) -> int:
    """Send something to the live door; its status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{town.web_url}/hooks/dolthub/{secret}"
    return requests.post(url, data=data, headers={"Content-Type": "application/json"}, timeout=PATIENCE_S).status_code


def event(town: Town, pull: PullNo, **more: str) -> dict[str, Any]:
    owner, _, name = town.world.db.name.partition("/")
    return {
        "event_name": "pull_request",
        "repository": {"owner": owner, "name": name},
        "pullID": str(pull),
        "action": "Opened",
        **more,
    }


def test_a_webhook_delivered_twenty_times_at_once_and_in_any_order_is_one_review(town: Town) -> None:
    world = town.world
    world.push("mallory", "wl/slick-fox/often", *claim_by_hand("w-com-003"))
    pull = world.open_pull("mallory", "wl/slick-fox/often", "mine")
    # Whatever Redis went through before: a door that was not heard lets one alone try first.
    until(lambda: ring(town, event(town, pull)) == 202, town)
    actions = ["Merged", "Opened", "Closed", "Opened"] * 5
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda action: ring(town, event(town, pull, action=action)), actions))
    assert answers == [202] * 20, "\n".join(town.lines[-30:])
    until(lambda: world.said(pull, "review"), town)
    time.sleep(0.5)
    assert (len(world.said(pull)), world.state(pull)) == (1, "open")
    close(world, pull)


def test_a_forged_webhook_is_an_early_look_and_nothing_else(town: Town) -> None:
    world = town.world
    world.push("mallory", "wl/slick-fox/forged", *claim_by_hand("w-com-003"))
    pull = world.open_pull("mallory", "wl/slick-fox/forged", "mine")
    until(lambda: world.said(pull, "review"), town)
    main, said = world.db.head(), world.said(pull)
    lie = event(town, pull, action="Merged", state="merged", author="ana", sender="ana", from_branch="main")
    assert ring(town, lie, secret="not-the-secret") == 404
    assert ring(town, lie) == 202
    assert ring(town, event(town, PullNo(4_000_000))) == 202
    time.sleep(1.0)
    assert (world.db.head(), world.said(pull), world.state(pull)) == (main, said, "open")
    close(world, pull)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b" " * (64 * 1024 + 1), 413),
        (b"[" * 20_000 + b"]" * 20_000, 400),
        (b'{"pullID": "\\ud800"}', 400),
        (b'{"pullID": NaN}', 400),
        (b'{"pullID": ' + b"9" * 5000 + b"}", 400),
        (b"[]", 400),
        (b"", 400),
        ('{"pullID": "1"}'.encode("utf-16"), 400),
        (b"pullID=1&action=Opened", 400),
    ],
    ids=["too-long", "deep", "surrogate", "not-a-number", "five-thousand-digits", "list", "empty", "utf-16", "form"],
)
def test_what_is_no_webhook_is_refused_by_the_live_door_which_lives_on(town: Town, body: bytes, status: int) -> None:
    assert ring(town, body) == status
    assert answers(f"{town.web_url}/healthz")


def test_slow_bodies_and_idle_connections_keep_nobody_waiting(town: Town) -> None:
    """200 callers: half send one byte of their body now and then, half send nothing at all."""
    port = int(town.web_url.rpartition(":")[2])
    head = (
        f"POST /hooks/dolthub/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    )
    with ExitStack() as stack:
        callers = [stack.enter_context(socket.create_connection((HOST, port), PATIENCE_S)) for _ in range(200)]
        for caller in callers[::2]:
            caller.sendall(head.encode())
        waits = []
        for _ in range(5):
            for caller in callers[::2]:
                with suppress(OSError):
                    caller.sendall(b" ")
            began = time.monotonic()
            assert answers(f"{town.web_url}/healthz")
            waits.append(time.monotonic() - began)
            time.sleep(0.2)
    assert max(waits) < 1.0 * BUSY_FACTOR, waits


@pytest.mark.slow
def test_a_flood_of_webhooks_is_a_look_or_two_a_pull(town: Town) -> None:
    """Two thousand webhooks about three pulls, as fast as they go: heard or refused, and never more jobs than pulls."""
    world = town.world
    pulls = []
    for n in range(3):
        world.push("mallory", f"wl/slick-fox/flood-{n}", *claim_by_hand("w-com-003"))
        pulls.append(world.open_pull("mallory", f"wl/slick-fox/flood-{n}", "mine"))
    until(lambda: all(world.said(pull, "review") for pull in pulls), town)
    said, most = [len(world.said(pull)) for pull in pulls], 0
    with ThreadPoolExecutor(24) as pool:
        rung = [pool.submit(ring, town, event(town, pulls[n % 3])) for n in range(2000)]
        while not all(one.done() for one in rung):
            most = max(most, sum(jobs_of(world.deps.store).waiting().values()))
            time.sleep(0.02)
    assert {one.result() for one in rung} <= {202, 503}
    assert most <= len(pulls)
    time.sleep(1.0)
    assert [len(world.said(pull)) for pull in pulls] == said
    for pull in pulls:
        close(world, pull)


@pytest.mark.slow
def test_a_flood_about_made_up_pulls_keeps_no_real_one_waiting_and_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    """Thousands of webhooks about pulls that nobody opened, while people open two: one known by webhook, one by the poll."""
    budget = 1200
    with private_redis() as server, redis.Redis.from_url(server.url) as paper:
        town = Town(world, server, tmp_path, budget=budget)
        try:
            town.start("web", "worker", "prober", "clock")
            until(lambda: sweeps(world), town)
            over, rung = threading.Event(), list[int]()

            def ring_on(first: int) -> None:
                for number in itertools.count(first, 4):
                    if over.is_set():
                        return
                    rung.append(ring(town, event(town, PullNo(number))))

            with ThreadPoolExecutor(4) as pool:
                ringers = [pool.submit(ring_on, 10_000 + n) for n in range(4)]
                until(lambda: len(rung) > 1000, town)
                unheard = world.hand_in("pia", "polecat-7", "w-com-001")
                heard = world.hand_in("otto", "brass-otter", "w-com-002")
                assert ring(town, event(town, heard)) == 202
                until(lambda: world.said(unheard, "review") and world.said(heard, "review"), town)
                world.comment(unheard, "ana", "/accept --quality 4")
                until(lambda: world.said(unheard, "answer"), town)
                waiting = jobs_of(a_store(paper, now=lambda: datetime.now(UTC))).waiting()
                over.set()
            assert [ringer.result() for ringer in ringers] == [None] * 4
            assert set(rung) == {202}
            assert waiting[REVIEW] <= LIMITED_WAITING_MAX + AHEAD[REVIEW]
            until(lambda: sum(jobs_of(a_store(paper, now=lambda: datetime.now(UTC))).waiting().values()) < 5, town)
            asked = world.sandbox.counts(database=world.db.name, user=BOT)
            assert asked.get("getPull", 0) < limited_max(budget) + 100 < len(rung)
            assert {int(pull) for pull in paper.hkeys(Keys().at(world.commons).pulls("pending"))} <= {unheard, heard}
        finally:
            town.end()


def claim_by_hand(item: str) -> tuple[str, ...]:
    return (f"UPDATE wanted SET claimed_by = 'slick-fox', status = 'claimed', updated_at = NOW() WHERE id = '{item}'",)


def close(world: World, pull: PullNo) -> None:
    world.sandbox.admin("PATCH", "/pulls", {"database": world.db.name, "number": pull, "user": "ana", "state": "closed"})
