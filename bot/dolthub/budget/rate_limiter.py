"""How fast the bot asks DoltHub: a budget of requests a minute, halved when DoltHub struggles, growing back with quiet.

After about 5 pulls, 20 writes and 40 reads in half an hour, DoltHub was seen to let connections time out for minutes
(Kilo-Org/cloud, services/wasteland/docs/e2e-testing.md, 2026-04): a bot that hurries is a bot that waits.

The budget has two halves. One is for reading comments and answering commands, the other for reviews and rechecks. Reviews
never draw from the first half, however many wait, so a comment is read at the same pace during a backlog.

The rules stand here, pure, in `TokenBucket`; who remembers it is told from outside: Redis for all processes of the bot, or this
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

from bot.dolthub.errors import HubBusy

DOUBLES_AFTER_S: Final = 20.0
"""Below the ceiling the pace doubles after so much quiet."""
GROWS_AFTER_S: Final = 60.0
"""Beyond the ceiling the pace grows by one request a minute after so much quiet."""
CEILING_SHARE: Final = 0.9
"""The ceiling, as a share of the pace at which the first trouble of a storm came."""
CEILING_KEPT_S: Final = 86400.0
ONE_STORM_REQUESTS: Final = 8
"""Trouble after no more requests than this since the last one belongs to the same storm: as many may be under way at once."""
LEAST_PER_MINUTE: Final = 5.0
ONE_TROUBLE_S: Final = 5.0
"""Requests that were under way together fail together: that is one trouble, not many."""
COOLDOWN_MAX_S: Final = 900.0
"""So long at most DoltHub is left alone, whatever it asks for."""
WAIT_MAX_S: Final = 10.0
"""Whoever would have to wait longer than this for a rest to end comes back later."""
PATIENCE_S: Final = 30.0
"""A request that has waited so long draws its half into debt: no request starves."""
ASK_AGAIN_MAX_S: Final = 10.0


class Urgency(enum.Enum):
    """What a request is for."""

    DECIDE = "decide"
    """Answering a command."""
    LISTEN = "listen"
    """Reading comments, and finding the pulls there are."""
    REVIEW = "review"
    RECHECK = "recheck"

    @property
    def has_own_half(self) -> bool:
        """Whether it draws from the half that reviews and rechecks never touch."""
        return self in (Urgency.DECIDE, Urgency.LISTEN)


LEAVES: Final = {Urgency.DECIDE: 0.0, Urgency.LISTEN: 0.25, Urgency.REVIEW: 0.25, Urgency.RECHECK: 0.5}
"""The share of its full half that a request leaves to more urgent requests."""

_URGENCY: ContextVar[Urgency] = ContextVar("urgency", default=Urgency.REVIEW)


def urgency() -> Urgency:
    """What the work at hand is for; threads that read for it have to be told (`bot.converge.reads.Readers`)."""
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
class TokenBucket:
    """Two token buckets that hold one minute's requests together, half each. Times are seconds of one clock, whichever.

    `attention`: tokens for reading comments and answering commands. `tokens`: those for all other work. `ceiling`: the pace
    that is known to be borne, 0 for none; `storm_at`: when the storm began that it comes from. `grown_at`: until when quiet was
    turned into pace. `sent`: requests since the last trouble.
    """

    most: float
    per_minute: float
    tokens: float
    filled_at: float
    troubled_at: float
    cooldown_until: float = 0.0
    attention: float = 0.0
    ceiling: float = 0.0
    storm_at: float = 0.0
    grown_at: float = 0.0
    sent: float = 0.0

    @classmethod
    def full(cls, per_minute: float, now: float) -> TokenBucket:
        """A bucket nobody has drawn from."""
        most = float(per_minute)
        return cls(most=most, per_minute=most, tokens=most / 2, attention=most / 2, filled_at=now, troubled_at=now)

    @property
    def half(self) -> float:
        """The most that each half holds, and what each gets in a minute."""
        return self.per_minute / 2

    def filled(self, now: float) -> TokenBucket:
        """As it is now: time gives tokens back, and quiet gives pace back. A clock set back gives nothing.

        Each half gets half of the tokens, and what a full half cannot hold goes to the other.
        """
        per_minute, grown_at = self._grown(now)
        half, gained = per_minute / 2, max(0.0, now - self.filled_at) * per_minute / 60 / 2
        tokens, attention = self.tokens + gained, self.attention + gained
        tokens, attention = tokens + max(0.0, attention - half), attention + max(0.0, tokens - half)
        return replace(
            self,
            per_minute=per_minute,
            tokens=min(half, tokens),
            attention=min(half, attention),
            filled_at=now,
            troubled_at=min(self.troubled_at, now),
            grown_at=grown_at,
        )

    def _grown(self, now: float) -> tuple[float, float]:
        """The pace after the quiet since the last trouble, and until when that quiet was turned into pace.

        Quickly up to the ceiling, slowly beyond it: what DoltHub bears is not documented, so it is found out by little steps.
        """
        per_minute, grown_at = self.per_minute, min(max(self.grown_at, self.troubled_at), now)
        known = self.ceiling and now - self.storm_at < CEILING_KEPT_S
        ceiling = min(self.most, self.ceiling) if known else self.most
        while per_minute < ceiling and now - grown_at >= DOUBLES_AFTER_S:
            per_minute, grown_at = min(ceiling, per_minute * 2), grown_at + DOUBLES_AFTER_S
        if ceiling <= per_minute < self.most:
            steps = int((now - grown_at) / GROWS_AFTER_S)
            per_minute, grown_at = min(self.most, per_minute + steps), grown_at + steps * GROWS_AFTER_S
        return per_minute, grown_at

    def available(self, how: Urgency) -> float:
        """Requests that could go at once, after what is left to more urgent ones."""
        own = self.attention if how.has_own_half else self.tokens
        lent = max(0.0, self.tokens) if how is Urgency.DECIDE else 0.0
        return max(0.0, own - LEAVES[how] * self.half) + lent

    def drawn(self, now: float, how: Urgency, waited_s: float) -> tuple[TokenBucket, bool, float]:
        """The bucket after one draw; whether the request may go, and after how many seconds (if not: ask again then).

        A decision draws at once: from the reviews' half as long as there is something in it, so that it costs no reading of
        comments, then from its own half, into debt if need be, and waits until that is paid. All others draw from their half
        what more urgent requests leave. When their patience is over they draw it into debt.
        """
        found = self.filled(now)
        cooldown_s = min(max(0.0, self.cooldown_until - now), COOLDOWN_MAX_S)
        if cooldown_s:
            return found, False, cooldown_s
        own = found.attention if how.has_own_half else found.tokens
        insists = how is Urgency.DECIDE or waited_s >= PATIENCE_S
        wanting = LEAVES[how] * found.half - (own - 1)
        if wanting > 0 and not insists:
            return found, False, wanting * 60 / found.half
        found = replace(found, sent=found.sent + 1)
        if how is Urgency.DECIDE and found.tokens >= 1:
            return replace(found, tokens=found.tokens - 1), True, 0.0
        after = replace(found, attention=own - 1) if how.has_own_half else replace(found, tokens=own - 1)
        return after, True, max(0.0, 1 - own) * 60 / found.half

    def troubled(self, now: float, cooldown_s: float) -> TokenBucket:
        """After DoltHub asked for patience (`cooldown_s` seconds of it, if it said so), or did not answer in time."""
        found = self.filled(now)
        cooldown_until = max(self.cooldown_until, now + min(cooldown_s, COOLDOWN_MAX_S)) if cooldown_s else self.cooldown_until
        if found.per_minute < found.most and now - self.troubled_at < ONE_TROUBLE_S:
            return replace(found, cooldown_until=cooldown_until)
        per_minute = max(min(LEAST_PER_MINUTE, found.most), found.per_minute / 2)
        known = bool(found.ceiling) and now - found.storm_at < CEILING_KEPT_S
        same_storm = known and found.sent <= ONE_STORM_REQUESTS
        ceiling, storm_at = (found.ceiling, found.storm_at) if same_storm else (found.per_minute * CEILING_SHARE, now)
        return replace(
            found,
            per_minute=per_minute,
            tokens=min(found.tokens, per_minute / 2),
            attention=min(found.attention, per_minute / 2),
            troubled_at=now,
            cooldown_until=cooldown_until,
            ceiling=ceiling,
            storm_at=storm_at,
            grown_at=now,
            sent=0.0,
        )


class BudgetStore(Protocol):
    """Who remembers a bucket. `change` hands it over with the time, and keeps what comes back."""

    def change(self, act: Callable[[TokenBucket, float], TokenBucket]) -> None: ...


class OwnBudget:
    """A bucket of this process alone. Safe to share between threads."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bucket = TokenBucket.full(per_minute, clock())
        self._lock = threading.Lock()

    def change(self, act: Callable[[TokenBucket, float], TokenBucket]) -> None:
        """Change it; nobody comes in between."""
        with self._lock:
            self._bucket = act(self._bucket, self._clock())


