"""What an answer says about a link: status, length, encoding, title; and what is never believed or kept."""

from __future__ import annotations

import gzip
import hashlib
import logging
import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.evidence.page.title import clean, title_of
from bot.model.evidence import Hop, Probe, Seen
from bot.store.probes import read_probe, write_probe
from tests.evidence.looking import NOW, POLICY, look
from tests.evidence.servers import CHUNKED, HTML, serving
from tests.evidence.wire import Address


def test_a_page_that_answers_becomes_a_whole_fact_sheet(dialled: list[Address]) -> None:
    body = b"<html><head><TITLE lang=en>Keep the\n  handshake &amp; \xe2\x80\xaealive</TITLE></head>"
    with serving(HTML + body) as server:
        assert look(f"{server.url}/o/r/pull/7#x") == Probe(
            url=f"{server.url}/o/r/pull/7#x",
            seen=Seen.REACHABLE,
            reason="ok",
            probed_at=NOW,
            status=200,
            content_type="text/html; charset=utf-8",
            title="Keep the handshake & alive",
            sha256=hashlib.sha256(body).hexdigest(),
            key=f"url:{server.url}/o/r/pull/7",
            final_url=f"{server.url}/o/r/pull/7",
            hops=(Hop(url=f"{server.url}/o/r/pull/7", address="127.0.0.1", status=200),),
            since=NOW,
            good_at=NOW,
        )
        assert dialled == [("127.0.0.1", server.port)]


