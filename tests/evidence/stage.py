"""A stage without a network: names answer what a case says, and every address anybody wants to reach is written down.

A connection to port 80 or 443 of any address ends at a local server instead, and believes that it is where it wanted to be:
so public addresses can be played, and a client that strays is seen and does no harm.
"""

from __future__ import annotations

import socket
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final
from unittest import mock

_connect: Final = socket.socket.connect
_getpeername: Final = socket.socket.getpeername
_getaddrinfo: Final = socket.getaddrinfo

Names = Mapping[str, Sequence[str]]


class Stage:
    """What was asked for. `dialled` and `datagrams`: addresses and ports, in order, of TCP and of all else."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] = []
        self.datagrams: list[tuple[str, int]] = []
        self.looked_up: list[str] = []

    @property
    def addresses(self) -> set[str]:
        """Every address any socket was to be connected to."""
        return {address for address, _ in (*self.dialled, *self.datagrams)}


@contextmanager
def staged(
    ports: Mapping[int, int],
    *,
    names: Names | None = None,
    names_then: Names | None = None,
    silent: frozenset[str] = frozenset(),
) -> Iterator[Stage]:
    """Play until the block ends.

    `ports`: which local port a port leads to, whatever the address; a port not in it refuses. `names`: answers of the
    resolver, `names_then` those from the second time a name is asked for; None leaves the resolver alone. `silent`:
    addresses where nobody listens.
    """
    stage = Stage()
    peers: weakref.WeakKeyDictionary[socket.socket, Any] = weakref.WeakKeyDictionary()

    def connect(sock: socket.socket, address: Any) -> None:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            _connect(sock, address)
            return
        if sock.type != socket.SOCK_STREAM:
            # Connecting a datagram socket sends nothing; here it does not even choose a route.
            stage.datagrams.append(address[:2])
            return
        stage.dialled.append(address[:2])
        local = ports.get(address[1])
        if local is None or address[0] in silent:
            raise ConnectionRefusedError(111, "nobody plays this address")
        peers[sock] = address
        _connect(sock, ("127.0.0.1", local) if sock.family == socket.AF_INET else ("::ffff:127.0.0.1", local, 0, 0))

    def connect_ex(sock: socket.socket, address: Any) -> int:
        try:
            connect(sock, address)
        except OSError as error:
            return error.errno or -1
        return 0

    def getpeername(sock: socket.socket) -> Any:
        return peers[sock] if sock in peers else _getpeername(sock)

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        assert names is not None
        name = host.removesuffix(".").lower()
        seen_before = name in stage.looked_up
        stage.looked_up.append(name)
        table = names_then if seen_before and names_then and name in names_then else names
        if name not in table:
            # Every way the system knows to write an address stays a way here.
            return _getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, type=socket.SOCK_STREAM)
        return [info(address, port) for address in table[name]]

    with (
        mock.patch.object(socket.socket, "connect", connect, create=True),
        mock.patch.object(socket.socket, "connect_ex", connect_ex, create=True),
        mock.patch.object(socket.socket, "getpeername", getpeername, create=True),
        nullcontext() if names is None else mock.patch.object(socket, "getaddrinfo", getaddrinfo),
    ):
        yield stage


def info(address: str, port: int) -> tuple[Any, ...]:
    """One answer as getaddrinfo gives it."""
    if ":" not in address:
        return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
    return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
