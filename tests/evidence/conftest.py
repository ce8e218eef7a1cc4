"""What tests of evidence stand on: ears on the wire, a resolver to play with, certificates."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.evidence.certificates import Certificates, make_certificates
from tests.evidence.stage import info
from tests.evidence.wire import Address, overheard


@pytest.fixture
def dialled() -> Iterator[list[Address]]:
    """Every address a TCP socket of this process was told to connect to, as the interpreter itself reports it."""
    with overheard() as heard:
        yield heard


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver whose answers are used up one by one; the last one stays."""
    table: dict[str, list[str]] = {}

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        left = table.get(host.rstrip("."), [])
        if not left:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [info(left.pop(0) if len(left) > 1 else left[0], port)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Keys and certificates for good.example.com, signed by an authority nobody trusts."""
    return make_certificates(tmp_path_factory.mktemp("tls"))
