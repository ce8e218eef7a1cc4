"""Which URLs are read, how they are written afterwards, and which addresses are public."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.address import is_allowed, is_public, networks
from bot.evidence.resolve import Failed, resolve
from bot.evidence.url import Refused, canonical_key, read_location, read_url

LOOPBACK = networks(("127.0.0.0/8",))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://good.example.com", "https://good.example.com/"),
        ("HTTP://Good.Example.COM:80/A?b=C#frag", "http://good.example.com/A?b=C"),
        ("https://good.example.com:443?x", "https://good.example.com/?x"),
        ("http://good.example.com./", "http://good.example.com/"),
        ("http://a_b.xn--wrocaw-6db.example.com/", "http://a_b.xn--wrocaw-6db.example.com/"),
        ("http://good.example.com/a%20b/%2e%2e/%0d%0a", "http://good.example.com/a%20b/%2e%2e/%0d%0a"),
        ("http://good.example.com/@me:8080/x", "http://good.example.com/@me:8080/x"),
        ("http://[2606:2800:220:1:248:1893:25C8:1946]/", "http://[2606:2800:220:1:248:1893:25c8:1946]/"),
    ],
)
def test_a_plain_url_is_read_and_written_canonically(text: str, url: str) -> None:
    assert read_url(text).url == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://good.example.com/" + "a" * 2048, "too_long"),
        ("http://127.0.0.1 /", "control_or_space"),
        ("http://good.example.com/\r\nHost: x", "control_or_space"),
        ("http://good.example.com/\x00", "control_or_space"),
        (r"http://127.0.0.1\@good.example.com/", "backslash"),
        ("http://göod.example.com/", "non_ascii"),
        ("http://good.example.com/\u202egnp.exe", "non_ascii"),
        ("http://①②⑦.⓪.⓪.①/", "non_ascii"),
        ("ftp://good.example.com/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("//good.example.com/", "scheme"),
        ("good.example.com/x", "scheme"),
        ("", "scheme"),
        ("http:/127.0.0.1/", "syntax"),
        ("http:///127.0.0.1/", "syntax"),
        ("http://", "syntax"),
        ("http://127.0.0.%31/", "syntax"),
        ("http://good.example.com:80a/", "syntax"),
        ("http://good.example.com:0/", "syntax"),
        ("http://good.example.com:080/", "syntax"),
        ("http://good.example.com:99999/", "syntax"),
        ("http://[fe80::1%25eth0]/", "syntax"),
        ("http://[::1/", "syntax"),
        ("http://-x.example.com/", "syntax"),
        ("http://good.example.com@127.0.0.1/", "userinfo"),
        ("http://:@good.example.com/", "userinfo"),
        ("http://good..example.com/", "bad_hostname"),
        (f"http://{'a' * 64}.example.com/", "bad_hostname"),
        ("http://x-.example.com/", "bad_hostname"),
        ("http://0/", "noncanonical_ip"),
        ("http://127.1/", "noncanonical_ip"),
        ("http://0177.0.0.1/", "noncanonical_ip"),
        ("http://0x7f000001/", "noncanonical_ip"),
        ("http://2130706433/", "noncanonical_ip"),
        ("http://127.0.0.256/", "noncanonical_ip"),
        ("http://good.example.0x1/", "noncanonical_ip"),
    ],
)
def test_anything_two_parsers_could_read_differently_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_url(text)
    assert refusal.value.reason == reason


@given(st.text(alphabet=st.sampled_from("htps:/.@?#[]%\\0127ax-_ \té"), max_size=24))
def test_reading_what_was_written_changes_nothing(tail: str) -> None:
    for text in (tail, "http://" + tail, "https://good.example.com" + tail):
        try:
            target = read_url(text)
        except Refused:
            continue
        assert read_url(target.url) == target


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/x", "https://good.example.com/x"),
        ("y?z#w", "https://good.example.com/a/y?z"),
        ("//other.example.com/", "https://other.example.com/"),
        ("../../../etc", "https://good.example.com/etc"),
    ],
)
def test_a_location_is_read_against_the_page_it_came_from(location: str, url: str) -> None:
    assert read_location(read_url("https://good.example.com/a/b"), location).url == url


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/\\127.0.0.1/", "backslash"),
        ("ht\ntp://x.example.com/", "control_or_space"),
        ("file:///etc/passwd", "scheme"),
        ("http://[", "syntax"),
        ("http://u:p@x.example.com/", "userinfo"),
    ],
)
def test_a_location_is_judged_as_strictly_as_the_first_url(location: str, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_location(read_url("http://good.example.com/a/b"), location)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTPS://Good.Example.com:443/a/../b?q#x", "https://good.example.com/b?q"),
        ("http://good.example.com", "http://good.example.com./#top"),
        ("http://good.example.com/a/./b/..", "http://good.example.com/a/"),
    ],
)
def test_two_spellings_of_one_url_have_one_key(one: str, other: str) -> None:
    assert canonical_key(one) == canonical_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://good.example.com/a", "https://good.example.com/a"),
        ("http://good.example.com/a", "http://good.example.com/A"),
        ("http://good.example.com/a", "http://good.example.com/a?"),
        ("http://good.example.com/a", "http://good.example.com:81/a"),
    ],
)
def test_two_different_urls_have_two_keys(one: str, other: str) -> None:
    assert canonical_key(one) != canonical_key(other)


def test_a_text_that_is_no_url_has_no_key() -> None:
    assert canonical_key("see the attachment") == ""


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
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in table[host[:-1]]]

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
