"""A fresh installation in told time: real sweep, client, budget, queues and Redis; DoltHub is answered from memory."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from rq.job import Job
from rq.serializers import JSONSerializer

from benchmarks.crowd import BOT, COMMONS, Crowd, a_verdict
from benchmarks.sweep import AtOnce
from bot.commands import catalog as commands
from bot.config.settings import LANES
from bot.converge.bot import Bot
from bot.converge.converge import seen
from bot.dolthub.budget.rate_limiter import OwnBudget, RateLimiter
from bot.dolthub.client import Hub
from bot.model.ids import CommitHash, PullNo, User
from bot.model.policy import SOONEST, Policy
from bot.model.pull import PullState
from bot.queue.threads import queues_of
from bot.rulebook import catalog as rules
from bot.store import SWEEP, Listed, Store
from bot.sweep.sweep import sweep
from bot.worker.jobs import PullJobs
from tests.stores import jobs_of

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PULLS = 47
LATENCY_S = 0.15
REVIEW_COSTS, HELP_COSTS, ACCEPT_COSTS = 23, 23, 75
"""Requests of a first look and its review, of an answer in words, and of an accept whose writes take their time."""
ALL_REVIEWED_MAX_S = 2.2 * PULLS * REVIEW_COSTS / 120 * 60
HELP_MAX_S, ACCEPT_MAX_S = 90, 180


class ToldTime:
    """Threads of which one runs at a time: whoever sleeps lets the one run that wakes first. No time passes otherwise."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self._turn = threading.Condition()
        self._number = count()
        self._running = -1
        self._wakes: list[tuple[float, int]] = []
        self._threads: list[threading.Thread] = []
        self._broken: list[BaseException] = []

    def __call__(self) -> datetime:
        return BEGAN + timedelta(seconds=self.at_s)

    def monotonic(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        with self._turn:
            ticket = self._ticket(seconds)
            self._next()
            self._await(ticket)

    def play(self, *parts: Callable[[], None]) -> None:
        """All parts side by side, to the end of each."""
        with self._turn:
            for part in parts:
                self._threads.append(threading.Thread(target=self._played, args=(part, self._ticket(0)), daemon=True))
            for thread in self._threads:
                thread.start()
            self._next()
        for thread in self._threads:
            thread.join()
        if self._broken:
            raise self._broken[0]

    def _played(self, part: Callable[[], None], ticket: int) -> None:
        with self._turn:
            self._await(ticket)
        try:
            part()
        except BaseException as error:
            self._broken.append(error)
        finally:
            with self._turn:
                self._next()

    def _ticket(self, seconds: float) -> int:
        ticket = next(self._number)
        heapq.heappush(self._wakes, (self.at_s + seconds, ticket))
        return ticket

    def _next(self) -> None:
        if self._wakes:
            at_s, self._running = heapq.heappop(self._wakes)
            self.at_s = max(self.at_s, at_s)
            self._turn.notify_all()

    def _await(self, ticket: int) -> None:
        while self._running != ticket:
            self._turn.wait()


@dataclass(kw_only=True)
class Installation:
    """A bot that was started a moment ago on a commons of open pulls, none of them reviewed."""

    store: Store
    told: ToldTime
    minutes: float
    crowd: Crowd = field(init=False)
    reviewed_at: dict[PullNo, float] = field(default_factory=dict)
    written: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Comment id to its command and when it was written."""
    answered_after: dict[str, list[float]] = field(default_factory=dict)
    heard_after: list[float] = field(default_factory=list)
    """Seconds from each command to the look that read it."""

    def __post_init__(self) -> None:
        told, policy = self.told, Policy()
        self.crowd = Crowd(PULLS, began=BEGAN - timedelta(days=1))
        for pull in range(1, PULLS + 1):
            self.crowd.said(pull).clear()
        self.pace = RateLimiter(OwnBudget(policy.requests_per_minute, told.monotonic), clock=told.monotonic, sleep=told.sleep)
        self.hub = Hub(
            "http://127.0.0.1:1", "secret", commons=[COMMONS], session=self.crowd, sleep=told.sleep, limiter=self.pace
        )
        self.deps = Bot(
            hubs={COMMONS: self.hub},
            policies={COMMONS: policy},
            store=self.store,
            jobs=jobs_of(self.store),
            clock=told,
            rules=rules.find(),
            commands=commands.find(),
            readers=AtOnce(),
        )
        self.duties = PullJobs(
            known=frozenset({COMMONS}),
            store=self.store,
            jobs=jobs_of(self.store),
            look=self._look,
            sweep=lambda each: sweep(self.deps.at(each)),
        )

    def play(self, people: Callable[[Installation], None]) -> None:
        lanes = [lambda queue=queue: self._lane(queue) for queue in queues_of(LANES)]
        self.told.play(self._clock, *lanes, lambda: people(self))

    @property
    def is_over(self) -> bool:
        return self.told.at_s >= self.minutes * 60

    def write(self, pull: PullNo, command: str) -> None:
        self.crowd.comment(pull, "ana", command, self.told())
        self.written[self.crowd.said(pull)[-1]["comment_id"]] = (command.split(maxsplit=1)[0], self.told.at_s)

    def _clock(self) -> None:
        while not self.is_over:
            jobs_of(self.store).enqueue_sweep(COMMONS)
            self.told.sleep(SOONEST * self.deps.at(COMMONS).policy.timing.poll_s)

    def _lane(self, queue: str) -> None:
        while not self.is_over:
            found = self.store.redis.lpop(f"rq:queue:{queue}")
            if not isinstance(found, bytes):
                self.told.sleep(0.5)
                continue
            job = Job.fetch(found.decode(), connection=self.store.redis, serializer=JSONSerializer)
            (self.duties.run_sweep if queue == SWEEP else self.duties.run)(*job.args)

    def _look(self, _: object, pull: PullNo, extend: Callable[[], None]) -> None:
        """What a look costs, and what it leaves behind (`bot.converge.converge`)."""
        extend()
        began, comments = self.told(), self.hub.comments(COMMONS, pull)
        news = [c for c in comments if c.id in self.written]
        self.heard_after += [began.timestamp() - BEGAN.timestamp() - self.written[c.id][1] for c in news]
        costs = REVIEW_COSTS if pull not in self.reviewed_at else 4
        costs += sum(ACCEPT_COSTS if self.written[c.id][0] == "/accept" else HELP_COSTS for c in news)
        for _ in range(costs - 1):
            self.pace.wait()
            self.told.sleep(LATENCY_S)
        for comment in news:
            command, at_s = self.written.pop(comment.id)
            self.crowd.comment(pull, BOT, f"An answer to {comment.id}.", self.told())
            self.answered_after.setdefault(command, []).append(self.told.at_s - at_s)
        if pull not in self.reviewed_at:
            self.crowd.comment(pull, BOT, "A review.", self.told())
            self.reviewed_at[pull] = self.told.at_s
            self.store.at(COMMONS).pulls.put_verdict(a_verdict(pull, self.told()))
        after, head = self.hub.comments(COMMONS, pull), CommitHash(self.crowd.head_of(pull))
        if set(after[:-1]) <= {*comments, *after[-1:]} or news:
            self.store.at(COMMONS).pulls.put_fingerprint(pull, seen(PullState.OPEN, head, after))
        self.store.at(COMMONS).pulls.note_listed(
            [Listed(number=pull, state=PullState.OPEN, creator=User("rig"), title="", source=None)]
        )
        self.store.at(COMMONS).pulls.end_pending(pull, since=began)
