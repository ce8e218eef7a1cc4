"""How fast the bot asks DoltHub: a budget per commons and minute, halved when DoltHub struggles, growing back slowly.

After about 5 pulls, 20 writes and 40 reads in half an hour, DoltHub was seen to let connections time out for minutes
(Kilo-Org/cloud, services/wasteland/docs/e2e-testing.md, 2026-04): a bot that hurries is a bot that waits.

The rules stand here, pure, in `Bucket`; who remembers it is told from outside: Redis for all processes of the bot, or this
process alone while Redis is away.
"""

from __future__ import annotations

import enum
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final, Protocol

from bot.hub.errors import HubBusy

QUIET_S: Final = 60.0
LEAST_PER_MINUTE: Final = 5.0
ONE_TROUBLE_S: Final = 5.0
"""Requests that were under way together fail together: that is one trouble, not many."""
REST_MAX_S: Final = 900.0
"""So long at most DoltHub is left alone, whatever it asks for."""
WAIT_MAX_S: Final = 10.0
"""Whoever would have to wait longer than this for a rest to end comes back later."""
PATIENCE_S: Final = 10.0
"""Whoever has waited so long draws like a decision: nobody starves."""


class Urgency(enum.Enum):
    """What a request is for. The share of a full minute's budget that it leaves to those before it."""

    DECIDE = 0.0
    REVIEW = 0.1
    SWEEP = 0.25
    RECHECK = 0.4


_URGENCY: ContextVar[Urgency] = ContextVar("urgency", default=Urgency.REVIEW)


def urgency() -> Urgency:
    """What the work at hand is for; threads that read for it have to be told (`bot.reads.Readers`)."""
    return _URGENCY.get()


@contextmanager
def working_at(how: Urgency) -> Iterator[None]:
    """All requests of the block are for this."""
    token = _URGENCY.set(how)
    try:
        yield
    finally:
        _URGENCY.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A token bucket that holds one minute's requests. Times are seconds of one clock, whichever."""

    most: float
    per_minute: float
    tokens: float
    filled_at: float
    troubled_at: float
    rests_until: float = 0.0

    @classmethod
    def full(cls, per_minute: float, now: float) -> Bucket:
        """A bucket nobody has drawn from."""
        most = float(per_minute)
        return cls(most=most, per_minute=most, tokens=most, filled_at=now, troubled_at=now)

    def filled(self, now: float) -> Bucket:
        """As it is now: time gives tokens back, and each quiet minute one request a minute. A clock set back gives nothing."""
        per_minute, troubled_at = self.per_minute, min(self.troubled_at, now)
        quiet = int((now - troubled_at) / QUIET_S)
        if quiet and per_minute < self.most:
            per_minute, troubled_at = min(self.most, per_minute + quiet), troubled_at + quiet * QUIET_S
        tokens = min(per_minute, self.tokens + max(0.0, now - self.filled_at) * per_minute / 60)
        return replace(self, per_minute=per_minute, tokens=tokens, filled_at=now, troubled_at=troubled_at)

    def drawn(self, now: float, how: Urgency, waited_s: float) -> tuple[Bucket, bool, float]:
        """The bucket after one draw; whether the request may go, and after how many seconds (if not: ask again then).

        A decision draws at once, into debt if need be, and waits until that is paid. All others draw what those before
        them leave, until their patience is over.
        """
        now_full = self.filled(now)
        rest_s = min(max(0.0, self.rests_until - now), REST_MAX_S)
        if rest_s:
            return now_full, False, rest_s
        left = now_full.tokens - 1
        wanting = 0.0 if waited_s >= PATIENCE_S else how.value * now_full.per_minute
        if how is not Urgency.DECIDE and left < wanting:
            return now_full, False, (wanting - left) * 60 / now_full.per_minute
        return replace(now_full, tokens=left), True, max(0.0, -left * 60 / now_full.per_minute)

    def troubled(self, now: float, rest_s: float) -> Bucket:
        """After DoltHub asked for patience (`rest_s` seconds of it, if it said so), or did not answer in time."""
        found = self.filled(now)
        rests_until = max(self.rests_until, now + min(rest_s, REST_MAX_S)) if rest_s else self.rests_until
        if found.per_minute < found.most and now - self.troubled_at < ONE_TROUBLE_S:
            return replace(found, rests_until=rests_until)
        per_minute = max(min(LEAST_PER_MINUTE, found.most), found.per_minute / 2)
        tokens = min(found.tokens, per_minute)
        return replace(found, per_minute=per_minute, tokens=tokens, troubled_at=now, rests_until=rests_until)


class Purse(Protocol):
    """Who remembers a bucket. `change` hands it over with the time, and keeps what comes back."""

    def change(self, act: Callable[[Bucket, float], Bucket]) -> None: ...


class OwnPurse:
    """A bucket of this process alone. Safe to share between threads."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bucket = Bucket.full(per_minute, clock())
        self._lock = threading.Lock()

    def change(self, act: Callable[[Bucket, float], Bucket]) -> None:
        """Change it; nobody comes in between."""
        with self._lock:
            self._bucket = act(self._bucket, self._clock())


class Pace:
    """Holds requests to the budget of one commons. `wait` blocks until a request may be sent."""

    def __init__(
        self,
        purse: Purse,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._purse = purse
        self._clock = clock
        self._sleep = sleep

    @property
    def per_minute(self) -> float:
        """Requests a minute at present."""
        return self._seen().per_minute

    def spare(self) -> float:
        """Requests that could go at once now, after what those before us are owed."""
        bucket = self._seen()
        return max(0.0, bucket.tokens - urgency().value * bucket.per_minute)

    @property
    def at_leisure(self) -> bool:
        """Whether half of the budget is there to be taken: what can wait for another day asks only then."""
        bucket = self._seen()
        return bucket.tokens * 2 >= bucket.most

    def wait(self) -> None:
        """Take one request out of the budget, waiting for it if need be.

        Raises HubBusy while DoltHub is left alone for longer than is worth waiting for.
        """
        how, began = urgency(), self._clock()
        while True:
            may, wait_s, resting = self._draw(how, self._clock() - began)
            if resting and wait_s > WAIT_MAX_S:
                raise HubBusy("DoltHub asked to be left alone for a while", retry_after_s=wait_s)
            if wait_s:
                # Not all who wait at the same moment.
                self._sleep(wait_s if may else min(wait_s, PATIENCE_S) * random.uniform(1.0, 1.1))
            if may:
                return

    def trouble(self, rest_s: float = 0.0) -> None:
        """DoltHub asked for patience (for `rest_s` seconds, if it said so), or did not answer in time."""
        self._purse.change(lambda bucket, now: bucket.troubled(now, rest_s))

    def _draw(self, how: Urgency, waited_s: float) -> tuple[bool, float, bool]:
        found: list[tuple[bool, float, bool]] = []

        def draw(bucket: Bucket, now: float) -> Bucket:
            after, may, wait_s = bucket.drawn(now, how, waited_s)
            found.append((may, wait_s, after.rests_until > now))
            return after

        self._purse.change(draw)
        return found[-1]

    def _seen(self) -> Bucket:
        found: list[Bucket] = []

        def look(bucket: Bucket, now: float) -> Bucket:
            found.append(bucket.filled(now))
            return bucket

        self._purse.change(look)
        return found[-1]
