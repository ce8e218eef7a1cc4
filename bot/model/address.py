"""Which hosts are public: tables of constants, because what Python calls "global" changes with its patch level."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV4_DENIED: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        # IANA IPv4 Special-Purpose Address Registry.
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Azure's wire server: a public-looking address that only answers inside a machine there.
        "168.63.129.16/32",
    )
)
# Only unicast space that is given out. This leaves out loopback, mapped, compatible, translated, NAT64, unique-local,
# link-local, site-local and multicast addresses in one rule.
_IPV6_GIVEN_OUT: Final = ipaddress.IPv6Network("2000::/3")
_IPV6_DENIED: Final = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


# Special-use names (IANA registry, RFC 6761, 6762, 8375, 9476) and those that private networks are fond of.
_INTERNAL: Final = frozenset(
    ["localhost", "local", "internal", "lan", "home", "corp", "intranet", "private", "onion", "i2p", "invalid"]
) | frozenset(["arpa", "test", "example"])
_QUAD: Final = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")


def doubtful_name(host: str) -> str:
    """Why a canonical host is no name of the public internet: single_label, internal_tld, or empty. An address is none."""
    if ":" in host or _QUAD.fullmatch(host):
        return ""
    labels = host.split(".")
    if len(labels) < 2:
        return "single_label"
    return "internal_tld" if labels[-1] in _INTERNAL else ""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet and to no transition mechanism that leads elsewhere."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _IPV4_DENIED)
    return address in _IPV6_GIVEN_OUT and not any(address in network for network in _IPV6_DENIED)


def not_public(version: int) -> tuple[Network, ...]:
    """All networks of one family, 4 or 6, whose addresses are not public: for walls that stand outside of this process."""
    if version == 4:
        return _IPV4_DENIED
    everything = ipaddress.IPv6Network("::/0")
    return (*sorted(everything.address_exclude(_IPV6_GIVEN_OUT)), *_IPV6_DENIED)


def is_allowed(address: Address, allow: tuple[Network, ...]) -> bool:
    """Whether the operator allowed this address by name of its network. A mapped address is not its IPv4 twin."""
    return any(address.version == network.version and address in network for network in allow)


def same_address(one: str, other: str) -> bool:
    """Whether two texts of the socket library name one address: it writes some addresses of IPv6 in ways of its own."""
    return ipaddress.ip_address(one.partition("%")[0]) == ipaddress.ip_address(other.partition("%")[0])


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Read networks such as `127.0.0.0/8`. Raises ValueError that names the one that is none."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a network such as 127.0.0.0/8: {error}") from None
    return tuple(found)
