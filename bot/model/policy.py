"""The operator's policy for one commons: each field with the key of the policy file that sets it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.model.finding import Level
from bot.model.ids import Handle, User
from bot.model.policy_key import Shape, key, table_of, values_of


class Landing(enum.Enum):
    """How decided rows reach main."""

    PULL = "pull"
    DIRECT = "direct"


class Decisions(enum.Enum):
    """Whether decisions are carried out, or only rehearsed."""

    CARRY_OUT = "carry out"
    WATCH = "watch"


class RatingStyle(enum.Enum):
    """How a rating is stored in `valence`. The reference readers average integers."""

    NUMBERS = "numbers"
    WORDS = "words"


class Comments(enum.Enum):
    """When the bot comments without a command."""

    SUMMARY = "summary"
    DECISIONS = "decisions"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages of a commons: whether there are any, whether readers need no password, and where they are on the web.

    `address`: the root of the bot's web process as the world sees it, without a slash at its end; empty: no comment names it.
    """

    enabled: bool = True
    public: bool = False
    address: str = ""


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


_ACCOUNT: Final[Shape] = {
    "description": 'A DoltHub user name, such as "ana".',
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
}
_VALIDATOR: Final[Shape] = {
    "description": 'A person as "user" or {user = "ana", rig = "ana-town"}.',
    "anyOf": [
        _ACCOUNT,
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["user"],
            "properties": {"user": _ACCOUNT, "rig": {"type": "string", "minLength": 1, "maxLength": 255}},
        },
    ],
}
_SECONDS: Final[Shape] = {
    "description": "Seconds, from 0 to 31536000 (a year).",
    "type": "number",
    "minimum": 0,
    "maximum": 31536000,
}
_POLL_SECONDS: Final[Shape] = {"description": "Seconds, from 1 to 86400.", "type": "number", "minimum": 1, "maximum": 86400}
_TWO_WAITS: Final[Shape] = {
    "description": "Two waits in seconds, such as [1800, 21600].",
    "type": "array",
    "items": _SECONDS,
    "minItems": 2,
    "maxItems": 2,
}
_REPOSITORIES: Final[Shape] = {
    "description": "A list of repositories, each host/owner/name.",
    "type": "array",
    "items": {
        "description": 'A repository as host/owner/name, such as "github.com/gastownhall/gastown".',
        "type": "string",
        "pattern": "^[A-Za-z0-9.:-]+(/[A-Za-z0-9._-]+){2,6}$",
    },
}
_ACCOUNTS: Final[Shape] = {
    "description": "A list of accounts, each host/account.",
    "type": "array",
    "items": {
        "description": 'An account as host/account, such as "github.com/pia".',
        "type": "string",
        "pattern": "^[A-Za-z0-9.:-]+/[A-Za-z0-9._-]+$",
    },
}
_TIES: Final[Shape] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "ignore": {
            "description": 'A list of pairs of DoltHub accounts, such as [["ana", "pia"]].',
            "type": "array",
            "items": {
                "description": 'A pair of DoltHub accounts, such as ["ana", "pia"].',
                "type": "array",
                "items": _ACCOUNT,
                "minItems": 2,
                "maxItems": 2,
            },
        }
    },
}
_PAGES: Final[Shape] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "public": {"description": "true or false.", "type": "boolean"},
        "enabled": {"description": "true or false.", "type": "boolean"},
        "address": {
            "description": 'The address of the bot\'s web process, such as "https://stampbot.example.com".',
            "type": "string",
            "maxLength": 200,
            "pattern": r"^https?://[A-Za-z0-9.-]{1,100}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?(?!\n)$",
        },
    },
}
_LEVELS: Final[Shape] = {
    "type": "object",
    "propertyNames": {"description": "The name of a rule, such as evidence_is_alive.", "pattern": "^[a-z][a-z0-9_-]{0,63}$"},
    "additionalProperties": {
        "description": 'One of "note", "doubt", "fault", "unsure", "off".',
        "enum": ["note", "doubt", "fault", "unsure", "off"],
    },
}


