"""A pull that breaks whoever looks at it: left alone, told once, in nobody's way, tried again when it changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
import redis

from bot.converge import quarantine
from bot.converge.converge import converge
from bot.dolthub.errors import HubBusy, HubRefused, HubStrange
from bot.model.ids import Commons, PullNo
from bot.store import REVIEW, Store
from bot.store.keys import pull_target
from bot.store.pulls import TRIES_MAX
from bot.sweep.sweep import sweep
from bot.worker.jobs import PullJobs
from tests.stores import a_store, jobs_of
from tests.world import World

Look = Callable[[Commons, PullNo, Callable[[], None]], object]


def duties(world: World, look: Look, store: Store | None = None) -> PullJobs:
    return PullJobs(
        known=frozenset({world.commons}),
        store=store or world.deps.store,
        jobs=jobs_of(store or world.deps.store),
        look=look,
        sweep=lambda commons: sweep(world.deps.at(commons)),
        tell=lambda commons, number: quarantine.tell(number, world.deps.at(commons)),
        tell_stuck=lambda commons, number, debt: quarantine.tell_stuck(number, debt, world.deps.at(commons)),
    )


def run(world: World, work: PullJobs, pull: PullNo) -> None:
    work.run(str(world.commons), pull, REVIEW, world.deps.store.keys.dedup(REVIEW, pull_target(world.commons, pull)))


def breaks(_commons: Commons, _pull: PullNo, _extend: Callable[[], None]) -> None:
    raise RuntimeError("this pull is poison")


def quarantined(world: World) -> list[PullNo]:
    return sorted(world.deps.store.at(world.commons).pulls.quarantined())


@pytest.mark.parametrize("change", ["a comment", "a commit"])
def test_a_poisonous_pull_is_left_alone_told_once_and_tried_again_when_it_changes(world: World, change: str) -> None:
    other = world.hand_in("otto", "brass-otter", "w-com-002")
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    world.comment(pull, "ana", "/accept -q 4")
    poison = duties(world, breaks)
    for _ in range(TRIES_MAX):
        assert quarantined(world) == []
        run(world, poison, pull)
    for _ in range(3):
        run(world, poison, pull)
        sweep(world.deps.at(world.commons))
    assert quarantined(world) == [pull]
    assert world.deps.store.at(world.commons).pulls.pending() == ()
    (notice,) = world.said(pull, "notice")
    assert notice.startswith("**CANNOT GO ON**")
    assert "After five failures in a row it waits for a new commit or a new comment here." in notice
    world.comment(other, "bo", "/accept -q 3")
    run(world, duties(world, lambda c, n, extend: converge(n, world.deps.at(c), extend=extend)), other)
    world.answer_knocks_at_the_prober()
    world.converge(other)
    assert world.state(other) == "merged"
    if change == "a comment":
        world.comment(pull, "ana", "what is the matter?")
    else:
        world.push("pia", "wl/polecat-7/w-com-001", "UPDATE wanted SET description = 'more' WHERE id = 'w-com-001'")
    sweep(world.deps.at(world.commons))
    assert quarantined(world) == []
    assert [debt.pull for debt in world.deps.store.at(world.commons).pulls.pending()] == [pull]
    world.settle()
    assert world.said(pull, "answer") != []
    assert len(world.said(pull, "notice")) == 1


def test_a_pull_that_kills_its_worker_is_counted_too(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    pool = world.redis.connection_pool

    def kills(_commons: Commons, _pull: PullNo, _extend: Callable[[], None]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    for _ in range(TRIES_MAX):
        child = os.fork()
        if child == 0:
            try:
                own_pool = redis.ConnectionPool(connection_class=pool.connection_class, **pool.connection_kwargs)
                own = a_store(redis.Redis(connection_pool=own_pool), now=world.deps.clock)
                run(world, duties(world, kills, own), pull)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert quarantined(world) == []
        # It held the lease, which ends by itself.
        world.redis.delete(world.deps.store.keys.lease(f"pull:{world.commons}:{pull}"))
    run(world, duties(world, breaks), pull)
    assert quarantined(world) == [pull]


def test_trouble_of_the_hub_is_never_a_pulls_fault(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    busy = iter([HubBusy("503"), HubStrange("not JSON"), HubRefused("no", status=403, code="X"), redis.ConnectionError()] * 2)

    def fails(_commons: Commons, _pull: PullNo, _extend: Callable[[], None]) -> None:
        raise next(busy)

    for _ in range(TRIES_MAX + 2):
        run(world, duties(world, fails), pull)
    assert quarantined(world) == []
    assert [debt.pull for debt in world.deps.store.at(world.commons).pulls.pending()] == [pull]


def test_waiting_for_the_landing_of_another_pull_is_no_failure(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")

    def waits(commons: Commons, number: PullNo, _extend: Callable[[], None]) -> None:
        with world.deps.store.at(commons).landing(number):
            raise AssertionError("somebody else lands")

    with world.bot().store.at(world.commons).landing(PullNo(pull + 1)):
        for _ in range(TRIES_MAX + 2):
            run(world, duties(world, waits), pull)
    assert quarantined(world) == []
    assert [(debt.pull, debt.failed) for debt in world.deps.store.at(world.commons).pulls.pending()] == [(pull, 0)]
