"""The clock: knocks for a sweep of each commons, again and again. It holds nothing and decides nothing."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final, ParamSpec

import structlog

from bot.clock.heartbeat import BEAT_S
from bot.log import stranger
from bot.model.ids import Commons

JITTER = 0.1
"""Share of the interval by which a knock may come early or late, so that many clocks do not beat as one."""
RETRY_S = 5.0

_FIX: Final = "Look at Redis: is it up, and has it room (maxmemory)? Until then comments and new commits go unnoticed."

P = ParamSpec("P")
log = structlog.get_logger("stampbot.clock")


class Clock:
    """Knocks with `knock_sweep` for each commons every `poll_s` seconds, and says with `live` that it lives.

    Whatever either raises is told and outlived.
    """

    def __init__(
        self,
        beats: Sequence[tuple[Commons, float]],
        knock_sweep: Callable[[Commons], object],
        *,
        live: Callable[[], object] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        spread: Callable[[], float] = lambda: random.uniform(1 - JITTER, 1 + JITTER),
    ) -> None:
        self._beats = dict(beats)
        self._knock = knock_sweep
        self._live = live
        self._monotonic = monotonic
        self._spread = spread
        self._due = dict.fromkeys(self._beats, monotonic())
        self._away = False

    def beat(self) -> float:
        """Knock for every commons that is due, and say that we live; seconds until the next knock is due."""
        for commons, due in self._due.items():
            if due <= self._monotonic():
                heard = self._heard(self._knock, commons)
                # Counted from now, not from when it was due: a clock that slept does not catch up.
                wait_s = self._beats[commons] if heard else min(RETRY_S, self._beats[commons])
                self._due[commons] = self._monotonic() + wait_s * self._spread()
        self._heard(self._live)
        return max(0.0, min(self._due.values()) - self._monotonic())

    def run(self, stop: threading.Event) -> None:
        """Beat until `stop` is set, and not less often than whoever asks for us expects."""
        while not stop.wait(min(BEAT_S, self.beat())):
            pass

    def _heard(self, knock: Callable[P, object], *at: P.args, **more: P.kwargs) -> bool:
        try:
            knock(*at, **more)
        except Exception as error:
            if not self._away:
                log.warning("cannot knock for sweeps; going on trying", error=stranger(error), fix=_FIX)
            self._away = True
            return False
        if self._away:
            log.info("knocks are heard again")
        self._away = False
        return True


def serve(beats: Sequence[tuple[Commons, float]], knock_sweep: Callable[[Commons], object], live: Callable[[], object]) -> int:
    """Run the clock until SIGTERM or SIGINT. Main thread only. Exit status."""
    stop = threading.Event()

    def end(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    log.info("ready", every_s={str(commons): poll_s for commons, poll_s in beats})
    Clock(beats, knock_sweep, live=live).run(stop)
    return 0
