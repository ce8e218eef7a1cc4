"""Looking at links, over real sockets, at servers that mean no good."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.evidence import FetchPolicy, needed_environment, networks, probe
from bot.evidence.title import clean, title_of
from bot.model.evidence import Hop, Probe, Seen
from bot.scratch.sheets import read_sheet, write_sheet

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEADLINE_S = 0.7
LATEST_S = DEADLINE_S + 1.5
POLICY = FetchPolicy(
    allow=networks(("127.0.0.0/8",)), connect_timeout_s=0.5, read_timeout_s=0.5, lookup_timeout_s=0.5, deadline_s=DEADLINE_S
)
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n"

Talk = Callable[[socket.socket, bytes], None]

_hearing: list[list[tuple[object, ...]]] = []


def _listen(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.connect" and _hearing:
        sock, address = args
        if isinstance(sock, socket.socket) and sock.type == socket.SOCK_STREAM and isinstance(address, tuple):
            _hearing[-1].append(address)


sys.addaudithook(_listen)


@pytest.fixture
def dialled() -> Iterator[list[tuple[object, ...]]]:
    """Every address a TCP socket of this process was told to connect to, as the interpreter itself reports it."""
    _hearing.append([])
    yield _hearing[-1]
    _hearing.pop()


class Server:
    """A TCP server that does to each connection what `talk` says."""

    def __init__(self, talk: Talk, context: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            plain.settimeout(20)
            sock: socket.socket = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            request = b""
            while b"\r\n\r\n" not in request:
                request += sock.recv(4096) or b"\r\n\r\n"
            self.requests.append(request)
            self._talk(sock, request)
            if isinstance(sock, ssl.SSLSocket):
                sock.unwrap()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serving(talk: Talk | bytes, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    def say(sock: socket.socket, _request: bytes) -> None:
        assert isinstance(talk, bytes)
        sock.sendall(talk)

    server = Server(say if isinstance(talk, bytes) else talk, context)
    try:
        yield server
    finally:
        server.close()


def look(url: str, policy: FetchPolicy = POLICY, previous: Probe | None = None, hours: int = 0) -> Probe:
    return probe(url, policy=policy, now=lambda: NOW + timedelta(hours=hours), previous=previous)


def redirect(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_page_that_answers_becomes_a_whole_fact_sheet(dialled: list[tuple[object, ...]]) -> None:
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
        )
        assert dialled == [("127.0.0.1", server.port)]


def test_nothing_of_ours_goes_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    hops = iter([redirect("/second").replace(b"Content-Length", b"Set-Cookie: a=b; Path=/\r\nContent-Length"), HTML + b"x"])

    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(next(hops))

    with serving(talk) as server:
        assert look(f"{server.url}/first").seen is Seen.REACHABLE
        expected = [
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: {POLICY.user_agent}\r\n"
            "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
            for path in ("/first", "/second")
        ]
        assert [_sorted(request) for request in server.requests] == [_sorted(text.encode()) for text in expected]


def _sorted(request: bytes) -> list[bytes]:
    first, *headers = request.splitlines()
    return [first, *sorted(headers)]


@pytest.mark.parametrize(
    ("answer", "seen", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Seen.SUSPICIOUS, "empty"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Seen.SUSPICIOUS, "empty"),
        (b"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\nx", Seen.REACHABLE, "ok"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Seen.UNKNOWN, "transient"),
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


def test_a_port_where_nobody_listens_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sheet = look(f"http://127.0.0.1:{port}/")
    assert (sheet.seen, sheet.reason, sheet.hops[0].address) == (Seen.UNKNOWN, "connection_refused", "127.0.0.1")


def drip(beginning: bytes, drop: bytes) -> Talk:
    def talk(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(beginning)
        while True:
            time.sleep(0.05)
            sock.sendall(drop)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        drip(HTML, b"z"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"z"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"t: t\r\n"),
    ],
    ids=["status line", "header", "body", "body of known length", "100 Continue", "trailers"],
)
def test_a_server_that_drips_is_left_at_the_deadline(talk: Talk) -> None:
    with serving(talk) as server:
        began = time.monotonic()
        sheet = look(f"{server.url}/")
        took = time.monotonic() - began
    assert (sheet.seen, sheet.reason) == (Seen.UNKNOWN, "deadline")
    assert DEADLINE_S * 0.9 < took < LATEST_S


def test_a_server_that_is_silent_is_left_at_the_read_timeout() -> None:
    with serving(lambda sock, request: time.sleep(3)) as server:
        began = time.monotonic()
        sheet = look(f"{server.url}/", replace(POLICY, read_timeout_s=0.2, deadline_s=5))
        took = time.monotonic() - began
    assert (sheet.seen, sheet.reason) == (Seen.UNKNOWN, "timeout")
    assert took < 2


def test_the_deadline_is_for_the_whole_chain() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        time.sleep(0.3)
        n = int(request.split(b"/", 2)[1].split(b" ")[0])
        sock.sendall(redirect(f"/{n + 1}"))

    with serving(talk) as server:
        began = time.monotonic()
        sheet = look(f"{server.url}/0")
        took = time.monotonic() - began
    assert (sheet.reason, [hop.status for hop in sheet.hops]) == ("deadline", [302, 302, None])
    assert took < LATEST_S


def test_a_body_without_end_is_cut_at_the_cap() -> None:
    def talk(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(HTML + b"<title>long</title>")
        while True:
            sock.sendall(b"z" * 65536)

    with serving(talk) as server:
        sheet = look(f"{server.url}/", replace(POLICY, deadline_s=5))
    body = b"<title>long</title>".ljust(POLICY.body_max_bytes, b"z")
    assert (sheet.seen, sheet.title, sheet.sha256) == (Seen.REACHABLE, "long", hashlib.sha256(body).hexdigest())


def test_the_body_of_a_redirect_is_never_read() -> None:
    sent = 0

    def talk(sock: socket.socket, request: bytes) -> None:
        nonlocal sent
        if b"GET /end " in request:
            sock.sendall(HTML + b"x")
            return
        sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: /end\r\n\r\n")
        while True:
            sent += sock.send(b"z" * 65536)

    with serving(talk) as server:
        sheet = look(f"{server.url}/", replace(POLICY, deadline_s=5))
    assert (sheet.seen, [hop.status for hop in sheet.hops]) == (Seen.REACHABLE, [302, 200])
    assert sent < 32 * 1024 * 1024


def test_a_gzip_bomb_is_inflated_no_further_than_the_cap() -> None:
    import tracemalloc

    bomb = gzip.compress(b"<title>boom</title>" + b"\0" * (200 * 1024 * 1024), 9)
    assert len(bomb) < POLICY.body_max_bytes
    with serving(HTML.replace(b"Connection", b"Content-Encoding: gzip\r\nConnection") + bomb) as server:
        tracemalloc.start()
        sheet = look(f"{server.url}/", replace(POLICY, deadline_s=5))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (sheet.seen, sheet.title, sheet.sha256) == (Seen.REACHABLE, "boom", hashlib.sha256(bomb).hexdigest())
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("to", "reason", "address"),
    [
        ("http://169.254.169.254/latest/meta-data/", "private_ip", "169.254.169.254"),
        ("http://10.0.0.1/", "private_ip", "10.0.0.1"),
        ("//[::1]/", "private_ip", "::1"),
        ("http://[::ffff:127.0.0.1]/", "private_ip", "::ffff:7f00:1"),
        ("http://2130706433/", "noncanonical_ip", ""),
        ("http://93.184.216.34:6379/", "port", "93.184.216.34"),
        ("/\\169.254.169.254/", "backslash", ""),
        ("file:///etc/passwd", "scheme", ""),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_into_the_private_net_is_blocked_at_its_hop_and_never_dialled(
    dialled: list[tuple[object, ...]], to: str, reason: str, address: str, status: int
) -> None:
    with serving(redirect(to, status)) as server:
        sheet = look(f"{server.url}/x")
        assert (sheet.seen, sheet.reason) == (Seen.BLOCKED, reason)
        assert sheet.hops[0] == Hop(url=f"{server.url}/x", address="127.0.0.1", status=status)
        assert (sheet.hops[1].address, sheet.hops[1].status) == (address, None)
        assert sheet.hops[1].note.startswith(f"refused: {reason}")
        assert dialled == [("127.0.0.1", server.port)]


def test_a_redirect_loop_is_blocked() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(redirect("/b" if b"GET /a " in request else "/a#again"))

    with serving(talk) as server:
        sheet = look(f"{server.url}/a")
        assert (sheet.seen, sheet.reason, len(sheet.hops)) == (Seen.BLOCKED, "redirect_loop", 3)
        assert len(server.requests) == 2


def test_more_than_five_redirects_are_blocked() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        n = int(request.split(b"/", 2)[1].split(b" ")[0])
        sock.sendall(redirect(f"/{n + 1}"))

    with serving(talk) as server:
        sheet = look(f"{server.url}/0", replace(POLICY, deadline_s=5))
        assert (sheet.seen, sheet.reason) == (Seen.BLOCKED, "too_many_redirects")
        assert [hop.status for hop in sheet.hops] == [302] * 6 + [None]


def test_exactly_five_redirects_are_followed() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        n = int(request.split(b"/", 2)[1].split(b" ")[0])
        sock.sendall(redirect(f"/{n + 1}") if n < 5 else HTML + b"there")

    with serving(talk) as server:
        sheet = look(f"{server.url}/0", replace(POLICY, deadline_s=5))
    assert (sheet.seen, sheet.final_url) == (Seen.REACHABLE, f"{server.url}/5")


@pytest.mark.parametrize(
    ("to", "seen", "reason"),
    [("/login?next=/o", Seen.UNKNOWN, "login"), ("/", Seen.SUSPICIOUS, "soft_404"), ("/o/2", Seen.REACHABLE, "ok")],
)
def test_where_a_redirect_ends_tells_whether_the_page_was_seen(to: str, seen: Seen, reason: str) -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(redirect(to) if b"GET /o/1 " in request else HTML + b"hello")

    with serving(talk) as server:
        sheet = look(f"{server.url}/o/1")
    assert (sheet.seen, sheet.reason) == (seen, reason)


def test_several_different_locations_are_nobodys_redirect() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    with serving(answer) as server:
        assert look(f"{server.url}/").reason == "redirect_ambiguous"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver whose answers are used up one by one; the last one stays."""
    table: dict[str, list[str]] = {}

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        left = table.get(host.rstrip("."), [])
        if not left:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


