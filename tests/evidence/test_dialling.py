"""Whom a look dials: exactly what was judged, never ourselves unless allowed, and with nothing of ours along."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.evidence import FetchPolicy, networks
from bot.model.evidence import Hop, Seen
from tests.evidence.certificates import Certificates
from tests.evidence.looking import POLICY, look
from tests.evidence.servers import HTML, redirect, serving, silence
from tests.evidence.wire import Address
from tests.patience import STATE_WAIT_S, ends_within, until


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@needs_ipv6
def test_an_allowed_address_of_ipv6_is_dialled_and_named_in_brackets(dialled: list[Address]) -> None:
    with serving(HTML + b"x", host="::1") as server:
        sheet = look(f"{server.url}/in", replace(POLICY, allow=networks(("::1/128",))))
        assert (sheet.seen, sheet.hops) == (Seen.REACHABLE, (Hop(url=f"{server.url}/in", address="::1", status=200),))
        assert dialled == [("::1", server.port, 0, 0)]
        assert f"\r\nHost: [::1]:{server.port}\r\n".encode() in server.requests[0]


@needs_ipv6
def test_a_name_of_ipv6_is_dialled_where_allowed(names: dict[str, list[str]], dialled: list[Address]) -> None:
    names["six.example.com"] = ["::1"]
    with serving(HTML + b"x", host="::1") as server:
        sheet = look(f"http://six.example.com:{server.port}/", replace(POLICY, allow=networks(("::1/128",))))
        assert (sheet.seen, sheet.hops[0].address) == (Seen.REACHABLE, "::1")
        assert dialled == [("::1", server.port, 0, 0)]
        assert look(f"http://six.example.com:{server.port}/").reason == "port"


def test_a_mapped_address_is_dialled_only_where_its_own_network_is_allowed(dialled: list[Address]) -> None:
    with serving(HTML + b"x") as server:
        url = f"http://[::ffff:127.0.0.1]:{server.port}/"
        assert look(url).reason == "port"
        assert dialled == []
        if has_ipv6():
            assert look(url, replace(POLICY, allow=networks(("::ffff:127.0.0.0/104",)))).seen is Seen.REACHABLE


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        (("127.0.0.1", None), Seen.REACHABLE),
        (("10.0.0.1", None), Seen.BLOCKED),
        (("127.0.0.2", None), Seen.BLOCKED),
        (("127.0.0.1", 6379), Seen.BLOCKED),
        (("::ffff:127.0.0.1", None), Seen.BLOCKED),
    ],
)
def test_a_connection_that_ends_elsewhere_is_left_without_a_word(
    monkeypatch: pytest.MonkeyPatch, peer: tuple[str, int | None], seen: Seen
) -> None:
    with serving(HTML + b"x") as server:
        monkeypatch.setattr(socket.socket, "getpeername", lambda _: (peer[0], peer[1] or server.port), raising=False)
        sheet = look(f"{server.url}/")
        assert sheet.seen is seen
        if seen is Seen.BLOCKED:
            assert sheet.reason == "peer"
            note = "refused: peer (connected elsewhere than 127.0.0.1)"
            assert sheet.hops == (Hop(url=f"{server.url}/", address="127.0.0.1", status=None, note=note),)
            assert server.requests in ([], [b"\r\n\r\n"])


def own_addresses() -> list[str]:
    """Addresses of this machine's interfaces, loopback among them; found without sending anything."""
    found = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
    for family, far in ((socket.AF_INET, "93.184.216.34"), (socket.AF_INET6, "2606:2800:220:1:248:1893:25c8:1946")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as trial:
                trial.connect((far, 80))
                found.append(trial.getsockname()[0])
        except OSError:
            continue
    return found


def test_an_address_of_this_machine_is_not_dialled_though_public(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]], dialled: list[Address]
) -> None:
    # Stands in for a machine with a public address: whatever address this one has passes as public.
    monkeypatch.setattr("bot.evidence.fetch.resolve.is_public", lambda address: True)
    for address in own_addresses():
        names["me.example.com"] = [address]
        sheet = look("http://me.example.com/", FetchPolicy(deadline_s=1))
        assert (sheet.seen, sheet.reason, sheet.hops[0].address) == (Seen.BLOCKED, "own_address", address)
        assert sheet.hops[0].note == f"refused: own_address ({address} is this machine)"
    assert dialled == []