def _whole(low: int, high: int) -> Shape:
    return {"type": "integer", "minimum": low, "maximum": high}


def _one_of(words: type[enum.Enum]) -> Shape:
    return {"enum": [each.value for each in words]}


def _list_of(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def _table_with(shape: Shape) -> Shape:
    return {"type": "object", "additionalProperties": shape}


def _poster_may(written: str | bool) -> PosterMay:
    return PosterMay(written) if written else PosterMay.NOTHING


def _validators(entries: list[str | Mapping[str, str]]) -> tuple[Validator, ...]:
    written = [{"user": entry} if isinstance(entry, str) else entry for entry in entries]
    return tuple(Validator(User(each["user"]), Handle(each["rig"]) if "rig" in each else None) for each in written)


def _users(names: list[str]) -> tuple[User, ...]:
    return tuple(map(User, names))


def _pages(table: Mapping[str, Any]) -> Pages:
    return Pages(**{**table, "address": str(table.get("address", "")).rstrip("/")})


def _apart(table: Mapping[str, list[list[str]]]) -> tuple[tuple[User, User], ...]:
    return tuple((User(one), User(other)) for one, other in table.get("ignore", ()))


def _projects(table: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return {name: _lowered(repositories) for name, repositories in table.items()}


def _logins(table: Mapping[str, list[str]]) -> Mapping[Handle, tuple[str, ...]]:
    return {Handle(rig): _lowered(accounts) for rig, accounts in table.items()}


def _levels(table: Mapping[str, str]) -> Mapping[str, Level | None]:
    return {rule: None if level == "off" else Level(level) for rule, level in table.items()}


def _lowered(texts: list[str]) -> tuple[str, ...]:
    """Forges do not tell names apart by case."""
    return tuple(text.lower() for text in texts)


SOONEST: Final = 1 / 4
"""The shortest interval between two looks at a thing, in units of [timing] poll_s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waits, in seconds. The demo and the tests use short ones."""

    poll_s: float = key(
        30,
        "reading the comments of a pull whose review says READY or LOOK: a quarter of it while a validator decides there, "
        "six times it at other open pulls, ten times it at forks, twenty times it at closed pulls",
        _POLL_SECONDS,
    )
    quiet_head_s: float = key(60, "a review, until the head has not changed for so long", _SECONDS)
    unsure_hold_s: float = key(
        180,
        "a first review with nothing against the pull but a link that was not judged: time for two more looks at it",
        _SECONDS,
    )
    confirm_dead_s: tuple[float, float] = key(
        (1800, 21600), "a dead link: until the second, and until the third look that must agree", _TWO_WAITS, read=tuple
    )
    no_sheet_s: float = key(120, "a first review, for the link checker", _SECONDS)
    fresh_probe_s: float = key(
        600, "a decision, for a look at the evidence later than its comment; then it goes on without", _SECONDS
    )
    about_to_s: float = key(120, "posting or merging again, after a try whose end is not known", _SECONDS)
    confirm_old_s: float = key(86400, "how old a command may be before it must be confirmed", _SECONDS)
    same_head_s: float = key(3600, "a new review of an unchanged head, after the last one", _SECONDS)
    audit_s: float = key(600, "the next audit of main, by a worker after a sweep, when main has moved; 0: no audits", _SECONDS)
    look_again_s: float = key(60, "the next look at something that waits; and between two `/recheck`", _SECONDS)
    park_s: float = key(
        300,
        "a decision that is stuck, until its author is told that it is kept, and between tries from then on; "
        "also work that was reviewed and merged but not decided, until that is said",
        _SECONDS,
    )

    @property
    def sweep_s(self) -> float:
        """Seconds from one sweep to the next."""
        return SOONEST * self.poll_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may decide, how decisions land, and when the bot comments, on one commons."""

    validators: tuple[Validator, ...] = key(
        (), 'A list of people, each "user" or {user = "ana", rig = "ana-town"}', _list_of(_VALIDATOR), read=_validators
    )
    min_trust: int = key(
        3, "A whole number from 1 to 100: rigs with at least this trust_level on main may decide", _whole(1, 100)
    )
    poster_may_decide: PosterMay = key(
        PosterMay.NOTHING,
        'false, "close" or "all": what the rig that posted an item may decide about it',
        {"enum": [False, PosterMay.CLOSE.value, PosterMay.ALL.value]},
        read=_poster_may,
        shown="false",
    )
    poster_min_trust: int = key(
        2,
        'A whole number from 1 to 100: the trust_level a poster needs where poster_may_decide = "all"',
        _whole(1, 100),
    )
    landing: Landing = key(Landing.PULL, '"pull" or "direct": how decided rows reach main', _one_of(Landing), read=Landing)
    decisions: Decisions = key(
        Decisions.CARRY_OUT,
        '"carry out", or "watch": commands are answered with what they would do, and nothing is merged, closed or written',
        _one_of(Decisions),
        read=Decisions,
    )
    rating: RatingStyle = key(
        RatingStyle.NUMBERS,
        '"numbers" or "words": how a rating is stored',
        _one_of(RatingStyle),
        read=RatingStyle,
    )
    comments: Comments = key(
        Comments.SUMMARY,
        '"summary", "decisions" or "none": when the bot comments without a command',
        _one_of(Comments),
        name="comment",
        read=Comments,
    )
    min_age_s: float = key(
        0,
        "Minutes, from 0 to 100000, between the first review of a head and /accept",
        {"type": "number", "minimum": 0, "maximum": 100000},
        name="min_age",
        read=lambda minutes: minutes * 60,
    )
    requests_per_minute: int = key(120, "A whole number from 1 to 100000", _whole(1, 100000))
    ignored_users: tuple[User, ...] = key(
        (), "A list of DoltHub user names whose comments are never read", _list_of(_ACCOUNT), read=_users
    )
    timing: Timing = key(
        Timing(),
        "A table of waits, [timing]",
        table_of(Timing),
        read=lambda table: Timing(**values_of(Timing, table)),
        merged=True,
    )
    projects: Mapping[str, tuple[str, ...]] = key(
        {},
        'A table of projects, project = list of repositories, such as gastown = ["github.com/gastownhall/gastown"]',
        _table_with(_REPOSITORIES),
        read=_projects,
    )
    """Project to its repositories, each `host/owner/name` in lower case. A project that is not named may live anywhere."""
    logins: Mapping[Handle, tuple[str, ...]] = key(
        {},
        'A table of rigs, rig = list of accounts on forges, such as polecat-7 = ["github.com/pia"]',
        _table_with(_ACCOUNTS),
        read=_logins,
    )
    """Rig to its accounts on forges, each `host/account` in lower case. The operator's word: never learned from evidence."""
    apart: tuple[tuple[User, User], ...] = key(
        (),
        'A table with ignore = pairs of accounts, such as [["ana", "pia"]]: whatever rows tie them, they are two people',
        _TIES,
        name="ties",
        read=_apart,
    )
    """Pairs of accounts between which no tie counts. The operator's word; one account is never apart from itself."""
    pages: Pages = key(
        Pages(),
        "A table with public (true: pages need no password), enabled (false: there are no pages), and address (where the world "
        "sees the bot's web process: reviews link their page)",
        _PAGES,
        read=_pages,
        shown="public = false",
    )
    levels: Mapping[str, Level | None] = key(
        {}, 'A table of rules, rule = "note", "doubt", "fault", "unsure" or "off"', _LEVELS, read=_levels, merged=True
    )
    """Rule name to the level it reports at; None switches the rule off."""
