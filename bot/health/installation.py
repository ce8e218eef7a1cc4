"""Checks of the installation itself: settings, Redis, and whether all of the bot's processes live."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import inf

from bot.health.facts import AGAIN, CheckResult, Facts, Redis, State, Unread, count

BACKLOG_MAX = 1000
CLOCK_SILENT_MAX_S = 90
"""A clock writes a heartbeat every 20 s (bot.clock.heartbeat)."""
REDIS_OLDEST = (6, 2)
CLOCK = "stampbot clock"
"""Name of the check of the process; `clock` is the check of the time."""


def settings(facts: Facts) -> Iterator[CheckResult]:
    """Variables and file were read without a problem; every rule that levels names exists."""
    for said in facts.complaints:
        yield CheckResult(check="policy", state=State.FAULT, says=f"levels: {said}", fix="See: stampbot rules")
    file = f"{facts.policy_file} fits its schema" if facts.policy_file else "there is no stampbot.toml, so the defaults hold"
    yield CheckResult(check="settings", state=State.FINE, says=f"read without a problem; {file}")


def evidence(facts: Facts) -> Iterator[CheckResult]:
    """The bot asks GitHub about links to it only with a token."""
    if not facts.github_token:
        says = "without STAMPBOT_GITHUB_TOKEN a link to GitHub is known to answer, but not to be a merged pull"
        yield CheckResult(check="evidence", state=State.NOTE, says=says, fix="Set it to a read-only token without any scope.")


def redis(facts: Facts) -> Iterator[CheckResult]:
    """It answers, is new enough, and drops no keys."""
    told = facts.redis
    if isinstance(told, Unread):
        yield CheckResult(
            check="redis", state=State.FAULT, says=f"does not answer: {told.why}", fix="Start it, or fix REDIS_URL."
        )
        return
    numbers = tuple(int(n) for n in re.findall(r"\d+", told.version)[:2])
    if numbers < REDIS_OLDEST:
        says = f"Redis {told.version or 'of unknown version'} is older than 6.2"
        yield CheckResult(check="redis", state=State.FAULT, says=says, fix="Install Redis 6.2 or later.")
    if told.memory_max and told.eviction != "noeviction":
        says = f"drops keys when its memory is full ({told.eviction}), and with them jobs and locks"
        yield CheckResult(check="redis", state=State.FAULT, says=says, fix="Set maxmemory-policy noeviction.")
    if told.trouble:
        fix = "Raise maxmemory, or set REDIS_URL to the primary. Wiping it (FLUSHALL) is safe: nothing in it is needed."
        yield CheckResult(check="redis", state=State.FAULT, says=f"{told.trouble}: no process can work", fix=fix)
        return
    kept = {True: "; it writes to disk, which is not needed", False: "; it writes nothing to disk, which is fine", None: ""}
    yield CheckResult(check="redis", state=State.FINE, says=f"Redis {told.version} answers{kept[told.keeps]}")


def queues(facts: Facts) -> Iterator[CheckResult]:
    """Each queue has a worker, and no queue grows."""
    for queue in facts.queues:
        told = f"{queue.name}: {count(queue.workers, 'worker')}, {count(queue.waiting, 'job')} waiting"
        if not queue.workers:
            yield CheckResult(check="queues", state=State.FAULT, says=told, fix=f"Start: stampbot {queue.process}")
        elif queue.waiting > BACKLOG_MAX:
            fix = f"Start more of: stampbot {queue.process}; or raise STAMPBOT_LANES."
            yield CheckResult(check="queues", state=State.NOTE, says=told, fix=fix)
        else:
            yield CheckResult(check="queues", state=State.FINE, says=told)


def clock_process(facts: Facts) -> Iterator[CheckResult]:
    """A clock runs: without it the bot notices only what a webhook reports, and no webhook reports comments."""
    if isinstance(facts.redis, Redis):
        yield the_clock(facts.clock_silent_s)


def the_clock(silent_s: float | None) -> CheckResult:
    """The check of the clock. `silent_s`: seconds since its last heartbeat, infinite for none at all, None if not known."""
    if silent_s is None:
        return CheckResult(check=CLOCK, state=State.UNKNOWN, says="is not known: Redis does not answer", fix=AGAIN)
    if silent_s <= CLOCK_SILENT_MAX_S:
        return CheckResult(check=CLOCK, state=State.FINE, says=f"runs; its last heartbeat was {silent_s:.0f} s ago")
    seen = f"last heartbeat {silent_s / 60:.0f} min ago" if silent_s < inf else "no heartbeat since Redis started or was wiped"
    says = f"{seen}: comments and new commits go unnoticed"
    return CheckResult(check=CLOCK, state=State.FAULT, says=says, fix="Start: stampbot clock")


def host(facts: Facts) -> Iterator[CheckResult]:
    """The host was found to do what the bot assumes."""
    if facts.host_checked is False:
        says = "whether this host does what the bot assumes was not checked from here, or Redis was wiped since"
        fix = "Run once, on a scratch database of yours: stampbot conformance OWNER/SCRATCH"
        yield CheckResult(check="host", state=State.NOTE, says=says, fix=fix)
    elif facts.host_checked:
        yield CheckResult(check="host", state=State.FINE, says="does what the bot assumes")


CHECKS: tuple[Callable[[Facts], Iterator[CheckResult]], ...] = (
    settings,
    evidence,
    redis,
    queues,
    clock_process,
    host,
)
