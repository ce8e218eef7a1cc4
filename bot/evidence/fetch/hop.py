"""One hop: resolve, judge, dial exactly what was judged, ask once, read a little, without cookies, proxies or passwords.

Why not requests.get: a Session reads the whole body of a redirect even when told not to follow it, and its time-out is
between bytes. Why not its adapter, nor urllib3: they read the URL again, look for proxies and passwords, and keep cookies and
connections; all of that is to be kept out, and takes most of the time of a look. What reads a body is the same as below them,
http.client; heads are read in `head`.
"""

from __future__ import annotations

import re
import socket
import ssl
import zlib
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from bot.evidence.fetch import resolve as dns
from bot.evidence.fetch.deadline import Deadline
from bot.evidence.fetch.head import HttpResponse
from bot.evidence.fetch.resolve import Failed
from bot.evidence.fetch.url import Refused, Target
from bot.evidence.page.walls import WALL_HEADERS
from bot.model.address import Network, same_address

BODY_MAX_BYTES: Final = 256 * 1024
DIALS_MAX: Final = 2
_CHUNK_BYTES: Final = 16 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ESCAPE_OR_ODD: Final = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9._~!$&'()*+,;=:@/?-]")


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
    redirects_max: int = 10
    user_agent: str = "Mozilla/5.0 (compatible; stampbot; evidence check for a Wasteland commons)"
    accept: str = "text/html,application/xhtml+xml,*/*;q=0.8"
    ca_file: str | None = None
    """Certificates to trust instead of the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one hop answered. `wire` is the beginning of the body as sent, `body` the same inflated; both are cut at the cap.

    `server` and `retry_after` are headers as sent. `trusted`: it came from within a network of the operator's.
    """

    status: int
    address: str
    trusted: bool = False
    content_type: str = ""
    location: tuple[str, ...] = ()
    challenged: bool = False
    server: str = ""
    retry_after: str = ""
    cookies: tuple[str, ...] = ()
    """Values of Set-Cookie of a redirect, as sent."""
    wire: bytes = b""
    body: bytes = b""


def fetch(target: Target, policy: FetchPolicy, deadline: Deadline, cookie: str = "") -> Page:
    """Ask for the target once, with the value of a Cookie header if any. Follows nothing. Raises Refused and Failed.

    The body of a redirect is not read. Never reads more than `policy.body_max_bytes`, on the wire or inflated.
    """
    request = f"GET {_spelled(target.rest)} HTTP/1.1\r\nHost: {target.authority}\r\n".encode("ascii")
    request += f"Cookie: {cookie}\r\n".encode("ascii") if cookie else b""
    request += _headers(policy.user_agent, policy.accept)
    dial = _Dial(_answers(target, policy, deadline), policy, deadline)
    try:
        sock = dial()
        try:
            if target.scheme == "http":
                deadline.hold(sock)
            else:
                deadline.watch(sock)
                # The handshake asks for the name and checks the certificate for it, whatever the address is.
                sock = _tls(policy.ca_file).wrap_socket(sock, server_hostname=target.host)
            sock.sendall(request)
            with HttpResponse(sock) as answer:
                answer.begin()
                return _page(answer, dial, policy, deadline)
        finally:
            deadline.close(sock)
    except (HTTPException, OSError, ValueError) as error:
        raise Failed(_reason(error, deadline), type(error).__name__, dial.address) from error


def _spelled(rest: str) -> str:
    """Path and query as servers expect them: what RFC 3986 allows in neither is escaped, escapes have capital digits."""
    return _ESCAPE_OR_ODD.sub(lambda match: match[0].upper() if len(match[0]) > 1 else f"%{ord(match[0]):02X}", rest)


