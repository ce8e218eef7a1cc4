"""Trouble that meets all pulls of a commons. It is one line of the log, one metric and one row of doctor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import redis

from bot.store.codec import decode, encode
from bot.store.keys import SiteKeys
from bot.store.soft import NOTHING, soft

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
        self._write(found)
        return before is None

    def over(self) -> tuple[Outage, ...]:
        """A look or a sweep went well: the outages that are over by that. They are forgotten."""
        latest = self._now() - timedelta(seconds=CALM_S)
        ended = tuple(each for each in self._known().values() if each.last <= latest)
        for each in ended:
            self._alone.pop(each.of, None)
            self._forget(each.of)
        return ended

    def all(self) -> tuple[Outage, ...]:
        """The outages of the commons, by name."""
        return tuple(each for _, each in sorted(self._known().items()))

    def _known(self) -> Mapping[str, Outage]:
        return {**self._alone, **self._read()}

    @soft(NOTHING)
    def _read(self) -> Mapping[str, Outage]:
        found = (decode(text, Outage) for text in self._redis.hgetall(self._keys.outages()).values())
        return {each.of: each for each in found if each is not None}

    @soft(None)
    def _write(self, outage: Outage) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(self._keys.outages(), outage.of, encode(outage))
            pipe.expire(self._keys.outages(), OUTAGE_TTL_S)
            pipe.execute()

    @soft(None)
    def _forget(self, of: str) -> None:
        self._redis.hdel(self._keys.outages(), of)
