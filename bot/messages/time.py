"""Times, durations and ages in words: one spelling for comments and for terminals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import LiteralString

from bot.messages import md
from bot.messages.md import Md

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_HOURS_FROM_S, _DAYS_FROM_S = 2 * _HOUR_S, 2 * _DAY_S
"""A shorter span is named in the next smaller unit, so that rounding hides at most half of it."""


def clock(moment: datetime) -> Md:
    """A time in UTC, with the date: `2026-06-14 14:02 UTC`."""
    return md.fill("{when} UTC", when=Md(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"))


def since(moment: datetime, now: datetime) -> Md:
    """A time in UTC; the date is left out if it is today's: `14:02 UTC`."""
    if moment.astimezone(UTC).date() != now.astimezone(UTC).date():
        return clock(moment)
    return md.fill("{when} UTC", when=Md(f"{moment.astimezone(UTC):%H:%M}"))


def span(seconds: float) -> Md:
    """A duration in the largest unit that fits, rounded down: `40 seconds`, `90 minutes`, `5 hours`, `3 days`."""
    if seconds < _MINUTE_S:
        return _counted(seconds // 1, "{n} second")
    if seconds < _HOURS_FROM_S:
        return _counted(seconds // _MINUTE_S, "{n} minute")
    if seconds < _DAYS_FROM_S:
        return _counted(seconds // _HOUR_S, "{n} hour")
    return _counted(seconds // _DAY_S, "{n} day")


def ago(moment: datetime, now: datetime) -> Md:
    """How long ago: `2 hours ago`; `just now` within a minute, and for a time to come."""
    seconds = (now - moment).total_seconds()
    return md.own("just now") if seconds < _MINUTE_S else md.fill("{span} ago", span=span(seconds))


def _counted(number: float, unit: LiteralString) -> Md:
    return md.fill(unit if number == 1 else unit + "s", n=md.number(int(number)))