@lru_cache(maxsize=8)
def _headers(user_agent: str, accept: str) -> bytes:
    """The rest of every request's head. Raises ValueError for a text that is more than the value of a header."""
    if not (user_agent + accept).isprintable():
        raise ValueError("no header")
    lines = (
        f"User-Agent: {user_agent}",
        f"Accept: {accept}",
        "Accept-Language: en-US,en;q=0.8,*;q=0.5",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("ascii")


@lru_cache(maxsize=8)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    """What checks certificates, made once: reading the authorities takes longer than many a look.

    Not `ssl.create_default_context`: that reads SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.options |= ssl.OP_NO_TICKET
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    return context


def _answers(target: Target, policy: FetchPolicy, deadline: Deadline) -> tuple[dns.ResolvedAddress, ...]:
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
    """Opens the socket of one hop, to an answer that was judged and to nothing else.

    `address`: the one dialled last; `trusted`: whether the operator allowed its network.
    """

    def __init__(self, answers: tuple[dns.ResolvedAddress, ...], policy: FetchPolicy, deadline: Deadline) -> None:
        if len(answers) > 1:
            first_of_family = {answer.family: answer for answer in reversed(answers)}.values()
            answers = tuple(sorted(answers, key=lambda answer: answer not in first_of_family)[:DIALS_MAX])
        self._answers = answers
        self._policy = policy
        self._deadline = deadline
        self.address = ""
        self.trusted = False

    def __call__(self) -> socket.socket:
        """A connection under the deadline. Raises OSError and Refused."""
        problem: OSError = OSError("no address")
        for answer in self._answers:
            self.address, self.trusted = answer.host, answer.allowed
            try:
                if not answer.allowed and _is_this_machine(answer):
                    raise Refused("own_address", f"{answer.host} is this machine", answer.host)
                return self._open(answer)
            except OSError as error:
                problem = error
        raise problem

    def _open(self, answer: dns.ResolvedAddress) -> socket.socket:
        address = answer.sockaddr
        connect_s = max(0.001, min(self._policy.connect_timeout_s, self._deadline.left()))
        sock = socket.socket(answer.family, socket.SOCK_STREAM)
        try:
            # The request must not wait until the end of the handshake has been acknowledged.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(connect_s)
            sock.connect(address)
            host, port, *_ = sock.getpeername()
            if port != answer.port or (host != address[0] and not same_address(host, address[0])):
                raise Refused("peer", f"connected elsewhere than {address[0]}", address[0])
            if connect_s != self._policy.read_timeout_s:
                sock.settimeout(self._policy.read_timeout_s)
        except BaseException:
            sock.close()
            raise
        return sock


def _is_this_machine(answer: dns.ResolvedAddress) -> bool:
    """Whether the address is one of this machine: then the system would also send from it. Nothing is sent."""
    with socket.socket(answer.family, socket.SOCK_DGRAM) as trial:
        trial.connect(answer.sockaddr)
        return same_address(trial.getsockname()[0], answer.host)


def _page(answer: HttpResponse, dial: _Dial, policy: FetchPolicy, deadline: Deadline) -> Page:
    redirected = answer.status in _REDIRECTS
    wire = b"" if redirected else _body(answer, policy.body_max_bytes, deadline)
    if deadline.passed and not redirected:
        # The deadline may have ended the body: half a page proves nothing.
        raise Failed("deadline", "", dial.address)
    return Page(
        status=answer.status,
        address=dial.address,
        trusted=dial.trusted,
        content_type=answer.listed("content-type"),
        location=tuple(answer.every("location")) if redirected else (),
        cookies=tuple(answer.every("set-cookie")) if redirected else (),
        challenged=any(sign.fullmatch(answer.listed(name).lower()) for name, sign in WALL_HEADERS),
        server=answer.listed("server"),
        retry_after=answer.listed("retry-after"),
        wire=wire,
        body=_inflated(wire, answer.listed("content-encoding"), policy.body_max_bytes),
    )


def _body(answer: HttpResponse, most: int, deadline: Deadline) -> bytes:
    """The body as framed, at most `most` bytes of it; no more is read once the deadline has passed.

    Raises HTTPException and OSError for a frame that is none.
    """
    wire = bytearray()
    # Much that came before the deadline could still be read after it.
    while len(wire) < most and not deadline.passed:
        chunk = answer.read1(min(_CHUNK_BYTES, most - len(wire)))
        if not chunk:
            if answer.length:
                raise HTTPException("the body ends too soon")
            break
        wire += chunk
    return bytes(wire)


def _inflated(wire: bytes, encoding: str, cap: int) -> bytes:
    """The body, at most `cap` bytes of it; empty for an encoding that was not asked for and cannot be undone."""
    match encoding.lower():
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
    match error:
        case _ if deadline.passed:
            return "deadline"
        case ssl.SSLCertVerificationError():
            # OpenSSL X509_V_ERR_…: 10 certificate has expired; 62, 64 host name, IP address mismatch.
            return {10: "tls_expired", 62: "tls_name", 64: "tls_name"}.get(error.verify_code, "tls_untrusted")
        case ssl.SSLError():
            return "tls"
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "connection_refused"
        case _:
            return "net"