def test_without_an_allowed_network_the_machine_itself_is_out_of_reach(dialled: list[Address]) -> None:
    with serving(HTML + b"secret") as server:
        sheets = [look(url, FetchPolicy(deadline_s=1)) for url in (f"{server.url}/", "http://127.0.0.1/", "http://[::1]/")]
        assert [(sheet.seen, sheet.reason) for sheet in sheets] == [
            (Seen.BLOCKED, "port"),
            (Seen.BLOCKED, "private_ip"),
            (Seen.BLOCKED, "private_ip"),
        ]
        assert (dialled, server.requests) == ([], [])


def test_a_port_where_nobody_listens_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sheet = look(f"http://127.0.0.1:{port}/")
    assert (sheet.seen, sheet.reason, sheet.hops[0].address) == (Seen.UNKNOWN, "connection_refused", "127.0.0.1")


def test_at_most_two_of_the_judged_addresses_are_dialled_and_each_as_judged(
    monkeypatch: pytest.MonkeyPatch, dialled: list[Address]
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 0)) for n in (5, 6, 7)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        sheet = look(f"http://many.example.com:{port}/")
    assert dialled == [("127.0.0.5", port), ("127.0.0.6", port)]
    assert (sheet.seen, sheet.hops[0].address) == (Seen.UNKNOWN, "127.0.0.6")


@contextmanager
def no_answer_of_the_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Names are looked up without end in the block."""
    over = threading.Event()

    def hang(*_: object, **__: object) -> list[Address]:
        over.wait(STATE_WAIT_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        yield
    finally:
        over.set()


def test_a_resolver_that_hangs_costs_its_limit_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with no_answer_of_the_resolver(monkeypatch), ends_within(1.5):
        sheet = look("http://slow.example.com/", replace(POLICY, lookup_timeout_s=0.2, deadline_s=STATE_WAIT_S))
    assert (sheet.seen, sheet.reason) == (Seen.UNKNOWN, "dns_timeout")


def test_a_lookup_cut_off_by_the_deadline_is_the_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    with no_answer_of_the_resolver(monkeypatch), ends_within(0.9):
        sheet = look("http://slow.example.com/", replace(POLICY, lookup_timeout_s=STATE_WAIT_S, deadline_s=0.2))
    assert sheet.reason == "deadline"


def test_no_proxy_and_no_password_file_of_ours_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: dict[str, list[str]]
) -> None:
    netrc = "machine 127.0.0.1 login me password secret\ndefault login a password b\n"
    (tmp_path / ".netrc").write_text(netrc)
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    names["good.example.com"] = ["127.0.0.1"]
    with serving(HTML + b"x") as server, serving(HTML + b"through the proxy") as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "good.example.com"):
            assert look(f"http://{host}:{server.port}/").seen is Seen.REACHABLE
        assert (proxy.accepted, len(server.requests)) == (0, 2)
        assert not any(b"authorization" in request.lower() or b"http://" in request.lower() for request in server.requests)


def test_plain_requests_would_have_used_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same surroundings: were they not set as `requests` reads them, the test above would prove nothing."""
    import requests

    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(HTML + b"x") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        requests.get("http://127.0.0.1:1/", timeout=2)
        assert b"authorization: basic" in proxy.requests[0].lower()


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_no_certificate_of_the_environment_is_trusted(
    name: str, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]], certificates: Certificates
) -> None:
    names["good.example.com"] = ["127.0.0.1"]
    monkeypatch.setenv(name, str(certificates.authority))
    with serving(HTML + b"x", certificates.server()) as server:
        sheet = look(f"https://good.example.com:{server.port}/", replace(POLICY, deadline_s=5, read_timeout_s=3))
    assert (sheet.seen, sheet.reason) == (Seen.SUSPICIOUS, "tls_untrusted")


def test_a_look_leaves_no_socket_and_no_thread_behind() -> None:
    def left() -> tuple[int, int]:
        """Open files, and timers that still run; what the servers of this test have open goes when their client does."""
        return len(os.listdir("/dev/fd")), sum(isinstance(thread, threading.Timer) for thread in threading.enumerate())

    with serving(HTML + b"x") as good, serving(silence) as silent, serving(redirect("http://10.0.0.1/")) as bad:
        policy = replace(POLICY, read_timeout_s=0.1, deadline_s=30)
        before, _ = left()
        for _ in range(5):
            for server in (good, silent, bad):
                look(f"{server.url}/", policy)
        until(lambda: left() <= (before, 0), told=lambda: f"{left()} is more than {before} and no timer")
