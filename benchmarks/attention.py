"""How soon a comment is heard and answered, on the settings that are shipped.

    python -m benchmarks.attention

Each row of the table is played in told time: sweep, client, budget and Redis are the real ones, DoltHub answers from memory,
each answer after 150 ms. *Heard* is from writing a comment until a look at its pull is due. `--real` plays a fresh
installation with the demo's processes instead, and waits for it.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

import click
import redis
import structlog
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import attention_real
from benchmarks.crowd import COMMONS, a_verdict
from benchmarks.sweep import Town
from benchmarks.through_queue import own_redis
from benchmarks.told import PULLS, Installation, ToldTime
from bot.dolthub.budget.rate_limiter import Urgency, working_at
from bot.model.finding import Verdict
from bot.model.ids import PullNo
from bot.model.policy import SOONEST
from bot.store import DECIDE, PollState, make_redis
from bot.sweep.interval import Place, intervals
from bot.sweep.sweep import sweep
from tests.stores import a_store

HEARD = "heard"
PATIENCE_S = 24 * 3600.0
LARGE = 1000
"""Pulls from which on a sweep is made each `poll_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured row. Times are seconds of told time."""

    situation: str
    what: str
    goal_median_s: float
    goal_worst_s: float
    median_s: float = 0.0
    worst_s: float = 0.0
    measured: int = 0

    @property
    def is_kept(self) -> bool:
        return self.median_s <= self.goal_median_s and self.worst_s <= self.goal_worst_s

    def of(self, waits: Sequence[float]) -> Figure:
        """The row with what was measured."""
        return replace(self, median_s=round(median(waits), 1), worst_s=round(max(waits), 1), measured=len(waits))


class Commons(Town):
    """A commons in mid-life of which some pulls are READY, and the others BLOCKED."""

    def __init__(self, pulls: int, ready: int, budget: int, client: redis.Redis) -> None:
        super().__init__(pulls, budget, client)
        # A large commons is swept less often here than in an installation: what is measured is never sooner for it.
        self.beat_s = SOONEST * self.poll_s if pulls < LARGE else self.poll_s
        chance = random.Random(pulls)
        self.ready = frozenset(PullNo(n) for n in chance.sample(range(1, pulls + 1), ready))
        store = self.deps.store.at(COMMONS).pulls
        for number in map(PullNo, range(1, pulls + 1)):
            verdict = Verdict.READY if number in self.ready else Verdict.BLOCKED
            store.put_verdict(a_verdict(number, self.now.at - timedelta(days=1), verdict))

    @property
    def others(self) -> frozenset[PullNo]:
        return frozenset(PullNo(n) for n in range(1, self.crowd.pulls + 1)) - self.ready

    def one_sweep(self) -> None:
        """Sweep once, and go on to the next beat of the clock."""
        beat = self.now.at + timedelta(seconds=self.beat_s)
        with working_at(Urgency.LISTEN):
            sweep(self.deps.at(COMMONS))
        self.now.at = max(self.now.at, beat)

    def come_to_rest(self) -> None:
        """Sweep until each pull was read since it was set up."""
        for _ in range(10**6):
            self.one_sweep()
            states = self.deps.store.at(COMMONS).poll_states.all()
            if sum(name.startswith("pull:") for name in states) == self.crowd.pulls:
                return

    def spread(self, chance: random.Random) -> None:
        """Let the things of each place have been read at random moments of their interval, as they are after a day."""
        counts = Counter({Place.DECIDABLE: len(self.ready), Place.OPEN: len(self.others)})
        states = self.deps.store.at(COMMONS).poll_states
        counts[Place.HEADS] = sum(name.startswith("fork:") for name in states.all())
        waits = intervals(counts, poll_s=self.poll_s, per_minute=self.deps.hubs[COMMONS].per_minute or 0)
        now = self.now.at.timestamp()

        def place_of(name: str) -> Place:
            number = name.removeprefix("pull:")
            return Place.HEADS if number == name else Place.DECIDABLE if PullNo(int(number)) in self.ready else Place.OPEN

        read = [name for name in states.all() if name.startswith(("pull:", "fork:"))]
        states.put({name: PollState(now - chance.uniform(0, waits[place_of(name)])) for name in read})

    def hear(self, pulls: Sequence[PullNo], chance: random.Random, *, within_s: float, decides: bool = False) -> list[float]:
        """Seconds until each of some comments is heard, written at random moments within `within_s`.

        `decides`: each is a decision of a validator, answered as soon as it is heard.
        """
        store, waits = self.deps.store.at(COMMONS), list[float]()
        began = self.now.at
        times = sorted(began + timedelta(seconds=chance.uniform(0, within_s)) for _ in pulls)
        unwritten, written = list(zip(times, pulls, strict=True)), dict[PullNo, datetime]()
        while unwritten or written:
            # A comment that was written since the last sweep is there for this one.
            while unwritten and unwritten[0][0] <= self.now.at:
                at, pull = unwritten.pop(0)
                self.crowd.comment(pull, "ana", "/accept -q 4", at)
                written[pull] = at
            read_at = self.now.at
            self.one_sweep()
            for pull in self.owed(DECIDE) & written.keys():
                waits.append((read_at - written.pop(pull)).total_seconds())
                self.settle(pull)
                store.pulls.drop_pending(pull)
                if decides:
                    store.poll_states.note_session(pull)
            if (self.now.at - began).total_seconds() > within_s + PATIENCE_S:
                raise SystemExit(f"comments below {sorted(written)} were not heard in a day")
        return waits


def at_rest(
    pulls: int, ready: int, budget: int, comments: int, within_s: float
) -> Callable[[redis.Redis, random.Random], list[list[float]]]:
    """Comments on pulls that can be decided, then on others."""

    def play(client: redis.Redis, chance: random.Random) -> list[list[float]]:
        town = Commons(pulls, ready, budget, client)
        town.come_to_rest()
        town.spread(chance)
        found = []
        for where in (town.ready, town.others):
            chosen = [PullNo(n) for n in chance.sample(sorted(where), comments)]
            found.append(town.hear(chosen, chance, within_s=within_s))
        return found

    return play


def session(client: redis.Redis, chance: random.Random) -> list[list[float]]:
    """A decision a minute on the newest pulls that can be decided; then comments on others while it lasts."""
    town = Commons(50, 25, 120, client)
    town.come_to_rest()
    town.spread(chance)
    newest = sorted(town.ready, reverse=True)
    town.hear(newest[:1], chance, within_s=0, decides=True)
    near: list[float] = []
    for pull in newest[1:6] * 5:
        near += town.hear([pull], chance, within_s=60, decides=True)
    found = [near]
    for where in (newest[8:] * 2, chance.sample(sorted(town.others), 25)):
        waits = []
        for pull in where:
            town.hear(newest[:1], chance, within_s=30, decides=True)
            waits += town.hear([pull], chance, within_s=60)
        found.append(waits)
    return found


def fresh(client: redis.Redis, chance: random.Random) -> list[list[float]]:
    """A fresh installation: `/help` each half minute below a pull whose review stands, while the others are reviewed."""
    told = ToldTime()
    client.flushall()
    town = Installation(store=a_store(client, now=told), told=told, minutes=16)

    def people(town: Installation) -> None:
        for _ in range(26):
            town.told.sleep(30)
            asked = {PullNo(int(key.split("-")[0])) for key in town.written}
            free = [pull for pull in town.reviewed_at if pull not in asked]
            if free:
                town.write(chance.choice(free), "/help")

    town.play(people)
    return [town.heard_after]


ROWS: tuple[tuple[str, tuple[Figure, ...], Callable[[redis.Redis, random.Random], list[list[float]]]], ...] = (
    (
        "fresh",
        (Figure(situation=f"fresh install, {PULLS} open pulls", what="a reviewed pull", goal_median_s=30, goal_worst_s=75),),
        fresh,
    ),
    (
        "rest-50",
        (
            Figure(situation="at rest, 50 pulls", what="READY or LOOK", goal_median_s=15, goal_worst_s=30),
            Figure(situation="at rest, 50 pulls", what="others", goal_median_s=90, goal_worst_s=180),
        ),
        at_rest(50, 25, 120, 25, 1800),
    ),
    (
        "session",
        (
            Figure(situation="a session, 50 pulls", what="that pull and the five newest", goal_median_s=5, goal_worst_s=10),
            Figure(situation="a session, 50 pulls", what="other READY or LOOK", goal_median_s=30, goal_worst_s=60),
            Figure(situation="a session, 50 pulls", what="others", goal_median_s=90, goal_worst_s=180),
        ),
        session,
    ),
    (
        "rest-500",
        (
            Figure(situation="at rest, 500 pulls", what="READY or LOOK", goal_median_s=120, goal_worst_s=240),
            Figure(situation="at rest, 500 pulls", what="others", goal_median_s=900, goal_worst_s=1800),
        ),
        at_rest(500, 200, 120, 100, 3600),
    ),
    (
        "rest-2000",
        (
            Figure(situation="at rest, 2,000 pulls", what="READY or LOOK", goal_median_s=300, goal_worst_s=600),
            Figure(situation="at rest, 2,000 pulls", what="others", goal_median_s=4800, goal_worst_s=9600),
        ),
        at_rest(2000, 500, 120, 100, 9600),
    ),
    (
        "rest-2000-600",
        (
            Figure(situation="the same, 600 requests a minute", what="READY or LOOK", goal_median_s=60, goal_worst_s=120),
            Figure(situation="the same, 600 requests a minute", what="others", goal_median_s=960, goal_worst_s=1920),
        ),
        at_rest(2000, 500, 600, 100, 3600),
    ),
)


def measure(names: Sequence[str], client: redis.Redis, seed: int) -> list[Figure]:
    """The rows of these names, measured. All rows if none is named."""
    found: list[Figure] = []
    chosen = [row for row in ROWS if not names or row[0] in names]
    for _, figures, play in track(chosen, "Playing", console=Console(stderr=True)):
        waits = play(client, random.Random(seed))
        found += [figure.of(each) for figure, each in zip(figures, waits, strict=True)]
    return found


def _shown(found: Sequence[Figure]) -> Table:
    table = Table("situation", "a comment below", "heard, median / worst, s", "goal", "of", title="Heard, in told time")
    for each in found:
        style = "" if each.is_kept else "bold red"
        goal = f"{each.goal_median_s:.0f} / {each.goal_worst_s:.0f}"
        measured = f"{each.median_s:.1f} / {each.worst_s:.1f}"
        table.add_row(each.situation, each.what, measured, goal, str(each.measured), style=style)
    return table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--seed", default=7, show_default=True, help="Which pulls are written below, and when.")
@click.option("--row", "rows", multiple=True, type=click.Choice([row[0] for row in ROWS]), help="Play only this row.")
@click.option("--real", is_flag=True, help="Play a fresh installation with real processes; takes minutes.")
def main(as_json: bool, seed: int, rows: Sequence[str], real: bool) -> None:
    """How soon comments are heard. Exit status 1 below a goal.

    \b
    Example:
      python -m benchmarks.attention --row session
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if real:
        attention_real.main.main(args=["--json"] if as_json else [])
    with own_redis() as url, make_redis(url) as client:
        found = measure(rows, client, seed)
    if as_json:
        told = [{name: getattr(each, name) for name in Figure.__slots__} | {"kept": each.is_kept} for each in found]
        click.echo(json.dumps(told, indent=2))
    else:
        Console().print(_shown(found))
    sys.exit(0 if all(each.is_kept for each in found) else 1)


if __name__ == "__main__":
    main()
