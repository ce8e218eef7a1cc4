"""Servers that mean no good, played for real to a prober in a process of its own: time and memory have an upper bound."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Iterator, Mapping, Set
from typing import Any, Final

import pytest

from tests.evidence.certificates import Certificates
from tests.evidence.prober_child import MEASURABLE, Child, Order, a_child
from tests.evidence.servers import (
    CHUNKED,
    DROP_EVERY_S,
    HTML,
    Talk,
    drip,
    flood,
    path_of,
    redirect,
    reset,
    say,
    serving,
    silence,
)
from tests.evidence.test_corpus import CORPUS
from tests.patience import BUSY_FACTOR

PUBLIC: Final = "93.184.216.34"
DEADLINE_S: Final = 0.8
READ_TIMEOUT_S: Final = 0.5
SPARE_S: Final = 1.0 * BUSY_FACTOR
PEAK_MAX_MB: Final = 150.0
MB: Final = 1024 * 1024


def bomb(beginning: bytes, megabytes: int) -> bytes:
    """A gzip stream that inflates to the beginning and so many megabytes of zeros. Its checksum is wrong; nobody gets there."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = deflate.compress(beginning) + deflate.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back: the same stretch may follow itself any number of times.
    stretch = deflate.compress(bytes(16 * MB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + start + stretch * (megabytes // 16) + deflate.flush() + bytes(8)


def encoded(encoding: bytes, body: bytes) -> bytes:
    return HTML.replace(b"Connection", b"Content-Encoding: " + encoding + b"\r\nConnection") + body


def redirect_with(body: Talk) -> Talk:
    """A redirect to itself with a body nobody should read."""

    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Type: text/html\r\n")
        body(sock, request)

    return talk


def on_and_on(sock: socket.socket, request: bytes) -> None:
    """Redirects of one chain, each as slow as a read time-out lets it be."""
    time.sleep(READ_TIMEOUT_S * 0.6)
    sock.sendall(redirect(f"/{int(path_of(request)[1:] or 0) + 1}"))


def nested(times: int) -> bytes:
    body = bytes(MB)
    for _ in range(times):
        body = gzip.compress(body, 9)
    return body


BOMB: Final = bomb(b"<title>boom</title>", 1024)

SITUATIONS: Final[Mapping[str, Talk]] = {
    # Those of the corpus.
    "slow_headers": drip(b"", b"H"),
    "slow_body": drip(HTML, b"z"),
    "endless_100": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless_trailers": flood(CHUNKED + b"1\r\nx\r\n0\r\n", b"t: t\r\n"),
    "endless_headers": flood(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "endless_chunk_line": flood(CHUNKED, b"1"),
    "infinite_body": flood(HTML + b"<title>long</title>", b"z"),
    "gzip_bomb": say(encoded(b"gzip", BOMB)),
    "infinite_redirect_body": redirect_with(flood(b"\r\n", b"z")),
    "http09": say(b"<html><title>no protocol at all</title>"),
    "ssh_banner": say(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "reset": reset,
    # And more.
    "slow_100": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "slow_trailers": drip(CHUNKED + b"1\r\nx\r\n0\r\n", b"t: t\r\n"),
    "slow_body_of_known_length": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"z"),
    "slow_chain": on_and_on,
    "long_header": flood(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "long_status_line": flood(b"HTTP/1.1 200 ", b"O"),
    "endless_chunk_extension": flood(CHUNKED + b"1;", b"e"),
    "endless_chunks": flood(CHUNKED + b"13\r\n<title>long</title>\r\n", b"400\r\n" + b"z" * 1024 + b"\r\n"),
    "gzip_bomb_in_a_redirect": redirect_with(say(b"Content-Encoding: gzip\r\n\r\n" + BOMB)),
    "ten_gzips": say(encoded(b", ".join([b"gzip"] * 10), nested(10))),
    "deflate_bomb": say(encoded(b"deflate", zlib.compress(b"<title>boom</title>" + bytes(64 * MB), 9))),
    "an_encoding_nobody_asked_for": say(encoded(b"br", b"\x8b\x02\x80" + bytes(64))),
    "broken_gzip": say(encoded(b"gzip", b"\x1f\x8b\x08" + b"\xff" * 64)),
    "cut": say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
    "cut_in_a_chunk": say(CHUNKED + b"ff\r\nshort"),
    "no_answer": silence,
    "hangs_up": say(b""),
    # A parser of headers may break lines where whoever counted them did not.
    "headers_within_a_header": say(b"HTTP/1.1 200 OK\r\n" + (b"a:\r" * 21_000 + b"\n") * 90 + b"\r\n"),
    "ninety_long_headers": say(b"HTTP/1.1 200 OK\r\n" + (b"a: " + b"z" * 65_000 + b"\r\n") * 90 + b"\r\n"),
}

EXPECTED: Final[Mapping[str, tuple[str, str, str]]] = {
    "infinite_body": ("reachable", "ok", "long"),
    "gzip_bomb": ("reachable", "ok", "boom"),
    "infinite_redirect_body": ("unknown", "redirect_loop", ""),
    "endless_chunks": ("reachable", "ok", "long"),
    "gzip_bomb_in_a_redirect": ("unknown", "redirect_loop", ""),
    "ten_gzips": ("reachable", "ok", ""),
    "deflate_bomb": ("reachable", "ok", "boom"),
    "an_encoding_nobody_asked_for": ("reachable", "ok", ""),
    "broken_gzip": ("reachable", "ok", ""),
    "no_answer": ("unknown", "timeout", ""),
    **dict.fromkeys(
        ("slow_headers", "slow_body", "endless_trailers", "slow_100", "slow_trailers"),
        ("unknown", "deadline", ""),
    ),
    **dict.fromkeys(("slow_body_of_known_length", "slow_chain"), ("unknown", "deadline", "")),
    **dict.fromkeys(
        (
            "endless_100",
            "endless_headers",
            "endless_chunk_line",
            "http09",
            "ssh_banner",
            "reset",
            "long_header",
            "long_status_line",
        ),
        ("unknown", "net", ""),
    ),
    **dict.fromkeys(("headers_within_a_header", "ninety_long_headers"), ("unknown", "net", "")),
    **dict.fromkeys(("endless_chunk_extension", "cut", "cut_in_a_chunk", "hangs_up"), ("unknown", "net", "")),
}
"""Verdict, reason and title of each."""
GIVEN_UP: Final = frozenset({("unknown", "timeout", ""), ("unknown", "deadline", "")})
"""A busy machine decides which of the two limits strikes first."""


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with a_child() as running:
        yield running


def order(plain: int, tls: int = 0, **changes: Any) -> Order:
    given: dict[str, Any] = {
        "url": "http://good.example.com/",
        "plain": plain,
        "tls": tls,
        "addresses": (PUBLIC,),
        "deadline_s": DEADLINE_S,
        "read_timeout_s": READ_TIMEOUT_S,
    }
    return Order(**given | changes)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_a_hostile_server_costs_is_bounded(name: str, child: Child) -> None:
    given_up = EXPECTED[name] in GIVEN_UP
    # Who is not given up comes to an end of its own, on a busy machine too.
    limits: dict[str, Any] = (
        {} if given_up else {"deadline_s": DEADLINE_S * BUSY_FACTOR, "read_timeout_s": READ_TIMEOUT_S * BUSY_FACTOR}
    )
    with serving(SITUATIONS[name]) as server:
        report = child.do(order(server.port, **limits))
        assert server.accepted >= 1
    assert len(report.sights) == 1
    assert report.sights <= (GIVEN_UP if given_up else {EXPECTED[name]})
    assert report.addresses == {PUBLIC}
    assert report.took_s < DEADLINE_S + SPARE_S
    assert report.peak_mb < PEAK_MAX_MB


def test_each_situation_of_the_corpus_is_played_as_the_corpus_says() -> None:
    for case in CORPUS:
        if case["class"] == "situation":
            seen, reason, _ = EXPECTED[case["situation"]]
            assert case["connects"] == [PUBLIC]
            assert (seen == "reachable") == (case["expect"] == "allowed")
            assert reason == case.get("code", "ok")
    assert set(EXPECTED) == set(SITUATIONS)


def test_a_body_in_a_million_pieces_costs_no_more_than_another(child: Child) -> None:
    """It may all have come before the deadline; what is left to do then is ours to leave."""
    with serving(say(CHUNKED + b"1\r\nz\r\n" * 1_000_000)) as server:
        report = child.do(order(server.port))
    assert report.sights <= {("unknown", "deadline", ""), ("reachable", "ok", "")}
    assert report.took_s < DEADLINE_S + SPARE_S
    assert report.peak_mb < PEAK_MAX_MB


def stalled_handshake(sock: socket.socket, _request: bytes) -> None:
    """A TLS record announced and never finished, byte by byte."""
    sock.sendall(b"\x16\x03\x03\x40\x00")
    while True:
        time.sleep(DROP_EVERY_S)
        sock.sendall(b"\x02")


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (silence, GIVEN_UP),
        (stalled_handshake, GIVEN_UP),
        (say(b"HTTP/1.1 400 This is no TLS\r\n\r\n"), {("unknown", "tls", "")}),
        (reset, {("unknown", "net", ""), ("unknown", "tls", "")}),
    ],
    ids=["silence", "a byte now and then", "no TLS", "reset"],
)
def test_what_a_hostile_handshake_costs_is_bounded(talk: Talk, expected: Set[tuple[str, str, str]], child: Child) -> None:
    with serving(talk, raw=True) as server:
        report = child.do(order(0, server.port, url="https://good.example.com/"))
    assert len(report.sights) == 1
    assert report.sights <= expected
    assert report.addresses == {PUBLIC}
    assert report.took_s < DEADLINE_S + SPARE_S
    assert report.peak_mb < PEAK_MAX_MB


@pytest.mark.parametrize(
    ("host", "expired", "trusted", "expected"),
    [
        ("good.example.com", False, True, ("reachable", "ok", "in")),
        ("other.example.com", False, True, ("suspicious", "tls_name", "")),
        (PUBLIC, False, True, ("suspicious", "tls_name", "")),
        ("good.example.com", True, True, ("suspicious", "tls_expired", "")),
        ("good.example.com", False, False, ("suspicious", "tls_untrusted", "")),
    ],
)
def test_the_certificate_is_checked_for_the_name_though_the_address_is_pinned(
    host: str, expired: bool, trusted: bool, expected: tuple[str, str, str], child: Child, certificates: Certificates
) -> None:
    asked: list[str | None] = []
    context = certificates.server(certificates.expired if expired else certificates.good)
    context.sni_callback = lambda _sock, name, _context: asked.append(name)
    with serving(HTML + b"<title>in</title>", context) as server:
        ca_file = str(certificates.authority) if trusted else None
        report = child.do(order(0, server.port, url=f"https://{host}/", ca_file=ca_file, deadline_s=5, read_timeout_s=3))
        assert len(server.requests) == (1 if expected[0] == "reachable" else 0)
    assert report.sights == {expected}
    assert report.addresses == {PUBLIC}
    assert asked == [None if host == PUBLIC else host]


def test_a_slow_body_under_tls_is_left_at_the_deadline(child: Child, certificates: Certificates) -> None:
    with serving(drip(HTML, b"z"), certificates.server()) as server:
        report = child.do(order(0, server.port, url="https://good.example.com/", ca_file=str(certificates.authority)))
    assert report.sights == {("unknown", "deadline", "")}
    assert report.took_s < DEADLINE_S + SPARE_S


def test_addresses_where_nobody_answers_are_given_up_in_time(child: Child) -> None:
    report = child.do(order(0, addresses=(PUBLIC, "93.184.216.35", "93.184.216.36")))
    assert report.sights == {("unknown", "connection_refused", "")}
    assert report.addresses == {PUBLIC, "93.184.216.35"}


def test_a_whole_prober_full_of_bombs_stays_within_the_same_bound(child: Child) -> None:
    """As many looks at once as a prober has lanes, under its own memory limit."""
    with serving(SITUATIONS["gzip_bomb"]) as server:
        report = child.do(order(server.port, count=4, deadline_s=5, read_timeout_s=3))
    assert report.sights == {("reachable", "ok", "boom")}
    assert report.peak_mb < PEAK_MAX_MB


@pytest.mark.skipif(not MEASURABLE, reason="memory is measured through /proc")
def test_a_careless_client_is_hurt_by_the_bomb_and_the_measure_shows_it(child: Child) -> None:
    """Were the bomb none, or the measure blind, the bounds above would prove nothing."""
    with serving(say(encoded(b"gzip", bomb(b"", 192)))) as server:
        report = child.do(order(server.port, careless=True, read_timeout_s=20))
    assert report.peak_mb > PEAK_MAX_MB
