"""A deadline that acts on sockets: a server that sends a byte per second holds a read time-out off for ever, not this."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType


class Deadline:
    """Ends every watched connection `seconds` after it was made. Use as a context manager; belongs to one chain of hops.

    Works inside http.client's own loops and under TLS: what is shut down is a duplicate of the socket, and so the connection.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._ended = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer: threading.Timer | None = None

    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def passed(self) -> bool:
        return self._ended or self.left() == 0.0

    def watch(self, sock: socket.socket) -> None:
        """Shut this connection down at the deadline, at once if that has passed. Raises OSError (no descriptors left)."""
        twin = sock.dup()
        with self._lock:
            self._watched.append(twin)
            if self._timer is None:
                self._timer = threading.Timer(self.left(), self._end)
                self._timer.daemon = True
                self._timer.start()
        if self.passed:
            self._end()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            for twin in self._watched:
                twin.close()
            self._watched.clear()

    def _end(self) -> None:
        with self._lock:
            # Set before the connections end: whoever finds one ended must be able to tell that we did it.
            self._ended = True
            for twin in self._watched:
                # Already gone: nothing to end.
                with contextlib.suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)
