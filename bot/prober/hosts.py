"""State of hosts that all probers share: pacing slots, cooldowns, and which hosts answered lately. Wiped, it costs time."""

from __future__ import annotations

import enum
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import redis

from bot.model.evidence import Soft404Baseline
from bot.model.ids import digest
from bot.store.keys import Keys
from bot.store.single_flight import Flight, SingleFlight

FAILURES_MAX: Final = 3
"""After so many failed looks in a row a host is in cooldown."""
COOLDOWN_S: Final = 600
COOLDOWN_MAX_S: Final = 3600
"""No host keeps the bot away for longer than this at a time."""
TROUBLE_TTL_S: Final = 3600
NETWORK_HEALTH_HOSTS: Final = 20
NETWORK_HEALTH_S: Final = 1800
"""Older outcomes of a host prove nothing about the bot's network now."""
CONTROL_GOOD_FOR_S: Final = 60
CONTROL_BAD_FOR_S: Final = 10
BASELINE_GOOD_FOR_S: Final = 86400
_BASELINE_MAX_BYTES: Final = 4096
_MEANWHILE_S: Final = 1.0
_RESTING: Final = re.compile(r"(resting|limit) ([0-9]{1,12})")
_CONTROL: Final = re.compile(r"(yes|no) ([0-9]{1,12})")


class HostOutcome(enum.Enum):
    """How a request to a host ended. BUSY: it answered that it cannot now; SILENT: it did not answer."""

    WELL = "well"
    BUSY = "busy"
    SILENT = "silent"


