"""Links in evidence, and what was seen behind them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MISSES_MAX = 16


class Seen(enum.Enum):
    """The verdict on a link. Only VERIFIED, the answer of a trusted forge, is more than "something answers".

    It is decided once, where the link is looked at: by the inquiry of its forge (bot/evidence/forge/apis), or by
    `bot.evidence.probe.look`, which takes a response to `page.content.meaning` and a refusal or failure to a table. After that
    it is only ever lowered: to UNKNOWN by the link checker, DEAD while the bot's own network may be down, and by `as_known`
    when it is read, a 404 at a host that the operator's file calls a forge; to SUSPICIOUS by `beside_commons` when it is read,
    what is VERIFIED in the commons itself. `following` never changes it: it adds
    what a series of looks shows.
    """

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
class Soft404Baseline:
    """What a host answered for a page beside another that cannot be there: a page that equals it proves nothing.

    `status` None: nothing that tells. `sha256` and `length` (bytes) are of the body as far as it was read.
    """

    asked_at: datetime
    status: int | None = None
    sha256: str = ""
    title: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The result of one look at a link: untrusted, dated. `misses`: consecutive looks that found it dead, oldest first."""

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
    label: str = ""
    """What a thing of this kind is called, for people; empty for a link of no known kind."""
    final_url: str = ""
    hops: tuple[Hop, ...] = ()
    misses: tuple[datetime, ...] = ()
    since: datetime | None = None
    """When it was first seen so, and never otherwise in between."""
    good_at: datetime | None = None
    """When it was last seen VERIFIED or REACHABLE; None: never, as far as is known."""
    facts: tuple[tuple[str, str], ...] = ()
    """What the thing says of itself, as (name, value), each name once: ("merged_by", "ana"). Values are strangers' text."""

    def fact(self, name: str) -> str:
        """The value of a fact; empty if it is not known."""
        return dict(self.facts).get(name, "")


def following(probe: Probe, before: Probe | None) -> Probe:
    """A new result with what only a series of looks shows: `misses`, `since`, `good_at`. `before`: the result before it."""
    at = probe.probed_at
    same = before is not None and (before.seen, before.reason) == (probe.seen, probe.reason)
    good = probe.seen in (Seen.VERIFIED, Seen.REACHABLE)
    return replace(
        probe,
        misses=_misses_after(probe.seen, at, before.misses if before is not None else ()),
        since=(before.since or before.probed_at) if before is not None and same else at,
        good_at=at if good else before.good_at if before is not None else None,
    )


def _misses_after(seen: Seen, at: datetime, before: Sequence[datetime]) -> tuple[datetime, ...]:
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


KEPT_S: Mapping[Seen, float] = {
    Seen.VERIFIED: 7 * 86400,
    Seen.REACHABLE: 6 * 3600,
    Seen.SUSPICIOUS: 3600,
    Seen.DEAD: 3600,
}
"""How long a result is good for at least. The policy keeps the bot from BLOCKED links for ever."""
KEPT_MAX_S = 7 * 86400
UNKNOWN_KEPT_MAX_S = 86400


def look_again_after(probe: Probe, unknown_s: float) -> datetime | None:
    """When a result is too old without any command: after as long again as things have been so, within limits; None: never.

    So trouble that passes is noticed soon (after `unknown_s` at first), and a link that has been what it is for a month costs
    one look a week.
    """
    least_s = unknown_s if probe.seen is Seen.UNKNOWN else KEPT_S.get(probe.seen)
    if least_s is None:
        return None
    most_s = UNKNOWN_KEPT_MAX_S if probe.seen is Seen.UNKNOWN else KEPT_MAX_S
    lasted_s = (probe.probed_at - probe.since).total_seconds() if probe.since is not None else 0.0
    return probe.probed_at + timedelta(seconds=min(max(lasted_s, least_s), most_s))


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
