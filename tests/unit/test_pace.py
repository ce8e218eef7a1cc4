"""The pace of requests, on a clock of our own."""

from __future__ import annotations

from bot.hub.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def pace(clock: Clock, per_minute: float = 60) -> Pace:
    return Pace(per_minute, clock=clock, sleep=clock.sleep)


def test_a_minutes_requests_go_at_once_and_the_next_waits_its_turn() -> None:
    clock = Clock()
    budget = pace(clock)
    for _ in range(62):
        budget.wait()
    assert clock.slept == [1.0, 1.0]


def test_time_gives_the_budget_back_but_never_more_than_a_minutes_worth() -> None:
    clock = Clock()
    budget = pace(clock)
    for _ in range(60):
        budget.wait()
    clock.now += 3600
    for _ in range(61):
        budget.wait()
    assert clock.slept == [1.0]


def test_trouble_halves_the_pace_and_quiet_minutes_give_it_back_one_by_one() -> None:
    clock = Clock()
    budget = pace(clock)
    budget.trouble()
    assert budget.per_minute == 30
    budget.trouble()
    assert budget.per_minute == 15
    clock.now += 3 * 60
    assert budget.per_minute == 18
    clock.now += 24 * 3600
    assert budget.per_minute == 60


def test_however_much_trouble_there_is_a_little_is_always_asked() -> None:
    clock = Clock()
    budget = pace(clock)
    for _ in range(50):
        budget.trouble()
    assert budget.per_minute == 5
    small = pace(clock, per_minute=2)
    small.trouble()
    assert small.per_minute == 2
