"""The clock knocks for each commons at its own pace, and a Redis that is away only keeps it waiting."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.clock.clock import RETRY_S, Clock
from bot.clock.heartbeat import BEAT_S
from bot.model.ids import Commons

HOP = Commons("hop", "wl-commons")
MESA = Commons("mesa", "wl-commons")


class Time:
    """A clock face that only moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_knock_is_at_once_and_the_next_after_the_interval() -> None:
    time, knocked = Time(), Counter[Commons]()
    clock = Clock([(HOP, 30.0)], lambda c: knocked.update([c]), monotonic=time, spread=lambda: 1.0)
    assert clock.beat() == 30.0
    assert knocked == {HOP: 1}
    time.now += 29.9
    assert clock.beat() == pytest.approx(0.1)
    assert knocked == {HOP: 1}
    time.now += 0.1
    clock.beat()
    assert knocked == {HOP: 2}


def test_each_commons_has_its_own_pace() -> None:
    time, knocked = Time(), Counter[Commons]()
    clock = Clock([(HOP, 5.0), (MESA, 20.0)], lambda c: knocked.update([c]), monotonic=time, spread=lambda: 1.0)
    end = time.now + 60
    while time.now < end:
        time.now += clock.beat()
    assert knocked == {HOP: 12, MESA: 3}


def test_the_interval_is_jittered_by_a_tenth() -> None:
    time = Time()
    waits: list[float] = []
    clock = Clock([(HOP, 100.0)], lambda _: None, monotonic=time)
    for _ in range(200):
        waits.append(clock.beat())
        time.now += waits[-1]
    assert min(waits) >= 90 - 1e-6
    assert max(waits) <= 110 + 1e-6
    assert max(waits) - min(waits) > 5


def test_a_clock_that_slept_does_not_catch_up() -> None:
    time, knocked = Time(), Counter[Commons]()
    clock = Clock([(HOP, 5.0)], lambda c: knocked.update([c]), monotonic=time, spread=lambda: 1.0)
    clock.beat()
    time.now += 3600
    assert clock.beat() == 5.0
    assert knocked == {HOP: 2}


def test_when_redis_is_away_it_tries_again_soon_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    time, away, knocked = Time(), True, Counter[Commons]()

    def knock(commons: Commons) -> None:
        if away:
            raise ConnectionError("Redis is away")
        knocked.update([commons])

    clock = Clock([(HOP, 30.0)], knock, monotonic=time, spread=lambda: 1.0)
    for _ in range(4):
        assert clock.beat() == RETRY_S
        time.now += RETRY_S
    away = False
    assert clock.beat() == 30.0
    assert knocked == {HOP: 1}


def test_it_says_that_it_lives_at_each_beat_however_seldom_it_knocks() -> None:
    time, said = Time(), list[str]()
    clock = Clock(
        [(HOP, 3600.0)],
        lambda c: said.append(str(c)),
        heartbeat=lambda: said.append("lives"),
        monotonic=time,
        spread=lambda: 1.0,
    )
    clock.beat()
    time.now += BEAT_S
    clock.beat()
    assert said == [str(HOP), "lives", "lives"]


def test_a_heartbeat_that_redis_does_not_take_is_outlived() -> None:
    def live() -> None:
        raise ConnectionError("Redis is away")

    time, knocked = Time(), Counter[Commons]()
    clock = Clock([(HOP, 30.0)], lambda c: knocked.update([c]), heartbeat=live, monotonic=time, spread=lambda: 1.0)
    assert clock.beat() == 30.0
    time.now += 30
    assert clock.beat() == 30.0
    assert knocked == {HOP: 2}
