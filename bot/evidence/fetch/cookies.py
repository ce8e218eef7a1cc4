"""Cookies of one look: kept while a chain of redirects is followed, sent back to where they came from, then forgotten."""

from __future__ import annotations

import re
from typing import Final

from bot.evidence.fetch.url import Target

COOKIES_MAX: Final = 20
"""Of one origin."""
_PAIR: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})=([!#-+\--:<-\[\]-~]{0,1000})")
"""Name and value as RFC 6265 (4.1.1) has them: nothing in it can end a header."""


class Cookies:
    """By origin (scheme, host and port), so no host is ever sent the cookie of another one."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, str]] = {}

    def keep(self, target: Target, values: tuple[str, ...]) -> None:
        """Keep what `target` set: name and value; its attributes say nothing that matters within one look."""
        kept = self._kept.setdefault((target.scheme, target.authority), {})
        for value in values:
            pair = _PAIR.fullmatch(value.partition(";")[0].strip())
            if pair is not None and (pair[1] in kept or len(kept) < COOKIES_MAX):
                kept[pair[1]] = pair[2]

    def of(self, target: Target) -> str:
        """The value of the Cookie header for `target`; empty if it set none."""
        kept = self._kept.get((target.scheme, target.authority), {})
        return "; ".join(f"{name}={value}" for name, value in kept.items())
