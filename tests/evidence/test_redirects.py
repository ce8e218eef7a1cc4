"""Redirects: each hop is judged as if it were the first, and the fact sheet says at which hop it ended and why."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import replace

import pytest

from bot.evidence import networks
from bot.model.evidence import Hop, Seen
from tests.evidence.certificates import Certificates
from tests.evidence.looking import LATEST_S, POLICY, look
from tests.evidence.servers import HTML, path_of, redirect, serving
from tests.evidence.stage import staged
from tests.evidence.wire import Address


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
    dialled: list[Address], to: str, reason: str, address: str, status: int
) -> None:
    with serving(redirect(to, status)) as server:
        sheet = look(f"{server.url}/x")
        assert (sheet.seen, sheet.reason) == (Seen.BLOCKED, reason)
        assert sheet.hops[0] == Hop(url=f"{server.url}/x", address="127.0.0.1", status=status)
        # Python 3.13 and later write a mapped address as people do.
        written = str(ipaddress.ip_address(address)) if address else ""
        assert (sheet.hops[1].address, sheet.hops[1].status) == (written, None)
        assert sheet.hops[1].note.startswith(f"refused: {reason}")
        assert dialled == [("127.0.0.1", server.port)]


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


def test_a_redirect_loop_cannot_be_judged() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(redirect("/b" if b"GET /a " in request else "/a#again"))

    with serving(talk) as server:
        sheet = look(f"{server.url}/a")
        assert (sheet.seen, sheet.reason, len(sheet.hops)) == (Seen.UNKNOWN, "redirect_loop", 3)
        assert len(server.requests) == 2


def test_more_than_ten_redirects_cannot_be_judged() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        n = int(request.split(b"/", 2)[1].split(b" ")[0])
        sock.sendall(redirect(f"/{n + 1}"))

    with serving(talk) as server:
        sheet = look(f"{server.url}/0", replace(POLICY, deadline_s=5))
        assert (sheet.seen, sheet.reason) == (Seen.UNKNOWN, "too_many_redirects")
        assert [hop.status for hop in sheet.hops] == [302] * 11 + [None]


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


def test_the_sheet_names_the_third_hop_if_that_is_where_it_leads_inside() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(redirect({"/": "/two", "/two": "http://inside.example.com/admin"}[path_of(request)]))

    names = {"good.example.com": ["93.184.216.34"], "inside.example.com": ["10.0.0.1"]}
    with serving(talk) as server, staged({80: server.port}, names=names) as stage:
        sheet = look("http://good.example.com/", replace(POLICY, allow=()))
    assert (sheet.seen, sheet.reason, sheet.status, sheet.final_url) == (Seen.BLOCKED, "private_dns", None, "")
    assert sheet.hops == (
        Hop(url="http://good.example.com/", address="93.184.216.34", status=302),
        Hop(url="http://good.example.com/two", address="93.184.216.34", status=302),
        Hop(
            url="http://inside.example.com/admin",
            address="10.0.0.1",
            status=None,
            note="refused: private_dns (inside.example.com is 10.0.0.1)",
        ),
    )
    assert stage.addresses == {"93.184.216.34"}


@pytest.mark.parametrize(
    ("headers", "seen", "reason"),
    [
        (b"Location: /a\r\nLocation: http://10.0.0.1/\r\n", Seen.UNKNOWN, "redirect_ambiguous"),
        (b"Location: http://10.0.0.1/\r\nLocation: /a\r\n", Seen.UNKNOWN, "redirect_ambiguous"),
        (b"Location: /a\r\nlocation: /b\r\n", Seen.UNKNOWN, "redirect_ambiguous"),
        (b"Location: /a\r\nLocation: /a\r\n", Seen.REACHABLE, "ok"),
        (b"Location:  /a \t\r\n", Seen.REACHABLE, "ok"),
        (b"Location: /a\r\n b\r\n", Seen.UNKNOWN, "redirect_loop"),
        (b"Location: /a b\r\n", Seen.UNKNOWN, "redirect_loop"),
        (b"Location:\r\n", Seen.UNKNOWN, "redirect_loop"),
        (b"Location: /" + b"a" * 2048 + b"\r\n", Seen.BLOCKED, "too_long"),
        (b"Location: //[\r\n", Seen.BLOCKED, "syntax"),
        (b"URI: /a\r\nRefresh: 0; url=/a\r\nContent-Location: /a\r\nLink: </a>\r\n", Seen.UNKNOWN, "transient"),
    ],
)
def test_a_location_is_one_plain_header_or_nobodys_redirect(headers: bytes, seen: Seen, reason: str) -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        if path_of(request) == "/a":
            sock.sendall(HTML + b"there")
        else:
            sock.sendall(b"HTTP/1.1 302 Found\r\n" + headers + b"Content-Length: 0\r\n\r\n")

    with serving(talk) as server:
        sheet = look(f"{server.url}/x")
    assert (sheet.seen, sheet.reason) == (seen, reason)


@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 306, 401, 404, 503])
def test_only_the_five_statuses_that_redirect_do(status: int, dialled: list[Address]) -> None:
    body = b"<meta http-equiv=refresh content='0; url=http://10.0.0.1/'>"
    head = f"HTTP/1.1 {status} X\r\nLocation: http://10.0.0.1/\r\nRefresh: 0; url=http://10.0.0.1/\r\n\r\n".encode()
    with serving(head + (b"" if status == 304 else body)) as server:
        sheet = look(f"{server.url}/")
        assert (sheet.status, len(sheet.hops)) == (status, 1)
        assert dialled == [("127.0.0.1", server.port)]


GIFTS = (
    b'Set-Cookie: a=b; Path=/; Domain=127.0.0.1\r\nWWW-Authenticate: Basic realm=x\r\nAlt-Svc: h2=":1"\r\nETag: x\r\nX-Y: z\r\n'
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_but_a_cookie_is_carried_to_the_next_hop_and_nothing_to_the_next_look(status: int) -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        answer = redirect("/second", status) if path_of(request) == "/first" else HTML + b"x"
        head, rest = answer.split(b"\r\n", 1)
        sock.sendall(head + b"\r\n" + GIFTS + rest)

    with serving(talk) as server:
        assert look(f"{server.url}/first").seen is Seen.REACHABLE
        # Another look at the first one: nothing is carried between looks either.
        assert look(f"{server.url}/first").seen is Seen.REACHABLE
        expected = [
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: {POLICY.user_agent}\r\n"
            "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.8,*;q=0.5\r\n"
            f"{cookie}Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
            for path, cookie in (("/first", ""), ("/second", "Cookie: a=b\r\n")) * 2
        ]
        assert [in_order(request) for request in server.requests] == [in_order(text.encode()) for text in expected]


def in_order(request: bytes) -> list[bytes]:
    first, *headers = request.splitlines()
    return [first, *sorted(headers)]


def test_what_ends_in_clear_text_is_doubted_and_the_other_way_it_is_not(certificates: Certificates) -> None:
    names = {"good.example.com": ["93.184.216.34"], "plain.example.com": ["93.184.216.34"]}
    policy = replace(POLICY, allow=(), deadline_s=5, read_timeout_s=3, ca_file=str(certificates.authority))
    with (
        serving(by_host) as plain,
        serving(lambda sock, request: sock.sendall(ANSWERS.get(path_of(request), HTML + b"x")), certificates.server()) as tls,
        staged({80: plain.port, 443: tls.port}, names=names) as stage,
    ):
        up, down = look("http://good.example.com/", policy), look("https://good.example.com/down", policy)
        assert (up.seen, up.final_url) == (Seen.REACHABLE, "https://good.example.com/in")
        # From http it leads on to https on the same host: some applications behind a proxy do that, and it ends well.
        assert (down.seen, down.final_url) == (Seen.REACHABLE, "https://good.example.com/in")
        assert [port for _, port in stage.dialled] == [80, 443, 443, 80, 443]
        ended = look("https://good.example.com/elsewhere", policy)
        assert (ended.seen, ended.reason) == (Seen.SUSPICIOUS, "redirect_downgrade")


ANSWERS = {
    "/down": redirect("http://good.example.com/out"),
    "/elsewhere": redirect("http://plain.example.com/page"),
}


def by_host(sock: socket.socket, request: bytes) -> None:
    """Over http one host sends to https, and another does not."""
    sock.sendall(HTML + b"x" if b"plain.example.com" in request else redirect("https://good.example.com/in"))


def test_an_allowed_network_is_no_way_into_its_neighbours(dialled: list[Address]) -> None:
    with serving(redirect("http://127.0.0.2:1/")) as server:
        sheet = look(f"{server.url}/", replace(POLICY, allow=networks(("127.0.0.1/32",))))
        assert (sheet.seen, sheet.reason, sheet.hops[1].address) == (Seen.BLOCKED, "port", "127.0.0.2")
        assert dialled == [("127.0.0.1", server.port)]


def test_the_deadline_is_for_the_whole_chain() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        time.sleep(0.3)
        n = int(request.split(b"/", 2)[1].split(b" ")[0])
        sock.sendall(redirect(f"/{n + 1}"))

    with serving(talk) as server:
        began = time.monotonic()
        sheet = look(f"{server.url}/0")
        took = time.monotonic() - began
    # Three hops of 0.3 s do not fit; on a busy machine two may not.
    assert (sheet.reason, [hop.status for hop in sheet.hops]) in (("deadline", [302, 302, None]), ("deadline", [302, None]))
    assert took < LATEST_S
