"""One hop: resolve, judge, dial exactly what was judged, ask once, read a little. Nothing of ours goes along.

Why not requests.get: a Session reads the whole body of a redirect even when told not to follow it, and its time-out is
between bytes. Why not its adapter, nor urllib3: they read the URL again, look for proxies and passwords, and keep cookies and
connections; all of that is to be kept out, and takes most of the time of a look. What reads an answer is the same as below
them, http.client.
"""

from __future__ import annotations

import re
import socket
import ssl
import zlib
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from bot.evidence import resolve as dns
from bot.evidence.address import Network, same_address
from bot.evidence.deadline import Deadline
from bot.evidence.resolve import Failed
from bot.evidence.url import Refused, Target

BODY_MAX_BYTES: Final = 256 * 1024
HEAD_MAX_BYTES: Final = 256 * 1024
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
    redirects_max: int = 5
    user_agent: str = "stampbot (evidence check for a Wasteland commons)"
    accept: str = "text/html,application/xhtml+xml,*/*;q=0.8"
    ca_file: str | None = None
    """Certificates to trust instead of the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one hop answered. `wire` is the beginning of the body as sent, `body` the same inflated; both are cut at the cap.

    `server` and `retry_after` are headers as sent.
    """

    status: int
    address: str
    content_type: str = ""
    location: tuple[str, ...] = ()
    challenged: bool = False
    server: str = ""
    retry_after: str = ""
    wire: bytes = b""
    body: bytes = b""


def fetch(target: Target, policy: FetchPolicy, deadline: Deadline) -> Page:
    """Ask for the target once. Follows nothing. Raises Refused and Failed.

    The body of a redirect is not read. Never reads more than `policy.body_max_bytes`, on the wire or inflated.
    """
    request = f"GET {_spelled(target.rest)} HTTP/1.1\r\nHost: {target.authority}\r\n".encode("ascii")
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
            with HTTPResponse(sock, method="GET") as response:
                _begin(response)
                return _page(response, dial.address, policy, deadline)
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
    lines = (f"User-Agent: {user_agent}", f"Accept: {accept}", "Accept-Encoding: identity", "Connection: close", "", "")
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
    """Opens the socket of one hop, to an answer that was judged and to nothing else. `address`: the one dialled last."""

    def __init__(self, answers: tuple[dns.Answer, ...], policy: FetchPolicy, deadline: Deadline) -> None:
        if len(answers) > 1:
            first_of_family = {answer.family: answer for answer in reversed(answers)}.values()
            answers = tuple(sorted(answers, key=lambda answer: answer not in first_of_family)[:DIALS_MAX])
        self._answers = answers
        self._policy = policy
        self._deadline = deadline
        self.address = ""

    def __call__(self) -> socket.socket:
        """A connection under the deadline. Raises OSError and Refused."""
        problem: OSError = OSError("no address")
        for answer in self._answers:
            self.address = answer.host
            try:
                if not answer.allowed and _is_this_machine(answer):
                    raise Refused("own_address", f"{answer.host} is this machine", answer.host)
                return self._open(answer)
            except OSError as error:
                problem = error
        raise problem

    def _open(self, answer: dns.Answer) -> socket.socket:
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


def _is_this_machine(answer: dns.Answer) -> bool:
    """Whether the address is one of our own interfaces: then the system would also send from it. Nothing is sent."""
    with socket.socket(answer.family, socket.SOCK_DGRAM) as trial:
        trial.connect(answer.sockaddr)
        return same_address(trial.getsockname()[0], answer.host)


class _Head:
    """The lines of an answer's head, HEAD_MAX_BYTES of them at most.

    http.client counts lines by their LF, and what parses them then breaks them at each bare CR too: thousands of headers in
    a line. So that becomes a blank (RFC 9112, 2.2).
    """

    def __init__(self, lines: BufferedReader) -> None:
        self._lines = lines
        self._left = HEAD_MAX_BYTES

    def readline(self, most: int) -> bytes:
        line = self._lines.readline(most)
        # After an empty line the next head begins: that of what follows `100 Continue`.
        self._left = self._left - len(line) if line.strip(b"\r\n") else HEAD_MAX_BYTES
        if self._left < 0:
            raise HTTPException("the head is too long")
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        return text.replace(b"\r", b" ") + line[len(text) :]

    def flush(self) -> None:
        """Nothing is written here, but whoever closes an answer asks for this first."""

    def close(self) -> None:
        self._lines.close()


def _begin(response: HTTPResponse) -> None:
    """Read the head of an answer. Raises HTTPException and OSError; then the response can only be closed."""
    lines = response.fp
    response.fp = _Head(lines)  # type: ignore[assignment]
    response.begin()
    response.fp = lines


def _page(response: HTTPResponse, address: str, policy: FetchPolicy, deadline: Deadline) -> Page:
    headers = _lists(response)
    redirected = response.status in _REDIRECTS
    wire = b"" if redirected else _body(response, headers.get("content-length", ""), policy.body_max_bytes, deadline)
    if deadline.passed and not redirected:
        # The end of the body may be our own doing: half a page proves nothing.
        raise Failed("deadline", "", address)
    return Page(
        status=response.status,
        address=address,
        content_type=headers.get("content-type", ""),
        # Blanks around a value are not part of it (RFC 9110, 5.5); http.client leaves those behind it.
        location=tuple(value.strip(" \t") for value in response.headers.get_all("Location", ())) if redirected else (),
        # Cloudflare's documented sign of a challenge page, on any status.
        challenged=headers.get("cf-mitigated", "").strip().lower() == "challenge",
        server=headers.get("server", ""),
        retry_after=headers.get("retry-after", ""),
        wire=wire,
        body=_inflated(wire, headers.get("content-encoding", ""), policy.body_max_bytes),
    )


def _lists(response: HTTPResponse) -> dict[str, str]:
    """All headers by lower-case name, those of one name as one list (RFC 9110, 5.2)."""
    found: dict[str, str] = {}
    for written, value in response.headers.items():
        name = written.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _body(response: HTTPResponse, length: str, most: int, deadline: Deadline) -> bytes:
    """The body as framed, at most `most` bytes of it; no more is read once the deadline has passed.

    Raises HTTPException and OSError for a frame that is none.
    """
    told = {text.strip() for text in length.split(",")}
    if len(told) > 1:
        # Somebody on the way may have believed the other one (RFC 9112, 6.3).
        raise HTTPException("more than one length")
    if response.length is None and not response.chunked and (same := told.pop()).isdecimal():
        # The same length twice; http.client takes that for none.
        response.length = int(same)
    wire = bytearray()
    # Much that came before the deadline could still be read after it.
    while len(wire) < most and not deadline.passed:
        chunk = response.read1(min(_CHUNK_BYTES, most - len(wire)))
        if not chunk:
            if response.length:
                raise HTTPException("the body ends too soon")
            break
        wire += chunk
    return bytes(wire)


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
