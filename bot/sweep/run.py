"""One sweep under way: its time, what it may still spend, and what it has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from bot.converge.bot import Site
from bot.model.ids import Database, PullNo
from bot.model.policy import SOONEST
from bot.store import REVIEW, PollState
from bot.store.poll_state import MAIN, fork_thing, pull_thing

LATEST = 2.0
"""The longest interval between two readings of main's head, in units of [timing] poll_s; SOONEST is the shortest."""
CALM = 8.0
"""A main that has been still for a while is read again after an eighth of that time."""
LEAST_SHARE = 0.25
"""What a sweep may spend of its interval's budget even if that has nothing to spare."""
Report = Callable[[PullNo, Exception], None]
"""Called with trouble that one pull has: the sweep goes on without it."""


def unreported(_pull: PullNo, _trouble: Exception) -> None:
    """Trouble of one pull is told to the caller only where the caller wants to know."""


@dataclass(slots=True, kw_only=True)
class SweepRun:
    """One sweep under way."""

    site: Site
    at: float
    """Its time, in seconds since 1970."""
    everything: bool
    report: Report
    pulses: Mapping[str, PollState] = field(default_factory=dict)
    changed: dict[str, PollState] = field(default_factory=dict)
    owing: frozenset[PullNo] = frozenset()
    """Pulls a look was owed of before: that they moved is known, and quickens them no more."""
    left: float = inf
    """Requests it may still spend."""

    @property
    def poll_s(self) -> float:
        return self.site.policy.timing.poll_s

    @property
    def per_minute(self) -> float:
        """The part of the budget that this commons may plan with."""
        return self.site.hub.per_minute or inf

    def allowance(self) -> float:
        """What the budget can spare, and a least share of it."""
        spare = self.site.hub.available()
        if spare is None or self.everything:
            return inf
        return max(spare, LEAST_SHARE * max(1.0, SOONEST * self.poll_s) * self.per_minute / 60)

    def overdue(self, thing: str, wait_s: float) -> float:
        """How many of its intervals of `wait_s` seconds a thing has not been looked at; 1 or more is due."""
        pulse = self.pulses.get(thing, PollState())
        if self.everything or not pulse.checked_at:
            return inf
        return self.over(pulse.checked_at, wait_s)

    def over(self, looked_at: float, wait_s: float) -> float:
        # A clock that was set back makes nothing wait.
        return (self.at - looked_at) / wait_s if wait_s > 0 and looked_at <= self.at else inf

    @property
    def main_s(self) -> float:
        """After how many seconds the head of main is read again: sooner while it moves."""
        still_s = self.at - self.pulses.get(MAIN, PollState()).changed_at
        return min(max(still_s / CALM, SOONEST * self.poll_s), LATEST * self.poll_s)

    def longest_unread_first(self, things: Sequence[PullNo | Database]) -> list[PullNo | Database]:
        """In the order of when each was looked at last, those never looked at in front."""
        return sorted(things, key=lambda each: self.pulses.get(thing_of(each), PollState()).checked_at)

    def note_check(self, thing: str, *, moved: bool = False) -> None:
        """A thing was looked at now."""
        self.changed[thing] = PollState(self.at, self.at if moved else self.pulses.get(thing, PollState()).changed_at)

    def add_pending(self, pull: PullNo, queue: str) -> None:
        self.site.store.pulls.add_pending(pull, queue)

    def look_closer(self, number: PullNo, trouble: Exception) -> None:
        """Note a pending look at a pull that the sweep has trouble with: a look at it alone finds out what is wrong."""
        self.add_pending(number, REVIEW)
        self.report(number, trouble)


def thing_of(each: PullNo | Database) -> str:
    return fork_thing(each) if isinstance(each, Database) else pull_thing(each)
