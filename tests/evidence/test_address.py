"""Which addresses may be dialled, whoever asks for them and by whatever name."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.fetch.resolve import Failed, resolve
from bot.evidence.fetch.url import Refused, read_url
from bot.model.address import is_allowed, is_public, networks
from tests.evidence.stage import info
from tests.patience import STATE_WAIT_S

LOOPBACK = networks(("127.0.0.0/8",))


DENIED = (
    "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 "
    "192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255 168.63.129.16 "
    ":: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:93.184.216.34 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::7f00:1 "
    "2002:7f00:1:: 2001::1 2001:db8::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 3fff::1 5f00::1 100::1"
)
PUBLIC = "1.1.1.1 93.184.216.34 172.15.255.255 172.32.0.0 168.63.129.17 2606:2800:220:1:248:1893:25c8:1946 2a00::1"


@pytest.mark.parametrize("text", DENIED.split())
def test_an_address_that_leads_inside_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC.split())
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses())
def test_no_address_is_public_that_python_calls_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert not (is_public(address) and (address.is_private or address.is_multicast or address.is_reserved))


def test_allowing_loopback_allows_neither_its_mapped_twin_nor_its_neighbours() -> None:
    texts = ("127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "::1", "128.0.0.1")
    assert [is_allowed(ipaddress.ip_address(text), LOOPBACK) for text in texts] == [True, True, False, False, False]


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"'127\.0\.0\.1/8' is not a network"):
        networks(("10.0.0.0/8", "127.0.0.1/8"))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the resolver knows: host to addresses; an empty list is a server that fails."""
    table: dict[str, list[str]] = {}

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        assert host.endswith(".")
        if host[:-1] not in table:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        if not table[host[:-1]]:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return [info(address, port) for address in table[host[:-1]]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/", "private_ip"),
        ("http://169.254.169.254/latest/", "private_ip"),
        ("http://[::ffff:7f00:1]/", "private_ip"),
        ("http://mixed.example.com/", "private_dns"),
        ("http://inside.example.com/", "private_dns"),
        ("http://localhost/", "single_label"),
        ("http://printer.local/", "internal_tld"),
        ("http://good.example.com:6379/", "port"),
        ("https://good.example.com:80/", "port"),
        ("http://127.0.0.1:6379/", "port"),
    ],
)
def test_what_is_not_public_is_refused(answers: dict[str, list[str]], url: str, reason: str) -> None:
    answers.update(
        {
            "good.example.com": ["93.184.216.34"],
            "mixed.example.com": ["93.184.216.34", "10.0.0.1"],
            "inside.example.com": ["10.0.0.1"],
            "localhost": ["127.0.0.1"],
            "printer.local": ["93.184.216.34"],
        }
    )
    with pytest.raises(Refused) as refusal:
        resolve(read_url(url), (), 1.0)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://10.0.0.1/", "private_ip"),
        ("http://good.example.com:6379/", "port"),
        ("http://half.example.com/", "private_dns"),
        ("http://outside.local/", "internal_tld"),
    ],
)
def test_allowing_one_network_opens_no_other(answers: dict[str, list[str]], url: str, reason: str) -> None:
    answers.update(
        {
            "good.example.com": ["93.184.216.34"],
            "half.example.com": ["127.0.0.1", "10.0.0.1"],
            "outside.local": ["127.0.0.1", "93.184.216.34"],
        }
    )
    with pytest.raises(Refused) as refusal:
        resolve(read_url(url), LOOPBACK, 1.0)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/x", "http://forge.internal:3000/", "http://forge/"])
def test_an_allowed_network_may_use_any_port_and_any_name(answers: dict[str, list[str]], url: str) -> None:
    answers.update({"forge.internal": ["127.0.0.2"], "forge": ["127.0.0.3", "127.0.0.3"]})
    found = resolve(read_url(url), LOOPBACK, 1.0)
    assert [answer.allowed for answer in found] == [True]


@pytest.mark.parametrize(("host", "reason"), [("nowhere.example.com", "nxdomain"), ("ill.example.com", "dns")])
def test_no_such_name_is_told_from_a_resolver_that_fails(answers: dict[str, list[str]], host: str, reason: str) -> None:
    answers["ill.example.com"] = []
    with pytest.raises(Failed) as failure:
        resolve(read_url(f"http://{host}/"), (), 1.0)
    assert failure.value.reason == reason