def test_the_address_that_was_judged_is_the_one_dialled_however_often_the_name_changes(
    names: dict[str, list[str]], dialled: list[tuple[object, ...]]
) -> None:
    names["rebind.example.com"] = ["127.0.0.1", "10.0.0.1"]
    with serving(HTML + b"x") as server:
        url = f"http://rebind.example.com:{server.port}/"
        first, second = look(url), look(url)
        assert (first.seen, second.seen) == (Seen.REACHABLE, Seen.BLOCKED)
        assert dialled == [("127.0.0.1", server.port)]
        assert f"Host: rebind.example.com:{server.port}".encode() in server.requests[0]


def test_at_most_two_of_the_judged_addresses_are_dialled_and_each_as_judged(
    monkeypatch: pytest.MonkeyPatch, dialled: list[tuple[object, ...]]
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 0)) for n in (5, 6, 7)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        sheet = look(f"http://many.example.com:{port}/")
    assert dialled == [("127.0.0.5", port), ("127.0.0.6", port)]
    assert (sheet.seen, sheet.hops[0].address) == (Seen.UNKNOWN, "127.0.0.6")


def test_a_name_that_changes_between_two_hops_is_judged_again(
    names: dict[str, list[str]], dialled: list[tuple[object, ...]]
) -> None:
    names["rebind.example.com"] = ["127.0.0.1", "192.168.1.1"]
    with serving(redirect("/again")) as server:
        sheet = look(f"http://rebind.example.com:{server.port}/")
        assert (sheet.seen, [hop.address for hop in sheet.hops]) == (Seen.BLOCKED, ["127.0.0.1", "192.168.1.1"])
        assert dialled == [("127.0.0.1", server.port)]


