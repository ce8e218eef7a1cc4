"""The network wall in `deploy/` stands where the fetcher's own one does, to the address."""

from __future__ import annotations

import itertools
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.address import Network, is_public, not_public
from tests.house.tree import ROOT

UNIT = (ROOT / "deploy" / "stampbot-prober.service").read_text("utf-8")
RULESET = (ROOT / "deploy" / "stampbot-prober.nft").read_text("utf-8")
SYSTEMD = tuple(ip_network(text) for line in re.findall(r"^IPAddressDeny=(.*)$", UNIT, re.MULTILINE) for text in line.split())
NFTABLES = tuple(
    ip_network(text.strip()) for some in re.findall(r"elements = \{([^}]*)\}", RULESET) for text in some.split(",")
)
EDGES = sorted(
    {
        edge + step
        for network in (*not_public(4), *not_public(6))
        for edge in (network[0], network[-1])
        for step in (-1, 0, 1)
        if 0 <= int(edge) + step < 2**edge.max_prefixlen
    },
    key=lambda address: (address.version, int(address)),
)


def walled(address: IPv4Address | IPv6Address, wall: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in wall)


@pytest.mark.parametrize("wall", [SYSTEMD, NFTABLES, (*not_public(4), *not_public(6))], ids=["systemd", "nftables", "table"])
def test_at_the_edge_of_every_range_the_walls_agree(wall: tuple[Network, ...]) -> None:
    assert len(EDGES) > 80
    assert [str(address) for address in EDGES if walled(address, wall) is is_public(address)] == []


@given(st.ip_addresses())
def test_every_address_is_public_or_behind_both_walls(address: IPv4Address | IPv6Address) -> None:
    public = is_public(address)
    assert (walled(address, SYSTEMD), walled(address, NFTABLES)) == (not public, not public)


def test_no_range_lies_in_another() -> None:
    """A set of intervals with overlaps is refused by nft."""
    assert [(a, b) for a, b in itertools.combinations(NFTABLES, 2) if a.version == b.version and a.overlaps(b)] == []


def test_only_the_resolver_is_let_through_by_address() -> None:
    assert re.findall(r"^IPAddressAllow=(.*)$", UNIT, re.MULTILINE) == ["127.0.0.53"]
    assert re.findall(r"^define (.*)$", RULESET, re.MULTILINE) == ["resolver = 127.0.0.53", "redis = 127.0.0.1"]
    assert not is_public(ip_address("127.0.0.53"))


def test_packets_of_no_user_are_not_taken_for_the_probers() -> None:
    """`meta skuid` of a packet without a socket (a reset, a last acknowledgement) matches nothing, `!=` included."""
    assert re.findall(r"meta skuid .*", RULESET) == ['meta skuid "stampbot-prober" jump prober']
