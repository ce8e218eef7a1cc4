"""A deadline that acts on sockets: a server that sends a byte per second holds a read time-out off for ever, not this."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from types import TracebackType
from typing import Final

_NAP_MAX_S: Final = 3600.0
_AGAIN_S: Final = 0.02


class Deadline:
    """Ends every watched connection `seconds` after it was made. Use as a context manager; belongs to one chain of hops.

    Works inside http.client's own loops and under TLS: what is ended is the connection below them.
    """

    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        """On the monotonic clock, in seconds."""
        self._ended = False
        self._lock = threading.Lock()
        self._twins: list[int] = []
        self._held: set[socket.socket] = set()

    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.ends_at - time.monotonic())

    @property
    def passed(self) -> bool:
        return self._ended or self.left() == 0.0

    def watch(self, sock: socket.socket) -> None:
        """Shut this connection down at the deadline, at once if that has passed, even if it is wrapped or closed meanwhile.

        Raises OSError (no descriptors left) and RuntimeError (no thread to be had).
        """
        twin = os.dup(sock.fileno())
        with self._lock:
            self._twins.append(twin)
        self._begin()

    def hold(self, sock: socket.socket) -> None:
        """As `watch`, without a duplicate: the socket must not be wrapped, and it is closed by `close` alone."""
        with self._lock:
            self._held.add(sock)
        self._begin()

    def close(self, sock: socket.socket) -> None:
        """Let go of a socket that was held, if it was, and close it."""
        # In this order: once closed, its number may be that of another connection.
        with self._lock:
            self._held.discard(sock)
        sock.close()

    def end(self) -> None:
        """End the watched connections now."""
        with self._lock:
            # Set before the connections end: a reader that finds one ended must see that the deadline did it.
            self._ended = True
            for sock in self._held:
                _shut_down(sock)
            for twin in self._twins:
                sock = socket.socket(fileno=twin)
                try:
                    _shut_down(sock)
                finally:
                    sock.detach()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _watchdog.drop(self)
        with self._lock:
            self._held.clear()
            while self._twins:
                os.close(self._twins.pop())

    def _begin(self) -> None:
        _watchdog.add(self)
        if self.passed:
            self.end()


def _shut_down(sock: socket.socket) -> None:
    # Already gone: nothing to end.
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """One thread for all deadlines of the process; it sleeps until the first of them that it knows of.

    Most deadlines are left long before they pass and are as long as the ones before. So it is woken only for one that
    passes before it would look again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._deadlines: set[Deadline] = set()
        self._looks_at = math.inf
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        """End it when it passes. Raises RuntimeError if there is no thread to be had."""
        with self._changed:
            self._deadlines.add(deadline)
            # A process forked from this one has no threads but its own.
            if self._thread is None or not self._thread.is_alive():
                self._looks_at = math.inf
                thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                thread.start()
                self._thread = thread
            if deadline.ends_at < self._looks_at:
                self._changed.notify()

    def drop(self, deadline: Deadline) -> None:
        """Forget it."""
        with self._changed:
            self._deadlines.discard(deadline)

    def _watch(self) -> None:
        while True:
            for deadline in self._passed():
                try:
                    deadline.end()
                    self.drop(deadline)
                except MemoryError:
                    # Without memory even ending something can fail.
                    time.sleep(_AGAIN_S)

    def _passed(self) -> list[Deadline]:
        """Wait for some time, at most until a deadline passes; those that have passed."""
        with self._changed:
            now = time.monotonic()
            passed = [deadline for deadline in self._deadlines if deadline.ends_at <= now]
            if not passed:
                self._looks_at = min((deadline.ends_at for deadline in self._deadlines), default=now + _NAP_MAX_S)
                self._changed.wait(min(self._looks_at - now, _NAP_MAX_S))
            return passed


_watchdog = _Watchdog()
