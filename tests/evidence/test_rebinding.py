"""A name server that answers with a public address first and with this machine afterwards, asked for real."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bot.evidence import FetchPolicy
from bot.model.address import is_public
from bot.model.evidence import Seen
from tests.evidence import name_server
from tests.evidence.looking import look
from tests.evidence.name_server import AAAA, Answers, NameServer, serving_names
from tests.evidence.servers import HTML, Server, path_of, redirect, serving
from tests.evidence.stage import Stage, staged
from tests.patience import STATE_WAIT_S, ends_within

PUBLIC = "93.184.216.34"
PUBLIC_SIX = "2606:2800:220:1:248:1893:25c8:1946"
NAME = "rebind.example.com"
URL = f"http://{NAME}/"
POLICY = FetchPolicy(connect_timeout_s=2, read_timeout_s=2, lookup_timeout_s=2, deadline_s=5)


@contextmanager
def rebinding(answers: Answers, talk: Callable[..., None] | bytes = HTML + b"in") -> Iterator[tuple[NameServer, Stage, Server]]:
    """A name server, a stage that sends port 80 of every address to one web server, and that server."""
    with serving(talk) as web, serving_names(answers) as names, staged({80: web.port}) as stage:
        yield names, stage, web


def test_what_is_dialled_is_what_was_judged_and_the_name_is_asked_for_once() -> None:
    with rebinding({NAME: ((PUBLIC,), ("127.0.0.1",))}) as (names, stage, web):
        sheet = look(URL, POLICY)
        assert (sheet.seen, [hop.address for hop in sheet.hops]) == (Seen.REACHABLE, [PUBLIC])
        assert stage.addresses == {PUBLIC}
        assert names.times(NAME) == 1
        assert b"\r\nHost: rebind.example.com\r\n" in web.requests[0]


def test_looking_again_is_judged_again() -> None:
    with rebinding({NAME: ((PUBLIC,), ("127.0.0.1",))}) as (names, stage, web):
        first, second = look(URL, POLICY), look(URL, POLICY)
        assert (first.seen, second.seen, second.reason) == (Seen.REACHABLE, Seen.BLOCKED, "private_dns")
        assert stage.addresses == {PUBLIC}
        assert (names.times(NAME), len(web.requests)) == (2, 1)


def test_a_second_hop_to_the_same_name_is_judged_by_the_answer_it_gets() -> None:
    def talk(sock: socket.socket, request: bytes) -> None:
        sock.sendall(redirect("/inside") if path_of(request) == "/" else HTML + b"secret")

    with rebinding({NAME: ((PUBLIC,), ("169.254.169.254",))}, talk) as (_, stage, web):
        sheet = look(URL, POLICY)
        assert (sheet.seen, sheet.reason) == (Seen.BLOCKED, "private_dns")
        assert [(hop.url, hop.address, hop.status) for hop in sheet.hops] == [
            (URL, PUBLIC, 302),
            (f"{URL}inside", "169.254.169.254", None),
        ]
        assert sheet.hops[1].note == "refused: private_dns (rebind.example.com is 169.254.169.254)"
        assert (stage.addresses, len(web.requests)) == ({PUBLIC}, 1)


@pytest.mark.parametrize(
    "first",
    [("127.0.0.1",), (PUBLIC, "10.0.0.1"), (PUBLIC, "::1"), (PUBLIC, "fd00::1"), ("::ffff:127.0.0.1",)],
    ids=str,
)
def test_one_answer_that_leads_inside_is_enough_to_dial_none(first: tuple[str, ...]) -> None:
    with rebinding({NAME: (first, (PUBLIC,))}) as (names, stage, _):
        sheet = look(URL, POLICY)
        assert (sheet.seen, sheet.reason, stage.addresses) == (Seen.BLOCKED, "private_dns", set())
        assert (names.times(NAME), names.times(NAME, AAAA)) == (1, 1)


def test_both_families_come_from_one_lookup() -> None:
    with rebinding({NAME: ((PUBLIC, PUBLIC_SIX),)}) as (_, stage, _web):
        assert look(URL, POLICY).seen is Seen.REACHABLE
        assert stage.dialled[0][0] in (PUBLIC, PUBLIC_SIX)
        assert stage.addresses <= {PUBLIC, PUBLIC_SIX}


def test_a_name_the_server_does_not_know_is_asked_for_as_it_stands() -> None:
    """With a search domain added the question would go to whoever owns that domain, or to an internal name."""
    with rebinding({}) as (names, stage, _):
        sheet = look(URL, POLICY)
        assert (sheet.seen, sheet.reason, stage.addresses) == (Seen.DEAD, "nxdomain", set())
        assert {name for name, _ in names.asked} == {NAME}


def test_a_name_server_that_says_nothing_costs_the_lookups_limit() -> None:
    with rebinding({NAME: (("",),)}) as (_, stage, _web):
        with ends_within(1.3):
            sheet = look(URL, replace(POLICY, lookup_timeout_s=0.3, deadline_s=STATE_WAIT_S))
        assert (sheet.seen, sheet.reason, stage.addresses) == (Seen.UNKNOWN, "dns_timeout", set())


def test_a_client_that_checks_first_and_connects_by_name_is_led_inside() -> None:
    """The same world under the usual check: it does rebind, so the tests above are about something."""
    with rebinding({NAME: ((PUBLIC,), ("127.0.0.1",))}) as (_, stage, _web):
        checked = [ipaddress.ip_address(found[4][0]) for found in socket.getaddrinfo(NAME + ".", 80, type=socket.SOCK_STREAM)]
        assert all(is_public(address) for address in checked)
        socket.create_connection((NAME, 80), timeout=STATE_WAIT_S).close()
        assert stage.addresses == {"127.0.0.1"}


def test_where_the_system_cannot_be_told_our_own_questions_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_server, "_through_libc", name_server._by_ourselves)
    with serving_names({NAME: ((PUBLIC, PUBLIC_SIX), ("127.0.0.1",))}):
        found = [[at[4][0] for at in socket.getaddrinfo(NAME + ".", 80)] for _ in range(2)]
        assert found == [[PUBLIC, PUBLIC_SIX], ["127.0.0.1"]]
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("nowhere.example.com.", 80)
