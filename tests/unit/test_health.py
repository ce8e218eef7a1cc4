"""The doctor's checks: each failing condition has its line and its fix, and what could not be read is never a pass."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Any

import pytest

from bot.health import (
    CheckResult,
    CommonsFacts,
    Facts,
    Queue,
    Ratings,
    Redis,
    State,
    Unread,
    examine,
    ratings_of,
    the_reading,
    weakness,
)
from bot.health.commons import doubled_at, watching
from bot.health.installation import host
from bot.model.ids import CommentId, Handle, PullNo, User
from bot.model.ledger import Rig
from bot.model.mark import Mark, MarkKind
from bot.model.policy import Decisions, Policy, RatingStyle, Validator
from bot.model.pull import Comment
from bot.store import Contact
from tests.build import BOT, COLUMNS, COMMONS, HEAD, NOW, a_comment, a_completion, a_rig


def a_rig_of(owner: str, trust: int) -> Rig:
    return a_rig(f"{owner}-rig", owner, trust_level=str(trust))


SECRET = "nX3q-8vT_5wKzR1mYbLd0aJfHc"
SOUND_COMMONS = CommonsFacts(
    commons=COMMONS,
    policy=Policy(),
    has_token=True,
    webhook=SECRET,
    account=BOT,
    named_account=BOT,
    may_write=True,
    skew=timedelta(seconds=1),
    comments_readable=True,
    columns=COLUMNS,
    ratings=Ratings(numbers=3),
    rigs=(a_rig("ana-town", "ana", trust_level="3"),),
    ledger=(0, 0),
)
SOUND = Facts(
    policy_file="stampbot.toml",
    github_token=True,
    redis=Redis(version="7.2.4", eviction="noeviction", memory_max=0, keeps=False),
    clock_silent_s=7,
    queues=(Queue(name="review", waiting=2, workers=4, process="worker"),),
    commons=(SOUND_COMMONS,),
)
AWAY = Unread("no connection")
DONE = a_completion(id="c-1", wanted_id="w-1")
UNKNOWN, NOTE, FAULT = State.UNKNOWN, State.NOTE, State.FAULT


def bad(facts: Facts) -> list[CheckResult]:
    return [result for result in examine(facts) if result.state is not State.FINE]


def test_a_sound_installation_has_nothing_but_fine_signs() -> None:
    results = examine(SOUND)
    assert bad(SOUND) == []
    assert [(result.check, str(result.commons or "")) for result in results] == [
        ("settings", ""),
        ("redis", ""),
        ("queues", ""),
        ("stampbot clock", ""),
        *(
            (check, "hop/wl-commons")
            for check in (
                "commons",
                "token",
                "account",
                "webhook",
                "clock",
                "comments",
                "schema",
                "ratings",
                "validators",
                "decisions",
                "ledger",
            )
        ),
    ]
    assert all(SECRET not in result.says + result.fix for result in results)


@pytest.mark.parametrize(
    ("changed", "check", "state", "says", "fix"),
    [
        ({"complaints": ("there is no rule x",)}, "policy", FAULT, "levels: there is no rule x", "See: stampbot rules"),
        ({"github_token": False}, "evidence", NOTE, "without STAMPBOT_GITHUB_TOKEN", "read-only token"),
        ({"redis": AWAY}, "redis", FAULT, "does not answer: no connection", "REDIS_URL"),
        (
            {"redis": Redis(version="5.0.7", eviction="noeviction", memory_max=0)},
            "redis",
            FAULT,
            "5.0.7 is older than 6.2",
            "Install Redis 6.2",
        ),
        (
            {"redis": Redis(version="7.0.0", eviction="allkeys-lru", memory_max=2**20)},
            "redis",
            FAULT,
            "drops keys when its memory is full (allkeys-lru)",
            "maxmemory-policy noeviction",
        ),
        (
            {"queues": (Queue(name="probe", waiting=1, workers=0, process="prober"),)},
            "queues",
            FAULT,
            "probe: 0 workers, 1 job waiting",
            "Start: stampbot prober",
        ),
        (
            {"queues": (Queue(name="review", waiting=1001, workers=1, process="worker"),)},
            "queues",
            NOTE,
            "review: 1 worker, 1001 jobs waiting",
            "STAMPBOT_LANES",
        ),
        (
            {"redis": Redis(version="7.2.4", eviction="noeviction", memory_max=0, trouble="Redis is full")},
            "redis",
            FAULT,
            "Redis is full: no process can work",
            "Raise maxmemory",
        ),
        (
            {"clock_silent_s": 600.0},
            "stampbot clock",
            FAULT,
            "last heartbeat 10 min ago: comments and new commits go unnoticed",
            "Start: stampbot clock",
        ),
        (
            {"clock_silent_s": inf},
            "stampbot clock",
            FAULT,
            "no heartbeat since Redis started or was wiped",
            "Start: stampbot clock",
        ),
        ({"clock_silent_s": None}, "stampbot clock", UNKNOWN, "is not known", "Run this again"),
    ],
)
def test_each_trouble_of_the_installation_has_its_line(
    changed: dict[str, Any], check: str, state: State, says: str, fix: str
) -> None:
    (result,) = bad(replace(SOUND, **changed))
    assert (result.check, result.state, result.commons) == (check, state, None)
    assert says in result.says
    assert fix in result.fix


@pytest.mark.parametrize(
    ("changed", "check", "state", "says", "fix"),
    [
        ({"there": AWAY}, "commons", UNKNOWN, "DoltHub gave no answer: no connection", "STAMPBOT_HUB_URL"),
        ({"there": Unread("401", refused=True)}, "commons", UNKNOWN, "DoltHub gave no answer: 401", "Check the token"),
        ({"there": False}, "commons", FAULT, "no such database", "STAMPBOT_COMMONS"),
        ({"has_token": False, "account": None, "may_write": None}, "token", NOTE, "only reads", "Set STAMPBOT_HUB_TOKEN"),
        (
            {"account": Unread("401", refused=True), "may_write": None},
            "token",
            FAULT,
            "belongs to no account: 401",
            "Make a new token",
        ),
        ({"account": AWAY, "may_write": None}, "token", UNKNOWN, "could not be checked: no connection", "Run this again"),
        (
            {"named_account": User("other")},
            "token",
            FAULT,
            "the token is stampbot's, but STAMPBOT_ACCOUNT says other",
            "Set STAMPBOT_ACCOUNT=stampbot",
        ),
        ({"may_write": False}, "token", FAULT, "stampbot may not write here", "Invite stampbot"),
        ({"may_write": AWAY}, "token", UNKNOWN, "is not known: no connection", "Run this again"),
        (
            {
                "policy": Policy(validators=(Validator(BOT), Validator(User("ana"), Handle("ana-town"))), min_trust=9),
                "rigs": (*SOUND_COMMONS.rigs, a_rig_of(BOT, 1)),  # type: ignore[misc]
            },
            "account",
            FAULT,
            "stampbot is the bot's account and a validator of the policy",
            "an account of its own",
        ),
        (
            {"rigs": (*SOUND_COMMONS.rigs, a_rig_of(BOT, 3))},  # type: ignore[misc]
            "account",
            FAULT,
            "its rig stampbot-rig may decide: commands of stampbot are never read",
            "an account of its own",
        ),
        (
            {"rigs": (*SOUND_COMMONS.rigs, a_rig_of(BOT, 1))},  # type: ignore[misc]
            "account",
            NOTE,
            "has the rig stampbot-rig (trust 1)",
            "own no rig",
        ),
        (
            {"doubled": (NOW, PullNo(7))},
            "second bot",
            FAULT,
            f"another process writes with this token, last below pull 7 at {NOW:%Y-%m-%d %H:%M} UTC",
            "Stop one of the two bots that use this token",
        ),
        ({"doubled": AWAY}, "second bot", UNKNOWN, "no connection", "Run this again"),
        ({"webhook": None}, "webhook", NOTE, "web does not start", "token_urlsafe"),
        ({"webhook": "a" * 16}, "webhook", FAULT, "can be guessed: it has 16 characters", "token_urlsafe"),
        ({"shared_with": ("the GitHub token",)}, "webhook", FAULT, "is also the GitHub token", "token_urlsafe"),
        ({"skew": timedelta(seconds=-70)}, "clock", FAULT, "is 70 s ahead of DoltHub's", "NTP"),
        ({"skew": timedelta(seconds=9)}, "clock", NOTE, "is 9 s behind DoltHub's", "NTP"),
        ({"skew": None}, "clock", NOTE, "carry no time", "NTP"),
        ({"skew": AWAY}, "clock", UNKNOWN, "no connection", "Run this again"),
        ({"comments_readable": AWAY}, "comments", UNKNOWN, "could not be checked: no connection", "Run this again"),
        ({"comments_readable": Unread("403", refused=True)}, "comments", FAULT, "so no command is seen: 403", "scope"),
        ({"comments_readable": False}, "comments", FAULT, "shows no comments to programs", "stampbot decide"),
        ({"comments_readable": None}, "comments", NOTE, "no pull to check it on", "Run this again"),
        ({"columns": AWAY}, "schema", UNKNOWN, "no connection", "Run this again"),
        (
            {"columns": {**COLUMNS, "completions": ("id", "wanted_id", "completed_by")}},
            "schema",
            FAULT,
            "main lacks completions.stamp_id",
            "schema 1.0",
        ),
        ({"ratings": Ratings(numbers=2, words=1)}, "ratings", NOTE, "2 ratings in numbers and 1 in words", "Fix those stamps"),
        ({"ratings": AWAY}, "ratings", UNKNOWN, "no connection", "Run this again"),
        (
            {"policy": Policy(rating=RatingStyle.WORDS), "ratings": Ratings(numbers=5, words=1)},
            "ratings",
            NOTE,
            "and the policy says words",
            'Take out rating = "words"',
        ),
        ({"policy": Policy(rating=RatingStyle.WORDS)}, "ratings", NOTE, "and the policy says words", "numbers"),
        (
            {"policy": Policy(rating=RatingStyle.WORDS), "ratings": Ratings(words=4)},
            "ratings",
            NOTE,
            "cannot average",
            "unless every reader here knows words",
        ),
        ({"rigs": ()}, "validators", FAULT, "no account may decide", "validators = "),
        (
            {"policy": Policy(validators=(Validator(User("bo")),))},
            "validators",
            FAULT,
            "bo may decide, but has no rig on main",
            "wl join",
        ),
        (
            {"policy": Policy(validators=(Validator(User("ana"), Handle("ana-twon")),))},
            "validators",
            FAULT,
            "ana may decide as ana-twon, a rig that is not on main",
            "spelling",
        ),
        ({"begun": (DONE,)}, "decisions", FAULT, "1 decision half done on main: c-1 of w-1", "stampbot sweep hop/wl-commons"),
        ({"begun": AWAY}, "decisions", UNKNOWN, "no connection", "Run this again"),
        ({"lost": (DONE,) * 7}, "pulls", NOTE, "7 completions in review", "wl accept"),
        ({"lost": AWAY}, "pulls", UNKNOWN, "no connection", "Run this again"),
        (
            {"quarantined": ((PullNo(12), "KeyError"),)},
            "quarantine",
            FAULT,
            "pull 12 is left alone, it broke the bot: KeyError",
            "stampbot converge 'hop/wl-commons#12'",
        ),
        ({"ledger": None}, "ledger", NOTE, "not audited yet", "stampbot audit hop/wl-commons"),
        ({"ledger": (1, 2)}, "ledger", NOTE, "1 fault and 2 doubts", "stampbot audit hop/wl-commons"),
    ],
)
def test_each_trouble_of_a_commons_has_its_line(changed: dict[str, Any], check: str, state: State, says: str, fix: str) -> None:
    (result,) = bad(replace(SOUND, commons=(replace(SOUND_COMMONS, **changed),)))
    assert (result.check, result.state, result.commons) == (check, state, COMMONS)
    assert says in result.says
    assert fix in result.fix


def test_what_cannot_be_reached_is_not_asked_for_more() -> None:
    facts = replace(SOUND_COMMONS, there=AWAY, columns={}, rigs=())
    assert [result.check for result in bad(replace(SOUND, commons=(facts,)))] == ["commons"]


def test_settings_that_cannot_be_used_are_all_there_is_to_tell() -> None:
    results = examine(
        replace(SOUND, problems=(("PORT", "is no port", "Write a number."), ("REDIS_URL", "is nonsense", "Fix it.")))
    )
    assert results == (
        CheckResult(check="settings", state=FAULT, says="PORT: is no port", fix="Write a number."),
        CheckResult(check="settings", state=FAULT, says="REDIS_URL: is nonsense", fix="Fix it."),
    )


def test_unread_rigs_are_unknown_and_not_nobody() -> None:
    results = bad(replace(SOUND, commons=(replace(SOUND_COMMONS, rigs=AWAY),)))
    assert [(result.check, result.state) for result in results] == [("account", UNKNOWN), ("validators", UNKNOWN)]


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (SECRET, ""),
        ("hunter2hunter2hunter", "it has 20 characters, and less than 128 bits"),
        ("abababababababababababab", "only 2 different characters"),
        ("wl-commons-0123456789-abc", "it holds the word wl-commons"),
        ("My-Stampbot-Hook-2026-xyz", "it holds the word stampbot"),
    ],
)
def test_a_secret_that_can_be_guessed_is_told_with_the_reason(secret: str, why: str) -> None:
    assert weakness(secret, ("hop", "wl-commons")) == why


def test_ratings_are_told_apart_by_what_stands_in_the_cell() -> None:
    cells = (
        '{"quality": 4}',
        '{"quality": 3.5}',
        '{"quality": "good"}',
        '{"quality": true}',
        "{}",
        "[1]",
        "nonsense",
        "[" * 9999,
    )
    assert ratings_of(cells) == Ratings(numbers=2, words=1)


def a_marked(kind: MarkKind, minutes: float, n: int = 1, to: str | None = None, outcome: str = "done") -> Comment:
    comment = CommentId(to) if to is not None else None
    names = ("accept",) if to is not None else ()
    mark = Mark(kind=kind, outcome=outcome, head=HEAD, digest="d" * 12, n=n, commands=names, comment=comment)
    return a_comment(BOT, f"x\n\n{mark.line}", NOW - timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("comments", "doubled"),
    [
        ((), False),
        ((a_marked(MarkKind.REVIEW, 10), a_marked(MarkKind.REVIEW, 9, n=2)), False),
        ((a_marked(MarkKind.REVIEW, 10), a_marked(MarkKind.REVIEW, 9)), True),
        ((a_marked(MarkKind.REVIEW, 900), a_marked(MarkKind.REVIEW, 9)), False),
        ((a_marked(MarkKind.ANSWER, 10, to="c-1"), a_marked(MarkKind.ANSWER, 9, to="c-1")), True),
        ((a_marked(MarkKind.ANSWER, 10, to="c-1"), a_marked(MarkKind.ANSWER, 9, to="c-2")), False),
        ((a_marked(MarkKind.ANSWER, 10, to="c-1", outcome="parked"), a_marked(MarkKind.ANSWER, 9, to="c-1")), False),
        ((a_marked(MarkKind.NOTICE, 10), a_marked(MarkKind.NOTICE, 9)), False),
        ((a_marked(MarkKind.REVIEW, 10), replace(a_marked(MarkKind.REVIEW, 9), author=User("mallory"))), False),
    ],
)
def test_only_a_process_with_the_same_token_writes_a_comment_of_the_bot_twice(
    comments: tuple[Comment, ...], doubled: bool
) -> None:
    assert doubled_at(comments, BOT, 120) == (NOW - timedelta(minutes=9) if doubled else None)
    assert doubled_at(reversed(comments), BOT, 120) == doubled_at(comments, BOT, 120)


def test_a_host_that_was_never_checked_is_a_note_with_the_command() -> None:
    rows = {checked: list(host(replace(SOUND, host_checked=checked))) for checked in (None, True, False)}
    assert [(checked, [row.state for row in found]) for checked, found in rows.items()] == [
        (None, []),
        (True, [State.FINE]),
        (False, [State.NOTE]),
    ]
    assert rows[False][0].fix == "Run once, on a scratch database of yours: stampbot conformance OWNER/SCRATCH"


def test_a_bot_that_only_watches_says_so_with_the_way_out() -> None:
    facts = CommonsFacts(commons=COMMONS, policy=Policy(decisions=Decisions.WATCH), has_token=True, webhook=None)
    (row,) = watching(facts)
    assert (row.check, row.state) == ("decisions", State.NOTE)
    assert row.fix == 'To have decisions carried out: decisions = "carry out" in stampbot.toml.'
    assert list(watching(replace(facts, policy=Policy()))) == []


@pytest.mark.parametrize(
    ("webhook_days", "pull_days", "noted"),
    [
        (8, 1, True),  # a pull was opened since, and no webhook came
        (8, 9, False),  # nothing happened since
        (6, 1, False),
        (None, 1, True),  # none ever came, in the ten days since that is noted
        (None, None, False),  # there is no pull
    ],
)
def test_a_webhook_that_is_silent_while_pulls_come_is_noted(
    webhook_days: int | None, pull_days: int | None, noted: bool
) -> None:
    def ago(days: int | None) -> datetime | None:
        return NOW - timedelta(days=days) if days is not None else None

    times: dict[str, Any] = {"now": NOW, "noted_since": ago(10), "webhook_at": ago(webhook_days), "pulled_at": ago(pull_days)}
    found = bad(replace(SOUND, commons=(replace(SOUND_COMMONS, **times),)))
    assert [(each.check, each.state) for each in found] == [("webhook", NOTE)] * noted
    assert all(re.match(r"no webhook came for (8|10) days, while pulls were opened", each.says) for each in found)


def test_a_webhook_counts_as_silent_only_where_it_was_listened_to_for_long_enough() -> None:
    times: dict[str, Any] = {"now": NOW, "noted_since": NOW - timedelta(days=6), "pulled_at": NOW - timedelta(days=1)}
    assert bad(replace(SOUND, commons=(replace(SOUND_COMMONS, **times),))) == []


@pytest.mark.parametrize(
    ("contact", "state", "says"),
    [
        (Contact(), UNKNOWN, "was not read since Redis started or was wiped"),
        (Contact(read_at=NOW - timedelta(seconds=12), account=BOT), State.FINE, f"was last read 12 s ago, as {BOT}"),
        (Contact(read_at=NOW), State.FINE, "was last read 0 s ago, without a token: this bot only reads"),
        (Contact(read_at=NOW + timedelta(seconds=5), account=BOT), State.FINE, f"was last read 0 s ago, as {BOT}"),
        (Contact(read_at=NOW - timedelta(hours=1), account=BOT), FAULT, f"was last read 3600 s ago, as {BOT}"),
    ],
)
def test_it_is_known_when_a_commons_was_read_last_and_as_whom(contact: Contact, state: State, says: str) -> None:
    result = the_reading(COMMONS, contact, NOW)
    assert (result.state, result.says, bool(result.fix)) == (state, says, state is not State.FINE)
