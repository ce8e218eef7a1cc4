"""One hop: resolve, judge, dial exactly what was judged, ask once, read a little. Nothing of ours goes along.

Why not requests.get: a Session reads the whole body of a redirect even when told not to follow it, and its time-out is
between bytes. The adapter alone does neither.
"""

from __future__ import annotations

import logging
import socket
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from bot.evidence import resolve as dns
from bot.evidence.address import Network, same_address
from bot.evidence.deadline import Deadline
from bot.evidence.resolve import Failed
from bot.evidence.url import Refused, Target

BODY_MAX_BYTES: Final = 256 * 1024
DIALS_MAX: Final = 2
_CHUNK_BYTES: Final = 16 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

# It warns of malformed headers by quoting them, up to megabytes of a stranger's text.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What the prober may reach and how long it waits.

    `allow`: networks it may reach although not public, on any port. `deny`: networks it must not reach although public
    (say, the machine's own address as the world sees it); stronger than `allow`. `deny_hosts`: names it must not ask for,
    those below them included; lower case, no dot at the end. `ports`: ports beside 80 for http and 443 for https.
    """

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    deny_hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 5.0
    lookup_timeout_s: float = 5.0
    deadline_s: float = 15.0
    body_max_bytes: int = BODY_MAX_BYTES
    redirects_max: int = 5
    user_agent: str = "stampbot (evidence check for a Wasteland commons)"
    ca_file: str | None = None
    """Certificates to trust instead of the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one hop answered. `wire` is the beginning of the body as sent, `body` the same inflated; both are cut at the cap."""

    status: int
    address: str
    content_type: str = ""
    location: tuple[str, ...] = ()
    challenged: bool = False
    wire: bytes = b""
    body: bytes = b""


def fetch(target: Target, policy: FetchPolicy, deadline: Deadline) -> Page:
    """Ask for the target once. Follows nothing. Raises Refused and Failed.

    The body of a redirect is not read. Never reads more than `policy.body_max_bytes`, on the wire or inflated.
    """
    dial = _Dial(_answers(target, policy, deadline), policy, deadline)
    adapter = _adapter(dial)
    request = requests.Request(
        "GET",
        target.url,
        headers={
            "User-Agent": policy.user_agent,
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Accept-Encoding": "identity",
            "Connection": "close",
        },
    ).prepare()
    # Preparing unquotes and requotes the path. What was judged is what is asked for.
    request.url = target.url
    try:
        response = adapter.send(
            request,
            stream=True,
            timeout=(policy.connect_timeout_s, policy.read_timeout_s),
            verify=policy.ca_file or True,
            cert=None,
            proxies={},
        )
        try:
            return _page(response, dial, policy, deadline)
        finally:
            response.close()
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise Failed(_reason(error, deadline), type(error).__name__, dial.address) from error
    finally:
        adapter.close()


def _answers(target: Target, policy: FetchPolicy, deadline: Deadline) -> tuple[dns.Answer, ...]:
    try:
        return dns.resolve(
            target,
            policy.allow,
            min(policy.lookup_timeout_s, deadline.left()),
            deny=policy.deny,
            deny_hosts=policy.deny_hosts,
            ports=policy.ports,
        )
    except Failed as failure:
        if failure.reason == "dns_timeout" and deadline.passed:
            raise Failed("deadline", failure.note) from None
        raise


class _Dial:
    """Opens the socket of one hop, to an answer that was judged and to nothing else."""

    def __init__(self, answers: tuple[dns.Answer, ...], policy: FetchPolicy, deadline: Deadline) -> None:
        first_of_family = {answer.family: answer for answer in reversed(answers)}.values()
        self._answers = sorted(answers, key=lambda answer: answer not in first_of_family)[:DIALS_MAX]
        self._policy = policy
        self._deadline = deadline
        self.address = ""

    def __call__(self, connection: HTTPConnection) -> socket.socket:
        problem: OSError = OSError("no address")
        for answer in self._answers:
            self.address = str(answer.address)
            try:
                if not answer.allowed and _is_this_machine(answer):
                    raise Refused("own_address", f"{answer.address} is this machine", self.address)
                return self._open(answer)
            except TimeoutError as error:
                problem = error
            except OSError as error:
                problem = error
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(connection, "no answer") from problem
        raise NewConnectionError(connection, "not connected") from problem

    def _open(self, answer: dns.Answer) -> socket.socket:
        sock = socket.socket(answer.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(0.001, min(self._policy.connect_timeout_s, self._deadline.left())))
            sock.connect(answer.sockaddr)
            peer = sock.getpeername()
            if peer[1] != answer.port or not same_address(peer[0], answer.sockaddr[0]):
                raise Refused("peer", f"connected elsewhere than {answer.address}", self.address)
            self._deadline.watch(sock)
            sock.settimeout(self._policy.read_timeout_s)
        except BaseException:
            sock.close()
            raise
        return sock


def _is_this_machine(answer: dns.Answer) -> bool:
    """Whether the address is one of our own interfaces: then the system would also send from it. Nothing is sent."""
    with socket.socket(answer.family, socket.SOCK_DGRAM) as trial:
        trial.connect(answer.sockaddr)
        return same_address(trial.getsockname()[0], answer.sockaddr[0])


def _adapter(dial: _Dial) -> HTTPAdapter:
    """An adapter whose connections are made by `dial`. They keep the host's name: for Host, SNI and the certificate."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return dial(self)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dial(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    return Adapter(max_retries=0)


def _page(response: requests.Response, dial: _Dial, policy: FetchPolicy, deadline: Deadline) -> Page:
    raw = response.raw
    status = int(response.status_code)
    page = Page(
        status=status,
        address=dial.address,
        content_type=raw.headers.get("Content-Type", ""),
        # Blanks around a value are not part of it (RFC 9110, 5.5); http.client leaves those behind it.
        location=tuple(value.strip(" \t") for value in raw.headers.getlist("Location")),
        # Cloudflare's documented sign of a challenge page, on any status.
        challenged=raw.headers.get("cf-mitigated", "").strip().lower() == "challenge",
    )
    if status in _REDIRECTS:
        return page
    wire = bytearray()
    while len(wire) < policy.body_max_bytes:
        chunk = raw.read1(min(_CHUNK_BYTES, policy.body_max_bytes - len(wire)), decode_content=False)
        if not chunk:
            break
        wire += chunk
    if deadline.passed:
        # The end of the body may be our own doing: half a page proves nothing.
        raise Failed("deadline", "", dial.address)
    return Page(
        status=status,
        address=page.address,
        content_type=page.content_type,
        challenged=page.challenged,
        wire=bytes(wire),
        body=_inflated(bytes(wire), raw.headers.get("Content-Encoding", ""), policy.body_max_bytes),
    )


def _inflated(wire: bytes, encoding: str, cap: int) -> bytes:
    """The body, at most `cap` bytes of it; empty for an encoding we did not ask for and cannot undo."""
    match encoding.strip().lower():
        case "" | "identity":
            return wire
        case "gzip" | "x-gzip" | "deflate":
            try:
                return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(wire, cap)
            except zlib.error:
                return b""
        case _:
            return b""


def _reason(error: Exception, deadline: Deadline) -> str:
    if deadline.passed:
        return "deadline"
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                # OpenSSL X509_V_ERR_…: 10 certificate has expired; 62, 64 host name, IP address mismatch.
                return {10: "tls_expired", 62: "tls_name", 64: "tls_name"}.get(cause.verify_code, "tls_untrusted")
            case ssl.SSLError():
                return "tls"
            case NewConnectionError():
                # A kind of ConnectTimeoutError to urllib3; what lies under it tells more.
                continue
            case TimeoutError() | ConnectTimeoutError() | ReadTimeoutError():
                return "timeout"
            case ConnectionRefusedError():
                return "connection_refused"
    return "net"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what lies under it: requests and urllib3 wrap by cause, by context, by argument and by `reason`."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        under = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting += [other for other in under if isinstance(other, BaseException)]
