"""URLs of strangers: one strict grammar, one canonical form, and every parser on the way must read it alike."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import requests
from urllib3.util import parse_url

from bot.model.address import Address, doubtful_name

URL_MAX: Final = 2048
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_BEFORE_PATH: Final = re.compile(r"https?://[!-~]*?(?=[/?#])", re.IGNORECASE)
_HOST_OF_LOCATION: Final = re.compile(r"(?:https?:)?//[^/?#]*", re.IGNORECASE)
_OCTET: Final = re.compile(r"[\x80-\xff ]")
_FORM: Final = re.compile(r"(https?)://([^/?#]*)([/?][^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY: Final = re.compile(
    r"(?:(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_QUAD: Final = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CONTROL_OR_SPACE: Final = re.compile(r"[\x00-\x20\x7f]")
_PLAIN_REST: Final = re.compile(r"/[A-Za-z0-9._~/?=&+,-]*")


class Refused(Exception):
    """The policy refuses. `reason` is a code, `note` says what it was about, `address` what would have been dialled."""

    def __init__(self, reason: str, note: str = "", address: str = "") -> None:
        super().__init__(f"{reason}: {note}" if note else reason)
        self.reason = reason
        self.note = note
        self.address = address


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL, read. Only `url` is ever fetched, never the text it was read from.

    `reservation` is the code of a refusal that stands unless every address of the host is in a network the operator
    allowed: a port or a kind of name that has no business on the public internet.
    """

    scheme: str
    host: str
    port: int
    rest: str
    literal: Address | None
    reservation: str = ""

    @property
    def url(self) -> str:
        """The canonical URL: lower-case host, no default port, no dot segments, no fragment."""
        return f"{self.scheme}://{self.authority}{self.rest}"

    @property
    def authority(self) -> str:
        """Host and port as they stand in the URL and in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


# A look reads its URL for the fetch, for the key of its probe result and for its kind.
@lru_cache(maxsize=256)
def read_url(text: str) -> Target:
    """Read a URL. Raises Refused with one of the codes too_long, control_or_space, backslash, non_ascii, scheme, syntax,
    userinfo, bad_hostname, noncanonical_ip, parsers_disagree."""
    text = _encoded(text)
    check_alphabet(text)
    form = _FORM.fullmatch(text)
    if form is None:
        raise Refused("syntax" if re.match(r"https?:", text, re.IGNORECASE) else "scheme")
    scheme, authority, rest = form[1].lower(), form[2], form[3] or "/"
    if "@" in authority:
        raise Refused("userinfo")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise Refused("syntax")
    port = int(parts["port"] or DEFAULT_PORTS[scheme])
    if port > 65535:
        raise Refused("syntax")
    host, literal = _host(parts["name"], parts["six"])
    target = Target(
        scheme=scheme,
        host=host,
        port=port,
        rest=_direct(rest if rest.startswith("/") else "/" + rest),
        literal=literal,
        reservation="port" if port != DEFAULT_PORTS[scheme] else doubtful_name(host),
    )
    _must_agree(target)
    return target


def read_location(base: Target, location: str) -> Target:
    """Read the Location of a redirect answered by `base`. Raises Refused as `read_url` does."""
    # Octets of path and query as sent, as browsers encode them; a host is never read so.
    host = _HOST_OF_LOCATION.match(location)
    start = host.end() if host is not None else 0
    location = location[:start] + _OCTET.sub(lambda match: f"%{ord(match[0]):02X}", location[start:])
    # Before joining: urljoin drops some control characters silently.
    check_alphabet(location)
    try:
        joined = urljoin(base.url, location)
    except ValueError:
        raise Refused("syntax") from None
    return read_url(joined)


def _encoded(text: str) -> str:
    """The URL with letters, marks and digits beyond ASCII in path and query percent-encoded, as browsers ask (RFC 3987, 3.1).

    Anything else beyond ASCII stays, and is refused: a host that only looks like another one, and what turns text around.
    """
    start = _BEFORE_PATH.match(text)
    if text.isascii() or start is None or len(text) > URL_MAX:
        return text
    return start[0] + "".join(
        quote(mark) if not mark.isascii() and unicodedata.category(mark)[0] in "LMN" else mark for mark in text[start.end() :]
    )


def check_alphabet(text: str) -> None:
    """Raises Refused unless `text` is short and visible ASCII without a backslash.

    This ends look-alike hosts, bidi overrides, IDNA folding and most disagreements of parsers in one rule.
    """
    if len(text) > URL_MAX:
        raise Refused("too_long", f"more than {URL_MAX} characters")
    if "\\" in text:
        raise Refused("backslash")
    if _CONTROL_OR_SPACE.search(text):
        raise Refused("control_or_space")
    if not text.isascii():
        raise Refused("non_ascii", "write the host in punycode and percent-encode the path")


def canonical_key(url: str) -> str:
    """The key under which two spellings of a URL are the same evidence; empty if it is not a URL the bot reads.

    `url:` and the canonical URL; query kept.
    """
    try:
        return f"url:{read_url(url).url}"
    except Refused:
        return ""


def probe_key(url: str) -> str:
    """The key of the probe result of a URL: its canonical one, and for a URL the bot does not read, the URL itself."""
    return canonical_key(url) or url


def _host(name: str | None, six: str | None) -> tuple[str, Address | None]:
    """The host in canonical form, and the address if it is one."""
    if six is not None:
        try:
            address = ipaddress.IPv6Address(six)
        except ValueError:
            raise Refused("syntax") from None
        return str(address), address
    host = (name or "").lower().removesuffix(".")
    labels = host.split(".")
    # inet_aton reads 0, 127.1, 0177.0.0.1, 0x7f000001 and 2130706433 as addresses: only four plain numbers pass.
    if _NUMBER.fullmatch(labels[-1]):
        if not _QUAD.fullmatch(host) or any(int(label) > 255 for label in labels):
            raise Refused("noncanonical_ip")
        return host, ipaddress.IPv4Address(host)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("bad_hostname")
    return host, None


def _must_agree(target: Target) -> None:
    """Checking with one parser and fetching with another is a hole: all that see the URL must see the same host and port."""
    # Behind a slash, and with nothing in it that parsers look for before, a path moves neither host nor port.
    rest = "/" if _PLAIN_REST.fullmatch(target.rest) else target.rest
    if not _agree(target.scheme, target.host, target.port, target.authority, rest):
        raise Refused("parsers_disagree")


# Of one host come many links.
@lru_cache(maxsize=1024)
def _agree(scheme: str, host: str, port: int, authority: str, rest: str) -> bool:
    own, url = (scheme, host, port), f"{scheme}://{authority}{rest}"
    try:
        prepared = requests.PreparedRequest()
        prepared.prepare_url(url, None)
        # What requests makes of a URL is mostly the same URL.
        seen = {url, prepared.url or ""}
        return all(_standard(each) == own == _urllib3(each) for each in seen)
    except (ValueError, requests.RequestException):
        return False


def _standard(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("user information")
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def _urllib3(url: str) -> tuple[str, str, int]:
    parts = parse_url(url)
    if parts.auth is not None:
        raise ValueError("user information")
    scheme = parts.scheme or ""
    return scheme, (parts.host or "").strip("[]"), parts.port or DEFAULT_PORTS.get(scheme, 0)


def _direct(rest: str) -> str:
    """Path and query without dot segments in the path: as browsers ask, so that one key is one request."""
    if "/." not in rest:
        return rest
    path, mark, query = rest.partition("?")
    return f"{_without_dots(path)}{mark}{query}"


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4, for a path that begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
