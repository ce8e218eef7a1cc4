"""A decision that dies at every one of its effects, Redis wiped each time or as the dead left it: exactly once.

One story is one run. Each process does one effect and dies, right before it or right after; the next one knows nothing, must
find its work by a sweep, and must do the next effect and no other. So every state that a kill can leave on DoltHub is begun
from, and a story costs as much as its effects, not their square. That a decision that was cut short goes through to its end
in one process as well is what the real kills show.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bot.converge.bot import Bot
from bot.dolthub.errors import HubBusy
from bot.model.ids import PullNo
from bot.model.policy import Landing
from bot.sweep.sweep import sweep
from tests.faults.stories import STORIES, Story, begin, check, forget_the_fork, plain
from tests.kill_switch import Killed, KillSwitch
from tests.patience import STATE_WAIT_S
from tests.redis_process import RedisProcess
from tests.sandbox_process import SandboxProcess
from tests.world import ITEMS, World, make_world

DEATHS_MAX = 40
KEPT = tuple(each for each in STORIES if each.name in ("accept", "adopt", "reject", "close-pull-only"))
"""Stories in which every effect is that leaves a note in Redis: notes are what the dead can keep their heirs waiting with."""


def marks(kept: Story) -> tuple[pytest.MarkDecorator, ...]:
    """An adoption leaves the notes of an acceptance and of a closed pull; with Redis kept it is for `make slow`."""
    return (pytest.mark.slow,) if kept.name == "adopt" else ()


class Worlds:
    """A world for a few stories of one way of landing: each has an item of its own. A blank Redis makes a sweep look at all of
    them, so that many stories in one world would cost more than a new world."""

    def __init__(self, sandbox: SandboxProcess, server: RedisProcess, stack: ExitStack) -> None:
        self._sandbox, self._server, self._stack = sandbox, server, stack
        self._free: dict[Landing, tuple[World, list[str]]] = {}

    def place(self, landing: Landing) -> tuple[World, str]:
        """A world, and an open item in it that no story was about yet."""
        world, items = self._free.get(landing) or (None, [])
        if world is None or not items:
            world, items = make_world(self._sandbox, self._server, landing=landing), list(ITEMS)
            self._stack.callback(world.close)
            self._free[landing] = world, items
        return world, items.pop()


@pytest.fixture(scope="module")
def worlds(world_sandbox: SandboxProcess, world_redis: RedisProcess) -> Iterator[Worlds]:
    with ExitStack() as stack:
        yield Worlds(world_sandbox, world_redis, stack)


def live(world: World, pull: PullNo, bot: Bot) -> None:
    """One process: it finds the pull by a sweep, and does what is due there until nothing is or it dies."""
    deadline = time.monotonic() + STATE_WAIT_S
    sweep(bot.at(world.commons))
    while time.monotonic() < deadline:
        try:
            report = world.converge(pull, bot)
        except HubBusy:  # what the dead was about to do may still show
            time.sleep(0.05)
            continue
        probed = world.answer_knocks_at_the_prober(bot)
        if report.stopped and not report.steps_done:
            time.sleep(0.05)
        elif not (report.steps_done or probed):
            return
    raise AssertionError("the pull does not come to rest")


@pytest.mark.parametrize(
    ("story", "wiped"),
    [*((each, True) for each in STORIES), *(pytest.param(each, False, marks=marks(each)) for each in KEPT)],
    ids=[*(f"{each}-wiped" for each in STORIES), *(f"{each}-kept" for each in KEPT)],
)
def test_a_decision_that_dies_at_every_effect_happens_exactly_once(worlds: Worlds, story: Story, wiped: bool) -> None:
    world, item = worlds.place(story.landing)
    world.wipe()
    pull = begin(world, story, item)
    happened: list[str] = []
    for death in range(DEATHS_MAX):
        # A blank Redis cannot tell right before an effect from right after the one before.
        switch = KillSwitch(1, "after" if wiped or death % 2 else "before")
        if wiped:
            world.redis.flushall()
        try:
            live(world, pull, world.bot(switch))
        except Killed:
            if switch.when == "after":
                happened += switch.effects
            if happened == ["POST merge"]:
                forget_the_fork(world, pull)
            continue
        break
    assert plain(happened) == story.effects
    check(world, pull, story, item)
    live(world, pull, world.bot())
    check(world, pull, story, item)
