"""What the prober's job does: it looks at links, stores what it saw, and enqueues the pull they belong to."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import redis
import structlog

from bot.log import stranger
from bot.model.ids import Commons, PullNo
from bot.model.links import EVIDENCE_LINKS_MAX
from bot.prober.environment import limit_memory
from bot.prober.link_checker import LinkChecker, LinkResult
from bot.queue.enqueue import RUN_PROBE, JobQueue
from bot.queue.job_filter import Unlisted, known_commons, pull_number
from bot.queue.threads import BROKEN_FIX, REDIS_FIX, Function, TookTooLong, serve
from bot.store import PROBE, Store

PROBER_THREADS: Final = 4
PROBER_OPEN_FILES: Final = 256

log = structlog.get_logger("stampbot.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeJobs:
    """What the prober does: looks at links, stores the results, and enqueues the pull they are about."""

    known: frozenset[Commons]
    store: Store
    jobs: JobQueue
    looking: LinkChecker

    def functions(self) -> Mapping[str, Function]:
        """Job functions by name."""
        return {RUN_PROBE: self.run_probe}

    def run_probe(self, commons: str, pull: int, urls: object, not_before: str, hint: str) -> None:
        """Look at each URL whose result is older than `not_before` (ISO 8601; empty: all), then enqueue the pull.

        A result that could not be stored leaves the pull to the sweep: enqueued, it would ask for the link again at once.
        """
        self.jobs.begin(hint)
        where, number = known_commons(commons, self.known), pull_number(pull)
        if not isinstance(urls, list) or not all(isinstance(u, str) for u in urls):
            raise Unlisted("the job brings no list of URLs")
        since = datetime.fromisoformat(not_before) if not_before else None
        with _reported(commons=str(where), pull=number):
            results = self.looking.look_at(urls[:EVIDENCE_LINKS_MAX], since)
            for result in results:
                self._report(number, result)
            for error in (result.error for result in results if result.error is not None):
                raise error
            self.jobs.enqueue(where, number)

    def _report(self, number: PullNo, result: LinkResult) -> None:
        """Count and log what became of one link."""
        url = stranger(result.url)
        if result.new and result.probe is not None:
            self.store.counters.add("probes")
            log.info("probed", pull=number, url=url, seen=result.probe.seen.value, reason=stranger(result.probe.reason))
        elif result.probe is None and result.error is None:
            log.info("no slot of its host was free in time, so the link was not looked at", pull=number, url=url)
        if result.doubt:
            log.warning(
                "a link is not reported dead: the bot's own network may be down",
                pull=number,
                url=url,
                why=result.doubt,
                fix=_OURS,
            )


_OURS: Final = "Look at this machine's network. A control is a page that answers whenever it is up: STAMPBOT_EVIDENCE_CONTROL."


@contextmanager
def _reported(**about: object) -> Iterator[None]:
    """Log in one line what went wrong, and go on: the next sweep asks for the links again."""
    try:
        yield
    except TookTooLong:
        log.error("probe took too long and was broken off", **about, fix="Nothing: the next sweep asks for the link again.")
        raise
    except redis.RedisError as error:
        log.warning("probe: Redis does not answer, will look again", **about, error=stranger(error), fix=REDIS_FIX)
    except Exception:
        # Raised on, RQ would try again at once and store the traceback in Redis.
        log.exception("probe broke", **about, fix=BROKEN_FIX)


def serve_prober(functions: Mapping[str, Function], connection: redis.Redis) -> int:
    """`serve` for the queue of links alone, with limits on memory and open files. Exit status."""
    confine()
    return serve((PROBE,) * PROBER_THREADS, functions, connection)


def confine() -> None:
    """Limit this process's memory and open files, and forbid core dumps, as far as the system takes such limits."""
    for name, limit in (("memory", limit_memory), ("open files", _limit_open_files), ("core dumps", _forbid_core_dumps)):
        try:
            limit()
        except (ValueError, OSError):
            log.warning(
                "this system takes no such limit",
                limit=name,
                fix="Set it from outside, as deploy/stampbot-prober.service does.",
            )


def _limit_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = PROBER_OPEN_FILES if hard == resource.RLIM_INFINITY else min(PROBER_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _forbid_core_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
