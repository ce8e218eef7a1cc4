"""What sweeping thousands of open pulls costs, and how soon a command on any of them is seen.

The sweep, the client, the budget and Redis are the real ones; DoltHub is answered from memory, and time is told, not waited
for: 40 minutes at 60 requests a minute take seconds here. Looks themselves are not part of it: they draw before a sweep.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import click
import redis
from rich.console import Console
from rich.table import Table

from benchmarks.crowd import COMMONS, MAIN, Crowd, fork_of
from benchmarks.through_queue import own_redis
from bot.commands import catalog as commands
from bot.converge.bot import Bot
from bot.converge.converge import seen
from bot.dolthub import wire
from bot.dolthub.budget.rate_limiter import OwnBudget, RateLimiter, Urgency, working_at
from bot.dolthub.client import Hub
from bot.model.ids import CommitHash, Database, PullNo, User
from bot.model.policy import Policy
from bot.model.pull import BranchRef, PullState
from bot.rulebook import catalog as rules
from bot.store import DECIDE, LOOKS, Listed, Store, make_redis
from bot.sweep.sweep import sweep
from tests.stores import jobs_of

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = ((100, 120), (1000, 120), (2000, 120), (2000, 300))
STEADY_MIN = 30
ROUNDING = 1.01
COMMANDS = 25
OUTAGE_H = 6
MOVED_SHARE = 0.05
PATIENCE_MIN = 24 * 60


class Now:
    """The time, as told."""

    def __init__(self) -> None:
        self.at = BEGAN

    def __call__(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - BEGAN).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class AtOnce(Executor):
    """One read after the other: told time does not pass in threads."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One commons. Minutes are told ones. `steady`: requests a minute, by what they were for."""

    pulls: int
    budget: int
    steady: dict[str, float]
    command_median_min: float
    command_worst_min: float
    outage_min: float
    outage_requests: int
    wiped_min: float
    wiped_requests: int
    queue_most: int


class Town:
    """A commons in mid-life: every pull was looked at, nothing moved since yesterday."""

    def __init__(self, pulls: int, budget: int, client: redis.Redis) -> None:
        self.now = Now()
        self.crowd = Crowd(pulls, began=BEGAN - timedelta(days=1))
        pace = RateLimiter(OwnBudget(budget, self.now.monotonic), clock=self.now.monotonic, sleep=self.now.sleep)
        hub = Hub(
            "http://127.0.0.1:1", "bench-secret", commons=[COMMONS], session=self.crowd, sleep=self.now.sleep, limiter=pace
        )
        client.flushall()
        self.deps = Bot(
            hubs={COMMONS: hub},
            policies={COMMONS: Policy(requests_per_minute=budget)},
            store=Store(client, now=self.now),
            jobs=jobs_of(Store(client, now=self.now)),
            clock=self.now,
            rules=rules.find(),
            commands=commands.find(),
            readers=AtOnce(),
        )
        self.poll_s = self.deps.at(COMMONS).policy.timing.poll_s
        self.settle()

    def settle(self, *pulls: int) -> None:
        """Remember these pulls, or all, as they are now, as looks do that find nothing to do."""
        store = self.deps.store
        store.at(COMMONS).notes.note_swept(CommitHash(MAIN), ())
        for number in pulls or range(1, self.crowd.pulls + 1):
            said = tuple(wire.read_comment(c) for c in self.crowd.said(number))
            sight = seen(PullState.OPEN, CommitHash(self.crowd.head_of(number)), said)
            store.at(COMMONS).pulls.put_fingerprint(PullNo(number), sight)
        if not pulls:
            store.at(COMMONS).pulls.note_listed([_listed(n) for n in range(1, self.crowd.pulls + 1)])

    def minutes(self, count: float) -> Iterator[None]:
        """Sweep for so long. The clock knocks four times as often; where the budget is the limit that changes nothing."""
        until = self.now.at + timedelta(minutes=count)
        while self.now.at < until:
            beat = self.now.at + timedelta(seconds=self.poll_s)
            with working_at(Urgency.LISTEN):
                sweep(self.deps.at(COMMONS))
            self.now.at = max(self.now.at, beat)
            yield

    def owed(self, queue: str | None = None) -> set[PullNo]:
        """Pulls a look is owed of."""
        return {d.pull for d in self.deps.store.at(COMMONS).pulls.pending() if queue in (None, d.queue)}


def measure(pulls: int, budget: int, client: redis.Redis, seed: int) -> Figures:
    """All figures of one size."""
    chance = random.Random(seed)
    town = Town(pulls, budget, client)
    for _ in town.minutes(PATIENCE_MIN):
        if len([t for t in town.deps.store.at(COMMONS).poll_states.all() if t.startswith("pull:")]) == pulls:
            break
    town.crowd.asked.clear()
    began = town.now.at
    for _ in town.minutes(STEADY_MIN):
        pass
    passed_min = (town.now.at - began).total_seconds() / 60
    steady = {what: round(count / passed_min, 1) for what, count in sorted(town.crowd.asked.items())}
    waits = _command_waits(town, chance)
    outage_min, outage_requests = _after_outage(town, chance, wiped=False)
    wiped_min, wiped_requests = _after_outage(town, chance, wiped=True)
    return Figures(
        pulls=pulls,
        budget=budget,
        steady=steady,
        command_median_min=median(waits),
        command_worst_min=max(waits),
        outage_min=outage_min,
        outage_requests=outage_requests,
        wiped_min=wiped_min,
        wiped_requests=wiped_requests,
        queue_most=max(jobs_of(town.deps.store).waiting()[queue] for queue in LOOKS),
    )