@pytest.mark.parametrize(
    ("url", "policy", "reason"),
    [
        ("http://good.example.com/", {"deny": ("93.184.216.0/24",)}, "denied_address"),
        ("http://93.184.216.34/", {"deny": ("93.184.216.34/32",)}, "denied_address"),
        ("http://dual.example.com/", {"deny": ("2606:2800::/32",)}, "denied_address"),
        ("http://127.0.0.1/", {"deny": ("127.0.0.1/32",), "allow": ("127.0.0.0/8",)}, "denied_address"),
        ("http://good.example.com/", {"deny_hosts": ("example.com",)}, "denied_host"),
        ("http://GOOD.example.com./", {"deny_hosts": ("good.example.com",)}, "denied_host"),
        ("http://good.example.com:8080/", {"ports": (8443,)}, "port"),
        ("http://127.0.0.1:8443/", {"ports": (8443,)}, "private_ip"),
        ("http://localhost:8443/", {"ports": (8443,)}, "single_label"),
        ("http://printer.local:8443/", {"ports": (8443,)}, "internal_tld"),
        ("http://inside.example.com:8443/", {"ports": (8443,)}, "private_dns"),
    ],
)
def test_what_the_operator_closes_is_closed_and_a_port_opened_opens_nothing_else(
    answers: dict[str, list[str]], url: str, policy: dict[str, tuple[Any, ...]], reason: str
) -> None:
    answers.update(TOWN)
    with pytest.raises(Refused) as refusal:
        resolve(read_url(url), networks(policy.get("allow", ())), 1.0, **told(policy))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("http://good.example.com/", {"deny": ("93.184.216.35/32",), "deny_hosts": ("ood.example.com", "x.good.example.com")}),
        ("https://good.example.com:8443/", {"ports": (8443,)}),
        ("http://93.184.216.34:8443/", {"ports": (8443,)}),
    ],
)
def test_what_the_operator_opens_is_open_and_a_neighbour_closed_closes_nothing_else(
    answers: dict[str, list[str]], url: str, policy: dict[str, tuple[Any, ...]]
) -> None:
    answers.update(TOWN)
    assert [str(answer.address) for answer in resolve(read_url(url), (), 1.0, **told(policy))] == ["93.184.216.34"]


TOWN = {
    "good.example.com": ["93.184.216.34"],
    "dual.example.com": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
    "inside.example.com": ["10.0.0.1"],
}


def told(policy: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """What of a policy `resolve` takes by name."""
    return {
        "deny": networks(policy.get("deny", ())),
        "deny_hosts": policy.get("deny_hosts", ()),
        "ports": policy.get("ports", ()),
    }


def test_a_zone_is_stripped_before_an_address_is_judged(answers: dict[str, list[str]]) -> None:
    answers["linked.example.com"] = ["fe80::1%1"]
    with pytest.raises(Refused, match=r"private_dns: linked\.example\.com is fe80::1$"):
        resolve(read_url("http://linked.example.com/"), (), 1.0)


def test_lookups_that_hang_have_an_upper_number_and_give_their_places_back(monkeypatch: pytest.MonkeyPatch) -> None:
    places = threading.BoundedSemaphore(2)
    monkeypatch.setattr("bot.evidence.fetch.resolve._lookups", places)
    hang = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        hang.wait(STATE_WAIT_S)
        return [info("93.184.216.34", 80)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for _ in range(3):
        with pytest.raises(Failed, match="dns_timeout"):
            resolve(read_url("http://good.example.com/"), (), 0.05)
    assert not places.acquire(blocking=False)
    hang.set()
    assert [places.acquire(timeout=STATE_WAIT_S) for _ in range(2)] == [True, True]


def test_a_lookup_without_a_thread_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr("bot.evidence.fetch.resolve._lookups", places)

    def no_thread(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    for _ in range(2):
        with pytest.raises(Failed, match="dns_timeout: no thread"):
            resolve(read_url("http://good.example.com/"), (), 0.05)
    assert places.acquire(blocking=False)