class Hosts:
    """The state of hosts (`name:port`), in Redis; slots are kept in this process too, which is all there is without Redis.

    Times are by `now`, which all probers should agree on to a few seconds; slots are by the clock of Redis. Nothing here
    raises redis.RedisError.
    """

    def __init__(self, client: redis.Redis, keys: Keys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now
        self._slots = SingleFlight(client, keys.slot)
        self._here = _SlotsHere()

    @contextmanager
    def slot(
        self, host: str, *, pace_s: float, ttl_s: float, patience_s: float, meanwhile: Callable[[], None] = lambda: None
    ) -> Iterator[Flight]:
        """Wait for the slot of a host: alone among all probers, and `pace_s` after the last one was done. See `SingleFlight`.

        Without a pace there is no waiting.
        """
        if pace_s <= 0:
            flight = Flight(self._slots, host, ttl_s)
            flight.acquired = True
            yield flight
            return
        until = time.monotonic() + patience_s
        here, waited = self._here.take(host, until, meanwhile)
        if not here:
            yield Flight(self._slots, host, ttl_s)
            return
        try:
            left_s = until - time.monotonic()
            with self._slots.run(host, ttl_s=ttl_s, patience_s=left_s, pause_s=pace_s, meanwhile=meanwhile) as flight:
                flight.waited = flight.waited or waited
                yield flight
        finally:
            self._here.give_back(host, pace_s)

    def cooldown(self, host: str) -> str:
        """Why a host is in cooldown now: `resting` (it failed again and again) or `limit` (it asked for it); else empty."""
        return self._resting(host)[0]

    def cool_down(self, host: str, reason: str, seconds: float) -> None:
        """Put a host into cooldown for so long, COOLDOWN_MAX_S at most; a longer one stays."""
        now = self._now().timestamp()
        until = math.ceil(now + min(max(seconds, 0.0), COOLDOWN_MAX_S))
        if until <= self._resting(host)[1]:
            return
        try:
            self._redis.set(self._keys.cooldown(host), f"{reason} {until}", ex=COOLDOWN_MAX_S)
        except redis.RedisError:
            return

    def note(self, seen: Mapping[str, HostOutcome], site_of: Callable[[str], str] = str) -> None:
        """Record the outcomes of one look; a host that failed FAILURES_MAX times in a row goes into cooldown.

        `site_of`: whose a host is. The hosts of one site count as one for the network, for a site may have many.
        """
        now = self._now().timestamp()
        failed = [host for host, outcome in seen.items() if outcome is not HostOutcome.WELL]
        if not seen:
            return
        health = self._keys.network_health()
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for host in failed:
                    pipe.incr(self._keys.trouble(host))
                for host, outcome in seen.items():
                    if outcome is HostOutcome.WELL:
                        pipe.delete(self._keys.trouble(host))
                    else:
                        pipe.expire(self._keys.trouble(host), TROUBLE_TTL_S)
                    name, silent = digest("weather/1", site_of(host))[:32], outcome is HostOutcome.SILENT
                    pipe.zrem(health, f"{name}:{0 if silent else 1}")
                    pipe.zadd(health, {f"{name}:{1 if silent else 0}": now})
                pipe.zremrangebyrank(health, 0, -1 - NETWORK_HEALTH_HOSTS)
                pipe.expire(health, NETWORK_HEALTH_S)
                counts = pipe.execute()
        except redis.RedisError:
            return
        for host, count in zip(failed, counts, strict=False):
            if count >= FAILURES_MAX:
                self.cool_down(host, "resting", COOLDOWN_S)

    def network_health(self) -> tuple[int, int]:
        """How many of the last hosts were silent, and how many there are: NETWORK_HEALTH_HOSTS at most, of NETWORK_HEALTH_S."""
        now = self._now().timestamp()
        try:
            found: list[Any] = self._redis.zrangebyscore(
                self._keys.network_health(), now - NETWORK_HEALTH_S, now + NETWORK_HEALTH_S
            )
        except redis.RedisError:
            return 0, 0
        return sum(member.endswith(b":1") for member in found), len(found)

    def control(self) -> bool | None:
        """Whether a control answered when one was asked last; None: that is too long ago."""
        found = self._read(_CONTROL, self._keys.control())
        if found is None:
            return None
        answered, age_s = found[0] == "yes", self._now().timestamp() - found[1]
        return answered if 0 <= age_s <= (CONTROL_GOOD_FOR_S if answered else CONTROL_BAD_FOR_S) else None

    def note_control(self, answered: bool) -> None:
        """Write down whether a control answers now."""
        text = f"{'yes' if answered else 'no'} {math.floor(self._now().timestamp())}"
        try:
            self._redis.set(self._keys.control(), text, ex=CONTROL_GOOD_FOR_S)
        except redis.RedisError:
            return

    def _resting(self, host: str) -> tuple[str, float]:
        found = self._read(_RESTING, self._keys.cooldown(host))
        left_s = found[1] - self._now().timestamp() if found is not None else 0.0
        # One that is longer than any the bot writes is none.
        return found if found is not None and 0 < left_s <= COOLDOWN_MAX_S + 1 else ("", 0.0)

    def _read(self, form: re.Pattern[str], name: str) -> tuple[str, float] | None:
        try:
            found: Any = self._redis.getrange(name, 0, 64)
        except redis.RedisError:
            return None
        match = form.fullmatch(found.decode("ascii", "replace"))
        return (match[1], float(match[2])) if match is not None else None


class Soft404Baselines:
    """What hosts answered for pages that cannot be there, for a day each. Losing one costs one request."""

    def __init__(self, client: redis.Redis, keys: Keys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now

    def get(self, place: str) -> Soft404Baseline | None:
        """The answer in a folder (`https://host/dir/`); None: not known, too old, or Redis is away."""
        try:
            found = self._redis.getrange(self._keys.baseline(place), 0, _BASELINE_MAX_BYTES)
            baseline = _baseline(json.loads(found)) if found else None
        except (redis.RedisError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return None
        if baseline is None or not timedelta() <= self._now() - baseline.asked_at <= timedelta(seconds=BASELINE_GOOD_FOR_S):
            return None
        return baseline

    def put(self, place: str, baseline: Soft404Baseline) -> None:
        """Remember the answer in a folder."""
        text = json.dumps(
            {
                "asked_at": baseline.asked_at.isoformat(),
                "status": baseline.status,
                "sha256": baseline.sha256,
                "title": baseline.title,
                "length": baseline.length,
            }
        )
        try:
            self._redis.set(self._keys.baseline(place), text, ex=BASELINE_GOOD_FOR_S)
        except redis.RedisError:
            return


def _baseline(note: Any) -> Soft404Baseline:
    status, sha256, title, length = (note[name] for name in ("status", "sha256", "title", "length"))
    plain = (status is None or type(status) is int) and type(length) is int and isinstance(title, str)
    asked_at = datetime.fromisoformat(note["asked_at"])
    if not plain or not re.fullmatch(r"(?:[0-9a-f]{64})?", sha256) or asked_at.tzinfo is None:
        raise ValueError("not a baseline")
    return Soft404Baseline(asked_at=asked_at, status=status, sha256=sha256, title=title, length=length)


class _SlotsHere:
    """Slots within this process: it asks Redis for one slot a host at a time, and keeps the pace when Redis is away."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._free_at: dict[str, float] = {}

    def take(self, host: str, until: float, meanwhile: Callable[[], None]) -> tuple[bool, bool]:
        """Whether the caller has the slot, and whether it had to wait. `until`: when to give up, monotonic."""
        waited = False
        while True:
            meanwhile()
            with self._changed:
                now = time.monotonic()
                free_at = self._free_at.get(host, now)
                if free_at <= now:
                    self._free_at[host] = math.inf
                    return True, waited
                if now >= until:
                    return False, waited
                waited = True
                self._changed.wait(min(free_at - now, until - now, _MEANWHILE_S))

    def give_back(self, host: str, pace_s: float) -> None:
        with self._changed:
            now = time.monotonic()
            # Those whose pause is over are as good as unknown; so this does not grow with the hosts of the world.
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
            self._free_at[host] = now + pace_s
            self._changed.notify_all()
