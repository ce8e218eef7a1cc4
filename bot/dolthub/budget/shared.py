"""One budget of requests for the bot's account, shared by all its commons and processes through Redis.

While Redis is away each process has a budget of its own.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Protocol

from bot.dolthub.budget.rate_limiter import OwnBudget, TokenBucket

AWAY_S = 5.0
"""So long Redis is not asked again once it was away: no request to DoltHub waits for it."""


class AtomicText(Protocol):
    """A small text that all processes change, one after the other; False: it cannot be reached."""

    def change(self, act: Callable[[str | None, float], str]) -> bool: ...


class SharedBudget:
    """A bucket that stands in a cell of Redis."""

    def __init__(self, cell: AtomicText, per_minute: float) -> None:
        self._cell = cell
        self._per_minute = float(per_minute)
        self._own = OwnBudget(per_minute)
        self._away_until = -math.inf

    def change(self, act: Callable[[TokenBucket, float], TokenBucket]) -> None:
        """Change it, in Redis if that answers, else the one of this process."""
        if time.monotonic() >= self._away_until:
            if self._cell.change(lambda text, now: _written(act(_read(text, self._per_minute, now), now))):
                return
            self._away_until = time.monotonic() + AWAY_S
        self._own.change(act)


def _written(bucket: TokenBucket) -> str:
    return json.dumps(asdict(bucket))


def _read(text: str | None, per_minute: float, now: float) -> TokenBucket:
    """The bucket as written down; a full one if there is none that can be read. The operator may have changed the budget."""
    try:
        bucket = TokenBucket(**{name: float(value) for name, value in json.loads(text or "").items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return TokenBucket.full(per_minute, now)
    if not all(map(math.isfinite, asdict(bucket).values())) or bucket.per_minute <= 0:
        return TokenBucket.full(per_minute, now)
    unbowed = bucket.per_minute >= bucket.most
    return replace(bucket, most=per_minute, per_minute=per_minute if unbowed else min(bucket.per_minute, per_minute))
