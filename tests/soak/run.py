"""One soak from beginning to end: a town, its people, the storm, the calm after it, and the audit."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.audit import Audit, Reader, audit, journal
from tests.soak.people import Day, People
from tests.soak.storm import Journal, Storm
from tests.soak.town import ABOUT_TO_S, BOT, Town, town

PEOPLE = 5
ITEMS_A_MINUTE = 120
ITEMS_LEAST = 40
AUDIT_EVERY_S = 2.0
STILL_AUDITS = 2
"""So many audits in a row must find everything in order and nothing new, for the calm to be over."""
SEED_BELOW = 10**6
MOST_TIMES = 5
"""On a slow machine a short storm goes on until one story is told, but not for more than so many times its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a soak is asked for. The same seed brings the same people and the same troubles in the same order."""

    seconds: float
    seed: int
    landing: str = "pull"
    patience_s: float = 360.0
    """How long everything may take to be put in order after the storm: a lease of a killed worker runs a minute."""
    wipe_at_the_end: bool = False
    """Begin the calm with a blank Redis: what a killed worker held is free at once, and a short soak stays short."""

    @property
    def replay(self) -> str:
        """The command that plays it again."""
        minutes = f"{self.seconds / 60:.3f}".rstrip("0").rstrip(".")
        return f"make soak MINUTES={minutes} SEED={self.seed} LANDING={self.landing}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a soak went."""

    plan: Plan
    audit: Audit
    troubles: Mapping[str, int]
    stories: Mapping[str, int]
    given_up: tuple[str, ...]
    broken: tuple[str, ...]
    starts: int
    calm_s: float
    folder: Path | None
    failures: tuple[str, ...] = field(default=())

    @property
    def good(self) -> bool:
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "good": self.good,
            "failures": list(self.failures),
            "seed": self.plan.seed,
            "seconds": self.plan.seconds,
            "landing": self.plan.landing,
            "audit": asdict(self.audit),
            "troubles": dict(self.troubles),
            "stories": dict(self.stories),
            "given_up": list(self.given_up),
            "broken": list(self.broken),
            "starts_of_processes": self.starts,
            "calm_s": round(self.calm_s, 1),
            "world": str(self.folder) if self.folder else None,
            "replay": self.plan.replay,
        }


def any_seed() -> int:
    """A seed for who does not care."""
    return random.SystemRandom().randrange(SEED_BELOW)


@dataclass(slots=True)
class Watching:
    """Where a soak tells how far it is: the phase, how much of it is over (0 to 1), and what there is to say."""

    tell: Callable[[str, float, str], None]


def soak(plan: Plan, watching: Watching, *, keep: bool = False) -> Outcome:
    """Play it. The world's folder is kept if something was not in order, or if `keep`. Raises TownFailed."""
    folder = Path(tempfile.mkdtemp(prefix="stampbot-soak-", dir="/tmp"))
    try:
        outcome = _play(plan, folder, watching)
        keep = keep or not outcome.good
    except BaseException:
        keep = keep or any(folder.glob("*.jsonl"))
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if not keep:
        return outcome
    (folder / "outcome.json").write_text(json.dumps(outcome.as_json(), indent=2), "utf-8")
    return outcome


def _play(plan: Plan, folder: Path, watching: Watching) -> Outcome:
    watching.tell("setting up", 0.0, "")
    items = max(ITEMS_LEAST, round(plan.seconds / 60 * ITEMS_A_MINUTE))
    troubles = Journal(folder / "troubles.jsonl")
    try:
        with town(folder, items=items, landing=plan.landing) as place:
            day = Day(place, plan.seed)
            storm = Storm(place, plan.seed, troubles)
            people = People(day, PEOPLE)
            people.start()
            storm.start()
            try:
                _storm(plan, day, storm, watching)
            finally:
                people.stop()
                storm.stop()
            if plan.wipe_at_the_end:
                storm.wipe()
            found, calm_s = _calm(plan, place, folder, watching)
            broken = (*day.broken, *storm.broken)
            return Outcome(
                plan=plan,
                audit=found,
                troubles=dict(troubles.times.most_common()),
                stories=dict(day.told.most_common()),
                given_up=tuple(day.given_up),
                broken=broken,
                starts=place.starts,
                calm_s=calm_s,
                folder=folder,
                failures=_failures(found, broken),
            )
    finally:
        troubles.close()


def _storm(plan: Plan, day: Day, storm: Storm, watching: Watching) -> None:
    began = time.monotonic()
    while (gone_s := time.monotonic() - began) < plan.seconds or (not day.told and gone_s < MOST_TIMES * plan.seconds):
        day.over.wait(0.25)
        told = f"{sum(day.told.values())} stories, {sum(storm.journal.times.values())} troubles"
        watching.tell("storm", min(1.0, gone_s / plan.seconds), told)


def _calm(plan: Plan, place: Town, folder: Path, watching: Watching) -> tuple[Audit, float]:
    """Wait until the audit finds everything in order and nothing new; the last audit, and how long it took."""
    reader = Reader(place.sandbox.base_url, place.database.name, BOT)
    began = time.monotonic()
    still = 0
    last: Audit | None = None
    while True:
        found = audit(reader.read(), journal(folder / "troubles.jsonl"), ABOUT_TO_S)
        gone_s = time.monotonic() - began
        # What came twice stays so; waiting longer mends only what is still on its way.
        still = still + 1 if found == last and not (found.lost or found.wrong) else 0
        open_ends = len(found.lost) + len(found.wrong)
        watching.tell("calm", gone_s / plan.patience_s, f"{open_ends} open ends" if open_ends else "in order")
        if still >= STILL_AUDITS or gone_s > plan.patience_s:
            return found, gone_s
        last = found
        time.sleep(AUDIT_EVERY_S)


def _failures(found: Audit, broken: tuple[str, ...]) -> tuple[str, ...]:
    """What was not in order. Somebody tired of waiting is no failure: whether they were answered late, the audit says."""
    named = (("lost", found.lost), ("twice", found.duplicates), ("wrong", found.wrong), ("said twice", found.said_twice))
    failures = [f"{name}: {sentence}" for name, sentences in named for sentence in sentences]
    failures += [f"the soak itself: {sentence}" for sentence in broken]
    if not found.answered:
        failures.append("the soak itself: nothing was decided, so it shows nothing")
    return tuple(failures)
