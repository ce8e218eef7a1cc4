"""Deadlines act on connections, each in its own time, and on nobody else's connection."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bot.evidence.fetch.deadline import Deadline
from tests.patience import STATE_WAIT_S

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of one connection; reading waits at most five seconds."""
    one, other = socket.socketpair()
    one.settimeout(STATE_WAIT_S)
    with one, other:
        yield one, other


def ended_at_s(sock: socket.socket, began_s: float) -> float:
    """Seconds from `began_s` (of the monotonic clock) until the connection ends. Raises TimeoutError if it does not."""
    assert sock.recv(1) == b""
    return time.monotonic() - began_s


@pytest.mark.parametrize("how", ["watch", "hold"])
def test_a_connection_is_ended_at_its_deadline(pair: Pair, how: str) -> None:
    began_s = time.monotonic()
    with Deadline(0.2) as deadline:
        getattr(deadline, how)(pair[0])
        assert 0.2 <= ended_at_s(pair[0], began_s) < STATE_WAIT_S
        assert deadline.passed


@pytest.mark.parametrize("how", ["watch", "hold"])
def test_a_deadline_that_has_passed_ends_a_connection_at_once(pair: Pair, how: str) -> None:
    with Deadline(0) as deadline:
        getattr(deadline, how)(pair[0])
        assert pair[0].recv(1) == b""


def test_a_short_deadline_does_not_wait_for_a_long_one(pair: Pair) -> None:
    one, other = socket.socketpair()
    with one, other, Deadline(2 * STATE_WAIT_S) as long, Deadline(0.2) as short:
        long.hold(one)
        # The watchdog sleeps by now, and for minutes.
        time.sleep(0.05)
        short.hold(pair[0])
        assert ended_at_s(pair[0], time.monotonic()) < STATE_WAIT_S
        assert (short.passed, long.passed) == (True, False)


def test_many_deadlines_at_once_each_end_their_own() -> None:
    took: dict[int, float] = {}

    def look(number: int) -> None:
        one, other = socket.socketpair()
        one.settimeout(STATE_WAIT_S)
        # Counted from before the deadline begins: however late the thread gets the processor, this is never too short.
        began_s = time.monotonic()
        with one, other, Deadline(0.1 + 0.05 * (number % 4)) as deadline:
            deadline.hold(one)
            took[number] = ended_at_s(one, began_s)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(took) == list(range(24))
    assert all(0.1 + 0.05 * (number % 4) <= s < STATE_WAIT_S for number, s in took.items())


def test_a_watched_connection_is_ended_whoever_has_taken_the_socket(pair: Pair) -> None:
    with Deadline(0.2) as deadline:
        deadline.watch(pair[0])
        # As TLS takes a socket over.
        with socket.socket(fileno=pair[0].detach()) as taken:
            taken.settimeout(STATE_WAIT_S)
            assert ended_at_s(taken, time.monotonic()) < STATE_WAIT_S


def test_a_socket_let_go_is_closed_and_its_number_is_safe(pair: Pair) -> None:
    with Deadline(2 * STATE_WAIT_S) as deadline:
        deadline.hold(pair[0])
        number = pair[0].fileno()
        deadline.close(pair[0])
        assert pair[1].recv(1) == b""
        one, other = socket.socketpair()
        with one, other:
            assert number in (one.fileno(), other.fileno())
            deadline.end()
            other.sendall(b"x")
            assert one.recv(1) == b"x"


def test_after_its_end_a_deadline_touches_nothing(pair: Pair) -> None:
    with Deadline(0.1) as deadline:
        deadline.watch(pair[0])
        deadline.hold(pair[0])
    time.sleep(0.3)
    pair[1].sendall(b"x")
    assert pair[0].recv(1) == b"x"
