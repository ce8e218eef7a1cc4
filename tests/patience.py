"""How long tests wait: for a state until it is there, and for an end that must come in time five times as long as it may take.

The same suite runs on a quiet machine and beside other work. So a test waits for a state, with an end so late that only a state
that never comes meets it. Where a time itself is what the test is about, what it guards against takes much longer still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

STATE_WAIT_S: Final = 120.0
"""The end of a wait for a state; below the time-out of a single test."""
BUSY_FACTOR: Final = 5.0
"""So many times slower a busy machine may be than a quiet one."""
_POLL_S: Final = 0.02


def until(
    holds: Callable[[], object], *, patience_s: float = STATE_WAIT_S, told: Callable[[], str] = lambda: "the state never came"
) -> None:
    """Wait until `holds`. Fails with what `told` returns if that takes longer than `patience_s`."""
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, told()
        time.sleep(_POLL_S)


@contextmanager
def ends_within(quiet_s: float) -> Iterator[None]:
    """The block takes no longer than this on a quiet machine, and no longer than five times as long on any."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < quiet_s * BUSY_FACTOR
