"""Redis in trouble while decisions are carried out: killed, wiped again and again, forgotten while nobody ran."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.model.ids import PullNo
from bot.store.poll_state import pull_thing
from tests.faults.bots import STILL_S, Bots, Town, bots, environment, kill, make_town, town
from tests.faults.many_works import answered_once, decide, many_works, put_away
from tests.faults.stories import STORIES, Story, check
from tests.patience import STATE_WAIT_S, until
from tests.redis_process import RedisProcess, private_redis
from tests.sandbox_process import SandboxProcess
from tests.world import World

__all__ = ["bots", "town"]

ACCEPT_PULL, ACCEPT_DIRECT, *_ = STORIES
WIPES_S = 4.0


@pytest.mark.parametrize(
    ("story", "at"),
    [
        pytest.param(ACCEPT_PULL, 1, id="merge", marks=pytest.mark.slow),
        pytest.param(ACCEPT_PULL, 7, id="landing-merge"),
        pytest.param(ACCEPT_PULL, 8, id="answer", marks=pytest.mark.slow),
        pytest.param(ACCEPT_DIRECT, 4, id="stamp-straight-to-main", marks=pytest.mark.slow),
    ],
)
def test_redis_killed_in_the_middle_of_a_job_costs_seconds_and_nothing_is_done_twice(
    story: Story, at: int, world_sandbox: SandboxProcess, bots: Bots, tmp_path: Path
) -> None:
    with private_redis() as server, ExitStack() as stack:
        made = make_town(stack, story, world_sandbox, server, bots, tmp_path)
        made.gate.shut_at(at, "after")
        made.start()
        until(made.gate.shut.is_set)
        server.kill()
        made.gate.hand_over()
        time.sleep(0.5)
        server.start()
        until(lambda: made.world.said(made.pull, "answer"))
        time.sleep(STILL_S)
        check(made.world, made.pull, made.story)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("many", [4, pytest.param(30, marks=pytest.mark.slow)], ids=["four-decisions", "thirty-decisions"])
def test_redis_wiped_again_and_again_leaves_every_decision_carried_out_once(
    world: World, world_redis: RedisProcess, bots: Bots, tmp_path: Path, many: int
) -> None:
    works = many_works(world, many)
    decide(world, works, "ana")
    rng = random.Random(many)
    with bots.running(environment(world, None, world_redis, tmp_path), many=2):
        end = time.monotonic() + WIPES_S * (1 + many / 10)
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.05, 1.0))
            world.redis.flushall()
        until(lambda: all(world.said(pull, "answer") for pull in works), patience_s=STATE_WAIT_S + 10 * many)
        time.sleep(STILL_S)
        until(lambda: put_away(world))
    answered_once(world, works)


@pytest.mark.parametrize("town", [ACCEPT_PULL], ids=str, indirect=True)
def test_redis_lost_while_nobody_ran_replays_nothing(town: Town) -> None:
    first = town.start()
    until(lambda: town.world.said(town.pull, "answer"))
    time.sleep(STILL_S)
    kill(first)
    effects = tuple(town.gate.effects)
    town.world.redis.flushall()
    town.start()
    until(lambda: _is_remembered(town.world, town.pull))
    time.sleep(STILL_S)
    assert tuple(town.gate.effects) == effects
    check(town.world, town.pull, town.story)


def _is_remembered(world: World, pull: PullNo) -> bool:
    return pull_thing(pull) in world.deps.store.at(world.commons).poll_states.all()


def test_accepts_older_than_the_bot_are_asked_about_and_never_carried_out(
    world: World, world_redis: RedisProcess, bots: Bots, tmp_path: Path
) -> None:
    pulls = []
    for n, (user, rig, item) in enumerate((("pia", "polecat-7", "w-com-001"), ("otto", "brass-otter", "w-com-002"))):
        pull = world.hand_in(user, rig, item, path=f"/acme/relay/pull/{n + 1}")
        for quality in range(1, 6):
            world.comment(pull, "ana", f"/accept --quality {quality}")
        pulls.append(pull)
    with bots.running(environment(world, None, world_redis, tmp_path)):
        until(lambda: all(len(world.said(pull, "answer")) == 5 and world.said(pull, "review") for pull in pulls))
        time.sleep(STILL_S)
    assert [world.state(pull) for pull in pulls] == ["open", "open"]
    assert world.count("stamps") == 0
    assert [a for pull in pulls for a in world.said(pull, "answer") if "confirm" not in a] == []
    assert [len(world.said(pull, "review")) for pull in pulls] == [1, 1]
