"""Local servers that mean no good: each does to a connection what its `talk` says, byte for byte."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.patience import STATE_WAIT_S

HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
PATIENCE_S = STATE_WAIT_S
DROP_EVERY_S = 0.05

Talk = Callable[[socket.socket, bytes], None]
"""Gets the connection and the head of the request."""


class Server:
    """A TCP server. `raw`: talk begins at once, on the bare connection, without TLS and without a request."""

    def __init__(
        self, talk: Talk, context: ssl.SSLContext | None = None, *, host: str = "127.0.0.1", raw: bool = False
    ) -> None:
        self._talk = talk
        self._context = context
        self._raw = raw
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self.requests: list[bytes] = []
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            plain.settimeout(PATIENCE_S)
            if self._raw:
                self._talk(plain, b"")
                return
            sock: socket.socket = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            request = b""
            while b"\r\n\r\n" not in request:
                request += sock.recv(4096) or b"\r\n\r\n"
            self.requests.append(request)
            self._talk(sock, request)
            if isinstance(sock, ssl.SSLSocket):
                sock.unwrap()

    def close(self) -> None:
        """Accept no more. Connections under way go on until their client leaves."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serving(
    talk: Talk | bytes, context: ssl.SSLContext | None = None, *, host: str = "127.0.0.1", raw: bool = False
) -> Iterator[Server]:
    """A server for the length of the block; bytes are what it answers to every request."""
    server = Server(say(talk) if isinstance(talk, bytes) else talk, context, host=host, raw=raw)
    try:
        yield server
    finally:
        server.close()


def say(answer: bytes) -> Talk:
    """Answer and hang up."""

    def talk(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(answer)

    return talk


def drip(beginning: bytes, drop: bytes) -> Talk:
    """Say the beginning, then a drop now and then for ever: no time-out between bytes ever strikes."""

    def talk(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(beginning)
        while True:
            time.sleep(DROP_EVERY_S)
            sock.sendall(drop)

    return talk


def flood(beginning: bytes, water: bytes) -> Talk:
    """Say the beginning, then the same for ever as fast as it is taken."""

    def talk(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(beginning)
        wave = water * (65536 // len(water) + 1)
        while True:
            sock.sendall(wave)

    return talk


def silence(sock: socket.socket, _request: bytes) -> None:
    """Say nothing until the other side leaves."""
    with suppress(OSError):
        while sock.recv(4096):
            pass


def reset(sock: socket.socket, _request: bytes) -> None:
    """Cut the connection without a goodbye (RST)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def redirect(to: str, status: int = 302) -> bytes:
    """A redirect without a body; what is not ASCII in `to` goes out as UTF-8."""
    return f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def path_of(request: bytes) -> str:
    """The target of the request line."""
    return request.split(b" ", 2)[1].decode("latin-1")
