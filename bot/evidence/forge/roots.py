"""Roots of APIs: what lies below one and may be asked, and what its name alone shows."""

from __future__ import annotations

from bot.evidence.fetch.url import Refused, Target, canonical_key, read_url

Origin = tuple[str, str, int]
"""Scheme, host, port."""


def read_root(text: str) -> Target:
    """The root of an API, `https://git.example.org/api/v4`; its path ends with a slash. Raises ValueError."""
    try:
        root = read_url(text.rstrip("/") + "/")
    except Refused as refusal:
        raise ValueError(f"{text!r} is no root of an API: {refusal}") from None
    if "?" in root.rest or not is_straight(root):
        raise ValueError(f"{text!r} is no root of an API: a query or a dot segment")
    return root


def origin(target: Target) -> Origin:
    """Where a URL is asked."""
    return target.scheme, target.host, target.port


def is_straight(target: Target) -> bool:
    """Whether no dot segment, written as it is or escaped, makes a path another than it seems."""
    return canonical_key(target.url) == f"url:{target.url}" and "%2e" not in target.rest.lower()


def is_below(root: Target, target: Target) -> bool:
    """Whether a URL is part of the API with this root."""
    return origin(target) == origin(root) and target.rest.startswith(root.rest) and is_straight(target)


def is_this_machine(host: str) -> bool:
    """Whether a host's name is this machine's own."""
    return host in ("localhost", "::1") or host.startswith("127.")
