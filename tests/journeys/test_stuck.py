"""Looks that fail again and again: said below the pull where something is due there, once for each reason, and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from bot.converge import quarantine
from bot.dolthub.errors import HubBusy, HubError, HubRefused, HubStrange, HubUnsettled
from bot.health.commons import outages as outage_rows
from bot.health.commons import stuck as stuck_rows
from bot.health.facts import CommonsFacts
from bot.model.ids import Commons, PullNo
from bot.model.policy import Policy
from bot.queue.threads import TookTooLong
from bot.store import DECIDE, RECHECK, REVIEW, Outage
from bot.store.keys import pull_target
from bot.store.outages import CALM_S
from bot.web.health import _StoreMetrics
from bot.worker.jobs import PullJobs
from tests.journeys.test_kinds import outcomes, verdicts
from tests.journeys.test_trouble import Worker, told, trouble
from tests.patience import until
from tests.stores import jobs_of
from tests.world import World


class Failing:
    """A worker whose looks fail as told, and which says so with the real words."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ahead = timedelta()
        self.bot = world.bot(clock=lambda: world.deps.clock() + self.ahead)
        self.error: Callable[[], BaseException] | None = None
        self.duties = PullJobs(
            known=frozenset({world.commons}),
            store=self.bot.store,
            jobs=jobs_of(self.bot.store),
            look=self._look,
            sweep=lambda _: 0,
            tell=lambda commons, number: quarantine.tell(number, self.bot.at(commons)),
            tell_stuck=lambda commons, number, debt: quarantine.tell_stuck(number, debt, self.bot.at(commons)),
        )

    def _look(self, _commons: Commons, _number: PullNo, _extend: Callable[[], None]) -> None:
        if self.error is not None:
            raise self.error()

    def look(self, pull: PullNo, error: Callable[[], BaseException] | None, *, queue: str = REVIEW) -> list[str]:
        """One job; what was logged loudly of it."""
        self.error = error
        hint = self.bot.store.keys.dedup(queue, pull_target(self._world.commons, pull))
        with capture_logs() as logs:
            self.duties.run(str(self._world.commons), pull, queue, hint)
        return told(logs)

    def notices(self, pull: PullNo) -> list[str]:
        return [body.split(" · ", 1)[0].strip("*") for body in self._world.said(pull, "notice")]

    def stuck(self) -> list[tuple[int, str, int]]:
        """What doctor is told of stuck looks."""
        found = self.bot.store.at(self._world.commons).pulls.stuck()
        return [(debt.pull, debt.trouble.says, debt.alike) for debt in found if debt.trouble is not None]

    def metrics(self) -> str:
        registry = CollectorRegistry()
        registry.register(_StoreMetrics(self.bot.store, [self._world.commons]))
        return generate_latest(registry).decode()


NUMBERS = iter(range(10**6))
OWN: tuple[tuple[str, Callable[[], BaseException], str], ...] = (
    ("strange", lambda: HubStrange(f"no rows at {next(NUMBERS):032d}"), "no rows at"),
    ("refused", lambda: HubRefused(f"400 in {next(NUMBERS)} ms", status=400, code="VALIDATION_FAILED"), "400 in"),
    ("a crash", lambda: KeyError("secret words"), "an error inside the bot (KeyError)"),
)


@pytest.mark.parametrize(("error", "says"), [row[1:] for row in OWN], ids=[row[0] for row in OWN])
def test_a_look_that_fails_three_times_for_one_reason_is_said_once_whatever_the_error(
    world: World, error: Callable[[], BaseException], says: str
) -> None:
    pull, worker = world.hand_in("pia", "polecat-7", "w-com-001"), Failing(world)
    worker.look(pull, error)
    worker.look(pull, error)
    assert (worker.notices(pull), worker.stuck()) == ([], [])
    worker.look(pull, error)
    assert worker.notices(pull) == ["CANNOT GO ON"]
    (notice,) = world.said(pull, "notice")
    assert says in notice
    assert "The review of this pull waits." in notice
    assert "secret words" not in notice
    ((number, why, times),) = worker.stuck()
    assert (number, times) == (pull, 3)
    assert says in why
    assert f'stampbot_pulls_stuck{{commons="{world.commons}"}} 1.0' in worker.metrics()
    worker.look(pull, error)
    assert worker.notices(pull) == ["CANNOT GO ON"]
    world.redis.flushall()
    for _ in range(4):
        worker.look(pull, error)
    assert worker.notices(pull) == ["CANNOT GO ON"], "the comment itself bears the reason"
    worker.look(pull, None)
    assert worker.stuck() == []
    assert f'stampbot_pulls_stuck{{commons="{world.commons}"}} 0.0' in worker.metrics()


def test_another_reason_is_said_as_well_and_the_same_one_again_after_it_went_well(world: World) -> None:
    pull, worker = world.hand_in("pia", "polecat-7", "w-com-001"), Failing(world)

    def fail(words: str) -> None:
        for _ in range(3):
            worker.look(pull, lambda: HubStrange(words))

    fail("no rows")
    fail("no columns")
    fail("no rows")
    assert len(worker.notices(pull)) == 2
    world.settle()
    assert verdicts(world, pull) == ["READY"]
    # `settle` converges without a job; it is a job that ends well which forgets what was said.
    assert worker.look(pull, None) == []
    world.comment(pull, "ana", "/help")

    def said_again() -> bool:
        fail("no rows")
        return len(worker.notices(pull)) == 3

    # The same words within `about_to_s` may be those of before, which a list that lags does not show yet.
    until(said_again)
    assert "Commands below this pull wait for an answer." in world.said(pull, "notice")[-1]


