"""The other side of the measurements: many hosts in one process, each answering a small page, at once or after a while.

`python -m benchmarks.server --hosts 50 --latency-ms 200` prints the hosts as one JSON line. Each line on standard input is
answered with one of counts so far; the end of input ends it.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import socket
import sys
import threading

import click

BACKLOG = 2048
_TITLE = b"<!doctype html><html><head><title>Retry the handshake #123 - acme/relay</title></head><body>"
_PAGE = _TITLE + b"<p>A page about as long as the beginning of many a page. </p>" * 24 + b"</body></html>\n"
_NONE = b"<!doctype html><title>Not found</title>\n"
_THERE = re.compile(rb"(?:GET|HEAD) /\S*[0-9] ")
"""Pages have numbers; whoever asks for another finds none."""


class Page(asyncio.Protocol):
    """One connection. HEAD is answered without a body, everything else with the page."""

    answered = 0
    """Requests answered, of all connections."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it to answer on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._heard += data
        while b"\r\n\r\n" in self._heard:
            request, _, self._heard = self._heard.partition(b"\r\n\r\n")
            if self._latency_s:
                self._loop.call_later(self._latency_s, self._answer, request)
            else:
                self._answer(request)

    def _answer(self, request: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        Page.answered += 1
        closing = b"\r\nconnection: close" in request.lower()
        status, body = (b"200 OK", _PAGE) if _THERE.match(request) else (b"404 Not Found", _NONE)
        head = b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n" % (
            status,
            len(body),
            b"close" if closing else b"keep-alive",
        )
        transport.write(head if request.startswith(b"HEAD ") else head + body)
        if closing:
            transport.close()


def listeners(hosts: int) -> list[socket.socket]:
    """A socket per host, on addresses of 127.0.0.0/8 from 127.0.0.2 on, or, where the system has only one, on its ports."""
    found = []
    for number in range(hosts):
        sock = socket.socket()
        try:
            sock.bind((f"127.0.{number // 200}.{number % 200 + 2}", 0))
        except OSError:
            sock.bind(("127.0.0.1", 0))
        sock.listen(BACKLOG)
        found.append(sock)
    return found


async def serve(hosts: int, latency_s: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    socks = listeners(hosts)
    for sock in socks:
        await loop.create_server(lambda: Page(latency_s), sock=sock, backlog=BACKLOG)
    _say([f"http://{host}:{port}" for host, port in (sock.getsockname() for sock in socks)])

    def listen() -> None:
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            _say({"answered": Page.answered, "cpu_s": used.ru_utime + used.ru_stime})
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


def _say(told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


@click.command()
@click.option("--hosts", default=50, show_default=True, type=click.IntRange(1, 2000))
@click.option("--latency-ms", default=0, show_default=True, type=click.IntRange(0))
def main(hosts: int, latency_ms: int) -> None:
    """Serve pages on many local hosts until standard input ends."""
    asyncio.run(serve(hosts, latency_ms / 1000))


if __name__ == "__main__":
    main()
