"""So many rounds, each one race: kinds take turns, five run side by side in one town, and then the auditor reads the hub."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from tests.faults.twins import Twins
from tests.races.races import FIRST, RACES, Aim, Race, Runner
from tests.sandbox_process import SandboxFailed
from tests.soak.audit import Reader, audit
from tests.soak.people import Day, Tired
from tests.soak.town import BOT, town

AUDIT_PATIENCE_S = 10.0
"""How long after its races a round may take to be in order: the bot closes its own pulls and branches last."""
AUDIT_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked for. The seed settles who runs and how the starts are scattered; the machine does the rest."""

    rounds: int
    seed: int
    landing: str = "pull"

    @property
    def replay(self) -> str:
        """The command that runs them again."""
        return f"make races ROUNDS={self.rounds} SEED={self.seed} LANDING={self.landing}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went: for each race, how often which side was first; and one sentence for each thing that was not right."""

    plan: Plan
    rounds: int
    won: Mapping[str, Counter[str]]
    failures: tuple[str, ...]
    took_s: float
    folder: Path | None

    @property
    def good(self) -> bool:
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "good": self.good,
            "failures": list(self.failures),
            "rounds": self.rounds,
            "seed": self.plan.seed,
            "landing": self.plan.landing,
            "won": {name: dict(won) for name, won in self.won.items()},
            "seconds": round(self.took_s, 1),
            "world": str(self.folder) if self.folder else None,
            "replay": self.plan.replay,
        }


def races(plan: Plan, tell: Callable[[int], None], *, keep: bool = False) -> Outcome:
    """Run them until a round is not in order; `tell` hears how many rounds are over. Raises TownFailed."""
    folder = Path(tempfile.mkdtemp(prefix="stampbot-races-", dir="/tmp"))
    good = False
    try:
        outcome = _run(plan, folder, tell)
        good = outcome.good
    finally:
        if good and not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if good and not keep:
        return replace(outcome, folder=None)
    (folder / "outcome.json").write_text(json.dumps(outcome.as_json(), indent=2), "utf-8")
    return outcome


def _run(plan: Plan, folder: Path, tell: Callable[[int], None]) -> Outcome:
    began = time.monotonic()
    twins = Twins()
    won: dict[str, Counter[str]] = {race.name: Counter() for race in RACES}
    aims = {race.name: Aim(race.later_s, random.Random(f"{plan.seed}/{race.name}")) for race in RACES}
    failures: list[str] = []
    over = 0
    with town(folder, items=plan.rounds, landing=plan.landing, twins=twins) as place:
        day = Day(place, plan.seed)
        reader = Reader(place.sandbox.base_url, place.database.name, BOT)
        with ThreadPoolExecutor(len(RACES)) as tracks:
            while over < plan.rounds and not failures:
                heat = RACES[: plan.rounds - over]
                runners = [Runner(day, random.Random(f"{plan.seed}/{over}/{race.name}"), twins) for race in heat]
                runs = [tracks.submit(_race, *each, aims) for each in zip(heat, runners, strict=True)]
                for race, runner, run in zip(heat, runners, runs, strict=True):
                    first, broken = run.result()
                    won[race.name][first] += 1
                    failures += [f"{race.name}: {sentence}" for sentence in (*runner.wrong, *broken)]
                failures += _audited(reader)
                over += len(heat)
                tell(over)
    return Outcome(plan=plan, rounds=over, won=won, failures=tuple(failures), took_s=time.monotonic() - began, folder=folder)


def _race(race: Race, runner: Runner, aims: Mapping[str, Aim]) -> tuple[str, tuple[str, ...]]:
    """Who was first, and what broke."""
    aim = aims[race.name]
    try:
        runner.get_ready()
        first = race.run(runner, aim.draw())
    except Tired as error:
        return "nobody", (f"{error} never came",)
    except (SandboxFailed, requests.RequestException, AssertionError) as error:
        return "nobody", (f"{type(error).__name__}: {error}",)
    aim.learn(first_won=first == FIRST)
    return first, ()


def _audited(reader: Reader) -> list[str]:
    """What the auditor finds amiss, once the bot has had time to finish."""
    deadline = time.monotonic() + AUDIT_PATIENCE_S
    while True:
        found = audit(reader.read())
        if found.good or time.monotonic() > deadline:
            named = (
                ("lost", found.lost),
                ("twice", found.duplicates),
                ("wrong", found.wrong),
                ("said twice", found.said_twice),
            )
            return [f"{name}: {sentence}" for name, sentences in named for sentence in sentences]
        time.sleep(AUDIT_EVERY_S)
