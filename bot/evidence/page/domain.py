"""Which site a host belongs to, by its name alone. The Public Suffix List comes with its package; nothing is fetched."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The part of a canonical host that one owner holds: `docs.example.co.uk` is `example.co.uk`.

    Below a host that gives each user a name of their own, such as `github.io`, the owner is the user. `www.` counts for
    nothing. An address is itself, and so is a public suffix.
    """
    try:
        ipaddress.ip_address(host)
        return host
    except ValueError:
        name = without_www(host)
    return _suffixes().privatesuffix(name) or name


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    """The list, read once and when it is needed first: reading it takes a tenth of a second."""
    return PublicSuffixList()


def without_www(host: str) -> str:
    """The host without a leading `www.`."""
    return host.removeprefix("www.")
