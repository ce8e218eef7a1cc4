"""What is wrong with an installation: facts become check results. Pure; one small function a check, each result with its fix.

A fact that could not be read is `Unread` and becomes a result of its own, never a pass. `reading.py` reads the facts.
"""

from __future__ import annotations

from bot.health import commons, installation
from bot.health.commons import ratings_of, the_outage, the_reading, weakness
from bot.health.facts import CheckResult, CommonsFacts, Facts, Queue, Ratings, Redis, State, Unread
from bot.health.installation import the_clock

__all__ = [
    "CheckResult",
    "CommonsFacts",
    "Facts",
    "Queue",
    "Ratings",
    "Redis",
    "State",
    "Unread",
    "examine",
    "ratings_of",
    "the_clock",
    "the_outage",
    "the_reading",
    "weakness",
]


def examine(facts: Facts) -> tuple[CheckResult, ...]:
    """Every result, in the order of the checks, commons by commons."""
    if facts.problems:
        return tuple(
            CheckResult(check="settings", state=State.FAULT, says=f"{n}: {says}", fix=fix) for n, says, fix in facts.problems
        )
    found = [result for check in installation.CHECKS for result in check(facts)]
    for each in facts.commons:
        found += [result for check in (commons.CHECKS if each.there is True else commons.UNREACHED) for result in check(each)]
    return tuple(found)
