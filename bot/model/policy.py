"""The operator's policy for one commons, as a value."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.model.finding import Level
from bot.model.ids import Handle, User


class Landing(enum.Enum):
    """How decided rows reach main."""

    PULL = "pull"
    DIRECT = "direct"


class RatingStyle(enum.Enum):
    """How a rating is stored in `valence`. The reference readers average integers."""

    NUMBERS = "numbers"
    WORDS = "words"


class Comments(enum.Enum):
    """When the bot speaks by itself."""

    SUMMARY = "summary"
    DECISIONS = "decisions"
    NONE = "none"


class PosterMay(enum.Enum):
    """What the rig that posted an item may decide about it."""

    NOTHING = "nothing"
    CLOSE = "close"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Validator:
    """A person named in the policy; `rig` is None where it is found by `rigs.dolthub_org` on main."""

    user: User
    rig: Handle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waits, in seconds. The demo and the tests use short ones."""

    quiet_head_s: float = 60
    unsure_hold_s: float = 180
    """For a first review that could only say that a link was not judged: time for two more looks at it."""
    confirm_dead_s: tuple[float, float] = (1800, 21600)
    no_sheet_s: float = 120
    fresh_probe_s: float = 600
    about_to_s: float = 120
    confirm_old_s: float = 86400
    same_head_s: float = 3600
    look_again_s: float = 60
    audit_s: float = 600
    """Main is audited no more often; 0: never."""
    other_bot_s: float = 3600
    park_s: float = 300
    poll_s: float = 30
    """A pull on which nothing happens is looked at every ten of these, one on which something just did every quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may decide, how decisions land, and how loud the bot is, on one commons."""

    validators: tuple[Validator, ...] = ()
    min_trust: int = 3
    poster_may_decide: PosterMay = PosterMay.NOTHING
    poster_min_trust: int = 2
    landing: Landing = Landing.PULL
    rating: RatingStyle = RatingStyle.NUMBERS
    comments: Comments = Comments.SUMMARY
    min_age_s: float = 0
    requests_per_minute: int = 120
    ignored_users: tuple[User, ...] = ()
    timing: Timing = field(default_factory=Timing)
    projects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Project to its repositories, each `host/owner/name` in lower case. A project that is not named may live anywhere."""
    logins: Mapping[Handle, tuple[str, ...]] = field(default_factory=dict)
    """Rig to its accounts on forges, each `host/account` in lower case. The operator's word: never learned from evidence."""
    levels: Mapping[str, Level | None] = field(default_factory=dict)
    """Rule name to the level it reports at; None switches the rule off."""
