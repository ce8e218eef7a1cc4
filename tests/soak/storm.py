"""The storm of a soak: accidents of processes and of Redis, and the weather at the hub, drawn from a seed and written down.

Two hands work at once, so that troubles overlap: one kills, freezes and wipes; the other makes the hub forget, delay and lie.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from tests.soak.town import ABOUT_TO_S, BOT, Town

GAP_S = (0.8, 3.0)
"""Between two accidents."""
NETWORK_HEALTH_S = (0.8, 3.5)
"""How long one kind of weather stays. Well below `about_to_s`: a list of comments lags for seconds, not for minutes."""
LAG_MS = 4000
"""So old must a comment be to be listed while the list lags."""
OURS = {"user": BOT}
WRITES = ("createPullComment", "mergePull", "createPull", "createBranch", "runSqlWriteQuery", "updatePull")


class Journal:
    """What was done to the bot and when, one JSON object a line; and how often, by what."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)
        self._lock = threading.Lock()
        self.times: Counter[str] = Counter()

    def note(self, what: str, detail: str, *, lasts_s: float = 0.0) -> None:
        now = datetime.now(UTC)
        entry = {
            "what": what,
            "detail": detail,
            "at": now.isoformat(),
            "until": (now + timedelta(seconds=lasts_s)).isoformat(),
        }
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
            self.times[what] += 1

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Accident:
    """Something that can happen to a process, and how often compared with the others."""

    weight: int
    happen: Callable[[Storm], None]


@dataclass(frozen=True, slots=True)
class Weather:
    """A fault plan for the hub, its name in the journal, and how often it is played compared with the others."""

    weight: int
    what: str
    plan: Sequence[Mapping[str, object]]


class Storm:
    """Both hands at work on a town, until `stop`."""

    def __init__(self, town: Town, seed: int, journal: Journal) -> None:
        self.town = town
        self.journal = journal
        self.rng = random.Random(f"{seed}/accidents")
        self._sky = random.Random(f"{seed}/weather")
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._accidents, name="accidents", daemon=True),
            threading.Thread(target=self._weather, name="weather", daemon=True),
        ]
        self.broken: list[str] = []
        """What went wrong with the storm itself."""

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the storm and put everything back: nobody frozen, Redis up, the sky clear."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.town.wake_all()
        self._clear()
        # As after any bad night: how slowly the hub had to be asked is remembered by the process that asked.
        for name in WORKERS:
            self.journal.note("end", f"{name} with SIGTERM")
            self.town.slot(name).signal(signal.SIGTERM)

    def wipe(self) -> None:
        """Empty Redis."""
        self.journal.note("wipe", "FLUSHALL")
        with redis.Redis.from_url(self.town.redis.url) as client:
            client.flushall()

    def pause(self, seconds: float) -> None:
        """Wait, or less if the storm ends."""
        self._over.wait(seconds)

    def frozen(self, name: str, pid: int, seconds: float, stop: Callable[[], None], go: Callable[[], None]) -> None:
        """Something stands still for a while and then goes on as if nothing had been."""
        self.journal.note("freeze", f"{name} ({pid}) for {seconds:.1f} s", lasts_s=seconds)
        stop()
        self.pause(seconds)
        go()

    def _accidents(self) -> None:
        while not self._over.wait(self.rng.uniform(*GAP_S)):
            accident = self.rng.choices(ACCIDENTS, [a.weight for a in ACCIDENTS])[0]
            self._outlive(lambda accident=accident: accident.happen(self))  # type: ignore[misc]

    def _weather(self) -> None:
        while not self._over.is_set():
            weather = self._sky.choices(SKY, [w.weight for w in SKY])[0]
            lasts_s = self._sky.uniform(*NETWORK_HEALTH_S)
            self._outlive(lambda weather=weather, lasts_s=lasts_s: self._play(weather, lasts_s))  # type: ignore[misc]

    def _play(self, weather: Weather, lasts_s: float) -> None:
        plan = [self._aimed(fault) for fault in weather.plan]
        if plan:
            self.journal.note(weather.what, json.dumps(plan), lasts_s=lasts_s)
            self.town.sandbox.play(*plan)
        self.pause(lasts_s)
        if plan:
            self._clear()

    def _aimed(self, fault: Mapping[str, object]) -> dict[str, object]:
        """A fault for the bot's own calls; an odd webhook is no call of anybody's."""
        if fault["quirk"] == 48:
            return {**fault, "match": {"database": self.town.database.name}}
        match = {**OURS, "operation": self._sky.choice(WRITES)} if fault.get("match") == "a write" else OURS
        return {**fault, "match": match}

    def _clear(self) -> None:
        self.town.sandbox.admin("DELETE", "/faults")

    def _outlive(self, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:
            self.broken.append(f"{type(error).__name__}: {error}")


def _kill(names: Sequence[str], number: signal.Signals = signal.SIGKILL) -> Callable[[Storm], None]:
    def happen(storm: Storm) -> None:
        name = storm.rng.choice(names)
        storm.journal.note("kill" if number is signal.SIGKILL else "end", f"{name} with {number.name}")
        storm.town.slot(name).signal(number)

    return happen


def _freeze(names: Sequence[str], shortest_s: float, longest_s: float) -> Callable[[Storm], None]:
    def happen(storm: Storm) -> None:
        slot = storm.town.slot(storm.rng.choice(names))
        child = slot.child
        seconds = storm.rng.uniform(shortest_s, longest_s)
        storm.frozen(slot.name, 0, seconds, lambda: child.signal(signal.SIGSTOP), lambda: child.signal(signal.SIGCONT))

    return happen


def _freeze_hub(storm: Storm) -> None:
    pid = storm.town.sandbox.process.pid
    seconds = storm.rng.uniform(0.3, 2.0)
    storm.frozen("hub", pid, seconds, lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT))


