"""Readers of environment variables: from a text to a value. A text that cannot be used raises Unusable, which names the fix."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from bot.config.variable import Unusable
from bot.model.ids import Commons, User

HUB_URL: Final = "https://www.dolthub.com"
SECRET_CHARS_MIN: Final = 16
TOKEN_CHARS_MAX: Final = 4096
NEW_SECRET_FIX: Final = "Set it to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"  # noqa: S105 - words

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is shown by `reveal` only."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return "***"


def list_of(read: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """A comma list. Every part that cannot be used is reported, in an ExceptionGroup."""

    def read_list(text: str) -> tuple[T, ...]:
        found: list[T] = []
        unusable: list[Unusable] = []
        for part in filter(None, (each.strip() for each in text.split(","))):
            try:
                found.append(read(part))
            except Unusable as error:
                unusable.append(error)
        if unusable:
            raise ExceptionGroup("parts of a list cannot be used", unusable)
        return tuple(dict.fromkeys(found))

    return read_list


def whole(low: int, high: int, fix: str = "") -> Callable[[str], int]:
    """A whole number within these limits."""

    def read(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
            return int(text)
        raise Unusable(f"{text[:40]!r} cannot be used", fix or f"Write a whole number from {low} to {high}.")

    return read


def seconds(most: int) -> Callable[[str], float]:
    """Seconds, at most `most`, with at most three decimals."""

    def read(text: str) -> float:
        if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3})?", text) and float(text) <= most:
            return float(text)
        raise Unusable(f"{text[:40]!r} cannot be used", f"Write seconds from 0 to {most}, such as 1 or 0.5.")

    return read


def commons(text: str) -> Commons:
    """`owner/database`."""
    try:
        return Commons.parse(text)
    except ValueError as error:
        raise Unusable(str(error), "Write a comma list of owner/database.") from None


def network(text: str) -> Network:
    """A network such as `10.1.0.0/16`."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise Unusable(str(error), "Write a comma list such as 10.1.0.0/16, ::1/128.") from None


def host_name(text: str) -> str:
    """A host name, in lower case and without a dot at its end."""
    name = text.lower().removesuffix(".")
    label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    if len(name) > 253 or not re.fullmatch(rf"{label}(?:\.{label})*", name):
        raise Unusable(f"{text[:80]!r} is not the name of a host", "Write a comma list such as example.org, shop.example.com.")
    return name


def contact(text: str) -> str:
    """A web or mail address for the comment of a User-Agent header: no character of it can end the comment or the header."""
    web, mail = r"https?://[A-Za-z0-9][A-Za-z0-9._~:/?#@!$&*+,=%-]{2,190}", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{3,128}"
    if not re.fullmatch(f"{web}|{mail}", text):
        fix = "Write one web address such as https://example.org/bot, or one mail address."
        raise Unusable("is neither a web address nor a mail address", fix)
    return text


def page(text: str) -> str:
    """A page that the prober can fetch."""
    # Imported here: a process that does not set this loads nothing of the prober's fetching.
    from bot.evidence.fetch.url import Refused, read_url

    try:
        return read_url(text).url
    except Refused as error:
        says = f"{text[:80]!r} is no page the prober could ask ({error.reason})"
        raise Unusable(says, f"Write a comma list of pages such as {HUB_URL}/.") from None


def log_form(text: str) -> Literal["json", "console"]:
    """The form of the log."""
    match text:
        case "json" | "console":
            return text
        case _:
            raise Unusable(f"{text[:40]!r} is not a form of log", "Write json or console.")


def account(text: str) -> User:
    """The name of a DoltHub account."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise Unusable(f"{text[:40]!r} is not a DoltHub user name", "Write the name of the bot's account.")
    return User(text)


def token(text: str) -> Secret:
    """A token or key of visible ASCII characters."""
    if not re.fullmatch(rf"[!-~]{{1,{TOKEN_CHARS_MAX}}}", text):
        raise Unusable("holds characters no token has", "Copy the token again, without spaces or line breaks.")
    return Secret(text)


def webhook_secret(text: str) -> Secret:
    """A secret that can be a segment of an address."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{SECRET_CHARS_MIN},256}}", text):
        raise Unusable(f"is not {SECRET_CHARS_MIN} or more of the characters A-Z a-z 0-9 _ -", NEW_SECRET_FIX)
    return Secret(text)


def hub_api(text: str) -> Literal["auto", "v2", "v1alpha1"]:
    """The API of the host."""
    match text:
        case "auto" | "v2" | "v1alpha1":
            return text
        case _:
            raise Unusable(f"{text[:40]!r} is no API of DoltHub's", "Write v2, v1alpha1 or auto.")


def hub_address(text: str) -> str:
    """The address of a DoltHub or DoltLab, without a slash at its end. A token is not sent to a public host over http."""
    address = _address(text, f"Write the address of a DoltHub or DoltLab, such as {HUB_URL}.", "the token")
    # Inferred: it leads on to www, and a client sends no token to where it is led.
    if urlsplit(address).hostname == "dolthub.com":
        raise Unusable("is not the address of DoltHub's API", f"Write {HUB_URL}.")
    return address


def web_address(text: str) -> str:
    """The address under which DoltHub reaches the web process, without a slash at its end: the webhook's begins with it."""
    return _address(text, "Write a web address such as https://bot.example.org.", "the webhook's secret")


def _address(text: str, fix: str, sent: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unusable("is not a web address", fix)
    if parts.query or parts.fragment or parts.username or parts.password or not re.fullmatch(r"(/[\w.~-]+)*/?", parts.path):
        raise Unusable("is more than an address", fix)
    if parts.scheme == "http" and not _near(parts.hostname):
        raise Unusable(f"would send {sent} in clear text over the internet", "Write https:// instead.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def redis_url(text: str) -> Secret:
    """The address of a Redis, which may hold a password."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("redis", "rediss", "unix"):
        raise Unusable("is not a Redis address", "Write redis://host:port/0, rediss://… or unix:///path/of/socket.")
    return Secret(text)


def path(text: str) -> Path:
    """The path of a file."""
    return Path(text)


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _near(host: str) -> bool:
    """Whether a host is this machine or one of a private network, as far as its name shows."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".internal", ".local", ".lan"))
