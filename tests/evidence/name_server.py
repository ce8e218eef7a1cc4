"""A name server over UDP (RFC 1035) that changes its mind, and the system's own resolver pointed at it."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from tests.evidence.stage import info

A: Final = 1
AAAA: Final = 28
_IN: Final = 1
_OK, _NO_SUCH_NAME = 0x8180, 0x8183
# struct __res_state of glibc on 64 bits (resolv.h): nscount, then the first of nsaddr_list, a sockaddr_in.
_NSCOUNT_AT, _NSADDR_AT = 16, 20
_CANARY: Final = "canary.example.com"

Answers = Mapping[str, Sequence[Sequence[str]]]

_getaddrinfo: Final = socket.getaddrinfo


class NameServer:
    """Each time a name is asked for, its next answers, the last ones again and again; time to live 0.

    An empty text among the answers: say nothing at all. `asked`: names and types, in order.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = {**answers, _CANARY: (("192.0.2.1",),)}
        self._times: dict[tuple[str, int], int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.asked: list[tuple[str, int]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def times(self, name: str, kind: int = A) -> int:
        """How often a name was asked for."""
        return self.asked.count((name, kind))

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self._socket.recvfrom(512)
                answer = self._answer(query)
                if answer:
                    self._socket.sendto(answer, client)
            except OSError:
                return

    def _answer(self, query: bytes) -> bytes:
        name, end = _read_name(query, 12)
        kind = int(struct.unpack_from("!H", query, end)[0])
        self.asked.append((name, kind))
        known = self._answers.get(name)
        if known is None:
            return query[:2] + struct.pack("!5H", _NO_SUCH_NAME, 1, 0, 0, 0) + query[12 : end + 4]
        turn = self._times.get((name, kind), 0)
        self._times[name, kind] = turn + 1
        now = known[min(turn, len(known) - 1)]
        if "" in now:
            return b""
        version = {A: 4, AAAA: 6}.get(kind)
        found = [address for address in map(ipaddress.ip_address, now) if address.version == version]
        # 0xc00c points back at the name of the question.
        records = b"".join(struct.pack("!HHHIH", 0xC00C, kind, _IN, 0, len(a.packed)) + a.packed for a in found)
        return query[:2] + struct.pack("!5H", _OK, 1, len(found), 0, 0) + query[12 : end + 4] + records


@contextmanager
def serving_names(answers: Answers) -> Iterator[NameServer]:
    """A name server that `socket.getaddrinfo` asks until the block ends, and no other.

    Where the C library can be told so it asks by itself; elsewhere (no glibc, or host names are resolved by a daemon) a
    few lines of ours ask in its place.
    """
    server = NameServer(answers)
    try:
        chosen = _through_libc(server.port)
        try:
            chosen(_CANARY + ".", 80, type=socket.SOCK_STREAM)
        except (OSError, AttributeError):
            pass
        if (_CANARY, A) not in server.asked:
            chosen = _by_ourselves(server.port)
        server.asked.clear()
        with mock.patch.object(socket, "getaddrinfo", chosen):
            yield server
    finally:
        server.close()


def _through_libc(port: int) -> Any:
    """getaddrinfo of the system, with the calling thread's resolver told of one name server: ours."""
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton("127.0.0.1"))

    def getaddrinfo(*args: Any, **options: Any) -> Any:
        libc = ctypes.CDLL(None)
        state = getattr(libc, "__res_state")
        state.restype = ctypes.c_void_p
        getattr(libc, "__res_init")()
        ctypes.memmove(state() + _NSCOUNT_AT, struct.pack("=i", 1), 4)
        ctypes.memmove(state() + _NSADDR_AT, address, len(address))
        return _getaddrinfo(*args, **options)

    return getaddrinfo if ctypes.sizeof(ctypes.c_void_p) == 8 else _by_ourselves(port)


def _by_ourselves(port: int) -> Any:
    def getaddrinfo(host: str, at: int, *_: Any, **__: Any) -> Any:
        name = host.removesuffix(".")
        found = [address for kind in (A, AAAA) for address in _ask(name, kind, port)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [info(address, at) for address in found]

    return getaddrinfo


def _ask(name: str, kind: int, port: int) -> list[str]:
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", kind, _IN)
        sock.sendto(query, ("127.0.0.1", port))
        answer = sock.recv(512)
    count = struct.unpack_from("!H", answer, 6)[0]
    size = {A: 4, AAAA: 16}[kind]
    start = len(query) + 12
    return [str(ipaddress.ip_address(answer[at : at + size])) for at in range(start, start + count * (size + 12), size + 12)]


def _read_name(packet: bytes, at: int) -> tuple[str, int]:
    labels = []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), at + 1
