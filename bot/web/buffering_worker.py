"""A gunicorn worker that gathers each request before it gives it to a thread: who sends slowly keeps nobody waiting.

gunicorn's threads read requests themselves, so as many slow senders as there are threads shut the door for everybody; a new
connection that says nothing holds one for seconds; and its loop waits for whoever does not hang up. Here the one loop that
watches all connections reads what comes, whole requests alone go to a thread, and where there is no room for one more, the
one that has dawdled longest goes.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_BYTES_MAX: Final = 16 * 1024
BODY_BYTES_MAX: Final = 64 * 1024
CHUNKING_BYTES_MAX: Final = 4 * 1024
"""So much may come between the chunks of a body, and behind the last."""
GATHERED_BYTES_MAX: Final = 16 * 1024 * 1024
"""So much of requests that are not whole yet is held for all connections together."""
WHOLE_WITHIN_S: Final = 10.0
"""A request must be whole so long after it could begin."""
LEAVING_S: Final = 1.0
"""So long is somebody listened to who has been answered for good, so that the answer is not torn off by a reset."""
ROOM_KEPT: Final = 8
_READ_BYTES: Final = 16 * 1024

_HEAD_END: Final = b"\r\n\r\n"
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n|$)", re.IGNORECASE)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]{0,64}\r\n")


class RequestState(Enum):
    """What the bytes that have come so far are."""

    WHOLE = "a whole request, if not more"
    PART = "the beginning of one"
    ODD = "nothing that ends where it says"
    HEAD_TOO_LONG = "more head than anybody needs"
    BODY_TOO_LONG = "more body than is taken"


_REFUSED = {
    RequestState.ODD: HTTPStatus.BAD_REQUEST,
    RequestState.HEAD_TOO_LONG: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    RequestState.BODY_TOO_LONG: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


class Incoming:
    """A request on its way in: the bytes so far, and where to look for its end. Each byte is looked at once, not each time."""

    __slots__ = ("_at", "_chunked", "_held", "counted", "sent", "until")

    def __init__(self, until: float = 0.0) -> None:
        self.until = until
        self.sent = bytearray()
        self.counted = 0
        """How many of these bytes are in the count of all that is held."""
        self._at = 0
        """Where to look next: for the end of the head, of the body, or for the next chunk."""
        self._chunked: bool | None = None
        """None: the head has not ended."""
        self._held = 0

    def add(self, more: bytes) -> RequestState:
        """Take what came, and say what all of it is now. What a head says beside its lengths is gunicorn's to read."""
        self.sent += more
        if self._chunked is None:
            shape = self._head()
            if shape is not None:
                return shape
        if self._chunked:
            return self._chunks()
        return RequestState.WHOLE if len(self.sent) >= self._at else RequestState.PART

    def _head(self) -> RequestState | None:
        """Look for the end of the head. None: it is there, and the body is to be looked at."""
        end = self.sent.find(_HEAD_END, max(0, self._at - len(_HEAD_END)))
        if end > HEAD_BYTES_MAX or (end < 0 and len(self.sent) > HEAD_BYTES_MAX):
            return RequestState.HEAD_TOO_LONG
        if end < 0:
            self._at = len(self.sent)
            return RequestState.PART
        head, self._at = bytes(self.sent[:end]), end + len(_HEAD_END)
        framing = _FRAMING.findall(head)
        if len(framing) > 1 or _BARE_LF.search(head) or head[:1] in b"\r":
            # Two lengths, or a length and chunks: whoever stands in front of us may have read the other one.
            return RequestState.ODD
        self._chunked = False
        for name, value in framing:
            if name.lower() == b"transfer-encoding":
                self._chunked = True
                return None if value.lower() == b"chunked" else RequestState.ODD
            if not _LENGTH.fullmatch(value):
                return RequestState.ODD
            if int(value) > BODY_BYTES_MAX:
                return RequestState.BODY_TOO_LONG
            self._held = int(value)
            self._at += int(value)
        return None

    def _chunks(self) -> RequestState:
        """Walk on from chunk to chunk."""
        while True:
            size = _CHUNK_SIZE.match(self.sent, self._at)
            if size is None:
                odd = self.sent.find(b"\r\n", self._at) >= 0 or len(self.sent) - self._at > 80
                return RequestState.ODD if odd else RequestState.PART
            length = int(size.group(1), 16)
            if length == 0:
                return self._trailers(size.end())
            ends = size.end() + length
            if self._held + length > BODY_BYTES_MAX:
                return RequestState.BODY_TOO_LONG
            if len(self.sent) < ends + 2:
                return RequestState.PART
            if not self.sent.startswith(b"\r\n", ends):
                return RequestState.ODD
            self._held += length
            self._at = ends + 2
            if self._at - self._held > HEAD_BYTES_MAX + CHUNKING_BYTES_MAX:
                return RequestState.BODY_TOO_LONG

    def _trailers(self, at: int) -> RequestState:
        # Trailers, if any, end as a head does; without any, the empty line is the next one.
        if self.sent.startswith(b"\r\n", at) or self.sent.find(_HEAD_END, at) >= 0:
            return RequestState.WHOLE
        return RequestState.PART if len(self.sent) - at <= CHUNKING_BYTES_MAX else RequestState.BODY_TOO_LONG


