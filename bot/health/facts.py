"""Facts about an installation, and the results of checks. A fact that could not be read is `Unread`, never a pass."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.model.ids import Commons, PullNo, User
from bot.model.ledger import Completion, Rig
from bot.model.policy import Policy

AGAIN = "Run this again."
"""The fix of what could not be read."""


class State(enum.Enum):
    """The outcome of a check."""

    FINE = "fine"
    NOTE = "note"
    """Works; worth knowing."""
    FAULT = "fault"
    """Does not work, or will not hold."""
    UNKNOWN = "unknown"
    """Could not be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One result of a check. `says` is plain text that may hold strangers' words."""

    check: str
    state: State
    says: str
    fix: str = ""
    commons: Commons | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A fact that could not be read, and why. `refused`: the answer was no, and asking again will not help."""

    why: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """The condition of Redis. `memory_max`: bytes, 0 for no limit. `keeps`: whether it writes to disk, None: not known."""

    version: str
    eviction: str
    memory_max: int
    keeps: bool | None = None
    trouble: str = ""
    """Why nothing can be written to it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue: waiting jobs and running workers."""

    name: str
    waiting: int
    workers: int
    process: str
    """Which process serves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """How the latest stamps on main are rated."""

    numbers: int = 0
    words: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonsFacts:
    """One commons, as far as it could be read."""

    commons: Commons
    policy: Policy
    has_token: bool
    webhook: str | None
    """The webhook's secret. Never shown: only its strength is reported."""
    shared_with: tuple[str, ...] = ()
    """What else is the same text as the webhook's secret."""
    there: bool | Unread = True
    account: User | Unread | None = None
    named_account: User | None = None
    """The account that the settings name."""
    may_write: bool | Unread | None = None
    """None: not asked, for want of a token."""
    skew: timedelta | Unread | None = None
    """DoltHub's clock minus this machine's; None: its answers carry no time."""
    comments_readable: bool | Unread | None = None
    """Whether comments can be read; None: there is no pull to try it on."""
    columns: Mapping[str, tuple[str, ...]] | Unread = field(default_factory=dict)
    ratings: Ratings | Unread = field(default_factory=Ratings)
    rigs: tuple[Rig, ...] | Unread = ()
    """Rigs that may matter here: of validators, of the bot's account, and all with enough trust."""
    tied: tuple[tuple[str, str, tuple[str, ...]], ...] | Unread = ()
    """Accounts that may decide, each with another account it is tied to, and by what (keys of TIES)."""
    begun: tuple[Completion, ...] | Unread = ()
    """Completions whose decision is half done on main."""
    lost: tuple[Completion, ...] | Unread = ()
    """Completions on main that wait for a decision, and of which no merged pull is known."""
    doubled: tuple[datetime, PullNo] | Unread | None = None
    """When, and below which pull, two comments of the bot's account last said the same at about the same time."""
    quarantined: tuple[tuple[PullNo, str], ...] = ()
    """Pulls that crashed the bot, and how."""
    stuck: tuple[tuple[PullNo, str, int], ...] = ()
    """Pulls whose looks fail again and again for one reason: why, and how often in a row."""
    kept: tuple[tuple[PullNo, datetime, str], ...] = ()
    """Decisions that cannot go on now: since when, and why."""
    outages: tuple[tuple[str, str, datetime, int], ...] = ()
    """Trouble that meets all pulls: what does not work, the last word of it, since when, and how many looks it met."""
    now: datetime | None = None
    noted_since: datetime | None = None
    """Since when it is noted when webhooks come; None: it is not."""
    webhook_at: datetime | None = None
    """When a webhook last came."""
    pulled_at: datetime | None = None
    """When the newest pull was opened; None: there is none, or the list could not be read."""
    ledger: tuple[int, int] | None = None
    """Faults and doubts of the last audit; None: none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the checks read."""

    problems: tuple[tuple[str, str, str], ...] = ()
    """Problems with the settings: name, what is wrong, the fix. With any, nothing else could be read."""
    policy_file: str = ""
    complaints: tuple[str, ...] = ()
    """Of `[levels]`: rules there are not."""
    github_token: bool = False
    redis: Redis | Unread = field(default_factory=lambda: Unread("not asked"))
    queues: tuple[Queue, ...] = ()
    clock_silent_s: float | None = None
    """Seconds since the last heartbeat of a clock; infinite: none; None: not known."""
    host_checked: bool | None = None
    """Whether `stampbot conformance` has passed on this host; None: not known."""
    commons: tuple[CommonsFacts, ...] = ()


def count(number: int, what: str) -> str:
    """So many of a thing, in words: `1 job`, `2 jobs`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