def test_two_reasons_in_turn_are_not_one(world: World) -> None:
    pull, worker = world.hand_in("pia", "polecat-7", "w-com-001"), Failing(world)
    for _ in range(3):
        worker.look(pull, lambda: HubStrange("no rows"))
        worker.look(pull, lambda: HubStrange("no columns"))
    assert (worker.notices(pull), worker.stuck()) == ([], [])


def test_where_nothing_is_due_only_the_operator_hears(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    worker = Failing(world)
    world.comment(pull, "mallory", "nice work")
    for _ in range(4):
        worker.look(pull, lambda: HubStrange("no rows"), queue=RECHECK)
    assert worker.notices(pull) == []
    assert [number for number, _, _ in worker.stuck()] == [pull]
    place = CommonsFacts(commons=world.commons, policy=Policy(), has_token=True, webhook=None, stuck=((pull, "no rows", 4),))
    (row,) = stuck_rows(place)
    assert row.says == f"pull {pull} cannot go on, 4 looks in a row failed for one reason: no rows"


def test_an_answer_that_hangs_on_what_dolthub_does_not_take_is_told_and_comes_when_it_does(world: World) -> None:
    """The whole road: the real look fails while it reads, each time alike."""
    worker = Worker(world)
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    with trouble(world, {"quirk": 3, "how": "error"}):
        for _ in range(4):
            worker.look(pull)
        (notice,) = world.said(pull, "notice")
    assert notice.startswith("**CANNOT GO ON**")
    assert "Commands below this pull wait for an answer." in notice
    world.settle()
    assert (outcomes(world, pull), len(world.said(pull, "notice")), world.count("stamps")) == (["ACCEPTED"], 1, 1)


PASSING: tuple[tuple[str, Callable[[], HubError]], ...] = (
    ("busy", lambda: HubBusy("503")),
    ("unsettled", lambda: HubUnsettled("another merge is running on this commons")),
    ("a proxy", lambda: HubStrange("not JSON", unreadable=True)),
)


@pytest.mark.parametrize("error", [row[1] for row in PASSING], ids=[row[0] for row in PASSING])
def test_trouble_that_passes_is_said_only_where_a_command_has_waited_for_ten_minutes(
    world: World, error: Callable[[], HubError]
) -> None:
    pull, worker = world.hand_in("pia", "polecat-7", "w-com-001"), Failing(world)
    worker.ahead = timedelta(hours=1)
    for _ in range(4):
        worker.look(pull, error)
    assert worker.notices(pull) == [], "a review that waits for DoltHub is no news"
    worker.look(pull, None)
    world.settle()
    worker.ahead = timedelta()
    world.comment(pull, "ana", "/accept --quality 4")
    for _ in range(4):
        worker.look(pull, error, queue=DECIDE)
    assert worker.notices(pull) == []
    worker.ahead = timedelta(minutes=11)
    for _ in range(3):
        worker.look(pull, error, queue=DECIDE)
    assert worker.notices(pull) == ["CANNOT GO ON"]


def test_trouble_that_meets_all_pulls_is_one_line_one_metric_and_one_row(world: World) -> None:
    pulls, worker = [PullNo(number) for number in range(1, 8)], Failing(world)
    lines = [line for pull in pulls for _ in range(3) for line in worker.look(pull, lambda: HubBusy("503"))]
    assert lines == ["warning: look: DoltHub is busy or away, will look again: 503"]
    assert worker.stuck() == []
    assert worker.metrics().count("stampbot_outage{") == 1
    (outage,) = worker.bot.store.at(world.commons).outages.all()
    assert (outage.of, outage.failed, outage.says) == ("DoltHub", 21, "503")
    known = ((outage.of, outage.says, outage.since, outage.failed),)
    place = CommonsFacts(commons=world.commons, policy=Policy(), has_token=True, webhook=None, outages=known)
    (row,) = outage_rows(place)
    assert "trouble with DoltHub since" in row.says
    worker.look(pulls[0], None)
    assert worker.bot.store.at(world.commons).outages.all() == (outage,), "trouble that comes and goes is one outage"
    assert worker.look(pulls[0], lambda: HubBusy("503")) == []
    worker.ahead = timedelta(seconds=CALM_S + 1)
    worker.look(pulls[0], None)
    assert worker.bot.store.at(world.commons).outages.all() == ()
    assert worker.look(pulls[0], lambda: HubBusy("503")) != []


def test_without_redis_trouble_with_it_is_one_line_all_the_same(world: World) -> None:
    bot = world.bot()
    away: Any = bot.store.at(world.commons).outages
    away._redis = type("Away", (), {"hgetall": _raises, "pipeline": _raises, "hdel": _raises})()
    assert [away.met("Redis", "refused") for _ in range(3)] == [True, False, False]
    assert [type(each) for each in away.all()] == [Outage]


def _raises(*_: object) -> None:
    import redis

    raise redis.ConnectionError("away")


def test_a_look_that_takes_too_long_is_said_too(world: World) -> None:
    pull, worker = world.hand_in("pia", "polecat-7", "w-com-001"), Failing(world)
    for _ in range(3):
        with pytest.raises(TookTooLong):
            worker.look(pull, lambda: TookTooLong("600 s"))
    (notice,) = world.said(pull, "notice")
    assert "the look took too long" in notice