def _command_waits(town: Town, chance: random.Random) -> list[float]:
    """Minutes until each of COMMANDS commands is seen, written at random moments on random quiet pulls."""
    written: dict[PullNo, datetime] = {}
    seen_at: dict[PullNo, datetime] = {}
    left = [PullNo(n) for n in chance.sample(range(1, town.crowd.pulls + 1), COMMANDS)]
    for _ in town.minutes(PATIENCE_MIN):
        for pull in town.owed(DECIDE) & (written.keys() - seen_at.keys()):
            seen_at[pull] = town.now.at
        if left and chance.random() < 0.2:
            pull = left.pop()
            town.crowd.comment(pull, "ana", "/accept -q 4", town.now.at)
            written[pull] = town.now.at
        if len(seen_at) == COMMANDS:
            return [(seen_at[pull] - at).total_seconds() / 60 for pull, at in written.items()]
    raise SystemExit(f"{COMMANDS - len(seen_at)} commands were not seen in {PATIENCE_MIN} minutes")


def _after_outage(town: Town, chance: random.Random, *, wiped: bool) -> tuple[float, int]:
    """Minutes and requests until all that moved while nobody looked is known; `wiped`: and Redis forgot everything."""
    town.settle()
    town.deps.store.redis.delete(town.deps.store.keys.at(COMMONS).pulls("pending"))
    town.now.at += timedelta(hours=OUTAGE_H)
    moved = {PullNo(n) for n in chance.sample(range(1, town.crowd.pulls + 1), round(MOVED_SHARE * town.crowd.pulls))}
    for pull in moved:
        if chance.random() < 0.5:
            town.crowd.comment(pull, "ana", "/accept -q 4", town.now.at)
        else:
            town.crowd.push(pull)
    if wiped:
        town.deps.store.redis.flushall()
        # Without a glance every pull is looked at again; what is counted is that each is known to need it.
        moved = {PullNo(n) for n in range(1, town.crowd.pulls + 1)}
    town.crowd.asked.clear()
    began = town.now.at
    for _ in town.minutes(PATIENCE_MIN):
        if moved <= town.owed():
            return (town.now.at - began).total_seconds() / 60, town.crowd.asked.total()
    raise SystemExit(f"{len(moved - town.owed())} of {len(moved)} pulls were not found in {PATIENCE_MIN} minutes")


def _listed(number: int) -> Listed:
    source = BranchRef(Database(fork_of(number), COMMONS.name), f"wl/{number}")
    return Listed(
        number=PullNo(number), state=PullState.OPEN, creator=User(fork_of(number)), title=f"[wl] w-{number}", source=source
    )


def _shown(found: Sequence[Figures]) -> Table:
    table = Table("", *(f"{f.pulls} open, {f.budget}/min" for f in found), title="Sweeps, in told time")
    table.add_row("requests a minute, nothing happening", *(f"{sum(f.steady.values()):.1f}" for f in found))
    for what in ("comments", "heads", "list", "next", "main"):
        table.add_row(f"  for {what}", *(f"{f.steady.get(what, 0):.1f}" for f in found))
    table.add_row("a command is seen after, median, min", *(f"{f.command_median_min:.1f}" for f in found))
    table.add_row("a command is seen after, worst, min", *(f"{f.command_worst_min:.1f}" for f in found))
    table.add_row(f"caught up after {OUTAGE_H} h away, min", *(f"{f.outage_min:.1f}" for f in found))
    table.add_row("  requests", *(str(f.outage_requests) for f in found))
    table.add_row("the same with Redis wiped, min", *(f"{f.wiped_min:.1f}" for f in found))
    table.add_row("  requests", *(str(f.wiped_requests) for f in found))
    table.add_row("jobs in one queue at most", *(str(f.queue_most) for f in found))
    return table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--seed", default=7, show_default=True, help="Which pulls move, and when.")
@click.option("--size", "sizes", multiple=True, type=(int, int), default=SIZES, help="Open pulls, and requests a minute.")
def main(as_json: bool, seed: int, sizes: Sequence[tuple[int, int]]) -> None:
    """Requests and time of sweeping thousands of open pulls.

    \b
    Example:
      python -m benchmarks.sweep --size 2000 60
    """
    with own_redis() as url, make_redis(url) as client:
        found = [measure(pulls, budget, client, seed) for pulls, budget in sizes]
    if as_json:
        click.echo(json.dumps([{name: getattr(f, name) for name in Figures.__slots__} for f in found], indent=2))
    else:
        Console().print(_shown(found))
    # The promise: within the budget, and seen in the time the budget needs for one round.
    kept = all(sum(f.steady.values()) <= f.budget * ROUNDING for f in found)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
