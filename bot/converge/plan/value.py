"""A plan as a value: steps, and what is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.messages.md import Md
from bot.model.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps to take now, in order; and, if something is left, what it waits for.

    `probe_since`: evidence must be looked at again, at or after this moment, before a command can be decided.
    `look_at`: when time alone makes something due.
    """

    steps: tuple[Step, ...] = ()
    waits: tuple[Md, ...] = ()
    probe_since: datetime | None = None
    look_at: datetime | None = None


def until_later(since: datetime, seconds: float, why: Md) -> Plan:
    return Plan(waits=(why,), look_at=since + timedelta(seconds=seconds))
