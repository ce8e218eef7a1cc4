"""A gunicorn worker of greenlets that bounds what an unfinished request may take: time, connections and memory.

A request must be whole ten seconds after it could begin. Each connection has its own greenlet, so a slow sender delays no
other one. At the limit of connections, or of bytes held, the oldest unfinished connection is dropped. A view gets whole
requests only.
"""

from __future__ import annotations

import io
import socket
import warnings
from contextlib import AbstractContextManager, nullcontext, suppress
from errno import EPIPE
from time import monotonic
from typing import Any, Final

import gevent
from gunicorn.http.errors import LimitRequestHeaders, NoMoreData
from gunicorn.util import close_graceful
from gunicorn.workers.ggevent import GeventWorker

HEAD_BYTES_MAX: Final = 16 * 1024
BODY_BYTES_MAX: Final = 64 * 1024
REQUEST_BYTES_MAX: Final = HEAD_BYTES_MAX + 2 * BODY_BYTES_MAX
"""A head, and a body with the framing of its chunks."""
UNFINISHED_BYTES_MAX: Final = 16 * 1024 * 1024
"""Bytes of unfinished requests, of all connections together."""
REQUEST_TIMEOUT_S: Final = 10.0
LINGER_S: Final = 1.0
"""A connection is read so long after its last response: closing it at once would reset it, and may cut the response off."""
CONNECTIONS_RESERVE: Final = 8
"""So many of the connections are there to be accepted while older ones are being dropped."""


class _Connection:
    """A client's socket. It counts the bytes of one request, and ends when they take too long or are too many."""

    def __init__(self, sock: Any, worker: BoundedWorker) -> None:
        self._sock, self._worker = sock, worker
        self.begin(REQUEST_TIMEOUT_S, kept=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def begin(self, timeout_s: float, *, kept: bool = True) -> None:
        """A request may come. `kept`: on a connection kept open, where the request's time starts with its first byte."""
        self._kept, self._received, self.in_head = kept, 0, True
        self._deadline = monotonic() + (timeout_s if self._worker.alive else LINGER_S)
        self._worker.unfinished[self] = None

    def finish(self) -> None:
        """The request is whole, or there is none."""
        if self in self._worker.unfinished:
            del self._worker.unfinished[self]
            self._worker.unfinished_bytes -= self._received

    def drop(self) -> None:
        """End it, whatever is waited for."""
        self.finish()
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def recv(self, size: int) -> bytes:
        """Return the next bytes. Raises NoMoreData at the end, deadline or limit, LimitRequestHeaders for a long head."""
        if self.in_head and self._received > HEAD_BYTES_MAX:
            raise LimitRequestHeaders("the head is too long")  # type: ignore[no-untyped-call]
        data = b""
        remaining_s = max(0.0, self._deadline - monotonic())
        with suppress(OSError), gevent.Timeout(remaining_s, NoMoreData):  # type: ignore[no-untyped-call]
            data = self._sock.recv(min(size, HEAD_BYTES_MAX))
        if self._kept and not self._received:
            self._deadline = monotonic() + REQUEST_TIMEOUT_S
        if self in self._worker.unfinished:
            self._received += len(data)
            self._worker.hold(len(data))
        if not data or self._received > REQUEST_BYTES_MAX or self not in self._worker.unfinished:
            raise NoMoreData
        return data

    def sendall(self, data: bytes) -> None:
        """Send a part of the response. A client that does not read it is gone."""
        unread = BrokenPipeError(EPIPE, "the response is not read")
        with gevent.Timeout(REQUEST_TIMEOUT_S, unread):  # type: ignore[no-untyped-call]
            self._sock.sendall(data)

    def close(self) -> None:
        """Half-close, read on for a moment, close."""
        close_graceful(self._sock, LINGER_S)  # type: ignore[no-untyped-call]


class BoundedWorker(GeventWorker):
    """gunicorn's gevent worker, whose views get whole requests, and never one that exceeds the limits above."""

    alive: bool

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)  # type: ignore[no-untyped-call]
        self.unfinished: dict[_Connection, None] = {}
        """Connections whose next request is not whole, the oldest first."""
        self.unfinished_bytes = 0
        self._open = 0

    def patch(self) -> None:
        """Called in the worker's process alone, after the fork, and before the application is made."""
        with warnings.catch_warnings():
            # `ssl` is loaded by then. Of what is loaded with it, the web process makes connections by redis alone, later.
            warnings.simplefilter("ignore")
            super().patch()  # type: ignore[no-untyped-call]

    def timeout_ctx(self) -> AbstractContextManager[None]:
        """None: connections have their own deadlines."""
        return nullcontext()

    def hold(self, count: int) -> None:
        """Account for bytes of an unfinished request."""
        self.unfinished_bytes += count
        if self.unfinished_bytes > UNFINISHED_BYTES_MAX:
            next(iter(self.unfinished)).drop()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """One connection, from its accept to its end."""
        self._open += 1
        if self._open > self.worker_connections - CONNECTIONS_RESERVE and self.unfinished:
            next(iter(self.unfinished)).drop()
        connection = _Connection(client, self)
        try:
            super().handle(listener, connection, addr)  # type: ignore[no-untyped-call]
        finally:
            connection.finish()
            self._open -= 1

    def handle_request(self, listener_name: Any, req: Any, sock: _Connection, addr: Any) -> None:
        """One request, whose head is whole. A body that is longer than allowed is not read to its end.

        The view gets every body with its length: of chunks without one, werkzeug reads as many as it allows and ends there.
        """
        sock.in_head = False
        declared = next((int(value) for name, value in req.headers if name == "CONTENT-LENGTH"), 0)
        body = req.body.read(BODY_BYTES_MAX + 1) if declared <= BODY_BYTES_MAX else b""
        length = max(declared, len(body))
        if length > BODY_BYTES_MAX:
            req.force_close()
        framing = ("CONTENT-LENGTH", "TRANSFER-ENCODING")
        req.headers = [*(each for each in req.headers if each[0] not in framing), (framing[0], str(length))]
        req.body = io.BytesIO(body)
        sock.finish()
        super().handle_request(listener_name, req, sock, addr)  # type: ignore[no-untyped-call]
        sock.begin(self.cfg.keepalive)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """SIGTERM: requests that are whole are answered, all others are dropped."""
        super().handle_exit(sig, frame)  # type: ignore[no-untyped-call]
        for connection in list(self.unfinished):
            connection.drop()
