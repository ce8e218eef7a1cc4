"""Links in evidence, and what was seen behind them."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_URL = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
EVIDENCE_LINKS_MAX = 10
MISSES_MAX = 16


@dataclass(frozen=True, slots=True)
class Link:
    """A URL somebody hands in as evidence, as written, and where it stands."""

    url: str
    place: str


class Seen(enum.Enum):
    """What looking at a link came to. Only VERIFIED (a trusted forge said so) is more than 'something answers'."""

    VERIFIED = "verified"
    REACHABLE = "reachable"
    SUSPICIOUS = "suspicious"
    DEAD = "dead"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One address that was dialled (or refused) on the way."""

    url: str
    address: str
    status: int | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The fact sheet of one link: small, untrusted, dated. `misses` counts consecutive dead sightings, oldest first."""

    url: str
    seen: Seen
    reason: str
    probed_at: datetime
    status: int | None = None
    content_type: str = ""
    title: str = ""
    sha256: str = ""
    key: str = ""
    kind: str = "url"
    final_url: str = ""
    hops: tuple[Hop, ...] = ()
    misses: tuple[datetime, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """What the thing says of itself, as (name, value), each name once: ("merged_by", "ana"). Values are strangers' text."""

    def fact(self, name: str) -> str:
        """The value of a fact; empty if it is not known."""
        return dict(self.facts).get(name, "")


def misses_after(seen: Seen, at: datetime, before: Sequence[datetime]) -> tuple[datetime, ...]:
    """Consecutive dead sightings once a look at `at` came to `seen`, after those `before`; at most MISSES_MAX, oldest first.

    Not to know, or not to be allowed to look, is no sighting either way. The oldest is always kept: it tells how long the
    link has been dead.
    """
    match seen:
        case Seen.DEAD:
            return (*before[:1], *before[1:][-(MISSES_MAX - 2) :], at)
        case Seen.UNKNOWN | Seen.BLOCKED:
            return tuple(before)
        case _:
            return ()


def links_in(text: str, place: str) -> tuple[Link, ...]:
    """The http(s) URLs in a cell of evidence, in order, doubles dropped, at most EVIDENCE_LINKS_MAX of them.

    A closing bracket or full stop that belongs to the sentence and not to the URL is left off.
    """
    found: dict[str, None] = {}
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?")
        while url.endswith((")", "]", "}")) and url.count(url[-1]) > url.count({")": "(", "]": "[", "}": "{"}[url[-1]]):
            url = url[:-1].rstrip(".,;:!?")
        found.setdefault(url)
    return tuple(Link(url, place) for url in list(found)[:EVIDENCE_LINKS_MAX])


def look_again_at(misses: Sequence[datetime], gaps_s: Sequence[float]) -> datetime | None:
    """When a link that was seen dead must be seen dead again to be believed so; None once it is confirmed.

    `misses` are consecutive dead sightings, oldest first; each gap is the least time, in seconds, to the next sighting
    that counts. Sightings closer together are one: a page that is down for a minute is not gone.
    """
    if not misses:
        return None
    counted = misses[0]
    gaps = list(gaps_s)
    for miss in misses[1:]:
        if gaps and miss - counted >= timedelta(seconds=gaps[0]):
            counted = miss
            gaps.pop(0)
    return counted + timedelta(seconds=gaps[0]) if gaps else None
