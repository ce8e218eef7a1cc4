"""Validators are heard while reviews wait: a fresh installation with the shipped settings, played in told time.

Sweep, client, budget, queues and Redis are the real ones. DoltHub is answered from memory, and a look is what it costs: its
requests, one after the other, each drawn from the budget as its queue says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.told import ACCEPT_MAX_S, ALL_REVIEWED_MAX_S, HELP_MAX_S, PULLS, Installation, ToldTime
from bot.config.settings import LANES
from bot.model.ids import PullNo
from bot.store import Store, make_redis
from bot.sweep.schedule import in_turn
from tests.redis_process import private_redis
from tests.stores import a_store


@pytest.fixture
def scratch_of_told_time() -> Iterator[tuple[Store, ToldTime]]:
    told = ToldTime()
    with private_redis() as server:
        yield a_store(make_redis(server.url), now=told), told


@pytest.fixture
def calm_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jitter of those who wait for the budget, the same in each run."""
    monkeypatch.setattr("bot.dolthub.budget.rate_limiter.random", random.Random(7))


@pytest.mark.usefixtures("calm_chance")
def test_validators_are_heard_while_the_first_reviews_are_written(scratch_of_told_time: tuple[Store, ToldTime]) -> None:
    """On the shipped settings, with a command each minute, every third of them an /accept."""
    store, told = scratch_of_told_time
    chance = random.Random(7)

    def people(town: Installation) -> None:
        for minute in range(1, 14):
            town.told.sleep(60)
            asked = {PullNo(int(key.split("-")[0])) for key in town.written}
            free = [pull for pull in town.reviewed_at if pull not in asked]
            town.write(chance.choice(free), "/help" if minute % 3 else "/accept -q 4")

    town = Installation(store=store, told=told, minutes=16)
    town.play(people)
    waits = town.answered_after
    assert (len(waits["/help"]), len(waits["/accept"])) == (9, 4)
    assert max(waits["/help"]) <= HELP_MAX_S
    assert max(waits["/accept"]) <= ACCEPT_MAX_S
    # They are heard during the backlog, not after it, and it does not stand still for them.
    assert 20 <= len(town.reviewed_at) < PULLS


@pytest.mark.slow
@pytest.mark.usefixtures("calm_chance")
def test_the_first_reviews_come_oldest_pull_first_and_in_the_time_that_half_of_the_budget_allows(
    scratch_of_told_time: tuple[Store, ToldTime],
) -> None:
    store, told = scratch_of_told_time
    town = Installation(store=store, told=told, minutes=ALL_REVIEWED_MAX_S / 60)
    town.play(lambda _: None)
    assert len(town.reviewed_at) == PULLS
    written = list(town.reviewed_at)
    # Lanes work side by side, so neighbours may change places.
    assert all(abs(place - pull) <= 2 * LANES for place, pull in enumerate(written, 1))


@pytest.mark.slow
@pytest.mark.usefixtures("calm_chance")
def test_at_rest_a_help_below_any_pull_is_answered_within_ninety_seconds(
    scratch_of_told_time: tuple[Store, ToldTime],
) -> None:
    store, told = scratch_of_told_time
    town, chance = Installation(store=store, told=told, minutes=45), random.Random(7)

    def people(town: Installation) -> None:
        town.told.sleep(30 * 60)
        for pull in chance.sample(range(1, PULLS + 1), 12):
            town.write(PullNo(pull), "/help")
            town.told.sleep(60)

    town.play(people)
    assert len(town.answered_after["/help"]) == 12
    assert max(town.answered_after["/help"]) <= HELP_MAX_S


@given(st.lists(st.lists(st.integers(0, 60), unique=True), min_size=1, max_size=4), st.integers(1, 80))
def test_no_queue_waits_for_another_to_be_empty(queues: list[list[int]], most: int) -> None:
    taken = in_turn(queues, most)
    assert len(taken) == len(set(taken)) == min(most, len({each for queue in queues for each in queue}))
    for queue in queues:
        # Each gets its turns, in its order: the longest unread of each first.
        assert set(queue[: most // len(queues)]) <= set(taken)
