"""Bots as processes of their own, made in no time, for whoever wants to kill, freeze or end one at a chosen moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.model.ids import PullNo
from tests.faults.hub_gate import HubGate, hub_gate
from tests.faults.stories import Story, begin
from tests.patience import STATE_WAIT_S, until
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import BOT, World, make_world

PATIENCE_S = STATE_WAIT_S
STILL_S = 0.3
"""So long nothing more may happen once everything is done: a second answer would come with one of the next sweeps."""


class Bots:
    """Makes bots, each a process of its own (see `one_bot`)."""

    def __init__(self) -> None:
        self._maker = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.one_bot"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, environment: dict[str, str]) -> int:
        """One more bot; its process id."""
        assert self._maker.stdin is not None
        assert self._maker.stdout is not None
        self._maker.stdin.write(json.dumps(environment) + "\n")
        self._maker.stdin.flush()
        return int(self._maker.stdout.readline())

    @contextmanager
    def running(self, environment: dict[str, str], *, many: int = 1) -> Iterator[tuple[int, ...]]:
        """So many bots at work while the block runs; their process ids."""
        pids = tuple(self.start(environment) for _ in range(many))
        try:
            yield pids
        finally:
            for pid in filter(lives, pids):
                kill(pid)

    def end(self) -> None:
        self._maker.kill()
        self._maker.communicate()


def kill(pid: int) -> None:
    """kill -9, and wait until the process is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not lives(pid))


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def bots() -> Iterator[Bots]:
    """A maker of bots for all tests of a file; all of them end with it."""
    made = Bots()
    yield made
    made.end()


def environment(world: World, gate: HubGate | None, server: RedisProcess, folder: Path) -> dict[str, str]:
    """What a bot of this world is started with; without a gate it speaks to the hub itself."""
    config = folder / "stampbot.toml"
    config.write_text(stampbot_toml(world), "utf-8")
    return {
        "STAMPBOT_COMMONS": str(world.commons),
        "STAMPBOT_HUB_URL": gate.url if gate is not None else world.sandbox.base_url,
        "STAMPBOT_HUB_TOKEN": f"token-{BOT}",
        "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
        "STAMPBOT_EVIDENCE_PACE": "0",
        "STAMPBOT_CONFIG": str(config),
        "STAMPBOT_LOG": "json",
        "REDIS_URL": server.url,
    }


def stampbot_toml(world: World) -> str:
    """The world's policy as its operator would write it."""
    timing = {name: getattr(world.policy.timing, name) for name in world.policy.timing.__slots__}
    # As often as an operator can ask for.
    timing["poll_s"] = max(1, timing["poll_s"])
    written = {name: list(value) if isinstance(value, tuple) else value for name, value in timing.items()}
    lines = [f"{name} = {json.dumps(value)}" for name, value in written.items()]
    head = [f'landing = "{world.policy.landing.value}"', "requests_per_minute = 100000", "[timing]"]
    return "\n".join([*head, *lines, ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A reviewed work on which somebody has just decided, and what it takes to start a bot there."""

    world: World
    pull: PullNo
    story: Story
    gate: HubGate
    environment: dict[str, str]
    start: Callable[..., int]
    """Starts a bot; its process id. Names given with it are added to its environment."""


@pytest.fixture
def town(
    request: pytest.FixtureRequest, world_sandbox: SandboxProcess, world_redis: RedisProcess, bots: Bots, tmp_path: Path
) -> Iterator[Town]:
    """A town of the story that is the test's parameter."""
    with ExitStack() as stack:
        yield make_town(stack, request.param, world_sandbox, world_redis, bots, tmp_path)


def make_town(stack: ExitStack, story: Story, sandbox: SandboxProcess, server: RedisProcess, bots: Bots, folder: Path) -> Town:
    """A town on a Redis that may be the test's own. What it starts ends with `stack`."""
    world = make_world(sandbox, server, landing=story.landing)
    stack.callback(world.close)
    gate = stack.enter_context(hub_gate(world.sandbox.base_url))
    settings = environment(world, gate, server, folder)
    pull = begin(world, story)

    def start(**more: str) -> int:
        pid = bots.start(settings | more)
        stack.callback(lambda: kill(pid) if lives(pid) else None)
        return pid

    return Town(world=world, pull=pull, story=story, gate=gate, environment=settings, start=start)
