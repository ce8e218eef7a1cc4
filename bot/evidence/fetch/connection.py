"""One look's connection to one forge: to its own origin alone, under one deadline, without cookies, proxies or passwords."""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from bot.evidence.fetch.deadline import Deadline
from bot.evidence.fetch.resolve import Failed, ResolvedAddress, resolve
from bot.evidence.fetch.url import Refused, Target

ANSWER_MAX_BYTES: Final = 4 * 1024 * 1024
CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 10.0
LOOKUP_TIMEOUT_S: Final = 5.0
DIALS_MAX: Final = 2
_CHUNK_BYTES: Final = 64 * 1024
_EVERYWHERE: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""The operator named the host: it may well be inside."""

# It warns of malformed headers by quoting them, up to megabytes of them.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeResponse:
    """One answer. Header names are lower-case. `body` is empty for one of more than ANSWER_MAX_BYTES: then `whole` is False."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True


class ForgeConnection:
    """A connection that is kept for the questions of one look. Use as a context manager."""

    def __init__(self, root: Target, deadline: Deadline, ca_file: str | None = None) -> None:
        self._root = root
        self._deadline = deadline
        self._ca_file = ca_file
        self._answers: tuple[ResolvedAddress, ...] = ()
        self._adapter = _adapter(self._dial)

    def __enter__(self) -> ForgeConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._adapter.close()

    def get(self, url: str, headers: Mapping[str, str]) -> ForgeResponse:
        """Ask once; follows nothing. `url` must lie at the line's own origin. Raises Failed; its reason is a code."""
        if not url.startswith(self._origin + "/"):
            raise ValueError("a question for another origin")
        request = requests.Request("GET", url, headers={**headers, "Accept-Encoding": "identity"}).prepare()
        try:
            # Straight to the adapter: a session would read the environment for proxies and passwords.
            response = self._adapter.send(
                request,
                stream=True,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                verify=self._ca_file or True,
                cert=None,
                proxies={},
            )
            try:
                return self._read(response)
            finally:
                response.close()
        except Refused as refusal:
            raise Failed(refusal.reason) from refusal
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise Failed(self._reason(error)) from error

    @property
    def _origin(self) -> str:
        return self._root.url.removesuffix(self._root.rest)

    def _read(self, response: requests.Response) -> ForgeResponse:
        raw = response.raw
        headers = {name.lower(): value for name, value in raw.headers.items()}
        body = bytearray()
        while chunk := raw.read1(_CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > ANSWER_MAX_BYTES:
                return ForgeResponse(status=int(response.status_code), headers=headers, whole=False)
        if self._deadline.passed:
            raise Failed("deadline")
        coded = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        return ForgeResponse(status=int(response.status_code), headers=headers, body=bytes(body), whole=not coded)

    def _reason(self, error: Exception) -> str:
        if self._deadline.passed:
            return "deadline"
        waiting: list[object] = [error]
        seen: set[int] = set()
        while waiting:
            cause = waiting.pop()
            if not isinstance(cause, BaseException) or id(cause) in seen:
                continue
            seen.add(id(cause))
            match cause:
                case Failed():
                    return cause.reason
                case ssl.SSLError():
                    return "tls"
                case TimeoutError():
                    return "timeout"
            waiting += (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        return "net"

    def _dial(self, connection: HTTPConnection) -> socket.socket:
        """The only place where a socket is opened: to an address the root's name was looked up to."""
        if not self._answers:
            self._answers = resolve(self._root, _EVERYWHERE, min(LOOKUP_TIMEOUT_S, self._deadline.left()))[:DIALS_MAX]
        problem: OSError = OSError("no address")
        for answer in self._answers:
            sock = socket.socket(answer.family, socket.SOCK_STREAM)
            try:
                sock.settimeout(max(0.001, min(CONNECT_TIMEOUT_S, self._deadline.left())))
                sock.connect(answer.sockaddr)
                self._deadline.watch(sock)
                sock.settimeout(READ_TIMEOUT_S)
            except OSError as error:
                sock.close()
                problem = error
                continue
            except BaseException:
                sock.close()
                raise
            return sock
        raise NewConnectionError(connection, "not connected") from problem


def _adapter(dial: Any) -> HTTPAdapter:
    """An adapter whose connections are made by `dial`. They keep the host's name: for Host, SNI and the certificate."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return dial(self)  # type: ignore[no-any-return]

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dial(self)  # type: ignore[no-any-return]

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    return Adapter(max_retries=0, pool_connections=1, pool_maxsize=1)
