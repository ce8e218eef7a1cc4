"""Killed for real: kill -9 while an effect is under way, Redis wiped, a fresh process: still exactly once.

The table of effects and what must hold in the end are those of the crash points in process; here a process dies, with its
leases, notes and threads, while the hub holds back its answer or has not seen the request yet.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.model.ids import PullNo
from tests.faults.hub_gate import HubGate, hub_gate
from tests.faults.test_crash_points import ITEM, STORIES, Story, check
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import AT_ONCE, BOT, World, make_world

PATIENCE_S = 20.0
STILL_S = 0.3
"""So long nothing more may happen once everything is done: a second answer would come with one of the next sweeps."""

ACCEPT_PULL, ACCEPT_DIRECT, _, REJECT_PULL, REJECT_DIRECT, CLOSE_PULL, _ = STORIES
POINTS = (
    (ACCEPT_PULL, 1, "before"),
    (ACCEPT_PULL, 1, "after"),
    (ACCEPT_PULL, 2, "after"),
    (ACCEPT_PULL, 4, "after"),
    (ACCEPT_PULL, 6, "after"),
    (ACCEPT_PULL, 7, "after"),
    (ACCEPT_PULL, 8, "after"),
    (ACCEPT_DIRECT, 3, "after"),
    (ACCEPT_DIRECT, 4, "before"),
    (ACCEPT_DIRECT, 5, "after"),
    (REJECT_PULL, 5, "after"),
    (REJECT_DIRECT, 1, "after"),
    (CLOSE_PULL, 5, "after"),
    (CLOSE_PULL, 6, "before"),
)


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
    made = Bots()
    yield made
    made.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A reviewed work on which somebody has just decided, and what it takes to start a bot there."""

    world: World
    pull: PullNo
    story: Story
    gate: HubGate
    start: Callable[[], int]


def environment(world: World, gate: HubGate, server: RedisProcess, folder: Path) -> dict[str, str]:
    config = folder / "stampbot.toml"
    config.write_text(stampbot_toml(world), "utf-8")
    return {
        "STAMPBOT_COMMONS": str(world.commons),
        "STAMPBOT_HUB_URL": gate.url,
        "STAMPBOT_HUB_TOKEN": f"token-{BOT}",
        "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
        "STAMPBOT_EVIDENCE_PACE": "0",
        "STAMPBOT_CONFIG": str(config),
        "STAMPBOT_LOG": "json",
        "REDIS_URL": server.url,
    }


def stampbot_toml(world: World) -> str:
    """The world's policy as its operator would write it."""
    timing = {name: getattr(AT_ONCE, name) for name in AT_ONCE.__slots__}
    written = {name: list(value) if isinstance(value, tuple) else value for name, value in timing.items()}
    lines = [f"{name} = {json.dumps(value)}" for name, value in written.items()]
    head = [f'landing = "{world.policy.landing.value}"', "requests_per_minute = 100000", "[timing]"]
    return "\n".join([*head, *lines, ""])


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture
def town(
    request: pytest.FixtureRequest, world_sandbox: SandboxProcess, world_redis: RedisProcess, bots: Bots, tmp_path: Path
) -> Iterator[Town]:
    story: Story = request.param
    with ExitStack() as stack:
        world = make_world(world_sandbox, world_redis, landing=story.landing)
        stack.callback(world.close)
        gate = stack.enter_context(hub_gate(world.sandbox.base_url))
        settings = environment(world, gate, world_redis, tmp_path)
        pull = world.hand_in("pia", "polecat-7", ITEM)
        world.review(pull)
        if story.on_main:
            world.merge_by_hand(pull)
        world.comment(pull, "ana", story.comment)

        def start() -> int:
            pid = bots.start(settings)
            stack.callback(lambda: kill(pid) if lives(pid) else None)
            return pid

        yield Town(world=world, pull=pull, story=story, gate=gate, start=start)


def lose_everything_but_dolthub(world: World, pull: PullNo) -> None:
    """Redis is blank; and once the work is merged, its fork is gone."""
    world.redis.flushall()
    if world.state(pull) == "merged":
        fork = world.fork_of("pia")
        world.sandbox.admin("DELETE", "/databases", {"database": fork})
        world.db.made.remove(fork)


@pytest.mark.parametrize(
    ("town", "at", "when"),
    POINTS,
    ids=[f"{story}-{when}-{at}-{story.effects[at - 1].replace(' ', '-')}" for story, at, when in POINTS],
    indirect=["town"],
)
def test_what_a_killed_bot_began_is_finished_by_the_next_one_exactly_once(town: Town, at: int, when: str) -> None:
    world, pull, gate = town.world, town.pull, town.gate
    gate.shut_at(at, when)
    first = town.start()
    assert gate.shut.wait(PATIENCE_S), gate.effects
    kill(first)
    assert tuple(gate.effects) == town.story.effects[:at]
    gate.open()
    lose_everything_but_dolthub(world, pull)
    town.start()
    until(lambda: world.said(pull, "answer"))
    time.sleep(STILL_S)
    check(world, pull, town.story)
