"""What is wrong with an installation, from facts to signs: pure, one small function a check, each sign with the way to mend it.

What could not be read is `Unread`, and a sign of its own: never silence, never a pass. `bot/health/reading.py` reads the facts.
"""

from __future__ import annotations

from bot.health import commons, installation
from bot.health.commons import another_bot, ratings_of, weakness
from bot.health.facts import Facts, Place, Queue, Ratings, Redis, Sign, State, Unread
from bot.health.installation import the_clock

__all__ = [
    "Facts",
    "Place",
    "Queue",
    "Ratings",
    "Redis",
    "Sign",
    "State",
    "Unread",
    "another_bot",
    "examine",
    "ratings_of",
    "the_clock",
    "weakness",
]


def examine(facts: Facts) -> tuple[Sign, ...]:
    """Every sign, in the order of the checks, commons by commons."""
    if facts.problems:
        return tuple(
            Sign(check="settings", state=State.FAULT, says=f"{n}: {says}", mend=mend) for n, says, mend in facts.problems
        )
    found = [sign for check in installation.CHECKS for sign in check(facts)]
    for place in facts.places:
        found += [sign for check in (commons.CHECKS if place.there is True else commons.UNREACHED) for sign in check(place)]
    return tuple(found)
