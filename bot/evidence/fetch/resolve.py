"""Names to addresses, once per hop: every address must be allowed, and one of exactly these addresses is dialled."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from dataclasses import dataclass
from functools import cached_property

from bot.evidence.fetch.url import Refused, Target
from bot.model.address import Address, Network, doubtful_name, is_allowed, is_public

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


@dataclass(frozen=True)
class ResolvedAddress:
    """One address of a host, with its port. `allowed`: dialled because the operator allowed its network."""

    address: Address
    port: int
    allowed: bool

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET if self.address.version == 4 else socket.AF_INET6

    @cached_property
    def host(self) -> str:
        """The address as text."""
        return str(self.address)

    @property
    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """What to hand to connect(); never looked up again, because it is numeric."""
        return (self.host, self.port) if self.address.version == 4 else (self.host, self.port, 0, 0)


def resolve(
    target: Target,
    allow: tuple[Network, ...],
    timeout_s: float,
    *,
    deny: tuple[Network, ...] = (),
    deny_hosts: tuple[str, ...] = (),
    ports: tuple[int, ...] = (),
) -> tuple[ResolvedAddress, ...]:
    """All addresses of the target's host, in the resolver's order, doubles dropped; at least one.

    `allow`, `deny`, `deny_hosts`, `ports`: as in FetchPolicy. Raises Refused (denied_host, denied_address, private_ip,
    private_dns, or the target's reservation) and Failed (nxdomain, dns_no_address, dns, dns_timeout). A mixed answer is
    refused as a whole: it is an attack or a mistake.
    """
    if any(target.host == name or target.host.endswith("." + name) for name in deny_hosts):
        raise Refused("denied_host", target.host)
    reservation = target.reservation
    if reservation == "port" and target.port in ports:
        reservation = doubtful_name(target.host)
    if reservation and not allow:
        raise Refused(reservation)
    addresses = (target.literal,) if target.literal is not None else _look_up(target, timeout_s)
    answers = tuple(ResolvedAddress(address, target.port, is_allowed(address, allow)) for address in addresses)
    for answer in answers:
        where = "" if target.literal is not None else f"{target.host} is {answer.address}"
        if is_allowed(answer.address, deny):
            raise Refused("denied_address", where, str(answer.address))
        if answer.allowed:
            continue
        if reservation:
            raise Refused(reservation, where, str(answer.address))
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
        except Exception as error:
            # Whatever it is (a name that cannot be encoded, no memory), the caller must not wait for it.
            box.put(OSError(type(error).__name__))
        finally:
            _lookups.release()

    # getaddrinfo has no time-out of its own. A daemon, so that one that hangs does not hold up the end of the process.
    try:
        threading.Thread(target=run, name="lookup", daemon=True).start()
    except RuntimeError:
        # Without a thread this function has to give the place back.
        _lookups.release()
        raise Failed("dns_timeout", "no thread for a lookup") from None
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