def _freeze_redis(storm: Storm) -> None:
    with redis.Redis.from_url(storm.town.redis.url) as client:
        pid = int(client.info("server")["process_id"])
    seconds = storm.rng.uniform(0.3, 3.0)
    storm.frozen("redis", pid, seconds, lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT))


def _wipe(storm: Storm) -> None:
    storm.wipe()


def _restart_redis(storm: Storm) -> None:
    """Redis dies and comes back empty: all its notes are gone, and so are those who were waiting for an answer of it."""
    away_s = storm.rng.uniform(0.0, 2.5)
    storm.journal.note("wipe", f"Redis killed and away for {away_s:.1f} s", lasts_s=away_s)
    storm.town.redis.kill()
    try:
        storm.pause(away_s)
    finally:
        storm.town.redis.start()


WORKERS = ("worker-1", "worker-2")
ACCIDENTS = (
    Accident(6, _kill(WORKERS)),
    Accident(2, _kill(WORKERS, signal.SIGTERM)),
    Accident(1, _kill(("prober",))),
    Accident(1, _kill(("web",))),
    Accident(1, _kill(("clock",))),
    Accident(4, _freeze(WORKERS, 0.2, 4.0)),
    Accident(1, _freeze(WORKERS, ABOUT_TO_S + 1, ABOUT_TO_S + 4)),
    Accident(1, _freeze(("prober", "clock", "web"), 0.2, 4.0)),
    Accident(2, _freeze_hub),
    Accident(2, _freeze_redis),
    Accident(2, _wipe),
    Accident(1, _restart_redis),
)
SKY = (
    Weather(8, "clear", ()),
    Weather(2, "outage", ({"quirk": 5, "how": "503"},)),
    Weather(1, "outage", ({"quirk": 5, "how": "429", "retry_after": 1},)),
    Weather(1, "outage", ({"quirk": "cut"},)),
    Weather(1, "outage", ({"quirk": 4, "how": "html"},)),
    Weather(1, "outage", ({"quirk": "latency", "ms": 800},)),
    Weather(5, "lost answer", ({"quirk": 22, "how": "done", "times": 2, "match": "a write"},)),
    Weather(2, "lost request", ({"quirk": 22, "how": "not done", "times": 2, "match": "a write"},)),
    Weather(4, "lag", ({"quirk": 41, "how": "lagging", "lag_ms": LAG_MS},)),
    Weather(1, "odd lists", ({"quirk": 41, "how": "shuffled"},)),
    Weather(1, "odd lists", ({"quirk": 25, "lag_ms": 2000},)),
    Weather(2, "slow merge", ({"quirk": 34, "how": "slow", "ms": 1500, "times": 2},)),
    Weather(1, "merge that lies", ({"quirk": 36, "times": 1},)),
    Weather(1, "merge that fails", ({"quirk": 34, "how": "fails", "times": 1},)),
    Weather(1, "another writer", ({"quirk": 20, "times": 1},)),
    Weather(2, "webhooks lost", ({"quirk": 48, "how": "never"},)),
    Weather(1, "webhooks twice", ({"quirk": 48, "how": "twice"},)),
    Weather(1, "webhooks late", ({"quirk": 48, "how": "late", "ms": 1500},)),
)