class _Line(TConn):
    """A connection. Leaving in good order is the loop's to do: gunicorn's own way stops the loop for up to two seconds."""

    def __init__(self, *args: Any, leave: Callable[[socket.socket], None]) -> None:
        super().__init__(*args)  # type: ignore[no-untyped-call]
        self._leave = leave

    def close(self, graceful: bool = False) -> None:
        """Called by gunicorn, from its loop."""
        if graceful:
            self._leave(self.sock)
        else:
            self.sock.close()


class BufferingWorker(ThreadWorker):
    """gunicorn's worker with threads, which a request reaches whole or not at all. All methods run in its one loop."""

    poller: Any

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)  # type: ignore[no-untyped-call]
        self._coming: dict[_Line, Incoming] = {}
        """Requests that are not whole, in the order in which they began."""
        self._gathered_bytes = 0
        self._leaving: dict[socket.socket, float] = {}
        """Connections that have their last answer, and until when the other side may hang up by itself."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """As gunicorn's, with a name."""
        return ThreadPoolExecutor(max_workers=self.cfg.threads, thread_name_prefix="door")

    def accept(self, listener: socket.socket) -> None:
        """As gunicorn's; makes room where there is none, and outlives a lack of file descriptors."""
        if self.nr_conns >= self.worker_connections - ROOM_KEPT:
            self._make_room()
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
                return
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                return
            raise
        self.nr_conns += 1
        self.enqueue_req(_Line(self.cfg, sock, address, listener.getsockname(), leave=self._see_off))

    def enqueue_req(self, conn: _Line) -> None:
        """Every way of a connection to a thread comes by here: new ones, kept ones that speak again, ones with more behind."""
        incoming = Incoming(time.monotonic() + WHOLE_WITHIN_S)
        before = b""
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)  # type: ignore[no-untyped-call]
        else:
            before = conn.parser.unreader.take_buffered()
        conn.sock.setblocking(False)
        if self._wants_more(conn, incoming, before):
            self._coming[conn] = incoming
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_more, conn))
            self._count(incoming)

    def murder_pending(self) -> None:
        """Let go of whoever takes too long. gunicorn's loop calls this at least each second, also while it ends."""
        super().murder_pending()  # type: ignore[no-untyped-call]
        now = time.monotonic()
        latest = now + (WHOLE_WITHIN_S if self.alive else LEAVING_S)
        for conn, incoming in list(self._coming.items()):
            incoming.until = min(incoming.until, latest)
            if incoming.until <= now or not (self.alive or incoming.sent):
                self._drop(conn)
        for sock in [sock for sock, until in self._leaving.items() if until <= now]:
            self._forget_leaving(sock)

    def _on_more(self, conn: _Line, _sock: socket.socket) -> None:
        incoming = self._coming[conn]
        if self._wants_more(conn, incoming, b""):
            self._count(incoming)

    def _count(self, incoming: Incoming) -> None:
        self._gathered_bytes += len(incoming.sent) - incoming.counted
        incoming.counted = len(incoming.sent)
        while self._gathered_bytes > GATHERED_BYTES_MAX:
            self._make_room()

    def _wants_more(self, conn: _Line, incoming: Incoming, before: bytes) -> bool:
        """Read what there is. False: the connection is a thread's now, or gone."""
        try:
            read = conn.sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            if not before:
                return True
            read = b""
        except OSError:
            read = b""
            before = b""
        if not (read or before):
            self._drop(conn)
            return False
        shape = incoming.add(before + read)
        if shape is RequestState.PART:
            return True
        self._stop_listening(conn)
        if shape is RequestState.WHOLE:
            assert conn.parser is not None
            conn.parser.unreader.unread(bytes(incoming.sent))
            conn.data_ready = True
            super().enqueue_req(conn)  # type: ignore[no-untyped-call]
        else:
            self._refuse(conn, _REFUSED[shape])
        return False

    def _refuse(self, conn: _Line, status: HTTPStatus) -> None:
        text = f"{status.phrase}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nCache-Control: no-store\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        self.nr_conns -= 1
        try:
            conn.sock.send(head.encode() + text)
        except OSError:
            conn.close()
        else:
            conn.close(graceful=True)

    def _drop(self, conn: _Line) -> None:
        self._stop_listening(conn)
        self.nr_conns -= 1
        conn.close()

    def _stop_listening(self, conn: _Line) -> None:
        incoming = self._coming.pop(conn, None)
        if incoming is not None:
            self._gathered_bytes -= incoming.counted
            self.poller.unregister(conn.sock)

    def _make_room(self) -> None:
        """Let go of the request that has been on its way longest, else of the connection that has been kept longest."""
        if self._leaving:
            self._forget_leaving(next(iter(self._leaving)))
        if self._coming:
            self._drop(next(iter(self._coming)))
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0.0
            self.murder_keepalived()  # type: ignore[no-untyped-call]

    def _see_off(self, sock: socket.socket) -> None:
        """Say that nothing more will be said, and listen a moment longer."""
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
            self.poller.register(sock, selectors.EVENT_READ, self._on_leaving)
        except (OSError, ValueError, KeyError):
            sock.close()
            return
        self._leaving[sock] = time.monotonic() + LEAVING_S
        if len(self._leaving) > self.worker_connections:
            self._forget_leaving(next(iter(self._leaving)))

    def _on_leaving(self, sock: socket.socket) -> None:
        try:
            gone = not sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            gone = True
        if gone:
            self._forget_leaving(sock)

    def _forget_leaving(self, sock: socket.socket) -> None:
        del self._leaving[sock]
        self.poller.unregister(sock)
        sock.close()
