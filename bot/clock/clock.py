"""The clock: enqueues a sweep of each commons at fixed intervals. It keeps no state and decides nothing."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Final, ParamSpec

import redis
import structlog

from bot.clock.heartbeat import BEAT_S, Heartbeat
from bot.log import stranger
from bot.model.ids import Commons
from bot.model.policy import Timing
from bot.queue.enqueue import JobQueue
from bot.store import Keys

JITTER: Final = 0.1
"""Share of the interval by which a sweep may be early or late, so that many clocks do not tick together."""
RETRY_S: Final = 5.0

_FIX: Final = "Look at Redis: is it up, and has it room (maxmemory)? Until then comments and new commits go unnoticed."

P = ParamSpec("P")
log = structlog.get_logger("stampbot.clock")


class Clock:
    """Calls `enqueue_sweep` for each commons at its interval, and `heartbeat` at every tick. What they raise is logged."""

    def __init__(
        self,
        beats: Sequence[tuple[Commons, float]],
        enqueue_sweep: Callable[[Commons], object],
        *,
        heartbeat: Callable[[], object] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        spread: Callable[[], float] = lambda: random.uniform(1 - JITTER, 1 + JITTER),
    ) -> None:
        self._beats = dict(beats)
        self._enqueue_sweep = enqueue_sweep
        self._heartbeat = heartbeat
        self._monotonic = monotonic
        self._spread = spread
        self._due = dict.fromkeys(self._beats, monotonic())
        self._away = False

    def beat(self) -> float:
        """Enqueue the sweeps that are due, and write the heartbeat. Returns the seconds until the next sweep is due."""
        for commons, due in self._due.items():
            if due <= self._monotonic():
                done = self._done(self._enqueue_sweep, commons)
                # Counted from now, not from when it was due: a clock that slept does not catch up.
                wait_s = self._beats[commons] if done else min(RETRY_S, self._beats[commons])
                self._due[commons] = self._monotonic() + wait_s * self._spread()
        self._done(self._heartbeat)
        return max(0.0, min(self._due.values()) - self._monotonic())

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set, and at least every BEAT_S, as readers of the heartbeat expect."""
        log.info("ready", every_s={str(commons): every_s for commons, every_s in self._beats.items()})
        while not stop.wait(min(BEAT_S, self.beat())):
            pass

    def _done(self, act: Callable[P, object], *at: P.args, **more: P.kwargs) -> bool:
        try:
            act(*at, **more)
        except Exception as error:
            if not self._away:
                log.warning("sweeps cannot be enqueued; the clock goes on trying", error=stranger(error), fix=_FIX)
            self._away = True
            return False
        if self._away:
            log.info("sweeps are enqueued again")
        self._away = False
        return True


def make_clock(timings: Mapping[Commons, Timing], client: redis.Redis) -> Clock:
    """The clock of these commons, over a client that fails fast."""
    keys = Keys()
    beats = [(commons, timing.sweep_s) for commons, timing in timings.items()]
    return Clock(beats, JobQueue(client, keys).enqueue_sweep, heartbeat=Heartbeat(client, keys).beat)


def serve(clock: Clock) -> int:
    """Run the clock until SIGTERM or SIGINT. Main thread only. Exit status."""
    stop = threading.Event()

    def end(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    clock.run(stop)
    return 0