def test_without_an_allowed_network_the_machine_itself_is_out_of_reach(dialled: list[tuple[object, ...]]) -> None:
    with serving(HTML + b"secret") as server:
        sheets = [look(url, FetchPolicy(deadline_s=1)) for url in (f"{server.url}/", "http://127.0.0.1/", "http://[::1]/")]
        assert [(sheet.seen, sheet.reason) for sheet in sheets] == [
            (Seen.BLOCKED, "port"),
            (Seen.BLOCKED, "private_ip"),
            (Seen.BLOCKED, "private_ip"),
        ]
        assert (dialled, server.requests) == ([], [])


def test_a_public_address_that_is_this_machine_is_not_dialled(
    monkeypatch: pytest.MonkeyPatch, dialled: list[tuple[object, ...]]
) -> None:
    # Stands in for a machine with a public address: loopback passes as public, and is not in an allowed network.
    monkeypatch.setattr("bot.evidence.resolve.is_public", lambda address: True)
    sheet = look("http://127.0.0.1/", FetchPolicy(deadline_s=1))
    assert (sheet.seen, sheet.reason, dialled) == (Seen.BLOCKED, "own_address", [])


def test_a_resolver_that_hangs_costs_its_limit_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> list[tuple[object, ...]]:
        time.sleep(2)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    sheet = look("http://slow.example.com/", replace(POLICY, lookup_timeout_s=0.2))
    assert (sheet.seen, sheet.reason) == (Seen.UNKNOWN, "dns_timeout")
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("url", ["", "mailto:a@b", "http://", "http://[", "\ud800", "http://x\u202e.example/", "x" * 99_999])
def test_no_text_makes_a_probe_raise(url: str) -> None:
    sheet = look(url)
    assert (sheet.url, sheet.seen, sheet.key, len(sheet.hops)) == (url, Seen.BLOCKED, "", 1)
    assert read_sheet(write_sheet(sheet), url, NOW) == sheet


