"""The pace of requests, on a clock of our own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dolthub.budget.rate_limiter import PATIENCE_S, OwnBudget, RateLimiter, TokenBucket, Urgency, working_at
from bot.dolthub.budget.shared import SharedBudget
from bot.dolthub.errors import HubBusy


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


class Epoch:
    """A cell that all purses of a test share; `away`: Redis is."""

    def __init__(self, clock: Clock) -> None:
        self.text: str | None = None
        self.away = False
        self._clock = clock

    def change(self, act: Callable[[str | None, float], str]) -> bool:
        if not self.away:
            self.text = act(self.text, self._clock())
        return not self.away


def pace(clock: Clock, per_minute: float = 60) -> RateLimiter:
    return RateLimiter(OwnBudget(per_minute, clock), clock=clock, sleep=clock.sleep)


def draw(budget: RateLimiter, how: Urgency, times: int = 1) -> None:
    with working_at(how):
        for _ in range(times):
            budget.wait()


def test_a_minutes_decisions_go_at_once_and_the_next_waits_its_turn() -> None:
    clock = Clock()
    draw(pace(clock), Urgency.DECIDE, 61)
    assert clock.slept == [2.0]


@pytest.mark.parametrize(
    ("how", "at_once"), [(Urgency.DECIDE, 80), (Urgency.LISTEN, 30), (Urgency.REVIEW, 30), (Urgency.RECHECK, 20)]
)
def test_each_draws_its_half_and_leaves_a_share_to_more_urgent_ones(how: Urgency, at_once: int) -> None:
    clock = Clock()
    budget = pace(clock, 80)
    with working_at(how):
        assert budget.available() == at_once
    draw(budget, how, at_once)
    assert clock.slept == []
    draw(budget, how)
    assert len(clock.slept) == 1
    assert 1.5 <= clock.slept[0] <= 1.65


def test_a_decision_does_not_wait_behind_rechecks_that_wait() -> None:
    clock = Clock()
    budget = pace(clock)
    draw(budget, Urgency.RECHECK, 15)
    draw(budget, Urgency.DECIDE, 45)
    assert clock.slept == []


@given(
    st.lists(st.tuples(st.sampled_from([Urgency.REVIEW, Urgency.RECHECK]), st.floats(0, 30), st.floats(0, 600)), max_size=80),
    st.integers(2, 500),
)
def test_reviews_never_take_the_half_for_comments_and_commands(
    draws: list[tuple[Urgency, float, float]], per_minute: int
) -> None:
    """However many wait, and however long they have waited."""
    bucket, now = TokenBucket.full(per_minute, 0.0), 0.0
    for how, wait_s, waited_s in draws:
        now += wait_s
        bucket, _, _ = bucket.drawn(now, how, waited_s)
        assert bucket.attention == per_minute / 2
        assert bucket.available(Urgency.DECIDE) >= per_minute / 2


@given(st.lists(st.tuples(st.sampled_from(Urgency), st.floats(0, 30), st.floats(0, 60)), max_size=80), st.integers(2, 500))
def test_a_half_that_is_drawn_from_gets_half_of_the_pace_back_whatever_the_other_does(
    draws: list[tuple[Urgency, float, float]], per_minute: int
) -> None:
    bucket, now = TokenBucket.full(per_minute, 0.0), 0.0
    for how, wait_s, waited_s in draws:
        before, now = bucket, now + wait_s
        bucket = bucket.filled(now)
        gained = min(wait_s * per_minute / 120, bucket.half - before.tokens, bucket.half - before.attention)
        assert bucket.tokens - before.tokens >= gained - 1e-6
        assert bucket.attention - before.attention >= gained - 1e-6
        bucket, _, _ = bucket.drawn(now, how, waited_s)


def test_a_decision_costs_no_reading_of_comments_while_reviews_have_a_share_to_give() -> None:
    clock = Clock()
    budget = pace(clock, 80)
    draw(budget, Urgency.DECIDE, 40)
    with working_at(Urgency.LISTEN):
        assert budget.available() == 30


def test_comments_are_read_at_half_of_the_pace_while_reviews_without_end_wait() -> None:
    clock = Clock()
    budget = pace(clock, 120)
    read = 0

    def sleep(seconds: float) -> None:
        clock.now += seconds
        with working_at(Urgency.REVIEW):
            while budget.available() >= 1:
                budget.wait()

    busy = RateLimiter(budget._store, clock=clock, sleep=sleep)
    draw(busy, Urgency.REVIEW, 45)
    draw(busy, Urgency.LISTEN, 45)
    until = clock.now + 300
    while clock.now < until:
        draw(busy, Urgency.LISTEN)
        read += 1
    assert read >= 0.9 * 60 * 5


def test_nobody_starves_behind_decisions_that_never_end() -> None:
    clock = Clock()
    budget = pace(clock)
    draw(budget, Urgency.DECIDE, 60)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        # A decision takes every token there is, all the while.
        with working_at(Urgency.DECIDE):
            while budget.available() >= 2:
                budget.wait()

    busy = RateLimiter(budget._store, clock=clock, sleep=sleep)
    began = clock.now
    draw(busy, Urgency.RECHECK)
    assert clock.now - began < 45


def test_time_gives_the_budget_back_but_never_more_than_a_minutes_worth() -> None:
    clock = Clock()
    budget = pace(clock)
    draw(budget, Urgency.DECIDE, 60)
    clock.now += 3600
    draw(budget, Urgency.DECIDE, 61)
    assert clock.slept == [2.0]


def test_trouble_halves_the_pace_and_quiet_gives_it_back_quickly_up_to_what_was_borne_then_slowly() -> None:
    clock = Clock()
    budget = pace(clock)
    clock.now += 10
    budget.trouble()
    assert budget.per_minute == 30
    clock.now += 10
    budget.trouble()
    assert budget.per_minute == 15
    seen = []
    for seconds in (19, 1, 20, 20, 39, 1, 5 * 60, 3600):
        clock.now += seconds
        seen.append(budget.per_minute)
    # 54 is nine tenths of the pace at which the first trouble of this storm came.
    assert seen == [15, 30, 54, 54, 54, 55, 60, 60]


def test_a_ceiling_is_forgotten_after_a_day() -> None:
    clock = Clock()
    budget = pace(clock)
    budget.trouble()
    clock.now += 86400
    budget.trouble()
    clock.now += 20
    # The new storm came at the full pace, so its ceiling is the same; the old one is gone.
    assert budget.per_minute == 54
    clock.now += 86400 + 20
    assert budget.per_minute == 60


def test_after_a_storm_of_thirty_seconds_nine_tenths_of_the_pace_are_back_within_two_minutes() -> None:
    clock = Clock()
    budget = pace(clock, 120)
    for _ in range(6):
        budget.trouble()
        clock.now += 6
    assert budget.per_minute <= 5
    clock.now += 114
    assert budget.per_minute == 108


def test_a_hub_that_bears_a_hundred_a_minute_is_troubled_at_most_once_in_ten_minutes() -> None:
    """Once the bot has met its limit: a pace above it is answered with a refusal."""
    for bears in (100, 60):
        bucket, now, refused = TokenBucket.full(120, 0.0), 0.0, list[float]()
        while now < 4 * 3600:
            now += 60 / bucket.per_minute
            bucket, _, _ = bucket.drawn(now, Urgency.REVIEW, PATIENCE_S)
            if bucket.per_minute > bears:
                bucket = bucket.troubled(now, 0.0)
                refused.append(now)
        steady = [at for at in refused if at > 1800]
        assert steady
        assert all(later - earlier >= 180 for earlier, later in pairwise(steady)), (bears, steady)
        if bears == 100:
            assert all(later - earlier >= 600 for earlier, later in pairwise(steady)), steady


def test_an_outage_of_an_hour_teaches_no_lower_pace() -> None:
    """Each request ends in a time-out: that says nothing about the pace that DoltHub bears."""
    bucket, now = TokenBucket.full(120, 0.0), 0.0
    for _ in range(120):
        now += 30
        bucket, _, _ = bucket.drawn(now, Urgency.REVIEW, PATIENCE_S)
        bucket = bucket.troubled(now, 0.0)
    assert bucket.filled(now + 60).per_minute == 108


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 4000)), max_size=60), st.integers(1, 600))
def test_the_pace_stays_between_the_least_and_the_budget_and_grows_with_quiet_alone(
    steps: list[tuple[bool, float]], per_minute: int
) -> None:
    bucket, now = TokenBucket.full(per_minute, 0.0), 0.0
    for troubled, seconds in steps:
        now += seconds
        before, bucket = bucket, bucket.filled(now)
        assert min(5.0, per_minute) <= bucket.per_minute <= per_minute
        assert bucket.per_minute >= before.per_minute
        assert bucket.filled(now) == bucket
        if troubled:
            after = bucket.troubled(now, 0.0)
            assert after.per_minute <= bucket.per_minute
            bucket = after


def test_requests_that_fail_together_are_one_trouble() -> None:
    clock = Clock()
    budget = pace(clock)
    for _ in range(16):
        budget.trouble()
    assert budget.per_minute == 30


def test_the_pace_never_falls_below_five_a_minute_nor_below_a_budget_that_is_smaller() -> None:
    for per_minute, least in ((60, 5), (3, 3)):
        clock = Clock()
        budget = pace(clock, per_minute)
        for _ in range(20):
            clock.now += 6
            budget.trouble()
        assert budget.per_minute == least


def test_a_rest_that_was_asked_for_is_kept_by_all_and_not_waited_for_long() -> None:
    clock = Clock()
    budget = pace(clock)
    budget.trouble(8)
    draw(budget, Urgency.DECIDE)
    assert clock.slept == [pytest.approx(8, rel=0.11)]
    clock.now += 60
    budget.trouble(100_000)
    with pytest.raises(HubBusy, match="left alone") as busy:
        draw(budget, Urgency.DECIDE)
    assert busy.value.retry_after_s == pytest.approx(900)
    clock.now += 900
    draw(budget, Urgency.DECIDE)


@given(st.lists(st.tuples(st.sampled_from(Urgency), st.floats(0, 30)), max_size=80), st.integers(1, 500))
def test_no_minute_ever_sees_more_than_two_budgets(draws: list[tuple[Urgency, float]], per_minute: int) -> None:
    """One that was saved up, and one that came meanwhile."""
    bucket, now, sent = TokenBucket.full(per_minute, 0.0), 0.0, []
    for how, wait_s in draws:
        now += wait_s
        bucket, may, owed_s = bucket.drawn(now, how, 0.0)
        if may:
            sent.append(now + owed_s)
    for start in sent:
        assert sum(start <= at < start + 60 for at in sent) <= 2 * per_minute + 1


# --- for all processes ------------------------------------------------------------------------------------------------


def shared(epoch: Epoch, clock: Clock, per_minute: float = 60) -> RateLimiter:
    return RateLimiter(SharedBudget(epoch, per_minute), clock=clock, sleep=clock.sleep)


def test_processes_draw_from_one_budget_and_feel_the_trouble_of_any() -> None:
    clock = Clock()
    epoch = Epoch(clock)
    here, there = shared(epoch, clock), shared(epoch, clock)
    draw(here, Urgency.DECIDE, 30)
    draw(there, Urgency.DECIDE, 30)
    assert clock.slept == []
    draw(here, Urgency.DECIDE)
    assert clock.slept == [2.0]
    there.trouble()
    assert here.per_minute == 30


def test_without_redis_each_process_has_a_budget_of_its_own() -> None:
    clock = Clock()
    epoch = Epoch(clock)
    epoch.away = True
    here, there = shared(epoch, clock), shared(epoch, clock)
    draw(here, Urgency.DECIDE, 60)
    draw(there, Urgency.DECIDE, 60)
    assert clock.slept == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"most": 1}', '{"most": "x"}', "[" * 60_000, "null"])
def test_what_does_not_read_as_a_budget_is_a_full_one(text: str) -> None:
    clock = Clock()
    epoch = Epoch(clock)
    epoch.text = text
    assert shared(epoch, clock).per_minute == 60


def test_a_budget_that_the_operator_changes_holds_at_once() -> None:
    clock = Clock()
    epoch = Epoch(clock)
    draw(shared(epoch, clock, 60), Urgency.DECIDE)
    assert shared(epoch, clock, 90).per_minute == 90
    draw(shared(epoch, clock, 20), Urgency.DECIDE)
    assert shared(epoch, clock, 20).per_minute == 20


def test_a_budget_written_by_a_version_before_is_read_as_far_as_it_goes() -> None:
    clock = Clock()
    epoch = Epoch(clock)
    epoch.text = (
        '{"most": 60.0, "per_minute": 15.0, "tokens": 12.0, "filled_at": 100.0, "troubled_at": 95.0, "cooldown_until": 0.0}'
    )
    budget = shared(epoch, clock)
    assert budget.per_minute == 15
    draw(budget, Urgency.DECIDE)
    assert clock.slept == []


def test_commons_of_one_account_plan_with_parts_of_one_budget_and_draw_what_others_leave() -> None:
    clock = Clock()
    store = OwnBudget(60, clock)
    here, there = (RateLimiter(store, commons=2, clock=clock, sleep=clock.sleep) for _ in range(2))
    with working_at(Urgency.LISTEN):
        assert (here.available(), there.available(), here.share_per_minute) == (11.25, 11.25, 30)
    draw(here, Urgency.DECIDE, 60)
    assert clock.slept == []
    draw(there, Urgency.DECIDE)
    assert clock.slept == [2.0]
