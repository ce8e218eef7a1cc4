"""How fast this process asks DoltHub: a budget per minute, halved when DoltHub struggles, growing back slowly.

After about 5 pulls, 20 writes and 40 reads in half an hour, DoltHub was seen to let connections time out for minutes
(Kilo-Org/cloud, services/wasteland/docs/e2e-testing.md, 2026-04): a bot that hurries is a bot that waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

QUIET_S = 60.0
LEAST_PER_MINUTE = 5.0


class Pace:
    """A token bucket that holds one minute's requests. One per commons and process; safe to share between threads.

    `per_minute`: requests a minute at best. `wait` blocks until a request may be sent; `trouble` halves the pace; each quiet
    minute after that gives one request a minute back.
    """

    def __init__(
        self, per_minute: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._most = float(per_minute)
        self._per_minute = self._most
        self._tokens = self._most
        self._clock = clock
        self._sleep = sleep
        self._filled_at = self._troubled_at = clock()
        self._lock = threading.Lock()

    @property
    def per_minute(self) -> float:
        """Requests a minute at present."""
        with self._lock:
            self._fill()
            return self._per_minute

    @property
    def at_leisure(self) -> bool:
        """Whether half of the budget is there to be taken: what can wait for another day asks only then."""
        with self._lock:
            self._fill()
            return self._tokens * 2 >= self._most

    def wait(self) -> None:
        """Take one request out of the budget, waiting for it if need be."""
        with self._lock:
            self._fill()
            self._tokens -= 1
            owed_s = max(0.0, -self._tokens * 60 / self._per_minute)
        if owed_s:
            self._sleep(owed_s)

    def trouble(self) -> None:
        """DoltHub asked for patience, or did not answer in time."""
        with self._lock:
            self._fill()
            least = min(LEAST_PER_MINUTE, self._most)
            self._per_minute = max(least, self._per_minute / 2)
            self._tokens = min(self._tokens, self._per_minute)
            self._troubled_at = self._clock()

    def _fill(self) -> None:
        now = self._clock()
        quiet = int((now - self._troubled_at) / QUIET_S)
        if quiet and self._per_minute < self._most:
            self._per_minute = min(self._most, self._per_minute + quiet)
            self._troubled_at += quiet * QUIET_S
        self._tokens = min(self._per_minute, self._tokens + (now - self._filled_at) * self._per_minute / 60)
        self._filled_at = now
