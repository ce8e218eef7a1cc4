"""The bot as an operator runs it: web, worker, prober and clock, each a process of its own, with nothing but settings."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from bot.model.ids import PullNo
from bot.processes import Child, Processes
from bot.settings import child_environment, prober_environment
from tests.redis_process import RedisProcess, private_redis
from tests.sandbox_process import SandboxProcess
from tests.world import BOT, World, make_world

HOST = "127.0.0.1"
SECRET = "a-secret-of-this-test-alone"
PATIENCE_S = 15.0
POLICY = """\
requests_per_minute = 100000
[timing]
poll_s = 1
quiet_head_s = 0
no_sheet_s = 30
fresh_probe_s = 30
about_to_s = 30
same_head_s = 0
"""


class Town:
    """A world, and the bot's processes in it."""

    def __init__(self, world: World, server: RedisProcess, folder: Path) -> None:
        self.world = world
        self.server = server
        self.lines: list[str] = []
        self._processes = Processes(lambda name, line: self.lines.append(f"{name}: {line}"))
        self.web_url = f"http://{HOST}:{free_port()}"
        policy = folder / "stampbot.toml"
        policy.write_text(POLICY, "utf-8")
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
        with urllib.request.urlopen(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(holds: Callable[[], object], town: Town) -> float:
    """Wait until something holds; seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE_S, "\n".join(town.lines)
        time.sleep(0.02)
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
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    waited_s = until(lambda: world.said(pull, "review"), town)
    assert waited_s < 3.0
    assert world.said(pull)[0].startswith("**READY** · `w-com-001`")
    assert ("Opened", 202) in town.delivered()
    assert "listPulls" not in world.sandbox.counts(database=world.db.name, user=BOT)


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


@pytest.mark.parametrize("how", ["frozen", "away"])
def test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull(town: Town, how: str) -> None:
    world = town.world
    branch = f"wl/slick-fox/{how}"
    world.push("mallory", branch, *claim_by_hand("w-com-003"))
    town.world.sandbox.admin("DELETE", "/deliveries")
    if how == "frozen":
        with frozen(town.server):
            pull = world.open_pull("mallory", branch, "mine")
            heard = town.delivered()
    else:
        town.server.kill()
        pull = world.open_pull("mallory", branch, "mine")
        heard = town.delivered()
        town.server.start()
    assert heard == [("Opened", 503)]
    with town.clock():
        until(lambda: world.said(pull, "review"), town)
    assert town.lines.count("Traceback (most recent call last):") == 0
    close(world, pull)


def claim_by_hand(item: str) -> tuple[str, ...]:
    return (f"UPDATE wanted SET claimed_by = 'slick-fox', status = 'claimed', updated_at = NOW() WHERE id = '{item}'",)


def close(world: World, pull: PullNo) -> None:
    world.sandbox.admin("PATCH", "/pulls", {"database": world.db.name, "number": pull, "user": "ana", "state": "closed"})
