"""Generated URLs: every parser on the way, and the C library, reads a URL as we do, or we refuse it."""

from __future__ import annotations

import ipaddress
import socket
from collections import Counter
from urllib.parse import urlsplit

import pytest
import requests
from urllib3.util import parse_url

from bot.evidence.fetch.url import DEFAULT_PORTS, Refused, Target, read_url
from tests.evidence.generated_urls import urls

REASONS = {
    *("too_long", "control_or_space", "backslash", "non_ascii", "scheme", "syntax", "userinfo", "bad_hostname"),
    *("noncanonical_ip", "parsers_disagree"),
}

View = tuple[str, str, int]


def test_on_generated_urls_all_parsers_agree_or_the_url_is_refused() -> None:
    kept, refused = agree(urls(seed=0, count=2_000))
    # Neither all nor nothing, and every kind of refusal: the dice know what they are for.
    assert 400 < kept < 1_600
    assert set(refused) >= REASONS - {"too_long", "parsers_disagree"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1, 11))
def test_on_a_hundred_thousand_generated_urls_too(seed: int) -> None:
    kept, refused = agree(urls(seed, count=10_000))
    assert kept > 2_000
    assert set(refused) <= REASONS


def agree(texts: object) -> tuple[int, Counter[str]]:
    """How many URLs were read, and why the others were not. Raises AssertionError for the first one that is read twofold."""
    kept, refused = 0, Counter[str]()
    for text in texts:  # type: ignore[attr-defined]
        try:
            target = read_url(text)
        except Refused as refusal:
            refused[refusal.reason] += 1
            continue
        kept += 1
        views = views_of(text, target)
        assert set(views.values()) == {(target.scheme, target.host, target.port)}, (text, target, views)
        assert read_url(target.url) == target, text
        assert numeric(target.host) == target.literal, (text, target)
        # The form a name is looked up in.
        assert numeric(target.host + ".") in (None, target.literal), (text, target)
    return kept, refused


def views_of(text: str, target: Target) -> dict[str, View]:
    """What everybody sees, in the text as it came and in the URL that would be fetched."""
    prepared = requests.Request("GET", target.url).prepare()
    fetched = requests.Request("GET", target.url).prepare()
    fetched.url = target.url
    adapter = requests.adapters.HTTPAdapter()
    host_params, _ = adapter.build_connection_pool_key_attributes(fetched, verify=True)
    raw = requests.Request("GET", text).prepare().url or ""
    return {
        "urlsplit of the text": standard(text),
        "urllib3 of the text": urllib3(text),
        "requests, then urlsplit, of the text": standard(raw),
        "requests, then urllib3, of the text": urllib3(raw),
        "urlsplit": standard(target.url),
        "urllib3": urllib3(target.url),
        "requests, then urlsplit": standard(prepared.url or ""),
        "requests, then urllib3": urllib3(prepared.url or ""),
        "the pool of connections": (
            str(host_params["scheme"]),
            plain(str(host_params["host"] or "")),
            host_params["port"] or DEFAULT_PORTS[target.scheme],
        ),
    }


def standard(url: str) -> View:
    parts = urlsplit(url)
    assert (parts.username, parts.password) == (None, None), url
    return parts.scheme, plain(parts.hostname or ""), parts.port or DEFAULT_PORTS[parts.scheme]


def urllib3(url: str) -> View:
    parts = parse_url(url)
    assert parts.auth is None, url
    return parts.scheme or "", plain(parts.host or ""), parts.port or DEFAULT_PORTS[parts.scheme or ""]


def plain(host: str) -> str:
    """One spelling for what is one host: lower case, no brackets, no root dot, IPv6 written as Python writes it."""
    bare = host.lower().removesuffix(".").strip("[]")
    return str(ipaddress.IPv6Address(bare)) if ":" in bare else bare


def numeric(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address the C library takes a host for without asking anybody; None if it would ask."""
    try:
        found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return None
    return ipaddress.ip_address(str(found[0][4][0]))
