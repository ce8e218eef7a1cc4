"""What a forge lets the bot spend: rate limits as its headers name them, and a cooldown for one that keeps failing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

PAUSE_MAX_S: Final = 3600.0
"""No answer makes the bot wait longer than this."""
LIMITED_S: Final = 60.0
"""Pause after a limit that does not say how long (GitHub REST API, best practices: at least one minute)."""
FAILURES_MAX: Final = 3
"""So many different questions in a row that a forge fails, and it is left alone: one may break it wherever it is well."""
COOLDOWN_S: Final = 600.0
RESERVE: Final = 0.1
"""The last part of a rate limit is kept for decisions."""


class Budget:
    """The state of one forge. Not thread-safe: belongs to a client that asks one question at a time.

    `clock`: monotonic seconds; `now`: the time, because a forge names the end of a limit as one.
    """

    def __init__(self, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._clock = clock
        self._now = now
        self._quiet_until = 0.0
        self._spare_until = 0.0
        self._cooldown_until = 0.0
        self._failing: set[str] = set()

    def refusal(self, *, urgent: bool) -> str:
        """Why nothing may be asked now: limit or resting; empty if it may. `urgent`: a decision waits for the answer."""
        now = self._clock()
        if now < self._cooldown_until:
            return "resting"
        if now < self._quiet_until or (now < self._spare_until and not urgent):
            return "limit"
        return ""

    def failed(self, question: str) -> None:
        """No answer to a question, or one of the forge's own trouble."""
        self._failing.add(question)
        if len(self._failing) >= FAILURES_MAX:
            self._cooldown_until = self._clock() + COOLDOWN_S
            self._failing.clear()

    def answered(self, question: str, status: int, headers: Mapping[str, str], says: str = "") -> bool:
        """Learn from an answer; header names are lower-case. True if it is a refusal because of a limit.

        A 403 is one only if it says so: it is also what a forge answers about a blocked repository.
        """
        if status >= 500:
            self.failed(question)
        else:
            self._failing.clear()
        remaining = _whole(_header(headers, "remaining"))
        limit = _whole(_header(headers, "limit"))
        reset_s = self._seconds(_header(headers, "reset"))
        after_s = self._seconds(headers.get("retry-after", ""))
        limited = status == 429 or (status == 403 and (remaining == 0 or after_s is not None or "rate limit" in says.lower()))
        if limited or remaining == 0:
            pause_s = next((s for s in (after_s, reset_s if remaining == 0 else None) if s is not None), LIMITED_S)
            self._quiet_until = max(self._quiet_until, self._clock() + pause_s)
        elif status == 503 and after_s is not None:
            self._quiet_until = max(self._quiet_until, self._clock() + after_s)
        if remaining is not None and limit and remaining <= limit * RESERVE:
            self._spare_until = self._clock() + (LIMITED_S if reset_s is None else reset_s)
        elif remaining is not None:
            self._spare_until = 0.0
        return limited

    def _seconds(self, text: str) -> float | None:
        """Seconds from now, of a number of seconds, a time in seconds since 1970, or an HTTP date; at most PAUSE_MAX_S."""
        number = _whole(text)
        if number is not None:
            # Forges write either; no pause lasts for thirty years.
            wait_s = float(number) if number < 10**9 else number - self._now().timestamp()
        else:
            try:
                moment = parsedate_to_datetime(text)
            except (ValueError, TypeError, OverflowError):
                return None
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            wait_s = (moment - self._now()).total_seconds()
        return min(max(wait_s, 0.0), PAUSE_MAX_S)


def _header(headers: Mapping[str, str], what: str) -> str:
    """GitHub and Gitea write X-RateLimit-…, GitLab RateLimit-…."""
    return headers.get(f"x-ratelimit-{what}", headers.get(f"ratelimit-{what}", ""))


def _whole(text: str) -> int | None:
    """A number, with or without the window it is for: `100;w=21600`, as registries of images write it."""
    number = re.fullmatch(r"([0-9]{1,12})(?:;.*)?", text.strip())
    return int(number[1]) if number is not None else None
