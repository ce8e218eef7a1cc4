"""Outages: trouble that meets all pulls of a commons alike. It is one line of the log, one metric and one row of doctor."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis

from bot.store.keys import SiteKeys

CALM_S: Final = 60
"""An outage is over when a look goes well and none has met it for so long: trouble that comes and goes is one outage."""
OUTAGE_TTL_S: Final = 86400
SAYS_MAX_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """`of`: what does not work. `failed`: looks and sweeps that met it. `says`: the trouble of the last, strangers' words."""

    of: str
    since: datetime
    last: datetime
    failed: int
    says: str


class Outages:
    """One hash a commons. Nothing here raises redis.RedisError: while Redis is away this process remembers alone."""

    def __init__(self, client: redis.Redis, keys: SiteKeys, now: Callable[[], datetime]) -> None:
        self._redis = client
        self._keys = keys
        self._now = now
        self._alone: dict[str, Outage] = {}

    def met(self, of: str, says: str) -> bool:
        """A look or a sweep failed by it; whether it is news."""
        now, before = self._now(), self._known().get(of)
        first = before or Outage(of=of, since=now, last=now, failed=0, says="")
        found = replace(first, last=now, failed=first.failed + 1, says=says[:SAYS_MAX_CHARS])
        self._alone[of] = found
        try:
            with self._redis.pipeline() as pipe:
                pipe.hset(self._keys.outages(), of, _text(found))
                pipe.expire(self._keys.outages(), OUTAGE_TTL_S)
                pipe.execute()
        except redis.RedisError:
            pass
        return before is None

    def over(self) -> tuple[Outage, ...]:
        """A look or a sweep went well: the outages that are over by that. They are forgotten."""
        latest = self._now() - timedelta(seconds=CALM_S)
        ended = tuple(each for each in self._known().values() if each.last <= latest)
        for each in ended:
            self._alone.pop(each.of, None)
            try:
                self._redis.hdel(self._keys.outages(), each.of)
            except redis.RedisError:
                continue
        return ended

    def all(self) -> tuple[Outage, ...]:
        """The outages of a commons, by name."""
        return tuple(each for _, each in sorted(self._known().items()))

    def _known(self) -> Mapping[str, Outage]:
        alone = dict(self._alone)
        try:
            found: list[tuple[Any, Any]] = list(self._redis.hgetall(self._keys.outages()).items())
        except redis.RedisError:
            return alone
        read = ((of.decode("utf-8", "replace"), value) for of, value in found)
        return {**alone, **{of: each for of, value in read if (each := _outage(of, value)) is not None}}


def _text(each: Outage) -> str:
    return json.dumps([each.since.timestamp(), each.last.timestamp(), each.failed, each.says])


def _outage(of: str, value: Any) -> Outage | None:
    try:
        since, last, failed, says = json.loads(value)
        return Outage(
            of=of,
            since=datetime.fromtimestamp(float(since), UTC),
            last=datetime.fromtimestamp(float(last), UTC),
            failed=int(failed),
            says=str(says),
        )
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