def test_a_fault_of_ours_is_unknown_and_names_no_strangers_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("<script>")

    monkeypatch.setattr("bot.evidence.fetch.dns.resolve", broken)
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


_CERTIFICATE = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    "-subj /CN=good.example.com -addext subjectAltName=DNS:good.example.com"
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate for good.example.com and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        (openssl, *_CERTIFICATE.split(), "-keyout", str(key), "-out", str(cert)),
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.mark.parametrize(
    ("host", "trusted", "seen", "reason"),
    [
        ("good.example.com", True, Seen.REACHABLE, "ok"),
        ("other.example.com", True, Seen.SUSPICIOUS, "tls_name"),
        ("good.example.com", False, Seen.SUSPICIOUS, "tls_untrusted"),
    ],
)
def test_the_certificate_is_checked_for_the_name_though_the_address_is_pinned(
    names: dict[str, list[str]],
    certificate: tuple[Path, Path],
    host: str,
    trusted: bool,
    seen: Seen,
    reason: str,
) -> None:
    cert, key = certificate
    names[host] = ["127.0.0.1"]
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    policy = replace(POLICY, deadline_s=5, ca_file=str(cert) if trusted else None)
    with serving(HTML + b"x", context) as server:
        sheet = look(f"https://{host}:{server.port}/", policy)
    assert (sheet.seen, sheet.reason, asked) == (seen, reason, [host])


def test_a_slow_tls_body_is_left_at_the_deadline(names: dict[str, list[str]], certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    names["good.example.com"] = ["127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(drip(HTML, b"z"), context) as server:
        began = time.monotonic()
        sheet = look(f"https://good.example.com:{server.port}/", replace(POLICY, ca_file=str(cert)))
        assert (sheet.reason, time.monotonic() - began < LATEST_S) == ("deadline", True)


def test_a_redirect_from_https_to_http_is_blocked(names: dict[str, list[str]], certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    names["good.example.com"] = ["127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(redirect("http://good.example.com/"), context) as server:
        sheet = look(f"https://good.example.com:{server.port}/", replace(POLICY, deadline_s=5, ca_file=str(cert)))
    assert (sheet.seen, sheet.reason) == (Seen.BLOCKED, "redirect_downgrade")


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (b"<title>a</title><title>b</title>", "text/html", "a"),
        (b"<title>a</title>", "application/json", ""),
        (b"<title>never closed", "text/html", ""),
        (b"<title", "text/html", ""),
        (b"<title>\xe9t\xe9</title>", "text/html; charset=ISO-8859-1", "été"),
        (b"<title>\xff\x00</title>", "text/html; charset=zlib_codec", "�"),
        (b"<title>&lt;b&gt; @all [x](y)</title>", "text/html", "<b> @all [x](y)"),
        (b"<title>" + b"a" * 300 + b"</title>", "", "a" * 119 + "…"),
        (b"<title" * 40_000, "text/html", ""),
    ],
)
def test_a_title_is_one_short_clean_line(body: bytes, content_type: str, title: str) -> None:
    assert title_of(body, content_type) == title


def test_cleaning_leaves_nothing_unseen() -> None:
    assert clean("a\x00\x1b[31mb\u202ec\u200bd\n\te\ud800f\u2028g") == "a[31mbcd ef g"


def test_the_prober_is_given_no_secret() -> None:
    given = {
        "PATH": "/bin",
        "REDIS_URL": "redis://x",
        "STAMPBOT_HUB_TOKEN": "t",
        "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS": "t",
        "STAMPBOT_GITHUB_TOKEN": "t",
        "STAMPBOT_WEBHOOK_SECRET": "s",
        "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
        "AWS_SECRET_ACCESS_KEY": "k",
        "HTTPS_PROXY": "http://p",
    }
    assert needed_environment(given) == {
        "PATH": "/bin",
        "REDIS_URL": "redis://x",
        "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
        "RES_OPTIONS": "timeout:2 attempts:2",
    }


def test_the_memory_limit_holds_in_a_process_of_its_own() -> None:
    program = (
        "from bot.evidence import limit_memory\n"
        "limit_memory(512 * 1024 * 1024)\n"
        "try:\n    bytearray(600 * 1024 * 1024)\nexcept MemoryError:\n    print('held')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "held\n"
