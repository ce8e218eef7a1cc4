"""What probers remember of hosts together: whose turn it is, who is left alone, who was heard lately. Wiped, it costs time."""

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
"""So many looks in a row that a host fails, and it is left alone."""
COOLDOWN_S: Final = 600
COOLDOWN_MAX_S: Final = 3600
"""No host can keep us away for longer than this at a time."""
TROUBLE_TTL_S: Final = 3600
NETWORK_HEALTH_HOSTS: Final = 20
NETWORK_HEALTH_S: Final = 1800
"""Older sightings of a host say nothing about our network now."""
CONTROL_GOOD_FOR_S: Final = 60
CONTROL_BAD_FOR_S: Final = 10
BASELINE_GOOD_FOR_S: Final = 86400
_BASELINE_MAX_BYTES: Final = 4096
_MEANWHILE_S: Final = 1.0
_RESTING: Final = re.compile(r"(resting|limit) ([0-9]{1,12})")
_CONTROL: Final = re.compile(r"(yes|no) ([0-9]{1,12})")


class HostOutcome(enum.Enum):
    """How a host bore itself when it was asked. BUSY: it answered that it cannot now; SILENT: nothing was heard of it."""

    WELL = "well"
    BUSY = "busy"
    SILENT = "silent"


class Hosts:
    """The memory of hosts (`name:port`), in Redis and, for turns, in this process too, which is all there is without Redis.

    Times are by `now`, which all probers should agree on to a few seconds; turns are by the clock of Redis. Nothing here
    raises redis.RedisError.
    """

    def __init__(self, client: redis.Redis, keys: Keys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now
        self._turns = SingleFlight(client, keys.slot)
        self._here = _SlotsHere()

    @contextmanager
    def slot(
        self, host: str, *, pace_s: float, ttl_s: float, patience_s: float, meanwhile: Callable[[], None] = lambda: None
    ) -> Iterator[Flight]:
        """Wait for one's turn at a host: alone among all probers, and `pace_s` after the last one was done. See `SingleFlight`.

        Without a pace nobody waits for anybody.
        """
        if pace_s <= 0:
            flight = Flight(self._turns, host, ttl_s)
            flight.acquired = True
            yield flight
            return
        until = time.monotonic() + patience_s
        here, waited = self._here.take(host, until, meanwhile)
        if not here:
            yield Flight(self._turns, host, ttl_s)
            return
        try:
            left_s = until - time.monotonic()
            with self._turns.run(host, ttl_s=ttl_s, patience_s=left_s, pause_s=pace_s, meanwhile=meanwhile) as flight:
                flight.waited = flight.waited or waited
                yield flight
        finally:
            self._here.give_back(host, pace_s)

    def cooldown(self, host: str) -> str:
        """Why a host is to be left alone now: `resting` (it failed again and again) or `limit` (it asked us to); else empty."""
        return self._resting(host)[0]

    def cool_down(self, host: str, reason: str, seconds: float) -> None:
        """Leave a host alone for so long, REST_MAX_S at most; a longer rest that stands already stays."""
        now = self._now().timestamp()
        until = math.ceil(now + min(max(seconds, 0.0), COOLDOWN_MAX_S))
        if until <= self._resting(host)[1]:
            return
        try:
            self._redis.set(self._keys.cooldown(host), f"{reason} {until}", ex=COOLDOWN_MAX_S)
        except redis.RedisError:
            return

    def note(self, seen: Mapping[str, HostOutcome], site_of: Callable[[str], str] = str) -> None:
        """Write down how these hosts bore themselves in one look; who has failed FAILURES_MAX in a row is left alone.

        `site_of`: whose a host is. In the weather hosts of one site are one host, for a site may have as many as it likes.
        """
        now = self._now().timestamp()
        failed = [host for host, bearing in seen.items() if bearing is not HostOutcome.WELL]
        if not seen:
            return
        weather = self._keys.network_health()
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for host in failed:
                    pipe.incr(self._keys.trouble(host))
                for host, bearing in seen.items():
                    if bearing is HostOutcome.WELL:
                        pipe.delete(self._keys.trouble(host))
                    else:
                        pipe.expire(self._keys.trouble(host), TROUBLE_TTL_S)
                    name, silent = digest("weather/1", site_of(host))[:32], bearing is HostOutcome.SILENT
                    pipe.zrem(weather, f"{name}:{0 if silent else 1}")
                    pipe.zadd(weather, {f"{name}:{1 if silent else 0}": now})
                pipe.zremrangebyrank(weather, 0, -1 - NETWORK_HEALTH_HOSTS)
                pipe.expire(weather, NETWORK_HEALTH_S)
                counts = pipe.execute()
        except redis.RedisError:
            return
        for host, count in zip(failed, counts, strict=False):
            if count >= FAILURES_MAX:
                self.cool_down(host, "resting", COOLDOWN_S)

    def network_health(self) -> tuple[int, int]:
        """Of the last WEATHER_HOSTS different hosts of the last WEATHER_S: how many were silent, and how many there are."""
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
        # One that is too long to be ours is none.
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
            sibling = _sibling(json.loads(found)) if found else None
        except (redis.RedisError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return None
        if sibling is None or not timedelta() <= self._now() - sibling.asked_at <= timedelta(seconds=BASELINE_GOOD_FOR_S):
            return None
        return sibling

    def put(self, place: str, sibling: Soft404Baseline) -> None:
        """Remember the answer in a folder."""
        text = json.dumps(
            {
                "asked_at": sibling.asked_at.isoformat(),
                "status": sibling.status,
                "sha256": sibling.sha256,
                "title": sibling.title,
                "length": sibling.length,
            }
        )
        try:
            self._redis.set(self._keys.baseline(place), text, ex=BASELINE_GOOD_FOR_S)
        except redis.RedisError:
            return


def _sibling(note: Any) -> Soft404Baseline:
    status, sha256, title, length = (note[name] for name in ("status", "sha256", "title", "length"))
    plain = (status is None or type(status) is int) and type(length) is int and isinstance(title, str)
    asked_at = datetime.fromisoformat(note["asked_at"])
    if not plain or not re.fullmatch(r"(?:[0-9a-f]{64})?", sha256) or asked_at.tzinfo is None:
        raise ValueError("not a sibling")
    return Soft404Baseline(asked_at=asked_at, status=status, sha256=sha256, title=title, length=length)


class _SlotsHere:
    """Turns within this process: it asks Redis for one turn a host at a time, and keeps the pace when Redis is away."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._free_at: dict[str, float] = {}

    def take(self, host: str, until: float, meanwhile: Callable[[], None]) -> tuple[bool, bool]:
        """Whether it is ours now, and whether we had to wait. `until`: when to give up, monotonic."""
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