class RateLimiter:
    """Holds the requests of an account to one budget. `wait` blocks until a request may be sent. Threads may share it.

    `commons`: how many commons share it. Each plans with its part; what it does not need the others draw.
    """

    def __init__(
        self,
        store: BudgetStore,
        *,
        commons: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._commons = commons
        self._clock = clock
        self._sleep = sleep

    @property
    def per_minute(self) -> float:
        """Requests a minute at present."""
        return self._seen().per_minute

    @property
    def share_per_minute(self) -> float:
        """Requests a minute that one commons may plan with at present."""
        return self.per_minute / self._commons

    def available(self) -> float:
        """The part for one commons of the requests that could go at once, after what is left to more urgent ones."""
        return self._seen().available(urgency()) / self._commons

    @property
    def has_slack(self) -> bool:
        """Whether half of what reviews may draw is there: what can wait for another day asks only then."""
        bucket = self._seen()
        return bucket.tokens * 4 >= bucket.most

    def wait(self) -> None:
        """Take one request out of the budget, waiting for it if need be.

        Raises HubBusy while DoltHub is left alone for longer than is worth waiting for.
        """
        how, began = urgency(), self._clock()
        while True:
            may, wait_s, in_cooldown = self._draw(how, self._clock() - began)
            if in_cooldown and wait_s > WAIT_MAX_S:
                raise HubBusy("DoltHub asked to be left alone for a while", retry_after_s=wait_s)
            if wait_s:
                # Not all who wait at the same moment.
                self._sleep(wait_s if may else min(wait_s, ASK_AGAIN_MAX_S) * random.uniform(1.0, 1.1))
            if may:
                return

    def trouble(self, cooldown_s: float = 0.0) -> None:
        """DoltHub asked for patience (for `cooldown_s` seconds, if it said so), or did not answer in time."""
        self._store.change(lambda bucket, now: bucket.troubled(now, cooldown_s))

    def _draw(self, how: Urgency, waited_s: float) -> tuple[bool, float, bool]:
        found: list[tuple[bool, float, bool]] = []

        def draw(bucket: TokenBucket, now: float) -> TokenBucket:
            after, may, wait_s = bucket.drawn(now, how, waited_s)
            found.append((may, wait_s, after.cooldown_until > now))
            return after

        self._store.change(draw)
        return found[-1]

    def _seen(self) -> TokenBucket:
        found: list[TokenBucket] = []

        def look(bucket: TokenBucket, now: float) -> TokenBucket:
            found.append(bucket.filled(now))
            return bucket

        self._store.change(look)
        return found[-1]