@pytest.mark.parametrize(
    ("answer", "seen", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Seen.SUSPICIOUS, "empty"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Seen.SUSPICIOUS, "empty"),
        (b"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\nx", Seen.REACHABLE, "ok"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "transient"),
        (b"HTTP/1.1 302 Found\r\nx: y\rLocation: /else\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "transient"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", Seen.UNKNOWN, "transient"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "login"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "wall"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Seen.DEAD, "not_found"),
        (b"HTTP/1.1 404 No\r\ncf-mitigated: challenge\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "wall"),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", Seen.DEAD, "gone"),
        (b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "limit"),
        (b"HTTP/1.1 451 Law\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "legal"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "transient"),
        (b"HTTP/1.1 503 Oh\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "transient"),
        (b"HTTP/1.1 999 Bot\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "wall"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Seen.UNKNOWN, "net"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Seen.UNKNOWN, "net"),
        (b"<html>no protocol at all", Seen.UNKNOWN, "net"),
        (b"", Seen.UNKNOWN, "net"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(200)) + b"\r\n", Seen.UNKNOWN, "net"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", Seen.UNKNOWN, "net"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000, Seen.UNKNOWN, "net"),
    ],
)
def test_each_answer_has_its_verdict_and_only_404_and_410_are_dead(answer: bytes, seen: Seen, reason: str) -> None:
    with serving(answer) as server:
        sheet = look(f"{server.url}/x")
    assert (sheet.seen, sheet.reason) == (seen, reason)


def test_a_body_without_end_is_cut_at_the_cap() -> None:
    def talk(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(HTML + b"<title>long</title>")
        while True:
            sock.sendall(b"z" * 65536)

    with serving(talk) as server:
        sheet = look(f"{server.url}/", replace(POLICY, deadline_s=5))
    body = b"<title>long</title>".ljust(POLICY.body_max_bytes, b"z")
    assert (sheet.seen, sheet.title, sheet.sha256) == (Seen.REACHABLE, "long", hashlib.sha256(body).hexdigest())


def page(head: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + head + b"\r\n" + body


@pytest.mark.parametrize(
    ("answer", "seen", "reason", "read"),
    [
        # Shorter than what comes: the rest is not of this answer.
        (page(b"Content-Length: 5\r\n", b"<b>ab<b>cd"), Seen.REACHABLE, "ok", b"<b>ab"),
        (page(b"Content-Length: 0\r\n", b"<b>ab"), Seen.SUSPICIOUS, "empty", b""),
        # Longer than what comes: the connection was cut, or they lie.
        (page(b"Content-Length: 50\r\n", b"<b>ab"), Seen.UNKNOWN, "net", b""),
        (page(b"Content-Length: 5\r\nContent-Length: 50\r\n", b"<b>ab"), Seen.UNKNOWN, "net", b""),
        (page(b"Content-Length: 5, 50\r\n", b"<b>ab"), Seen.UNKNOWN, "net", b""),
        (page(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"<b>ab"), Seen.REACHABLE, "ok", b"<b>ab"),
        # No number at all: read to the end.
        (page(b"Content-Length: -5\r\n", b"<b>ab"), Seen.REACHABLE, "ok", b"<b>ab"),
        (page(b"Content-Length: x\r\n", b"<b>ab"), Seen.REACHABLE, "ok", b"<b>ab"),
        (page(b"Content-Length: 99999999999999999999\r\n", b"<b>ab"), Seen.UNKNOWN, "net", b""),
        # Chunks outrank a length (RFC 9112, 6.3); trailers are read over, whatever they say.
        (
            page(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"5\r\n<b>ab\r\n0\r\n\r\n"),
            Seen.REACHABLE,
            "ok",
            b"<b>ab",
        ),
        (CHUNKED + b"5\r\n<b>ab\r\n0\r\nLocation: /x\r\nContent-Type: a/b\r\n\r\n", Seen.REACHABLE, "ok", b"<b>ab"),
        (CHUNKED + b"2;x=y\r\n<b\r\n3\r\n>ab\r\n0\r\n\r\n", Seen.REACHABLE, "ok", b"<b>ab"),
        (CHUNKED + b"5\r\n<b>ab\r\n", Seen.UNKNOWN, "net", b""),
        (CHUNKED + b"-5\r\n<b>ab\r\n0\r\n\r\n", Seen.UNKNOWN, "net", b""),
        (CHUNKED + b"zz\r\n<b>ab\r\n0\r\n\r\n", Seen.UNKNOWN, "net", b""),
        # HTTP/0.9: a body and nothing else.
        (b"<b>ab", Seen.UNKNOWN, "net", b""),
        (b"HTTP/0.9 200 OK\r\n\r\n<b>ab", Seen.REACHABLE, "ok", b"<b>ab"),
        (b"HTTP/1.0 200 OK\r\n\r\n<b>ab", Seen.REACHABLE, "ok", b"<b>ab"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<b>ab", Seen.REACHABLE, "ok", b"<b>ab"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<b>ab", Seen.REACHABLE, "ok", b"<b>ab"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 No\r\n\r\nab", Seen.DEAD, "not_found", b"ab"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nsecret", Seen.UNKNOWN, "transient", b""),
    ],
)
def test_what_is_read_is_the_body_as_framed_or_nothing(answer: bytes, seen: Seen, reason: str, read: bytes) -> None:
    with serving(answer) as server:
        sheet = look(f"{server.url}/")
    assert (sheet.seen, sheet.reason) == (seen, reason)
    assert sheet.sha256 == (hashlib.sha256(read).hexdigest() if read else "")


@pytest.mark.parametrize(
    ("encoding", "body", "title"),
    [
        ("gzip", gzip.compress(b"<title>in</title>", mtime=0), "in"),
        ("X-GZIP", gzip.compress(b"<title>in</title>", mtime=0), "in"),
        ("identity", b"<title>in</title>", "in"),
        ("gzip", b"<title>in</title>", ""),
        ("gzip, gzip", gzip.compress(gzip.compress(b"<title>in</title>", mtime=0), mtime=0), ""),
        ("br", b"<title>in</title>", ""),
    ],
)
def test_a_body_is_inflated_once_or_not_at_all(encoding: str, body: bytes, title: str) -> None:
    with serving(page(b"Content-Encoding: " + encoding.encode() + b"\r\n", body)) as server:
        sheet = look(f"{server.url}/")
    assert (sheet.seen, sheet.title, sheet.sha256) == (Seen.REACHABLE, title, hashlib.sha256(body).hexdigest())


def test_of_a_body_only_title_and_digest_leave(caplog: pytest.LogCaptureFixture) -> None:
    body = b"<title>in</title><p>do not keep me</p>"
    with serving(HTML + body) as server:
        sheet = look(f"{server.url}/")
    assert sheet.title == "in"
    assert "do not keep me" not in repr(sheet) + write_probe(sheet).decode() + caplog.text


def test_malformed_headers_are_not_quoted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO),
        serving(b"HTTP/1.1 200 OK\r\nno colon here, do not keep me\r\na: b\r\n\r\nbody") as server,
    ):
        assert look(f"{server.url}/").seen is Seen.REACHABLE
    assert caplog.text == ""


@pytest.mark.parametrize("url", ["", "mailto:a@b", "http://", "http://[", "\ud800", "http://x\u202e.example/", "x" * 99_999])
def test_no_text_makes_a_probe_raise(url: str) -> None:
    sheet = look(url)
    assert (sheet.url, sheet.seen, sheet.key, len(sheet.hops)) == (url, Seen.BLOCKED, "", 1)
    assert read_probe(write_probe(sheet), url, NOW) == sheet


def test_a_fault_of_ours_is_unknown_and_names_no_strangers_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("<script>")

    monkeypatch.setattr("bot.evidence.fetch.hop.dns.resolve", broken)
    sheet = look("http://good.example.com/")
    assert (sheet.seen, sheet.reason, sheet.hops[-1].note) == (Seen.UNKNOWN, "ours", "our fault: ZeroDivisionError")


def test_dead_sightings_add_up_and_one_answer_clears_them(names: dict[str, list[str]]) -> None:
    gone = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    ill = b"HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n"
    answers = iter([gone, ill, gone, HTML + b"back"])
    sheets: list[Probe] = []
    with serving(lambda sock, request: sock.sendall(next(answers))) as server:
        for n in range(4):
            sheets.append(look(f"{server.url}/", previous=sheets[-1] if sheets else None, hours=n))
    assert [sheet.misses for sheet in sheets] == [(NOW,), (NOW,), (NOW, NOW + timedelta(hours=2)), ()]


def test_a_name_that_does_not_exist_is_a_dead_sighting(names: dict[str, list[str]]) -> None:
    sheet = look("http://nowhere.example.com/")
    assert (sheet.seen, sheet.reason, sheet.misses) == (Seen.DEAD, "nxdomain", (NOW,))


def test_a_long_death_is_remembered_from_its_first_sighting(names: dict[str, list[str]]) -> None:
    sheet: Probe | None = None
    for n in range(40):
        sheet = look("http://nowhere.example.com/", previous=sheet, hours=n)
    assert sheet is not None
    assert sheet.misses == (NOW, *(NOW + timedelta(hours=n) for n in range(25, 40)))


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (b"<title>a</title><title>b</title>", "text/html", "a"),
        (b"<title>a</title>", "application/json", ""),
        (b"<title>never closed", "text/html", ""),
        (b"<title", "text/html", ""),
        (b"<title>\xe9t\xe9</title>", "text/html; charset=ISO-8859-1", "été"),
        (b"<title>\xff\x00</title>", "text/html; charset=zlib_codec", "�"),
        (b"<titlebar>no</titlebar><title\n>yes</title>", "text/html", "yes"),
        (b"<title>&lt;b&gt; @all [x](y)</title>", "text/html", "<b> @all [x](y)"),
        (b"<title>" + b"a" * 300 + b"</title>", "", "a" * 119 + "…"),
        (b"<title" * 40_000, "text/html", ""),
    ],
)
def test_a_title_is_one_short_clean_line(body: bytes, content_type: str, title: str) -> None:
    assert title_of(body, content_type) == title


def test_cleaning_leaves_nothing_unseen() -> None:
    assert clean("a\x00\x1b[31mb\u202ec\u200bd\n\te\ud800f\u2028g") == "a[31mbcd ef g"
