"""How soon each thing of a commons is read again: sooner where a command is likely."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.model.finding import Verdict
from bot.model.ids import PullNo
from bot.model.policy import SOONEST

SESSION_S: Final = 300
"""So long after a validator's decision the next one is expected."""
SESSION_NEIGHBOURS: Final = 5
"""Pulls READY or LOOK, newest review first, where the next decision is expected beside the pull of the last one."""
PLANNED_PER_MINUTE: Final = 120
"""The budget that the shares below were chosen for. They grow and shrink with the budget there is."""


class Place(enum.Enum):
    """What a thing is, as far as commands are likely there."""

    SESSION = "session"
    """A pull that a validator decides about now, or decides about next."""
    DECIDABLE = "decidable"
    """An open pull whose review says READY or LOOK."""
    OPEN = "open"
    """Any other open pull."""
    AT_REST = "at rest"
    """A closed or merged pull."""
    HEADS = "heads"
    """The branches of a fork."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things of one place are read: at the earliest after `least` times `poll_s`, `per_minute` of them at most.

    `in_session`: `least` while a validator decides elsewhere on the commons.
    """

    least: float
    per_minute: float
    in_session: float


RHYTHMS: Final[Mapping[Place, Rhythm]] = {
    Place.SESSION: Rhythm(least=SOONEST, per_minute=48, in_session=SOONEST),
    Place.DECIDABLE: Rhythm(least=0.9, per_minute=58, in_session=1.5),
    Place.OPEN: Rhythm(least=5.4, per_minute=11, in_session=5.4),
    Place.AT_REST: Rhythm(least=20, per_minute=3, in_session=20),
    Place.HEADS: Rhythm(least=10, per_minute=12.5, in_session=10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A pull that is read, as far as it is known. `verdict`: None where no look has told it yet. `judged_at`: seconds."""

    number: PullNo
    is_open: bool
    verdict: Verdict | None = None
    judged_at: float = 0.0


def places(pulls: Iterable[Watched], decided_at: Mapping[PullNo, float], now: float) -> dict[PullNo, Place]:
    """The place of each pull. `decided_at`: when a validator last decided about a pull, in seconds, as `now`."""
    found: dict[PullNo, Place] = {}
    decidable: list[Watched] = []
    for pull in pulls:
        if not pull.is_open:
            found[pull.number] = Place.AT_REST
        elif pull.verdict in (Verdict.READY, Verdict.LOOK):
            found[pull.number] = Place.DECIDABLE
            decidable.append(pull)
        else:
            found[pull.number] = Place.OPEN
    # A clock that was set back ends no session early.
    session = {number for number, at in decided_at.items() if at == max(decided_at.values()) and now - at <= SESSION_S}
    if session:
        others = (pull for pull in decidable if pull.number not in session)
        newest = sorted(others, key=lambda pull: (-pull.judged_at, -pull.number))[:SESSION_NEIGHBOURS]
        found |= {n: Place.SESSION for n in (*session, *(pull.number for pull in newest)) if n in found}
    return found


def intervals(counts: Counter[Place], *, poll_s: float, per_minute: float) -> dict[Place, float]:
    """After how many seconds a thing of each place is read again. `counts`: how many there are of each."""
    session = counts[Place.SESSION] > 0
    scale = per_minute / PLANNED_PER_MINUTE
    return {
        place: max(
            (rhythm.in_session if session else rhythm.least) * poll_s,
            counts[place] * 60 / (rhythm.per_minute * scale) if scale else 0.0,
        )
        for place, rhythm in RHYTHMS.items()
    }
