"""Processes in trouble: frozen past their lease, ended twice, dead with a job in hand, out of time, with a clock that jumps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.queue.enqueue import DEDUP_TTL_S, RUN_SWEEP
from bot.queue.threads import STOP_PATIENCE_S
from tests.faults.bots import PATIENCE_S, STILL_S, Bots, Town, bots, environment, lives, town
from tests.faults.many_works import answered_once, decide, many_works, put_away
from tests.faults.stories import STORIES, check
from tests.patience import until
from tests.redis_process import RedisProcess, private_redis
from tests.world import World

__all__ = ["bots", "town"]

ACCEPT_PULL, ACCEPT_DIRECT, *_ = STORIES


@pytest.mark.parametrize(
    ("town", "at"),
    [
        pytest.param(ACCEPT_PULL, 1, id="merge", marks=pytest.mark.slow),
        pytest.param(ACCEPT_PULL, 3, id="rows", marks=pytest.mark.slow),
        pytest.param(ACCEPT_PULL, 7, id="landing-merge", marks=pytest.mark.slow),
        pytest.param(ACCEPT_PULL, 8, id="answer"),
        pytest.param(ACCEPT_DIRECT, 4, id="stamp-straight-to-main", marks=pytest.mark.slow),
    ],
    indirect=["town"],
)
def test_a_worker_that_slept_past_its_lease_wakes_to_find_everything_done(town: Town, at: int) -> None:
    town.gate.shut_at(at, "after")
    sleeper = town.start()
    until(town.gate.shut.is_set)
    os.kill(sleeper, signal.SIGSTOP)
    for lease in town.world.redis.scan_iter("stampbot:lease:*"):
        town.world.redis.delete(lease)
    town.start()
    # The sleeper may have been handed the knock for a sweep: nobody else's is heard then until its hint has run out.
    until(lambda: town.world.said(town.pull, "answer"), patience_s=DEDUP_TTL_S[RUN_SWEEP] + PATIENCE_S)
    town.gate.hand_over()
    os.kill(sleeper, signal.SIGCONT)
    time.sleep(STILL_S)
    # What the sleeper still brings on its way, a pull for a decision that is answered, a sweep puts away.
    until(lambda: all(p["state"] != "open" for p in town.world.pulls()))
    check(town.world, town.pull, town.story)


@pytest.mark.parametrize("town", [ACCEPT_PULL], ids=str, indirect=True)
def test_a_worker_that_is_told_twice_to_end_ends_at_once_and_the_next_one_finishes(town: Town) -> None:
    """Nobody knocks for it: a worker that starts sweeps first."""
    town.gate.shut_at(1, "after")
    worker = subprocess.Popen([sys.executable, "-m", "bot", "worker"], env={**os.environ, **town.environment})
    try:
        town.world.probe(town.world.observe(town.pull))
        until(town.gate.shut.is_set)
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 1
    finally:
        worker.kill()
        worker.wait()
    town.gate.open()
    town.world.redis.flushall()
    town.start()
    until(lambda: town.world.said(town.pull, "answer"))
    time.sleep(STILL_S)
    check(town.world, town.pull, town.story)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("town", [ACCEPT_PULL], ids=str, indirect=True)
def test_a_worker_that_has_to_end_in_the_middle_of_a_job_hands_it_over_at_once(town: Town) -> None:
    """Its leases, of the pull and of landing on the commons, would run for a minute more; the next worker needs both."""
    town.gate.shut_at(1, "before")
    worker = subprocess.Popen([sys.executable, "-m", "bot", "worker"], env={**os.environ, **town.environment})
    try:
        town.world.probe(town.world.observe(town.pull))
        until(town.gate.shut.is_set)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(STOP_PATIENCE_S + PATIENCE_S) == 0
    finally:
        worker.kill()
        worker.wait()
    assert list(town.world.redis.scan_iter("stampbot:lease:*")) == []
    town.gate.open()
    town.start()
    until(lambda: town.world.said(town.pull, "answer"))
    time.sleep(STILL_S)
    check(town.world, town.pull, town.story)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("queue", ["sweep", "decide", "review"])
@pytest.mark.parametrize("town", [ACCEPT_PULL], ids=str, indirect=True)
def test_a_job_whose_worker_died_with_it_in_hand_is_found_again(town: Town, queue: str) -> None:
    """RQ finds it after about a minute: until then the hint that stands for it swallows knocks."""
    doomed = town.start(ODD_DIES_ON=queue)
    until(lambda: not lives(doomed))
    assert town.gate.effects == []
    town.start()
    until(lambda: town.world.said(town.pull, "answer"), patience_s=300)
    time.sleep(STILL_S)
    check(town.world, town.pull, town.story)


@pytest.mark.parametrize("town", [ACCEPT_PULL], ids=str, indirect=True)
def test_a_finished_job_that_is_run_again_changes_nothing(town: Town) -> None:
    """RQ does so where a finished job is still in its list of those at work, when it cleans that list up."""
    world = town.world
    town.start()
    until(lambda: world.said(town.pull, "answer"))
    time.sleep(STILL_S)
    effects, looks = tuple(town.gate.effects), world.deps.store.counters.all()["looks"]
    finished = [key.decode().removeprefix("rq:job:") for key in world.redis.scan_iter("rq:job:review-*")]
    world.redis.zadd("rq:wip:review", {f"{job}:{'0' * 32}": 1 for job in finished})
    until(lambda: world.deps.store.counters.all()["looks"] > looks)
    time.sleep(STILL_S)
    assert tuple(town.gate.effects) == effects
    check(world, town.pull, town.story)


@pytest.mark.parametrize("town", [ACCEPT_PULL], ids=str, indirect=True)
def test_a_job_that_runs_out_of_time_at_the_hub_is_gone_on_with_once(town: Town) -> None:
    slow = {"quirk": "latency", "ms": 5000, "times": 1, "match": {"user": "bot", "operation": "mergePull"}}
    town.world.db.play(slow)
    # Longer than a decision takes beside other work: here the hub alone makes a job run out of time.
    town.start(ODD_JOB_TIMEOUT_S="4")
    until(lambda: town.world.said(town.pull, "answer"))
    time.sleep(STILL_S)
    check(town.world, town.pull, town.story)


@pytest.mark.slow
def test_two_bots_by_mistake_each_with_a_redis_of_its_own_do_each_deed_once(
    world: World, world_redis: RedisProcess, bots: Bots, tmp_path: Path
) -> None:
    """They know nothing of each other, so words may come from both; rows cannot."""
    works = many_works(world, 4)
    with private_redis() as other, ExitStack() as stack:
        for n, server in enumerate((world_redis, other)):
            folder = tmp_path / str(n)
            folder.mkdir()
            stack.enter_context(bots.running(environment(world, None, server, folder)))
        decide(world, works, "ana")
        until(lambda: all(world.said(pull, "answer") for pull in works))
        time.sleep(STILL_S)
    stamps = world.db.sql("SELECT context_id, COUNT(*) FROM stamps GROUP BY context_id")
    assert [int(count or 0) for _, count in stamps] == [1] * len(works)
    assert [world.state(pull) for pull in works] == ["merged"] * len(works)
    log = world.sandbox.admin("GET", "/log", database=world.db.name, ref="main")
    merged = [commit["parents"][1] for commit in log if len(commit["parents"]) == 2]
    assert len(merged) == len(set(merged))


@pytest.mark.parametrize("many", [3, pytest.param(12, marks=pytest.mark.slow)], ids=["three-decisions", "a-dozen-decisions"])
def test_a_clock_that_jumps_an_hour_decides_nothing_twice_and_forgets_nothing(
    world: World, world_redis: RedisProcess, bots: Bots, many: int, tmp_path: Path
) -> None:
    works = many_works(world, many)
    decide(world, works, "ana")
    with bots.running(environment(world, None, world_redis, tmp_path) | {"ODD_CLOCK_JUMPS_S": "3600"}, many=2):
        until(lambda: all(world.said(pull, "answer") for pull in works))
        time.sleep(STILL_S)
        until(lambda: put_away(world))
    answered_once(world, works)
