"""Controls: pages of the operator's choice that are up whenever the bot's own network is. Any answer is enough."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace
from typing import Final

from bot.evidence.fetch.deadline import Deadline
from bot.evidence.fetch.hop import DIALS_MAX, FetchPolicy, fetch
from bot.evidence.fetch.resolve import Failed, resolve
from bot.evidence.fetch.url import Refused, Target, read_url
from bot.model.address import Address, networks

CONTROL_DEADLINE_S: Final = 5.0
_ANYWHERE: Final = networks(("0.0.0.0/0", "::/0"))
_BODY_MAX_BYTES: Final = 1024


def answers(url: str, policy: FetchPolicy) -> bool:
    """Whether anything at all comes back over HTTP from `url`, within CONTROL_DEADLINE_S. Follows nothing, never raises.

    The operator named it, so it may stand at an address that strangers must not name; but only at one it has right now.
    """
    try:
        target = read_url(url)
        with Deadline(min(CONTROL_DEADLINE_S, policy.deadline_s)) as deadline:
            for address in _addresses(target, policy, deadline)[:DIALS_MAX]:
                only = networks((str(address),))
                here = replace(policy, allow=only, deny=(), deny_hosts=(), body_max_bytes=_BODY_MAX_BYTES)
                try:
                    fetch(replace(target, literal=address), here, deadline)
                except Failed:
                    continue
                return True
    except (Failed, Refused, OSError, ValueError):
        pass
    return False


def _addresses(target: Target, policy: FetchPolicy, deadline: Deadline) -> tuple[Address, ...]:
    if target.literal is None and "." not in target.host:
        # Names of one label, such as localhost, are found in the machine's own files, and only without the root dot.
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        hosts = (str(info[4][0]).partition("%")[0] for info in found)
        return tuple(dict.fromkeys(ipaddress.ip_address(host) for host in hosts))
    answered = resolve(target, _ANYWHERE, min(policy.lookup_timeout_s, deadline.left()))
    return tuple(answer.address for answer in answered)
