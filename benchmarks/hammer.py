"""Knocks at a door as hard as it can: many kept connections, one request on each at a time, all from one thread.

Given a Blow as JSON on standard input, it prints what came of it, as JSON. A process of its own, so that it takes
nothing from the server's.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """How to knock, for so many seconds after so many to warm up. `fresh`: every request is about another pull."""

    port: int
    path: str
    commons: str
    connections: int
    warm_up_s: float
    seconds: float
    fresh: bool
    first_pull: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What came of it. Times in milliseconds; `other`: answers that were not of 2xx."""

    answered: int
    other: int
    took_s: float
    p50_ms: float
    p99_ms: float
    next_pull: int


def knock(blow: Blow) -> Echo:
    """Knock, and measure. Raises OSError if the server hangs up."""
    numbers = iter(range(blow.first_pull, 10**9)) if blow.fresh else _same(blow.first_pull)
    poll = selectors.DefaultSelector()
    asked_at: dict[socket.socket, float] = {}
    for _ in range(blow.connections):
        line = socket.create_connection(("127.0.0.1", blow.port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(line, selectors.EVENT_READ)
        _ask(line, blow, next(numbers), asked_at)
    begins = time.perf_counter() + blow.warm_up_s
    ends = begins + blow.seconds
    waited_s: list[float] = []
    other = 0
    while (now := time.perf_counter()) < ends:
        for key, _ in poll.select(0.1):
            line = key.fileobj  # type: ignore[assignment]
            # Answers of a door are a few hundred bytes and come in one piece.
            answer = line.recv(16_384)
            if not answer.startswith(b"HTTP/1.1 ") or _END not in answer:
                raise OSError(f"the server hung up or said something odd: {answer[:100]!r}")
            if now >= begins:
                waited_s.append(time.perf_counter() - asked_at[line])
                other += answer[9:10] != b"2"
            _ask(line, blow, next(numbers), asked_at)
    took_s = time.perf_counter() - begins
    for line in list(asked_at):
        line.close()
    waited_s.sort()
    return Echo(
        answered=len(waited_s),
        other=other,
        took_s=took_s,
        p50_ms=waited_s[len(waited_s) // 2] * 1000,
        p99_ms=waited_s[len(waited_s) * 99 // 100] * 1000,
        next_pull=next(numbers),
    )


def _same(number: int) -> Iterator[int]:
    while True:
        yield number


def _ask(line: socket.socket, blow: Blow, number: int, asked_at: dict[socket.socket, float]) -> None:
    asked_at[line] = time.perf_counter()
    line.sendall(request(blow, number))


def request(blow: Blow, number: int) -> bytes:
    """One webhook, as DoltHub documents it, as Go's client would send it."""
    owner, _, name = blow.commons.partition("/")
    event = {
        "event_name": "pull_request",
        "repository": {"name": name, "owner": owner},
        "pullID": str(number),
        "action": "Opened",
        "state": "Open",
        "fromBranch": "wl/alice/w-1",
        "toBranch": "main",
        "author": "alice",
        "fromRepository": {"name": name, "owner": "alice"},
        "sender": "alice",
    }
    body = json.dumps(event).encode()
    head = (
        f"POST {blow.path} HTTP/1.1\r\nHost: 127.0.0.1:{blow.port}\r\nUser-Agent: Go-http-client/1.1\r\n"
        f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    echo = knock(Blow(**json.load(sys.stdin)))
    print(json.dumps({name: getattr(echo, name) for name in Echo.__slots__}))
