"""Names to addresses, once per hop: every answer must be one we may dial, and one of exactly these answers is dialled."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from dataclasses import dataclass

from bot.evidence.address import Address, Network, is_allowed, is_public
from bot.evidence.url import Refused, Target

LOOKUPS_MAX = 32
"""A lookup cannot be ended from outside; so many may be under way in this process, hanging ones included."""

_lookups = threading.BoundedSemaphore(LOOKUPS_MAX)


class Failed(Exception):
    """The network said no, or nothing. `reason` is a code; `address` what was dialled last."""

    def __init__(self, reason: str, note: str = "", address: str = "") -> None:
        super().__init__(f"{reason}: {note}" if note else reason)
        self.reason = reason
        self.note = note
        self.address = address


@dataclass(frozen=True, slots=True)
class Answer:
    """One address of a host, with its port. `allowed`: dialled because the operator allowed its network."""

    address: Address
    port: int
    allowed: bool

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET if self.address.version == 4 else socket.AF_INET6

    @property
    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """What to hand to connect(); never looked up again, because it is numeric."""
        host = str(self.address)
        return (host, self.port) if self.address.version == 4 else (host, self.port, 0, 0)


def resolve(target: Target, allow: tuple[Network, ...], timeout_s: float) -> tuple[Answer, ...]:
    """All addresses of the target's host, in the resolver's order, doubles dropped; at least one.

    Raises Refused (private_ip, private_dns, or the target's reservation) and Failed (nxdomain, dns_no_address, dns,
    dns_timeout). A mixed answer is refused as a whole: it is an attack or a mistake.
    """
    if target.reservation and not allow:
        raise Refused(target.reservation)
    addresses = (target.literal,) if target.literal is not None else _look_up(target, timeout_s)
    answers = tuple(Answer(address, target.port, is_allowed(address, allow)) for address in addresses)
    for answer in answers:
        if answer.allowed:
            continue
        where = "" if target.literal is not None else f"{target.host} is {answer.address}"
        if target.reservation:
            raise Refused(target.reservation, where, str(answer.address))
        if not is_public(answer.address):
            raise Refused("private_dns" if where else "private_ip", where, str(answer.address))
    return answers


def _look_up(target: Target, timeout_s: float) -> tuple[Address, ...]:
    if not _lookups.acquire(blocking=False):
        raise Failed("dns_timeout", "too many lookups hang")
    box: queue.SimpleQueue[tuple[Address, ...] | OSError] = queue.SimpleQueue()

    def run() -> None:
        try:
            # The root dot keeps the resolver's search domains out of it.
            found = socket.getaddrinfo(target.host + ".", target.port, type=socket.SOCK_STREAM)
            hosts = (str(info[4][0]) for info in found)
            box.put(tuple(dict.fromkeys(ipaddress.ip_address(host.partition("%")[0]) for host in hosts)))
        except OSError as error:
            box.put(error)
        except ValueError as error:
            box.put(OSError(str(error)))
        finally:
            _lookups.release()

    # getaddrinfo has no time-out of its own. A daemon, so that one that hangs does not hold up the end of the process.
    threading.Thread(target=run, name="lookup", daemon=True).start()
    try:
        found = box.get(timeout=timeout_s)
    except queue.Empty:
        raise Failed("dns_timeout") from None
    if isinstance(found, socket.gaierror):
        if found.errno == socket.EAI_NONAME:
            raise Failed("nxdomain") from found
        raise Failed("dns_no_address" if found.errno == socket.EAI_NODATA else "dns") from found
    if isinstance(found, OSError):
        raise Failed("dns") from found
    if not found:
        raise Failed("dns_no_address")
    return found
