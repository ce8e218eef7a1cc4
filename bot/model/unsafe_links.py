"""What in a text a reader's browser may open, and the bot would not: other schemes than http and https, and private hosts."""

from __future__ import annotations

import enum
import html
import ipaddress
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from bot.model.address import doubtful_name, is_public
from bot.model.links import links_in

LINKS_MAX: Final = 50
_SHOWN_MAX: Final = 120
# Browsers drop these inside of an address (WHATWG URL, 4.4), readers do not see them.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_DROPPED: Final = re.compile(r"[\t\r\n]")
# What runs a program, or shows what the address itself holds. At the beginning of a text or of a link a blank may follow.
_RUNS: Final = re.compile(
    r"(?:^|[(<\"'=\[])\s*(?:javascript|vbscript|livescript|mocha)\s*:"
    r"|(?<![a-z0-9+.-])(?:javascript|vbscript|livescript|mocha):(?=\S)"
    r"|(?<![a-z0-9+.-])data:(?=[a-z0-9.+-]+/[a-z0-9.+-]+|[,;])"
    r"|(?<![a-z0-9+.-])(?:file:/|blob:https?:|filesystem:|view-source:|jar:https?:|ms-[a-z-]+:\S)",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}):(?:/|\\){2}", re.IGNORECASE)
_WHOLE: Final = re.compile(r"\s*(?:([a-z][a-z0-9+.-]{1,30}):(?!\s)\S+|[/\\]{2}\S+)\s*", re.IGNORECASE)
_MAY_HOLD_ONE: Final = re.compile(r"[:/\\&%]")
_WEB: Final = frozenset({"http", "https"})
_OF_THE_PROTOCOL: Final = frozenset({"hop"})
"""The protocol's own addresses of rigs (wl schema/commons.sql, `rigs.hop_uri`); no browser opens one."""


class Danger(enum.Enum):
    """Why an address must not stand in a cell."""

    RUNS = "can run a program in the reader's browser"
    SCHEME = "is neither http nor https"
    PRIVATE = "leads to a host that is not on the public internet"
    USER = "has a user name in front of its host"


@dataclass(frozen=True, slots=True)
class UnsafeLink:
    """An address, cut; why it is unsafe; whether it is all that the cell (or a text in its JSON) holds."""

    text: str
    danger: Danger
    alone: bool


def unsafe_links(cell: str) -> tuple[UnsafeLink, ...]:
    """What is unsafe in a cell of text or JSON, in order, doubles dropped."""
    found: dict[UnsafeLink, None] = {}
    if not _MAY_HOLD_ONE.search(cell):
        return ()
    for text in _texts(cell):
        for read in dict.fromkeys((text, html.unescape(text), unquote(text) if _is_alone(unquote(text)) else text)):
            found |= dict.fromkeys(_unsafe(_UNSEEN.sub("", read)))
    return tuple(found)


def _texts(cell: str) -> Iterator[str]:
    """The cell, and where it is JSON each text in it: escapes hide an address from a reader of the raw cell."""
    yield cell
    if cell.lstrip()[:1] not in ("{", "[", '"'):
        return
    try:
        waiting = [json.loads(cell)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]


def _unsafe(text: str) -> Iterator[UnsafeLink]:
    joined = _DROPPED.sub("", text)
    alone = _is_alone(joined)
    if (runs := _RUNS.search(joined) or _RUNS.search(text)) is not None:
        yield UnsafeLink(_cut(runs.string, runs.start()), Danger.RUNS, alone)
        return
    for scheme in _SCHEME.finditer(text):
        if scheme[1].lower() not in _WEB | _OF_THE_PROTOCOL:
            yield UnsafeLink(_cut(text[scheme.start() :].split(maxsplit=1)[0], 0), Danger.SCHEME, alone)
    whole = _WHOLE.fullmatch(joined)
    if whole is not None and whole[1] is None:
        yield UnsafeLink(_cut(joined, 0), Danger.SCHEME, alone)
    for link in links_in(text, "", LINKS_MAX):
        danger = _danger(link.url)
        if danger is not None:
            yield UnsafeLink(_cut(link.url, 0), danger, alone)


def _is_alone(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def _cut(text: str, start: int) -> str:
    return text[start:].strip()[:_SHOWN_MAX]


def _danger(url: str) -> Danger | None:
    """What is unsafe about an http(s) URL. What cannot be read as one is none: nothing opens it."""
    try:
        parts = urlsplit(url.replace("\\", "/"))
        host = unquote(parts.hostname or "").rstrip(".")
    except ValueError:
        return Danger.PRIVATE
    if "@" in parts.netloc:
        return Danger.USER
    address = _address(host)
    if address is not None:
        return None if is_public(address) else Danger.PRIVATE
    return Danger.PRIVATE if not host or doubtful_name(host.lower()) else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, in any of the forms that programs read: 127.1, 0x7f000001, 2130706433."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
