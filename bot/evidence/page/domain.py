"""Whose site a host is, told from its name alone: no list is fetched, and none is carried that would grow old."""

from __future__ import annotations

import ipaddress
from typing import Final

# Second levels under which many registries of countries give out names: example.co.uk, example.com.au, example.ne.jp.
_SECOND_LEVELS: Final = frozenset(
    ["co", "com", "org", "net", "gov", "ac", "edu", "ne", "or", "go", "gob", "gouv", "gv", "mil", "sch"]
)
# Hosts that give each of their users a name below their own. By the operators' own documentation of their URLs.
_SHARED: Final = frozenset(
    ["github.io", "gitlab.io", "codeberg.page", "bitbucket.io", "pages.dev", "workers.dev", "netlify.app", "vercel.app"]
) | frozenset(["now.sh", "web.app", "firebaseapp.com", "herokuapp.com", "onrender.com", "fly.dev", "surge.sh", "deno.dev"])


def registrable_domain(host: str) -> str:
    """The part of a canonical host that one owner holds: `docs.example.co.uk` is `example.co.uk`; an address is itself.

    The last two labels, or three where the second-last is a usual second level of a country or the last two are a shared
    host's; `www.` counts for nothing. What this misses, for want of the Public Suffix List: suffixes not named here
    (`k12.ca.us`, `uk.com`, `city.kawasaki.jp`, most shared hosts), so that two owners look like one and a redirect between
    them goes unmentioned; and a country's registry that lets anybody have `co.xx` itself, whose sites look like several.
    """
    try:
        ipaddress.ip_address(host)
        return host
    except ValueError:
        labels = without_www(host).split(".")
    if len(labels) > 2 and (".".join(labels[-2:]) in _SHARED or (len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS)):
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])


def without_www(host: str) -> str:
    """The host under the name people call it by."""
    return host.removeprefix("www.")
